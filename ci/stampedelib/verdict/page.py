"""The page that a person sees before the verdict of a run.

It has a line for each phase, the promises and rules that were tested or not, and where to look
first.
"""
from collections import Counter
from textwrap import shorten, wrap

from ..log.statement import BROKEN, NOT_TESTED, LeftOut, Statement, by_reason
from .verdict import Verdict

DETAIL_WIDTH = 80
WIDTH = 120
OUTCOMES = ("kept", BROKEN, NOT_TESTED, "not made")  # in this order, then any others
WHYS_SHOWN = 4
FAILED_SHOWN = 20


def lines(verdict: Verdict) -> list[str]:
    """The lines of the page."""
    return [*phase_lines(verdict), *tried_lines(verdict), *selftest_lines(verdict),
            *([f"  look first at {verdict.advice}"] if verdict.advice else [])]


def phase_lines(verdict: Verdict) -> list[str]:
    """A line for each phase, or one for a failure before the first."""
    found = [f"  {phase.outcome:<13}{phase.name:<12} {shorten(phase.detail, DETAIL_WIDTH)}"
             for phase in verdict.phases]
    if verdict.place:
        found.append(f"  {verdict.word:<13}{verdict.place}")
    return found


def tried_lines(verdict: Verdict) -> list[str]:
    """The promises by outcome, then rules and phases that were left out."""
    outcomes: dict[str, list[Statement]] = {outcome: [] for outcome in OUTCOMES}
    for promise in verdict.promises:
        outcomes.setdefault(promise.outcome, []).append(promise)
    rows = [(f"promises {outcome}", promises) for outcome, promises in outcomes.items()]
    rows += [("rules not tested", verdict.rules_not_tested), ("phases left out", verdict.phases_left_out)]
    return [line for name, statements in rows if statements
            for line in row_lines(name, by_reason(statements))]


def selftest_lines(verdict: Verdict) -> list[str]:
    """The first vectors that failed, each on a line, and the number of vectors left out."""
    found = []
    if verdict.selftest_failed:
        found.append(f"  selftest vectors failed: {len(verdict.selftest_failed)}")
        found += [f"    {vector}" for vector in verdict.selftest_failed[:FAILED_SHOWN]]
        more = len(verdict.selftest_failed) - FAILED_SHOWN
        found += [f"    and {more} more: # selftest failed, in the log"] if more > 0 else []
    if verdict.selftest_left_out:
        found += folded(f"selftest vectors left out: {_counted(verdict.selftest_left_out)}")
    return found


def _counted(vectors: list[LeftOut]) -> str:
    """`12 (no remove_pages: 8; one core: 4)`."""
    whys: Counter[str] = Counter()
    for vector in vectors:
        whys[vector.why] += vector.count
    total = whys.total()
    del whys[""]
    shown = [f"{why}: {count}" for why, count in whys.most_common(WHYS_SHOWN)]
    rest = whys.total() - sum(count for _, count in whys.most_common(WHYS_SHOWN))
    shown += [f"other reasons: {rest}"] if rest else []
    return f"{total}" + (f" ({'; '.join(shown)})" if shown else "")


def row_lines(name: str, groups: list[str]) -> list[str]:
    """A row in one line if it fits, else a line for each group."""
    whole = f"{name}: {'; '.join(groups)}"
    if len(groups) == 1 or len(whole) + 2 <= WIDTH:
        return folded(whole)
    below = " " * (len(name) + 4)
    return [f"  {name}: {groups[0]}", *(f"{below}{group}" for group in groups[1:])]


def folded(text: str) -> list[str]:
    """A line of the page, wrapped if it is long."""
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False,
                break_long_words=False)
