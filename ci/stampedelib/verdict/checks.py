"""Checks of the log that a user adds: lines that must be in it, and lines that must not."""
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..log.serial import parse
from .verdict import Verdict

GOOD = ("pass", "inconclusive")


@dataclass(frozen=True)
class Checks:
    """expect: each pattern must match some line. forbid: no pattern may match a line."""
    expect: Sequence[re.Pattern[str]] = ()
    forbid: Sequence[re.Pattern[str]] = ()

    def apply(self, verdict: Verdict, raw: bytes) -> Verdict:
        """The verdict with the failed checks added.

        They turn a pass or inconclusive into a fail.
        """
        complaints = self._complaints(parse(raw).lines)
        if not complaints:
            return verdict
        if verdict.word in GOOD:
            return replace(verdict, word="fail", title=complaints[0],
                           reasons=[*complaints[1:], f"the kernel's own verdict: {verdict.word}: "
                                    f"{verdict.title}", *verdict.reasons])
        return replace(verdict, reasons=[*verdict.reasons, *complaints])

    def _complaints(self, lines: list[str]) -> list[str]:
        missing = [f"expect: no line matches {pattern.pattern}" for pattern in self.expect
                   if not any(map(pattern.search, lines))]
        found = [f"forbid: line {number} matches {pattern.pattern}: {line}"
                 for pattern in self.forbid
                 for number, line in enumerate(lines, 1) if pattern.search(line)]
        return missing + found
