"""Reports the results of a run: problems with the verdicts, JSON, and docs/MUTANTS.md."""
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from .mutant import Mutant
from .operators import OPERATORS
from .state import OUTCOMES, RUN, Result
from .verdicts import Verdict


def complaints(mutants: Iterable[Mutant], results: dict[str, Result],
               verdicts: dict[str, Verdict], files: Iterable[str], whole: bool) -> list[str]:
    """Survivors without a verdict, and verdicts on other mutants.

    whole: whether all mutants of these files were run; then a verdict on another ID has no mutant.
    """
    chosen = {mutant.id for mutant in mutants}
    found = [f"{one}: survived, and has no verdict" for one in sorted(chosen)
             if results[one].outcome == "survived" and one not in verdicts]
    for one in verdicts:
        if one in chosen and results[one].outcome != "survived":
            found.append(f"{one}: has a verdict, and {_outcome(results[one])}")
        elif whole and one not in chosen and one.split(":")[0] in files:
            found.append(f"{one}: has a verdict, and there is no such mutant")
    return found


def _outcome(result: Result) -> str:
    if result.outcome == "killed":
        return f"is killed by {result.detector} ({result.how})"
    return f"is {result.outcome}"


def summary(results: Iterable[Result]) -> str:
    """The numbers of outcomes, in one line."""
    counts = Counter(result.outcome for result in results)
    ran = sum(counts[name] for name in RUN)
    return (f"{ran} mutants run: {counts['killed']} killed, {counts['timeout']} ended by time limit, "
            f"{counts['survived']} survived; not run: {counts['invalid']} do not compile, "
            f"{counts['same']} same code as the original, {counts['duplicate']} as another mutant")


def as_json(results: Iterable[Result], verdicts: dict[str, Verdict],
            found: list[str]) -> dict[str, Any]:
    """All results, for JSON."""
    return {
        "mutants": [{"id": one.id, "outcome": one.outcome, "detector": one.detector, "how": one.how,
                     "seconds": one.seconds,
                     "verdict": vars(verdicts[one.id]) if one.id in verdicts else None}
                    for one in results],
        "counts": Counter(one.outcome for one in results),
        "complaints": found,
    }


# ---- docs/MUTANTS.md ----

HEAD = """# Mutants

A mutant is one small change of one function of the allocators or the lock. `make mutants` makes
each mutant, runs the tests on it, and checks that at least one of them notices. It also generates
this page, so do not edit it.

`ci/stampedelib/mutants/operators.py` makes the changes, at the places that clang's syntax tree
names. The detectors run a mutant one after the other until one notices:

1. the stress, as an ordinary program
2. the explorer and the unit tests
3. the stress for a longer time, the threads test, and the unit tests under sanitizers
4. the real image in QEMU, on four cores

What becomes of a mutant:

| column | meaning |
| --- | --- |
| killed | a detector noticed it |
| time limit | a detector did not end in time |
| survived | no detector noticed it; a person's verdict in `tests/mutants/survivors.txt` says why |
| same code | not run: it compiles to the same code as the original |
| duplicate | not run: it compiles to the same code as another mutant |
| invalid | not run: it does not compile |

Some code is not changed: the expansions of macros, the words of messages, and data outside of
functions. A change in a header applies to the allocators alone, because the harness that judges
them must keep the original.
"""


def markdown(mutants: list[Mutant], results: dict[str, Result], verdicts: dict[str, Verdict],
             left: int, short: Callable[[Mutant], str]) -> str:
    """The text of the page. `left`: number of mutants that have not been run."""
    ordered = [results[mutant.id] for mutant in mutants]
    parts = [HEAD, textwrap.fill(f"{summary(ordered)}.", 100) + "\n",
             *([f"**Not whole: {left} mutants have not been run yet.**\n"] if left else []),
             "## By file\n", _table("file", mutants, results, lambda one: one.file),
             "## By operator\n", _operators(), _table("operator", mutants, results,
                                                      lambda one: one.operator),
             "## Who noticed\n", _detectors(ordered),
             "## Survivors\n", _survivors(mutants, results, verdicts, short),
             "## Ended by a time limit\n", _timeouts(mutants, results, short)]
    return "\n".join(parts)


def _table(title: str, mutants: list[Mutant], results: dict[str, Result],
           key: Callable[[Mutant], str]) -> str:
    rows: dict[str, Counter[str]] = {}
    for mutant in mutants:
        rows.setdefault(key(mutant), Counter())[results[mutant.id].outcome] += 1
    lines = [f"| {title} | run | killed | time limit | survived | same code | duplicate | invalid |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, count in rows.items():
        ran = sum(count[one] for one in RUN)
        cells = [ran, *(count[one] for one in OUTCOMES)]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _operators() -> str:
    return "\n".join(f"- `{name}`: {(change.__doc__ or '').strip()}"
                     for name, change in OPERATORS.items()) + "\n"


def _detectors(results: list[Result]) -> str:
    counts = Counter(one.detector for one in results if one.outcome == "killed")
    rules = Counter(one.how for one in results
                    if one.outcome == "killed" and one.detector in ("stress", "long stress", "image"))
    lines = ["| detector | killed first |", "| --- | --- |",
             *(f"| {name} | {count} |" for name, count in counts.most_common()), "",
             textwrap.fill("Rules that the stress named: "
                           + ", ".join(f"{name} {count}" for name, count in rules.most_common()) + ".", 100,
                           break_on_hyphens=False)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _survivors(mutants: list[Mutant], results: dict[str, Result], verdicts: dict[str, Verdict],
               short: Callable[[Mutant], str]) -> str:
    lines = ["| mutant | becomes | verdict |", "| --- | --- | --- |"]
    for mutant in mutants:
        if results[mutant.id].outcome == "survived":
            verdict = verdicts.get(mutant.id)
            said = f"{verdict.kind}: {verdict.why}" if verdict else "**none yet**"
            lines.append(f"| {mutant.id} | `{_cell(short(mutant))}` | {_cell(said)} |")
    return "\n".join(lines) + "\n"


def _timeouts(mutants: list[Mutant], results: dict[str, Result],
              short: Callable[[Mutant], str]) -> str:
    lines = ["| mutant | becomes | detector |", "| --- | --- | --- |"]
    lines += [f"| {one.id} | `{_cell(short(one))}` | {results[one.id].detector} |"
              for one in mutants if results[one.id].outcome == "timeout"]
    return "\n".join(lines) + "\n"
