"""What a guest that does not end by itself is made to tell, or has taken from it."""
from dataclasses import dataclass, field, replace
from pathlib import Path

from .guest import Ending, Guest
from .monitor import MonitorError, MonitorRefusal
from .registers import Cpu, read_cpus
from .symbols import Symbols
from .watch import Patience, Watch

# The kernel says nothing until all cores have stopped or this is over (stress/failure.c).
FREEZE_SECONDS = 5
FREEZE_SECONDS_A_CORE = 0.1
REPORT_SECONDS = 60


def make_it_tell(guest: Guest, watch: Watch, ending: Ending, patience: Patience) -> Ending:
    """An NMI to a guest that is silent or does not end: it freezes, reports and ends of itself.

    Returns how that ended, with `prompted`; or the ending as it was, "deaf to NMI".
    """
    if ending.kind not in ("silence", "timeout") or not watch.started or not guest.is_running():
        return ending
    try:
        guest.monitor.execute("inject-nmi")
    except MonitorRefusal as error:
        return replace(ending, detail=f"{ending.detail}, and took no NMI: {error}")
    except MonitorError:
        pass  # the guest may have told already, and QEMU left
    told = watch.run(_patience_to_tell(guest, patience))
    if told.kind in ("silence", "timeout", "flood"):
        return replace(ending, detail=f"{ending.detail}, and deaf to NMI")
    return replace(told, prompted=f"{ending.kind}: {ending.detail}")


def _patience_to_tell(guest: Guest, patience: Patience) -> Patience:
    freeze = FREEZE_SECONDS + FREEZE_SECONDS_A_CORE * guest.cpus
    silence = freeze + min(patience.silence, REPORT_SECONDS)
    return Patience(silence, silence, silence + REPORT_SECONDS)


@dataclass(frozen=True)
class State:
    """The processors of a machine that was stopped: QEMU's text, and what it comes to."""
    text: str
    cpus: list[Cpu] = field(default_factory=list)


def take_state(guest: Guest, kernel: Path) -> State:
    """Stop the machine and read its registers. Never raises for what QEMU does not give."""
    try:
        guest.monitor.execute("stop")
        text = guest.monitor.human("info registers -a").replace("\r", "")
    except MonitorError as error:
        return State(f"no registers: {error}\n")
    return State(text, read_cpus(text, Symbols(kernel)))
