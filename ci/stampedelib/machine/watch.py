"""Watches a guest until it ends or reaches a limit. Asks a silent guest to report its state."""
import time
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from ..log.serial import HALTED, HELD, Follower
from ..process import Ending, Limits, Watch
from .guest import Guest
from .monitor import MonitorError, MonitorRefusal

# The kernel prints nothing until all cores have stopped or this time is over (stress/failure.c).
FREEZE_SECONDS = 5
FREEZE_SECONDS_A_CORE = 0.1
REPORT_SECONDS = 60


class GuestWatch(Watch):
    """Reads a guest's channels, stores its log and shows it.

    on_start: called once, at the first line of the kernel. Only lines of the kernel end the
    silence.
    """

    def __init__(self, guest: Guest, capture: BinaryIO, show: Callable[[str], None],
                 on_start: Callable[[], None] = lambda: None) -> None:
        super().__init__(guest.process)
        self.first_line_seconds: float | None = None
        self._on_start = on_start
        self._guest = guest
        self._capture = capture
        self._show = show
        self._follower = Follower()
        self.readers |= {guest.serial: self._feed_serial, guest.control: guest.monitor.feed,
                         guest.errors: guest.add_error_text}
        self._looked = time.monotonic()
        self._halted = False
        self._held = False

    @property
    def started(self) -> bool:
        """Whether the kernel has printed its first line."""
        return self._follower.started

    def run(self, limits: Limits) -> Ending:
        self._looked = time.monotonic()
        return super().run(limits)

    def ended(self) -> Ending:
        return self._guest.ending()

    def _feed_serial(self, data: bytes) -> None:
        self._capture.write(data)
        self._capture.flush()
        lines = self._follower.feed(data)
        self.heard(data, counts=self._follower.started)
        if self._follower.started and self.first_line_seconds is None:
            self.first_line_seconds = time.monotonic() - self._start
            self._on_start()
        for line in lines:
            self._halted = self._halted or line.startswith(HALTED)
            self._held = self._held or line.startswith(HELD)
            self._show(line)

    def reason_to_stop(self, data_came: bool) -> Ending | None:
        self._forgive_pauses()
        if self._halted:
            return Ending(None, detail="the guest halted")
        if self._held:
            return Ending("held")
        if not data_came and (reset := self._guest.reset_ending()):
            return reset
        if self._guest.monitor.dead_state:
            return Ending("stopped", detail=self._guest.monitor.dead_state)
        return None

    def _forgive_pauses(self) -> None:
        """Do not count the time during which a debugger has the machine stopped."""
        now = time.monotonic()
        if self._guest.monitor.paused:
            self.forgive(now - self._looked)
        self._looked = now


def make_it_tell(guest: Guest, watch: GuestWatch, ending: Ending, limits: Limits) -> Ending:
    """Send an NMI to a guest that is silent or does not end. It then stops all cores and reports.

    Returns that ending, with `prompted`. If the guest does not react, returns `ending` with "deaf
    to NMI" in its detail.
    """
    if ending.kind not in ("silence", "timeout") or not watch.started or not guest.is_running():
        return ending
    try:
        guest.monitor.execute("inject-nmi")
    except MonitorRefusal as error:
        return replace(ending, detail=f"{ending.detail}, and took no NMI: {error}")
    except MonitorError:
        pass  # perhaps the guest has just reported, and QEMU has ended
    told = watch.run(_limits_to_tell(guest, limits))
    if told.kind in ("silence", "timeout", "flood"):
        return replace(ending, detail=f"{ending.detail}, and deaf to NMI")
    return replace(told, prompted=f"{ending.kind}: {ending.detail}")


def _limits_to_tell(guest: Guest, limits: Limits) -> Limits:
    freeze = FREEZE_SECONDS + FREEZE_SECONDS_A_CORE * guest.cpus
    silence = freeze + min(limits.silence, REPORT_SECONDS)
    return Limits(silence, silence, silence + REPORT_SECONDS)
