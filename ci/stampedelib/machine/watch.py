"""Watches a guest until it ends or patience does. Nothing here knows the log's meaning."""
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from ..log.serial import HALTED, HELD, Follower
from .guest import Ending, Guest

POLL_SECONDS = 0.1
CHUNK = 65536
FLOOD_BYTES = 64 << 20


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


FOREVER = Patience(float("inf"), float("inf"), float("inf"))


class Watch:
    """Reads a guest's channels, keeps its log and shows it. May run more than once.

    on_start: called once, when the kernel has said something.
    """

    def __init__(self, guest: Guest, capture: BinaryIO, show: Callable[[str], None],
                 on_start: Callable[[], None] = lambda: None) -> None:
        self.first_line_seconds: float | None = None
        self._on_start = on_start
        self._guest = guest
        self._capture = capture
        self._show = show
        self._follower = Follower()
        self._channels = {guest.serial: self._feed_serial, guest.control: guest.monitor.feed,
                          guest.process.stderr: guest.add_error_text}
        self._start = self._looked = time.monotonic()
        self._last_byte: float | None = None
        self._captured = 0
        self._halted = False
        self._held = False

    @property
    def started(self) -> bool:
        """Whether the kernel has said anything."""
        return self._follower.started

    def run(self, patience: Patience) -> Ending:
        """Returns how it ended; a guest that still runs then is left to its owner."""
        self._start = self._looked = time.monotonic()
        if self._last_byte is not None:
            self._last_byte = self._start
        while True:
            exited = not self._guest.is_running()
            data_came = self._read_channels(0 if exited else POLL_SECONDS)
            if exited and not data_came:
                return self._guest.ending()
            ending = self._ended_alive(patience, data_came)
            if ending and not exited:
                return ending

    def linger(self) -> None:
        """Go on until QEMU ends, whatever the guest does."""
        while self._read_channels(POLL_SECONDS) or self._guest.is_running():
            pass

    def _read_channels(self, wait: float) -> bool:
        """Read what is there, for `wait` seconds at most; whether anything was."""
        if not self._channels:
            time.sleep(wait)
            return False
        readable, _, _ = select.select(list(self._channels), [], [], wait)
        return any([self._read(channel) for channel in readable])

    def _read(self, channel: object) -> bool:
        try:
            data = os.read(channel.fileno(), CHUNK)
        except ConnectionResetError:
            data = b""
        if data:
            self._channels[channel](data)
        else:
            del self._channels[channel]
        return bool(data)

    def _feed_serial(self, data: bytes) -> None:
        self._captured += len(data)
        self._capture.write(data)
        self._capture.flush()
        lines = self._follower.feed(data)
        if self._follower.started:
            self._last_byte = time.monotonic()
            if self.first_line_seconds is None:
                self.first_line_seconds = self._last_byte - self._start
                self._on_start()
        for line in lines:
            self._halted = self._halted or line.startswith(HALTED)
            self._held = self._held or line.startswith(HELD)
            self._show(line)

    def _ended_alive(self, patience: Patience, data_came: bool) -> Ending | None:
        """Why to stop watching although QEMU runs."""
        self._forgive_pauses()
        if self._halted:
            return Ending(None, detail="the guest halted")
        if self._held:
            return Ending("held")
        if not data_came and (reset := self._guest.reset_ending()):
            return reset
        if self._guest.monitor.dead_state:
            return Ending("stopped", detail=self._guest.monitor.dead_state)
        if self._captured > FLOOD_BYTES:
            return Ending("flood")
        return patience.exhausted(time.monotonic(), self._start, self._last_byte)

    def _forgive_pauses(self) -> None:
        """While a debugger has the machine stopped, no clock runs against the guest."""
        now = time.monotonic()
        if self._guest.monitor.paused:
            self._start += now - self._looked
            if self._last_byte is not None:
                self._last_byte += now - self._looked
        self._looked = now
