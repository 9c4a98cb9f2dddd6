"""The hosted unit tests. Each program is one test here, which shows the program's output if it fails."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAKE = ["make", "--no-print-directory", "-f", "tests/tests.mk"]
TIMEOUT_SECONDS = 120

# Without make's own variables: a make started here must not be a sub-make of one that runs the tests.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def programs():
    listed = subprocess.run(
        MAKE + ["-s", "hosted-list"],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    return listed.stdout.split()


@pytest.fixture(scope="session")
def built():
    made = subprocess.run(
        MAKE + ["-j2", "hosted-tests"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr


def run(program, *names):
    return subprocess.run(
        [ROOT / program, *names],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )


def passed(done):
    """Whether the program passed by all of: exit status, plan, results and last line."""
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        return False
    plan = re.fullmatch(r"1\.\.(\d+)", lines[0])
    oks = sum(line.startswith("ok ") for line in lines)
    return bool(
        plan
        and oks == int(plan[1]) > 0
        and lines[-1] == f"# passed {oks} of {oks}"
        and not any(line.startswith("not ok") for line in lines)
    )


@pytest.mark.parametrize("program", programs())
def test_program(built, program):
    done = run(program)
    assert passed(done), f"exit status {done.returncode}\n{done.stdout}"


@pytest.mark.parametrize(
    "name",
    [
        "check",
        "equal",
        "crash",
        "overrun",
        "exit",
        "fail",
        "no_failure",
        "other_rule",
        "other_text",
        "no_such",
    ],
)
def test_broken_is_noticed(built, name):
    """No way in which a test can go wrong counts as a pass."""
    assert not passed(run("build/host/asan/broken", name))
