"""The command `stampede check`."""
from collections.abc import Iterator

from .kernel import Kernel
from .rules import Check

NAME = "check"
HELP = """Evaluate the walker's rules on memory.

usage: stampede check

Checks the oracle's books. For a built-in allocator it also checks lists, counters and tags: links in
both directions, no cycle, alignment, range, no two free buddies, no page lost, no page both free and
held. Prints "all rules hold", or the first findings of each broken rule. A difference that a running
operation explains is not a finding. While the allocator's lock is held, findings may come from the
change in progress."""
MOST_FINDINGS_A_RULE = 5


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """The findings, the notes, the verdict."""
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
