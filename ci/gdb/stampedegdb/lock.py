"""The command `stampede lock`."""
from collections.abc import Iterator

from .guest import rule_title
from .kernel import Kernel
from .locks import circle, find_lock, known_locks

NAME = "lock"
HELP = """Who holds a lock, since when, where it was taken, and who waits for it.

usage: stampede lock [NAME | ADDRESS | EXPRESSION]

Without an argument it shows the allocator's lock and all locks that a core holds or waits for. Also
reports cores that wait for each other in a circle."""


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """Each lock, then the circle if there is one."""
    locks = [find_lock(kernel, argument)] if argument else known_locks(kernel)
    for lock in locks:
        yield from lock.lines()
    if not locks:
        yield "no lock is held or waited for"
    waits = [f"core {core.number} waits for {lock.name} of core {lock.owner}"
             for core, lock in circle(kernel)]
    if waits:
        yield f"{rule_title('DEADLOCK')}: {', '.join(waits)}"
