"""The command `stampede cpus`."""
from collections.abc import Iterator

from .kernel import Core, Kernel
from .locks import Lock
from .words import columns, core_place, flag_text, operation_text, state_text

NAME = "cpus"
HELP = """What each core is doing.

usage: stampede cpus

THREAD is gdb's number of the core. STATE is one of:
  works       runs operations
  waits       spins for a lock
  rests       has no work, for example at a barrier
  reports     reports the failure
  unstopped   did not stop when it was told to
  not online  did not start
IRQ is the interrupt flag where the core was stopped, AT the innermost function there. OPERATION is
the running call into the allocator."""
HEADINGS = ("CORE", "APIC", "THREAD", "STATE", "PHASE", "IRQ", "LOCKS", "OPERATION", "AT")


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """The failure if there is one, then a line for each core."""
    del argument
    if kernel.title:
        yield f"failure: {kernel.title} (core {kernel.reporter} reports)"
    if not kernel.cores:
        yield "no core is up yet"
        return
    yield from columns([HEADINGS, *(_row(kernel, core) for core in kernel.cores)])


def _row(kernel: Kernel, core: Core) -> tuple[str, ...]:
    now = next((each for each in kernel.current if each.core == core.number), None)
    return (str(core.number), str(core.apic_id), str(core.thread.number) if core.thread else "-",
            state_text(kernel, core), kernel.phase if core.busy and kernel.phase else "-",
            flag_text(core.interrupts()), _locks_text(kernel, core),
            operation_text(now), core_place(core))


def _locks_text(kernel: Kernel, core: Core) -> str:
    parts = [f"holds {Lock(kernel, address).name}" for address in core.held]
    if core.locks_held > len(parts):
        parts.append(f"holds {core.locks_held - len(parts)} more")
    if core.waiting_for:
        lock = Lock(kernel, core.waiting_for)
        owner = "free" if lock.owner is None else f"core {lock.owner}"
        parts.append(f"waits for {lock.name} ({owner})")
    return ", ".join(parts) or "-"
