"""The verdict as JUnit XML for CI systems, with a test case for each planned phase.

A failure is shown in the case of its phase, or in a case named `run` if it was in no phase. A
promise or rule that was not tested is a skipped case. All promises are properties.
"""
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..log.serial import Log, Phase, parse
from ..log.statement import NOT_TESTED
from .verdict import Verdict

SUITE = "stampede"
TAIL_LINES = 200
FAILURE_LINE = "# FAILURE "
MOST_CASES = 1000  # limit for a damaged log, whose plan can be any number
GOOD = ("pass", "inconclusive")
ELEMENT = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True)
class Case:
    """One test case. `kind` is a key of ELEMENT, or "" for a pass."""
    name: str
    kind: str = ""
    message: str = ""
    seconds: str = "0"


def write(path: Path, verdict: Verdict, raw: bytes) -> None:
    """Write the file. Creates its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(junit(verdict, raw))


def junit(verdict: Verdict, raw: bytes) -> bytes:
    """The XML document."""
    log = parse(raw)
    cases = [*_phases(verdict, log), *_not_tested(verdict)]
    if verdict.word not in GOOD and not any(case.kind in ("failure", "error") for case in cases):
        cases.append(Case("run", _kind(verdict), verdict.title))
    counts = {plural: str(sum(case.kind == kind for case in cases))
              for kind, plural in ELEMENT.items()}
    suite = ElementTree.Element("testsuite", {"name": SUITE, "tests": str(len(cases)), **counts})
    _add_properties(suite, verdict)
    for case in cases:
        _add_case(suite, case, verdict)
    ElementTree.SubElement(suite, "system-out").text = _clean("\n".join(_tail(log)))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _kind(verdict: Verdict) -> str:
    """JUnit's word: "failure" is for the code under test, "error" for everything else."""
    return "failure" if verdict.word == "fail" else "error"


def _phases(verdict: Verdict, log: Log) -> Iterator[Case]:
    """A case for each planned phase, also for those without a result."""
    for phase in verdict.phases[:MOST_CASES]:
        yield _case(phase, verdict)
    done = len(verdict.phases)
    for index in range(done, min(verdict.planned or 0, MOST_CASES)):
        if index == done and log.running:
            yield Case(_clean(log.running), _kind(verdict), verdict.title)
        else:
            yield Case(f"phase {index + 1}", "skipped", "the run ended before")


def _case(phase: Phase, verdict: Verdict) -> Case:
    milliseconds = phase.values.get("ms")
    seconds = f"{milliseconds / 1000:.3f}" if isinstance(milliseconds, int) else "0"
    if phase.outcome == "fail":
        return Case(phase.name, _kind(verdict), phase.detail, seconds)
    if phase.outcome in ("skip", "inconclusive"):
        return Case(phase.name, "skipped", phase.detail.removeprefix("SKIP "), seconds)
    return Case(phase.name, seconds=seconds)


def _not_tested(verdict: Verdict) -> Iterator[Case]:
    for kind, statements in (("promise", verdict.promises), ("rule", verdict.rules_not_tested)):
        for statement in statements[:MOST_CASES]:
            if statement.outcome == NOT_TESTED:
                yield Case(f"{kind} {statement.name}", "skipped",
                           f"{NOT_TESTED}: {statement.why}" if statement.why else NOT_TESTED)


def _add_properties(suite: ElementTree.Element, verdict: Verdict) -> None:
    """Add the outcome of each promise and the failed vectors as properties."""
    rows = [(f"promise {promise.name}", promise.outcome) for promise in verdict.promises]
    rows += [("selftest failed", vector) for vector in verdict.selftest_failed]
    if not rows:
        return
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in rows[:MOST_CASES]:
        ElementTree.SubElement(properties, "property", name=_clean(name), value=_clean(value))


def _add_case(suite: ElementTree.Element, case: Case, verdict: Verdict) -> None:
    element = ElementTree.SubElement(suite, "testcase", name=_clean(case.name), classname=SUITE,
                                     time=case.seconds)
    if case.kind == "skipped":
        ElementTree.SubElement(element, "skipped", message=_clean(case.message))
    elif case.kind:
        child = ElementTree.SubElement(element, case.kind, type=verdict.word,
                                       message=_clean(case.message))
        child.text = _clean("\n".join([verdict.title, *verdict.reasons]))


def _tail(log: Log) -> list[str]:
    """The end of the log: from the report of a failure, if there is one."""
    starts = (at for at, line in enumerate(log.lines) if line.startswith(FAILURE_LINE))
    lines = log.lines[next(starts, -TAIL_LINES):]
    hidden = len(lines) - 2 * TAIL_LINES
    if hidden <= 0:
        return lines
    return [*lines[:TAIL_LINES], f"({hidden} lines left out)", *lines[-TAIL_LINES:]]


def _clean(text: str) -> str:
    """The text without characters that XML does not allow."""
    return re.sub(r"[^\n -~]", "?", text)
