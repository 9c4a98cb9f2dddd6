"""The seven verdicts, in one structure that every output is made from."""
from dataclasses import asdict, dataclass, field
from textwrap import shorten
from typing import Any

from .log import Phase

CODES = {"pass": 0, "fail": 1, "error": 2, "inconclusive": 3, "hang": 4, "crash": 5, "damaged": 6}
KERNEL_EXIT_CODES = {0x41 + 2 * code: word for word, code in CODES.items() if word != "damaged"}
REASONS_SHOWN = 5
DETAIL_WIDTH = 80


@dataclass(frozen=True)
class Verdict:
    """What became of a run: one word of CODES, its title, and why."""
    word: str
    title: str
    reasons: list[str] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    planned: int | None = None
    banner: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    promises: list[str] = field(default_factory=list)
    advice: str | None = None

    @property
    def code(self) -> int:
        """The exit code of the tool."""
        return CODES[self.word]

    def phases_left(self) -> list[str]:
        """The names of those that a failure kept from running."""
        return [phase.name for phase in self.phases if phase.outcome == "skip"]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"code": self.code, **asdict(self)}

    def page(self) -> list[str]:
        """For a person, before the verdict: a line a phase, the promises, where to look first."""
        outcomes: dict[str, list[str]] = {}
        for promise in self.promises:
            name, outcome = promise.split(": ", 1) if ": " in promise else (promise, "")
            if name == "broken":
                name, outcome = outcome, name
            outcomes.setdefault(outcome, []).append(name)
        return [*(f"  {phase.outcome:<13}{phase.name:<12} {shorten(phase.detail, DETAIL_WIDTH)}"
                  for phase in self.phases),
                *(f"  promises {outcome}: {', '.join(names)}" for outcome, names in outcomes.items()),
                *([f"  look first at {self.advice}"] if self.advice else [])]

    def text(self) -> str:
        """For a person: the verdict, then why, shortly."""
        lines = [f"{self.word.upper()} (exit code {self.code}): {self.title}"]
        lines += [f"  {reason}" for reason in self.reasons[:REASONS_SHOWN]]
        hidden = len(self.reasons) - REASONS_SHOWN
        if hidden > 0:
            lines.append(f"  and {hidden} more")
        return "\n".join(lines)
