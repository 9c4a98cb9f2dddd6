"""Starts QEMU, makes sure that it ends, and reports how it ended."""
import os
import signal
import socket
import subprocess
from pathlib import Path

from ..process import Ending, die_with, wide_pipe
from .machine import Machine
from .monitor import Monitor

ERROR_TEXT_BYTES = 16384


class Guest:
    """A running QEMU. Leaving the `with` block kills it.

    gdb_socket: socket of its gdb stub, or None for no stub. halted: whether to wait for gdb before
    the first instruction.
    """

    def __init__(self, machine: Machine, gdb_socket: Path | None = None,
                 halted: bool = False) -> None:
        self.cpus = machine.cpus
        self._cpu_log = open(os.memfd_create("cpu-log"), "rb")
        # Not a socket: QEMU sends each byte separately, and the overhead of each would fill a
        # socket after about 280 bytes.
        serial, serial_end = wide_pipe()
        self.serial = open(serial, "rb", buffering=0)
        self.control, control_end = socket.socketpair()
        self.command = machine.command([
            "-chardev", f"file,id=serial,path=/proc/self/fd/{serial_end}", "-serial",
            "chardev:serial",
            "-chardev", f"socket,id=qmp,fd={control_end.fileno()}",
            "-mon", "chardev=qmp,mode=control",
            "-no-shutdown",  # keep the machine after a triple fault or a reset, to examine it
            "-d", "cpu_reset", "-D", f"/proc/self/fd/{self._cpu_log.fileno()}",
            *_gdb_options(gdb_socket, halted),
        ])
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(serial_end, control_end.fileno(), self._cpu_log.fileno()),
            start_new_session=True,  # Ctrl-C interrupts only this tool, which then ends QEMU
            preexec_fn=die_with(os.getpid(), small_pages=machine.accelerator.name == "tcg"))
        assert self.process.stderr
        self.errors = self.process.stderr
        os.close(serial_end)
        control_end.close()
        self.monitor = Monitor(self.control, halted)
        self._error_text = b""

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.control.close()
        for file in (self.serial, self.errors, self._cpu_log):
            file.close()

    def is_running(self) -> bool:
        """Whether the process QEMU runs, even if the machine is stopped."""
        return self.process.poll() is None

    def add_error_text(self, data: bytes) -> None:
        """Add output of QEMU to standard error. Only its end is kept."""
        self._error_text = (self._error_text + data)[-ERROR_TEXT_BYTES:]

    def complaint(self) -> list[str]:
        """QEMU's own error messages, as lines."""
        return self._error_text.decode(errors="replace").splitlines()

    def ending(self) -> Ending:
        """How QEMU ended. Called after its end, when all channels have been read."""
        status = self.process.wait()
        complaint = "".join(self.complaint()[-1:])
        if status == -signal.SIGABRT:  # an assertion in QEMU failed
            return Ending("exit", 128 + signal.SIGABRT, complaint)
        if status < 0:
            return Ending("killed", detail=f"QEMU died of {signal.Signals(-status).name}")
        if self.monitor.shutdown_reason == "host-signal":
            return Ending("killed", detail="QEMU was told to quit by a signal")
        if status == 0 and self.monitor.shutdown_reason == "guest-shutdown":
            return Ending("exit")  # the guest switched itself off (exit=power-off): see the log
        return self.reset_ending() or Ending("exit", status, complaint)

    def reset_ending(self) -> Ending | None:
        """The ending by a reset, if there was one. QEMU then remains, stopped (-no-shutdown).

        QMP reports a triple fault as a reset, too. TCG's log of CPU resets distinguishes them; KVM
        has no such log.
        """
        if self.monitor.shutdown_reason != "guest-reset":
            return None
        self._cpu_log.seek(0)
        if b"Triple fault" in self._cpu_log.read():
            return Ending("triple-fault")
        if "kvm" in self.command:
            return Ending("reset", detail="a reset or a triple fault, KVM does not say which")
        return Ending("reset")


def _gdb_options(path: Path | None, halted: bool) -> list[str]:
    if path is None:
        return []
    stub = ["-chardev", f"socket,id=gdb,path={path},server=on,wait=off", "-gdb", "chardev:gdb"]
    return [*stub, "-S"] if halted else stub
