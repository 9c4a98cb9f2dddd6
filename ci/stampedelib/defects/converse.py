"""The converse: with a rule disabled, the defects that it finds must have other results."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..process import workers
from .defect import RULES, Defect, DefectError
from .outcome import ERROR, RIGHT, Outcome

Try = Callable[[Defect, str], Outcome]


@dataclass(frozen=True)
class RuleOutcome:
    """A rule, and the outcomes of its defects without it.

    `without` is empty if no defect has the rule as its title.
    """
    rule: str
    without: tuple[Outcome, ...]

    @property
    def changed(self) -> list[Outcome]:
        """The outcomes that differ from those with the rule."""
        return [outcome for outcome in self.without if outcome.kind not in (RIGHT, ERROR)]

    @property
    def errors(self) -> list[Outcome]:
        """The outcomes of defects that could not be tried."""
        return [outcome for outcome in self.without if outcome.kind == ERROR]

    @property
    def met(self) -> bool:
        """Whether disabling the rule changed an outcome, without errors."""
        return bool(self.changed) and not self.errors

    @property
    def verdict(self) -> str:
        """The result in words, for a table."""
        if not self.without:
            return "no defect has this title"
        if self.errors:
            return f"error: {self.errors[0].defect.name}: {self.errors[0].note}"
        return "noticed" if self.changed else "disabling it changes nothing"

    def as_dict(self) -> dict[str, Any]:
        """The same, for JSON."""
        return {"rule": self.rule, "met": self.met, "verdict": self.verdict,
                "without": [outcome.as_dict() for outcome in self.without]}


def read_rules(folder: Path, defects: Iterable[Defect], only: list[str]) -> dict[str, str]:
    """For each rule the patch that disables it. If `only` is not empty, only for those rules.

    Raises DefectError, also if a rule that is the title of a defect has no patch.
    """
    patches = {path.name.removesuffix(".patch"): path.read_text(encoding="utf-8")
               for path in sorted(folder.glob("*.patch"))}
    for name in patches:
        if name not in RULES:
            raise DefectError(f"{folder / name}.patch: there is no rule '{name}' ({', '.join(RULES)})")
    for rule in only:
        if rule not in patches:
            raise DefectError(f"{folder}: no patch disables '{rule}' (there are {', '.join(patches)})")
    missing = {defect.title for defect in defects if defect.title in RULES} - set(patches)
    if missing and not only:
        raise DefectError(f"{folder}: no patch disables {', '.join(sorted(missing))}")
    return {rule: patches[rule] for rule in only or patches}


def try_without(rules: dict[str, str], found: list[Outcome], attempt: Try, jobs: int,
                tell: Callable[[RuleOutcome], None]) -> list[RuleOutcome]:
    """For each rule, try the defects that it found again without it."""
    outcomes = []
    with workers(jobs) as threads:
        running = {rule: [threads.submit(attempt, outcome.defect, patch) for outcome in found
                          if outcome.kind == RIGHT and outcome.defect.title == rule]
                   for rule, patch in rules.items()}
        for rule, tries in running.items():
            outcomes.append(RuleOutcome(rule, tuple(one.result() for one in tries)))
            tell(outcomes[-1])
    return outcomes
