"""The outcomes of all defects: as a table for the terminal, as JSON, as docs/DEFECTS.md."""
import json
import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .converse import RuleOutcome
from .defect import AREAS
from .outcome import CAUGHT, EQUIVALENT, EXPLORE, RIGHT, Outcome

ROW = "  {:<36} {:<14} {:<14} {:<18} {:<6} {:>5}  {}"
BUCKETS = (1, 3, 10, 30, 60, 120, 300)
MADE = """\
# Planted defects

A planted defect is a known bug that Stampede must find. Each row of the tables is one. The patch
`tests/defects/NAME.patch` plants it in a copy of the tree, and its first lines say what is wrong.
The copy is then built and run.

- The patch names the rule that must break (*must be*). The defect is caught *under the expected
  title* if the failure's title names this rule (*found as*).
- A run that was ended by a time limit does not count as caught, even if it hung.
- A patch that does not apply, does not compile or does not change the program is an error.
- The *lane* says what was run. `hosted` and `explore` are the stress and the explorer as programs
  of the host, and `unit` is a unit test. `direct`, `stacsos` and `iso` are kernels in QEMU.

`ci/defects --explorer --rules --markdown docs/DEFECTS.md` writes this page. The runs use TCG and
one seed. Times are rounded up. If several phases can find a defect, another run may name another
phase.
"""


EXPLORER = """\
Most defects are also given to the explorer ([EXPLORE.md](EXPLORE.md)). It runs 30,000 schedules of
small programs (6,000 for the per-CPU caches).

Result: {}.

The column *explorer* names the rule that broke, or says `no`. It is empty if the explorer does not
run the changed code.
"""


class Score:
    """Numbers of outcomes. A defect that proved to be equivalent does not count as applicable."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.kinds = Counter(outcome.kind for outcome in outcomes)

    @property
    def applicable(self) -> int:
        return self.kinds.total() - self.kinds[EQUIVALENT]

    @property
    def caught(self) -> int:
        return sum(self.kinds[kind] for kind in CAUGHT)

    def text(self) -> str:
        """The score in one line."""
        rest = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()) if kind not in CAUGHT)
        return (f"caught {self.caught} of {self.applicable}, {self.kinds[RIGHT]} of them under the expected title"
                + (f"; {rest}" if rest else ""))

    def as_dict(self) -> dict[str, int]:
        return {"applicable": self.applicable, "caught": self.caught, "right_title": self.kinds[RIGHT],
                **{f"outcome_{kind}": count for kind, count in sorted(self.kinds.items())}}


def heading() -> str:
    """The first line of the terminal table."""
    return ROW.format("defect", "expected", "found", "phase", "lane", "s", "")


def row(outcome: Outcome) -> str:
    """A line of the terminal table."""
    mark = "" if outcome.met else f"{outcome.kind.upper()}: {outcome.note}".rstrip(": ")
    return ROW.format(outcome.defect.name, outcome.defect.expected, outcome.found or "-", outcome.run.phase,
                      outcome.lane, f"{outcome.run.seconds:.1f}", mark).rstrip()


def explorer_row(outcome: Outcome) -> str:
    """A line with the explorer's result, "" if the explorer does not run the changed code."""
    tried = outcome.explored
    return f"  explored {outcome.defect.name:<27} {outcome.defect.expected:<14} {tried.found or '-':<14}" if tried else ""


def explorer_text(outcomes: list[Outcome]) -> str:
    """How many defects the explorer finds, in one line; "" if it was not run."""
    seen = [one for one in outcomes if one.explored and not one.defect.equivalent]
    own = sum(one.lane == EXPLORE and one.kind in CAUGHT for one in outcomes)
    found = sum(one.explored.kind in CAUGHT for one in seen if one.explored)
    alone = f"; it alone finds {own} others" if own else ""
    return f"the explorer finds {found} of the {len(seen)} that change code it runs{alone}" if seen else ""


def rule_row(outcome: RuleOutcome) -> str:
    """A line of the terminal table for a disabled rule."""
    kinds = Counter(_became(one) for one in outcome.changed)
    became = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    changed = f"{len(outcome.changed)} of {len(outcome.without)} changed{': ' + became if became else ''}"
    return f"  without {outcome.rule:<15} {changed}" + ("" if outcome.met else f"  ERROR: {outcome.verdict}")


def as_json(outcomes: list[Outcome], rules: list[RuleOutcome]) -> str:
    """All results as JSON."""
    record: dict[str, Any] = {"score": Score(outcomes).as_dict(),
                              "defects": [outcome.as_dict() for outcome in outcomes],
                              "rules": [rule.as_dict() for rule in rules]}
    return json.dumps(record, indent=2) + "\n"


def as_markdown(outcomes: list[Outcome], rules: list[RuleOutcome]) -> str:
    """The text of docs/DEFECTS.md."""
    parts = [MADE, textwrap.fill(f"**Score: {Score(outcomes).text()}.**", 100) + "\n"]
    if explorer_text(outcomes):
        parts.append(EXPLORER.format(explorer_text(outcomes)))
    for area in AREAS:
        here = sorted((one for one in outcomes if one.defect.area == area), key=lambda one: one.defect.name)
        if here:
            parts.append(_area(area, here))
    if rules:
        parts.append(_converse(rules))
    return "\n".join(parts)


def _area(area: str, outcomes: list[Outcome]) -> str:
    lines = [f"## {area}\n", "| defect | must be | found as | phase | lane | within | explorer | stands for |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for one in outcomes:
        found = f"`{one.found}`" if one.kind in CAUGHT else f"**{one.kind}**"
        cells = (one.defect.name, f"`{one.defect.title}`" if one.defect.title else "equivalent",
                 found if one.met else f"**{one.kind}**: {_safe(one.note or one.found)}",
                 one.run.phase, one.lane, _within(one.run.seconds), _explored(one), _safe(one.defect.origin))
        lines.append("| " + " | ".join(cells) + " |")
    for one in outcomes:
        if one.defect.equivalent:
            lines.append("\n" + textwrap.fill(f"`{one.defect.name}` is equivalent: {one.defect.equivalent}", 100))
    return "\n".join(lines) + "\n"


def _converse(rules: list[RuleOutcome]) -> str:
    lines = ["## Without a rule\n",
             "Each rule of the oracle is disabled in turn (`tests/defects/rules/RULE.patch`). The defects\nthat it "
             "finds are then run again. If all of them had the same result, the rule would be redundant.\n",
             "| rule | its defects | with another result | which results |", "| --- | --- | --- | --- |"]
    for rule in rules:
        kinds = Counter(_became(one) for one in rule.changed)
        became = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
        lines.append(f"| `{rule.rule}` | {len(rule.without)} | {len(rule.changed)} | "
                     f"{became if rule.met else '**' + _safe(rule.verdict) + '**'} |")
    return "\n".join(lines) + "\n"


def _explored(outcome: Outcome) -> str:
    tried = outcome.explored
    if not tried:
        return ""
    return f"`{tried.run.rule}`" if tried.kind in CAUGHT else "no"


def _became(outcome: Outcome) -> str:
    return outcome.run.rule if outcome.kind in CAUGHT and outcome.run.rule else outcome.kind


def _within(seconds: float) -> str:
    return next((f"{bound} s" for bound in BUCKETS if seconds <= bound), f"{seconds:.0f} s")


def _safe(text: str) -> str:
    return text.replace("|", "\\|")
