"""The result of several boots: a table of distinct failures, the phases that passed, one verdict.

A failure ends a boot, because the guest's memory cannot be trusted after it. `--keep-going` boots
again for the remaining phases.
"""
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from textwrap import shorten, wrap
from typing import Any

from ..log.serial import Phase
from ..log.statement import BROKEN
from ..verdict import page
from ..verdict.verdict import CODES, Verdict, without_figures
from ..vocabulary import PHASE_TITLES

GOOD = ("pass", "inconclusive")
FIRST_WORDS = 4  # two failures are the same if so many words after the rule in the title agree
BEFORE = "(before any)"
CELL_WIDTH, TITLE_WIDTH = 28, 90


# ---- the phases that remain after a failure ----


def phases_left(verdict: Verdict) -> list[str]:
    """The phases that did not run because of a failure, in their order.

    Empty after a complete run.
    """
    if verdict.word in GOOD:
        return []
    told = {phase.name for phase in verdict.phases if phase.outcome == "skip"}
    if not told and verdict.running:
        told = _untold(verdict)
    return [name for name in PHASE_TITLES if name in told]


def _untold(verdict: Verdict) -> set[str]:
    """The remaining phases, if the guest did not report them: those asked for after the failed."""
    asked = verdict.options.get("phases", "all")
    names = set(PHASE_TITLES) if asked == "all" else set(asked.split(","))
    names -= {phase.name for phase in verdict.phases} | {phase.name for phase in verdict.phases_left_out}
    began = PHASE_TITLES.index(verdict.running) if verdict.running in PHASE_TITLES else len(PHASE_TITLES)
    return {name for name in names if name in PHASE_TITLES[began + 1:]}


def without_memory(verdict: Verdict) -> list[str]:
    """After a failure before the first phase: the phases that can run without memory."""
    asked = verdict.options.get("phases", "all")
    possible = verdict.place and verdict.options.get("memory", "all") == "all" and \
        (asked == "all" or "selftest" in asked.split(","))
    return ["selftest"] if possible else []


def left_after(verdict: Verdict) -> tuple[list[str], tuple[str, ...]]:
    """The phases of the next boot, none if nothing is left, and the extra options that it needs."""
    if phases := phases_left(verdict):
        return phases, ()
    rest = without_memory(verdict)
    return rest, ("memory=none",) if rest else ()


def why_none_left(verdict: Verdict) -> str | None:
    """For a user of --keep-going: why no phase is left, if a failure before the first caused it."""
    if not verdict.place:
        return None
    return ("KEEP_GOING: the failure came before the first phase, and every boot begins there, so no other phase can "
            "run; fix this failure first")


# ---- the table ----


