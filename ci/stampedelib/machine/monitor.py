"""The part of QMP that is needed: QEMU's events, and commands with a time limit for the answer."""
import json
import select
import socket
import time
from typing import Any

CHUNK = 65536
DEAD_STATES = ("internal-error", "io-error", "guest-panicked")
ANSWER_SECONDS = 20


class MonitorError(Exception):
    """A command failed, or there was no answer. The text is one line."""


class MonitorRefusal(MonitorError):
    """QEMU refused a command."""


class Monitor:
    """One QMP connection. `paused`: whether the machine starts halted."""

    def __init__(self, channel: socket.socket, paused: bool = False) -> None:
        self.shutdown_reason: str | None = None
        self.dead_state: str | None = None
        self.paused = paused
        self._channel = channel
        self._pending = b""
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._send({"execute": "qmp_capabilities"})

    def feed(self, data: bytes) -> None:
        """Handle data from QEMU."""
        *whole, self._pending = (self._pending + data).split(b"\n")
        for line in whole:
            self._receive(json.loads(line))

    def execute(self, command: str, arguments: dict[str, Any] | None = None,
                seconds: float = ANSWER_SECONDS) -> Any:
        """Run a command; its answer.

        Reads the channel, which no other code may do at the same time.
        """
        return self.answer(self.ask(command, arguments), seconds)

    def ask(self, command: str, arguments: dict[str, Any] | None = None,
            descriptor: int | None = None) -> int:
        """Send a command, with a file descriptor if given; the number of its answer."""
        self._number += 1
        self._send({"execute": command, "arguments": arguments or {}, "id": self._number},
                   [] if descriptor is None else [descriptor])
        return self._number

    def answer(self, number: int, seconds: float = ANSWER_SECONDS) -> Any:
        """Wait for an answer.

        Raises MonitorRefusal for an error, MonitorError if none comes in time.
        """
        deadline = time.monotonic() + seconds
        while number not in self._answers:
            self._read(max(0.0, deadline - time.monotonic()), seconds)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise MonitorRefusal(f"QEMU refuses: {answer['error'].get('desc', answer['error'])}")
        return answer["return"]

    def fileno(self) -> int:
        """The descriptor of the channel, for select()."""
        return self._channel.fileno()

    def check(self, number: int) -> None:
        """Read the available data. Raises MonitorRefusal if QEMU refused that command."""
        self._read(0, 0)
        if "error" in self._answers.get(number, {}):
            self.answer(number)

    def human(self, line: str) -> str:
        """Run a command of QEMU's human monitor; its output."""
        return str(self.execute("human-monitor-command", {"command-line": line}))

    def version(self) -> str:
        """QEMU's version, such as 7.2.22 (Debian 1:7.2...)."""
        version = self.execute("query-version")
        numbers = version["qemu"]
        text = f"{numbers['major']}.{numbers['minor']}.{numbers['micro']}"
        return f"{text} ({version['package']})" if version["package"] else text

    def _read(self, wait: float, seconds: float) -> None:
        readable, _, _ = select.select([self._channel], [], [], wait)
        if not readable:
            raise MonitorError(f"QEMU does not answer within {seconds:g} s")
        try:
            data = self._channel.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            raise MonitorError("QEMU is gone")
        self.feed(data)

    def _receive(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._receive_event(message["event"], message.get("data", {}))
        elif "id" in message:
            self._answers[message["id"]] = message
        state = message.get("return")
        if isinstance(state, dict) and state.get("status") in DEAD_STATES:
            self.dead_state = state["status"]

    def _receive_event(self, event: str, data: dict[str, Any]) -> None:
        if event == "SHUTDOWN":
            # Keep the first reason: a second one may be our own quit.
            self.shutdown_reason = self.shutdown_reason or data["reason"]
            if data["reason"] == "guest-shutdown":
                # The guest switched itself off. With -no-shutdown QEMU stays. Newer versions do so
                # for isa-debug-exit, too, and use its exit code once they are told to quit.
                self._send({"execute": "quit"})
        elif event == "STOP":
            self.paused = True
            self._send({"execute": "query-status"})
        elif event == "RESUME":
            self.paused = False

    def _send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            socket.send_fds(self._channel, [data], descriptors or [])
        except OSError:
            pass  # QEMU has ended: its exit code is evaluated elsewhere
