"""Runs the search through all states of an allocator (stress/prove), with and without defects."""

import os
import re
import subprocess
from dataclasses import dataclass

from ..process import run_whole
from ..usage import ROOT
from .defects import DEFECTS, Defect

BUILD = "build/host/prove"
TIMEOUT_SECONDS = 1800

# Without these variables the make started here is independent of a make that runs this tool.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


@dataclass(frozen=True)
class Outcome:
    """The result of a search.

    title, steps: the broken rule and the length of the shortest way to it, if the plan is refuted.
    """
    verdict: str
    states: int
    seconds: float
    mib: float
    title: str | None
    steps: int | None
    text: str


def make(*targets: str) -> None:
    """Build these targets. Raises RuntimeError."""
    code, text = run_whole(["make", "--no-print-directory", "-s", "-j2", "-f", "arch/host/host.mk", *targets],
                           TIMEOUT_SECONDS, ROOT, ENVIRONMENT)
    if code != 0:
        raise RuntimeError(text)


def plans() -> list[tuple[str, bool]]:
    """The names of the plans, each with whether it is slow. The program must have been built."""
    listed = subprocess.run([ROOT / BUILD / "check"], capture_output=True, text=True, check=True)
    return [(words.split()[0], "slow" in words.split()) for words in listed.stdout.splitlines()]


def run(plan: str, program: str = f"{BUILD}/check") -> Outcome:
    """Search all states of a plan. Raises RuntimeError if the program reports no result."""
    code, text = run_whole([ROOT / program, plan], TIMEOUT_SECONDS)
    last = re.search(r"^(proved|refuted|miscounted) \S+: states=(\d+) .*seconds=([\d.]+) mib=([\d.]+)$", text, re.M)
    if not last or code != {"proved": 0, "refuted": 1, "miscounted": 2}[last[1]]:
        raise RuntimeError(f"{program} {plan}: exit code {code}\n{text}")
    title = re.search(r"^refuted \S+: ([a-z-]+): ", text, re.M)
    steps = re.search(r"shortest way there, of (\d+) steps", text)
    return Outcome(last[1], int(last[2]), float(last[3]), float(last[4]), title[1] if title else None,
                   int(steps[1]) if steps else None, text)


def program_with(defect: Defect) -> str:
    """Put a defect into a copy of its source; the program to build from it. Raises RuntimeError."""
    source = (ROOT / f"mm/{defect.source}.c").read_text()
    for old, new in defect.edits:
        if source.count(old) != 1:
            raise RuntimeError(f"defect {defect.name}: mm/{defect.source}.c has this text {source.count(old)} times:\n{old}")
        source = source.replace(old, new)
    program = f"{BUILD}/mutants/{defect.source}/{defect.name}"
    path = ROOT / f"{program}.c"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != source:
        path.write_text(source)
    return program


def build() -> None:
    """Build the search for the code and for each defect. Raises RuntimeError."""
    make(f"{BUILD}/check", *dict.fromkeys(program_with(defect) for defect in DEFECTS))


def refutes(defect: Defect) -> tuple[bool, str]:
    """Whether the defect is refuted with its title and steps, and the output."""
    outcome = run(defect.plan, program_with(defect))
    return (outcome.title, outcome.steps) == (defect.title, defect.steps), outcome.text