@dataclass(frozen=True)
class Boot:
    """One boot. label: its name in the table. next_steps: its log, and commands to repeat it."""
    label: str
    verdict: Verdict
    log: str
    next_steps: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it failed, and so belongs in the table."""
        return self.verdict.word not in GOOD

    @property
    def phase(self) -> str:
        """The phase in which it failed."""
        failed = (phase.name for phase in self.verdict.phases if phase.outcome == "fail")
        return next(failed, self.verdict.running or BEFORE)

    def kind(self) -> str:
        """A key that is equal for failures that are probably the same.

        It has the verdict, the rule and the first words of the title, without numbers.
        """
        rule, _, text = self.verdict.title.partition(": ")
        words = without_figures(text).split()
        return " ".join([self.verdict.word, rule, *words[:FIRST_WORDS]])

    def text(self) -> str:
        """The result in words."""
        if not self.failed:
            return f"{self.verdict.word.upper()}: {self.verdict.title}"
        where = "before the first phase" if self.phase == BEFORE else f"in {self.phase}"
        return f"{self.verdict.word.upper()} {where}: {self.verdict.title}"


@dataclass(frozen=True)
class Failure:
    """A distinct failure, with the boots in which it happened. The first one represents them."""
    boots: list[Boot]

    @property
    def verdict(self) -> Verdict:
        """The verdict of the first boot."""
        return self.boots[0].verdict

    def row(self) -> list[str]:
        """The cells of its row in the table."""
        return [self.verdict.word, ", ".join(dict.fromkeys(boot.phase for boot in self.boots)), str(len(self.boots)),
                ", ".join(boot.label for boot in self.boots), shorten(self.verdict.title, TITLE_WIDTH)]

    def as_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        return {"word": self.verdict.word, "title": self.verdict.title, "times": len(self.boots),
                "phases": list(dict.fromkeys(boot.phase for boot in self.boots)),
                "boots": [boot.label for boot in self.boots]}


class Outcomes:
    """The boots so far. The first failure gives the verdict on all of them."""

    def __init__(self, noun: str = "boot") -> None:
        self.boots: list[Boot] = []
        self._noun = noun

    def add(self, boot: Boot) -> None:
        """Add a boot that has ended."""
        self.boots.append(boot)

    def failures(self) -> list[Failure]:
        """The distinct failures, in the order of their first boots."""
        kinds: dict[str, Failure] = {}
        for boot in self.boots:
            if boot.failed:
                kinds.setdefault(boot.kind(), Failure([])).boots.append(boot)
        return list(kinds.values())

    def verdict(self) -> Verdict:
        """The verdict on all boots, with the phases of all.

        It is that of the first failure, else of the first inconclusive boot, else a pass.
        """
        chosen = next((boot.verdict for boot in self.boots if boot.failed), None) or \
            max((boot.verdict for boot in self.boots), key=lambda verdict: CODES[verdict.word])
        return replace(chosen, phases=self._phases())

    def _phases(self) -> list[Phase]:
        """Each phase with its result in the boot that ran it, numbered as in the first boot."""
        phases: dict[str, Phase] = {}
        for boot in self.boots:
            verdict = boot.verdict
            for phase in verdict.phases:
                if phase.outcome != "skip" or phase.name not in phases:
                    phases[phase.name] = phase
            if boot.failed and verdict.running:
                phases[verdict.running] = Phase(0, verdict.running, "fail", verdict.title)
        return [replace(phase, index=index) for index, phase in enumerate(phases.values(), 1)]

    def names(self, outcome: str) -> list[str]:
        """The names of the phases with this outcome."""
        return [phase.name for phase in self._phases() if phase.outcome == outcome]

    def lines(self) -> list[str]:
        """The table, and below it the phases by outcome."""
        failures = self.failures()
        headings = ["verdict", "phase", "times", self._noun, "failure"]
        found = [f"{_plural(len(self.boots), self._noun)}, {_counted(failures)}:"]
        found += _table([headings, *(failure.row() for failure in failures)])
        for name, outcome in (("passed", "pass"), ("too little seen", "inconclusive"), ("not run", "skip")):
            if names := self.names(outcome):
                found += page.folded(f"{name}: {', '.join(names)}")
        return [*found, *self._broken(), *(line for boot in self.boots for line in page.selftest_lines(boot.verdict))]

    def _broken(self) -> Iterator[str]:
        broken = dict.fromkeys(promise.name for boot in self.boots for promise in boot.verdict.promises
                               if promise.outcome == BROKEN)
        if broken:
            yield f"  promises broken: {', '.join(broken)}"

    def verdict_lines(self) -> list[str]:
        """The verdict, then for each distinct failure its log and the commands that repeat it."""
        verdict, failures = self.verdict(), self.failures()
        found = verdict.text().splitlines()
        if len(failures) > 1:
            found.append(f"  which is the first of {_counted(failures)}")
        for failure in failures:
            boot = failure.boots[0]
            found.append(f"  {self._noun} {boot.label}: {failure.verdict.title}")
            found += [f"    look first at {boot.verdict.advice}"] if boot.verdict.advice else []
            found += [f"    {step}" for step in boot.next_steps]
        return found

    def as_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        return {"boots": [{"boot": boot.label, "word": boot.verdict.word, "title": boot.verdict.title, "log": boot.log}
                          for boot in self.boots],
                "failures": [failure.as_dict() for failure in self.failures()],
                "passed": self.names("pass"), "inconclusive": self.names("inconclusive"),
                "not_run": self.names("skip")}


def _table(rows: list[list[str]]) -> list[str]:
    """The rows as lines with aligned columns. Long cells are wrapped, except the last of a row."""
    folded = [line for row in rows
              for line in zip_longest(*(wrap(cell, CELL_WIDTH, break_on_hyphens=False) for cell in row[:-1]), [row[-1]],
                                      fillvalue="")]
    widths = [max(map(len, column)) for column in zip(*folded)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in folded]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _counted(failures: list[Failure]) -> str:
    return "1 failure" if len(failures) == 1 else f"{len(failures)} distinct failures"
