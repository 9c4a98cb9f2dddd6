"""The search through all states of an allocator (stress/prove/*.c): its plans, and the defects that it must refute."""

import collections
import os
import re
import subprocess

from ..usage import ROOT
from . import programs
from .defects import DEFECTS

BUILD = "build/host/prove"
TIMEOUT_SECONDS = 1800

# Run from inside a make or not, the make here is one of its own.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}

Outcome = collections.namedtuple("Outcome", "verdict states seconds mib title steps text")


def make(*targets):
    done = programs.run(["make", "--no-print-directory", "-s", "-j2", "-f", "arch/host/host.mk", *targets], cwd=ROOT,
                        env=ENVIRONMENT, timeout=TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


def plans():
    """Names of the plans, each with whether it is slow. The program must be built."""
    listed = subprocess.run([ROOT / BUILD / "check"], capture_output=True, text=True, check=True)
    return [(words.split()[0], "slow" in words.split()) for words in listed.stdout.splitlines()]


def run(plan, program=f"{BUILD}/check"):
    done = programs.run([ROOT / program, plan], timeout=TIMEOUT_SECONDS)
    last = re.search(r"^(proved|refuted|miscounted) \S+: states=(\d+) .*seconds=([\d.]+) mib=([\d.]+)$", done.stdout, re.M)
    if not last or done.returncode != {"proved": 0, "refuted": 1, "miscounted": 2}[last[1]]:
        raise RuntimeError(f"{program} {plan}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    title = re.search(r"^refuted \S+: ([a-z-]+): ", done.stdout)
    steps = re.search(r"shortest way there, of (\d+) steps", done.stdout)
    return Outcome(last[1], int(last[2]), float(last[3]), float(last[4]), title and title[1], steps and int(steps[1]),
                   done.stdout)


def program_with(defect):
    """Put a defect into a copy of its source; returns the program, to be made."""
    source = (ROOT / f"mm/{defect.source}.c").read_text()
    for old, new in defect.edits:
        if source.count(old) != 1:
            raise RuntimeError(f"defect {defect.name}: mm/{defect.source}.c has {source.count(old)} times:\n{old}")
        source = source.replace(old, new)
    program = f"{BUILD}/mutants/{defect.source}/{defect.name}"
    path = ROOT / f"{program}.c"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != source:
        path.write_text(source)
    return program


def build():
    make(f"{BUILD}/check", *dict.fromkeys(program_with(defect) for defect in DEFECTS))


def refutes(defect):
    """Whether the defect is refuted as it must be, and what was seen."""
    outcome = run(defect.plan, program_with(defect))
    return (outcome.title, outcome.steps) == (defect.title, defect.steps), outcome.text
