"""The command `stampede check`."""
from collections.abc import Iterator

from .kernel import Kernel
from .rules import Check

NAME = "check"
HELP = """Evaluate the walker's rules on memory.

usage: stampede check

Looks at the oracle's books and, of a built-in allocator, at lists, counters and tags: links both
ways, no cycle, alignment, range, no two free buddies, nothing lost, nothing free and held at once.
Says "all rules hold", or the first findings of each broken rule. What an operation that runs now
explains is no finding; while the allocator's lock is held others may come from that as well."""
MOST_FINDINGS_A_RULE = 5


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """The findings, what to bear in mind, the verdict."""
    del argument
    check = Check(kernel)
    check.run()
    counts: dict[str, int] = {}
    for finding in check.findings:
        counts[finding.title] = counts.get(finding.title, 0) + 1
        if counts[finding.title] <= MOST_FINDINGS_A_RULE:
            yield f"{finding.title}: {finding.text}"
    for title, count in counts.items():
        if count > MOST_FINDINGS_A_RULE:
            yield f"{title}: and {count - MOST_FINDINGS_A_RULE} more"
    yield from (f"note: {note}" for note in check.notes())
    yield check.verdict()
