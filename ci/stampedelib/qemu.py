"""Runs QEMU, watches it to its end and says how it ended. Nothing here knows the log's meaning."""
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from .log import HALTED, Follower
from .machine import Machine

POLL_SECONDS = 0.1
CHUNK = 65536
FLOOD_BYTES = 64 << 20
ERROR_TEXT_BYTES = 16384
PR_SET_PDEATHSIG = 1
DEAD_STATES = ("internal-error", "io-error", "guest-panicked")


@dataclass(frozen=True)
class Ending:
    """How a run ended: `kind` is one of judge.ENDINGS, or None for a guest that halted itself."""
    kind: str | None
    exit_code: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Patience:
    """How many seconds to wait: for the kernel's first line, for its next byte, for the end."""
    boot: float
    silence: float
    total: float

    def exhausted(self, now: float, start: float, last_byte: float | None) -> Ending | None:
        """What was waited for too long, if anything; no `last_byte` before the first line."""
        if now - start > self.total:
            return Ending("timeout", detail=f"not done after {self.total:g} s")
        if last_byte is None and now - start > self.boot:
            return Ending("silence", detail=f"no first line in {self.boot:g} s")
        if last_byte is not None and now - last_byte > self.silence:
            return Ending("silence", detail=f"no byte for {self.silence:g} s")
        return None


class Monitor:
    """QMP, as far as needed: why the machine stopped."""

    def __init__(self, channel: socket.socket) -> None:
        self.shutdown_reason: str | None = None
        self.dead_state: str | None = None
        self._channel = channel
        self._pending = b""
        self._send("qmp_capabilities")

    def feed(self, data: bytes) -> None:
        """Take in what QEMU sent."""
        *whole, self._pending = (self._pending + data).split(b"\n")
        for line in whole:
            self._receive(json.loads(line))

    def _receive(self, message: dict[str, Any]) -> None:
        if message.get("event") == "SHUTDOWN":
            self.shutdown_reason = message["data"]["reason"]
        elif message.get("event") == "STOP":
            self._send("query-status")
        state = message.get("return")
        if isinstance(state, dict) and state.get("status") in DEAD_STATES:
            self.dead_state = state["status"]

    def _send(self, command: str) -> None:
        try:
            self._channel.sendall(json.dumps({"execute": command}).encode() + b"\n")
        except OSError:
            pass  # QEMU is gone: its exit tells


class Guest:
    """A running QEMU, killed for certain when the block that holds it is left."""

    def __init__(self, machine: Machine) -> None:
        self._cpu_log = open(os.memfd_create("cpu-log"), "rb")
        self.serial, serial_end = socket.socketpair()
        self.control, control_end = socket.socketpair()
        self.command = machine.command([
            "-chardev", f"socket,id=serial,fd={serial_end.fileno()}", "-serial", "chardev:serial",
            "-chardev", f"socket,id=qmp,fd={control_end.fileno()}",
            "-mon", "chardev=qmp,mode=control",
            "-d", "cpu_reset", "-D", f"/proc/self/fd/{self._cpu_log.fileno()}",
        ])
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(serial_end.fileno(), control_end.fileno(), self._cpu_log.fileno()),
            start_new_session=True,  # Ctrl-C is for this tool, which then ends QEMU
            preexec_fn=_die_with(os.getpid()))
        serial_end.close()
        control_end.close()
        self.monitor = Monitor(self.control)
        self._error_text = b""

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for channel in (self.serial, self.control, self.process.stderr, self._cpu_log):
            channel.close()

    def add_error_text(self, data: bytes) -> None:
        """Take in what QEMU wrote to standard error; the end of it is kept."""
        self._error_text = (self._error_text + data)[-ERROR_TEXT_BYTES:]

    def complaint(self) -> list[str]:
        """What QEMU itself complained of, line by line."""
        return self._error_text.decode(errors="replace").splitlines()

    def ending(self) -> Ending:
        """How QEMU ended, after it did and all channels were read."""
        status = self.process.wait()
        complaint = self.complaint()[-1:]
        if status == -signal.SIGABRT:  # an assertion of its own
            return Ending("exit", 128 + signal.SIGABRT, *complaint)
        if status < 0:
            return Ending("killed", detail=f"QEMU died of {signal.Signals(-status).name}")
        if self.monitor.shutdown_reason == "guest-reset":
            return self._reset_ending()
        if self.monitor.shutdown_reason == "host-signal":
            return Ending("killed", detail="QEMU was told to quit by a signal")
        return Ending("exit", status, *complaint)

    def _reset_ending(self) -> Ending:
        """QMP calls both a guest reset. TCG's log of CPU resets tells them apart, KVM has none."""
        if b"Triple fault" in self._cpu_log.read():
            return Ending("triple-fault")
        if "kvm" in self.command:
            return Ending("reset", detail="a reset or a triple fault, KVM does not say which")
        return Ending("reset")


def _die_with(parent: int) -> Callable[[], None]:
    """For the child: be killed when the parent dies, however it does (prctl(2))."""
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


class Watch:
    """Reads a guest's channels until it ends or patience does."""

    def __init__(self, guest: Guest, patience: Patience, capture: BinaryIO,
                 show: Callable[[str], None]) -> None:
        self.first_line_seconds: float | None = None
        self._guest = guest
        self._patience = patience
        self._capture = capture
        self._show = show
        self._follower = Follower()
        self._start = time.monotonic()
        self._last_byte: float | None = None
        self._captured = 0
        self._halted = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> Ending:
        """Returns how it ended; a guest that still runs then is left to its owner to kill."""
        self._register()
        with self._selector:
            while True:
                exited = self._guest.process.poll() is not None
                data_came = self._read_channels(0 if exited else POLL_SECONDS)
                if exited and not data_came:
                    return self._guest.ending()
                ending = self._ended_alive()
                if ending and not exited:
                    return ending

    def _register(self) -> None:
        for channel, feed in ((self._guest.serial, self._feed_serial),
                              (self._guest.control, self._guest.monitor.feed),
                              (self._guest.process.stderr, self._guest.add_error_text)):
            self._selector.register(channel, selectors.EVENT_READ, feed)

    def _read_channels(self, wait: float) -> bool:
        """Read what is there, for `wait` seconds at most; whether anything was."""
        if not self._selector.get_map():
            time.sleep(wait)
            return False
        data_came = False
        for key, _ in self._selector.select(wait):
            try:
                data = os.read(key.fd, CHUNK)
            except ConnectionResetError:
                data = b""
            if data:
                key.data(data)
                data_came = True
            else:
                self._selector.unregister(key.fileobj)
        return data_came

    def _feed_serial(self, data: bytes) -> None:
        self._captured += len(data)
        self._capture.write(data)
        self._capture.flush()
        lines = self._follower.feed(data)
        if self._follower.started:
            self._last_byte = time.monotonic()
            if self.first_line_seconds is None:
                self.first_line_seconds = self._last_byte - self._start
        for line in lines:
            self._halted = self._halted or line.startswith(HALTED)
            self._show(line)

    def _ended_alive(self) -> Ending | None:
        """Why to stop watching although QEMU runs."""
        if self._halted:
            return Ending(None, detail="the guest halted")
        if self._guest.monitor.dead_state:
            return Ending("stopped", detail=self._guest.monitor.dead_state)
        if self._captured > FLOOD_BYTES:
            return Ending("flood")
        return self._patience.exhausted(time.monotonic(), self._start, self._last_byte)
