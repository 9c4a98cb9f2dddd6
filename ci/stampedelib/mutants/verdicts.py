"""Reads tests/mutants/survivors.txt, a person's verdicts on the mutants that survive."""
import re
from dataclasses import dataclass
from pathlib import Path

KINDS = ("equivalent", "gap")
LINE = re.compile(r"(?P<id>\S+:\S+:[a-z]+:\d+)\s+(?P<kind>[a-z]+):\s+(?P<why>\S.*)")


class VerdictTrouble(Exception):
    """The file does not have the required form. The text names file and line."""


@dataclass(frozen=True)
class Verdict:
    """kind: equivalent, if no program can notice the mutant; gap, if only no test here does."""
    kind: str
    why: str


def read(path: Path) -> dict[str, Verdict]:
    """The verdicts by the mutant's ID. Raises VerdictTrouble.

    Each is a line: ID, blanks, `equivalent:` or `gap:`, the reason. A line that begins with a blank
    continues the one before.
    """
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if line.startswith((" ", "\t")) and lines and line.strip():
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line.strip()}")
        elif line.strip() and not line.startswith("#"):
            lines.append((number, line))
    found: dict[str, Verdict] = {}
    for number, line in lines:
        match = LINE.fullmatch(line)
        if not match or match["kind"] not in KINDS:
            raise VerdictTrouble(f"{path}:{number}: not of the form 'FILE:FUNCTION:OPERATOR:N  "
                                 f"equivalent: why' or '...  gap: what': {line}")
        if match["id"] in found:
            raise VerdictTrouble(f"{path}:{number}: a second verdict on {match['id']}")
        found[match["id"]] = Verdict(match["kind"], match["why"])
    return found
