"""QMP, as far as needed: what QEMU says of the machine, and commands answered in bounded time."""
import json
import select
import socket
import time
from typing import Any

CHUNK = 65536
DEAD_STATES = ("internal-error", "io-error", "guest-panicked")
ANSWER_SECONDS = 20


class MonitorError(Exception):
    """A command was not carried out, or nobody says whether it was. Its text is one line."""


class MonitorRefusal(MonitorError):
    """QEMU refused a command."""


class Monitor:
    """One QMP connection. A machine that starts halted is `paused` from the beginning."""

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
        """Take in what QEMU sent."""
        *whole, self._pending = (self._pending + data).split(b"\n")
        for line in whole:
            self._receive(json.loads(line))

    def execute(self, command: str, arguments: dict[str, Any] | None = None,
                seconds: float = ANSWER_SECONDS) -> Any:
        """The answer to a command. Reads the channel itself: nobody else may meanwhile."""
        return self.answer(self.ask(command, arguments), seconds)

    def ask(self, command: str, arguments: dict[str, Any] | None = None,
            descriptor: int | None = None) -> int:
        """Send a command, and a file descriptor with it; returns the number of its answer."""
        self._number += 1
        self._send({"execute": command, "arguments": arguments or {}, "id": self._number},
                   [] if descriptor is None else [descriptor])
        return self._number

    def answer(self, number: int, seconds: float = ANSWER_SECONDS) -> Any:
        """Wait for an answer; raises MonitorError where it is a refusal or does not come."""
        deadline = time.monotonic() + seconds
        while number not in self._answers:
            self._read(max(0.0, deadline - time.monotonic()), seconds)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise MonitorRefusal(f"QEMU refuses: {answer['error'].get('desc', answer['error'])}")
        return answer["return"]

    def fileno(self) -> int:
        """For select: there is something to read."""
        return self._channel.fileno()

    def check(self, number: int) -> None:
        """Read what is there; raises MonitorError if it is a refusal of that command."""
        self._read(0, 0)
        if "error" in self._answers.get(number, {}):
            self.answer(number)

    def human(self, line: str) -> str:
        """The output of a command of QEMU's monitor for people."""
        return str(self.execute("human-monitor-command", {"command-line": line}))

    def version(self) -> str:
        """QEMU's, such as 7.2.22 (Debian 1:7.2...)."""
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
            self.shutdown_reason = self.shutdown_reason or data["reason"]  # not that of our own quit
            if data["reason"] == "guest-shutdown":
                # The guest switched itself off. Under -no-shutdown QEMU stays; newer ones do so
                # for isa-debug-exit too, and keep its exit code for when they are told to quit.
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
            pass  # QEMU is gone: its exit tells
