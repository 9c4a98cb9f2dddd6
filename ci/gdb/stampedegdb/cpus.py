"""The command `stampede cpus`."""
from collections.abc import Iterator

from .kernel import Cpu, Kernel
from .locks import Lock
from .words import columns, cpu_place, flag_text, operation_text, state_text

NAME = "cpus"
HELP = """What each core is about.

usage: stampede cpus

THREAD is gdb's number. STATE: works, waits (for a lock), rests (until others come to a barrier),
reports (the failure), unstopped (it did not stop when told to), not online. IRQ: the interrupt flag
where the core was stopped. AT: the innermost function there. OPERATION: the call into the allocator that
runs."""
HEADINGS = ("CORE", "APIC", "THREAD", "STATE", "PHASE", "IRQ", "LOCKS", "OPERATION", "AT")


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """The failure if there is one, then a line a core."""
    del argument
    if kernel.title:
        yield f"failure: {kernel.title} (core {kernel.reporter} reports)"
    if not kernel.cpus:
        yield "no core is up yet"
        return
    yield from columns([HEADINGS, *(_row(kernel, cpu) for cpu in kernel.cpus)])


def _row(kernel: Kernel, cpu: Cpu) -> tuple[str, ...]:
    now = next((each for each in kernel.current if each.core == cpu.number), None)
    return (str(cpu.number), str(cpu.apic_id), str(cpu.thread.number) if cpu.thread else "-",
            state_text(kernel, cpu), kernel.phase if cpu.busy and kernel.phase else "-",
            flag_text(cpu.interrupts()), _locks_text(kernel, cpu),
            operation_text(now), cpu_place(cpu))


def _locks_text(kernel: Kernel, cpu: Cpu) -> str:
    parts = [f"holds {Lock(kernel, address).name}" for address in cpu.held]
    if cpu.locks_held > len(parts):
        parts.append(f"holds {cpu.locks_held - len(parts)} more")
    if cpu.waiting_for:
        lock = Lock(kernel, cpu.waiting_for)
        owner = "free" if lock.owner is None else f"core {lock.owner}"
        parts.append(f"waits for {lock.name} ({owner})")
    return ", ".join(parts) or "-"
