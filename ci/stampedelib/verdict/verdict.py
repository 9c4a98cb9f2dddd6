"""The verdict on a run. All outputs are made from this structure."""
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from ..log.serial import Phase
from ..log.statement import LeftOut, Statement
from ..vocabulary import VERDICTS

CODES = {row.word: row.code for row in VERDICTS}
KERNEL_EXIT_CODES = {0x41 + 2 * code: word for word, code in CODES.items() if word != "damaged"}
REASONS_SHOWN = 5
FIGURE = re.compile(r"\b(?:0x[0-9a-f]+|[0-9]+)\b")


def without_figures(title: str) -> str:
    """The title with its numbers replaced: equal for titles that differ only in numbers."""
    return FIGURE.sub("#", title)


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run: a word of CODES, a title, and reasons.

    running: the phase that was not finished. place: where a failure before the first phase
    happened.
    """
    word: str
    title: str
    reasons: list[str] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    planned: int | None = None
    banner: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    promises: list[Statement] = field(default_factory=list)
    rules_not_tested: list[Statement] = field(default_factory=list)
    phases_left_out: list[Statement] = field(default_factory=list)
    selftest_failed: list[str] = field(default_factory=list)
    selftest_left_out: list[LeftOut] = field(default_factory=list)
    advice: str | None = None
    running: str | None = None
    place: str | None = None

    @property
    def code(self) -> int:
        """The exit code of the tool."""
        return CODES[self.word]

    def as_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        return {"code": self.code, **asdict(self)}

    def text(self) -> str:
        """The verdict in words, then the first reasons."""
        lines = [f"{self.word.upper()} (exit code {self.code}): {self.title}"]
        lines += [f"  {reason}" for reason in self.reasons[:REASONS_SHOWN]]
        hidden = len(self.reasons) - REASONS_SHOWN
        if hidden > 0:
            lines.append(f"  and {hidden} more")
        return "\n".join(lines)
