"""Sweeps by GNU parallel and by Slurm: the real programs, on this machine, if they are installed.

STAMPEDE_TEST_ENGINES=all makes a missing one a failure.
"""

import os
import shutil
import signal
import subprocess

import pytest
from fake_runs import is_running, wait_until
from slurm_cluster import PROGRAMS, cluster
from support import ROOT, STAMPEDE, stampede
from test_sweep import OVERLAP, ran, results, settings, words

from stampedelib.verdict.verdict import CODES

ACTS = {2: OVERLAP.format(16), 5: OVERLAP.format(32)}
# Replaces ssh: it runs the remote command on this machine. A login sets SHELL, which GNU parallel's command needs
# and which may be missing in this environment.
FAKE_SSH = """#!/bin/sh
echo "login banner"
while [ "$1" != somewhere ]; do shift; done
shift
[ "$1" != -- ] || shift
SHELL=/bin/sh exec sh -c "$*"
"""


def need(program, purpose):
    """Skip the test if the program is missing; fail if STAMPEDE_TEST_ENGINES=all."""
    if shutil.which(program):
        return
    text = f"{program} is not installed: ci/install-deps {purpose}"
    if os.environ.get("STAMPEDE_TEST_ENGINES") == "all":
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="session", name="slurm")
def fixture_slurm(tmp_path_factory):
    """The environment of a running cluster."""
    for program in PROGRAMS:
        need(program, "sweep-slurm")
    if os.geteuid() != 0:
        pytest.skip("only root can start slurmd")
    with cluster(tmp_path_factory.mktemp("slurm") / "cluster") as environment:
        yield environment


@pytest.fixture(params=["parallel", "parallel by ssh", "slurm"], name="engine")
def fixture_engine(request, tmp_path):
    """The options of an engine and its environment."""
    if request.param == "slurm":
        return ["--engine", "slurm"], {"SLURM_CONF": request.getfixturevalue("slurm")["SLURM_CONF"]}
    need("parallel", "sweep-parallel")
    if request.param == "parallel":
        return ["--engine", "parallel"], {}
    ssh = tmp_path / "ssh"
    ssh.write_text(FAKE_SSH)
    ssh.chmod(0o755)
    return ["--engine", "parallel", "--sshlogin", f"{ssh} somewhere"], {}


def sweep(folder, engine, *options, acts=None, seeds="1..6"):
    chosen, environment = engine
    return stampede(*words(folder, *chosen, *options, seeds=seeds), timeout=120,
                    env=settings(folder, acts) | environment)


def test_all_are_run_and_failures_come_back(tmp_path, engine):
    done = sweep(tmp_path, engine, "--keep-going", "--jobs", 2, acts=ACTS)
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert sorted(ran(tmp_path)) == [1, 2, 3, 4, 5, 6]
    assert results(tmp_path) == {1: "pass", 2: "fail", 3: "pass", 4: "pass", 5: "fail", 6: "pass"}
    kept = tmp_path / "sweep/failures"
    assert sorted(path.name for path in kept.iterdir()) == ["seed-2", "seed-5"]
    assert "pfn 0x20 order 3" in (kept / "seed-5/serial.log").read_text()
    assert (kept / "seed-5/verdict.json").exists()


def test_stops_at_a_failure_and_resumes(tmp_path, engine):
    done = sweep(tmp_path, engine, "--jobs", 1, acts={1: OVERLAP.format(16), 3: "mute"})
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert results(tmp_path)[1] == "fail" and 3 not in results(tmp_path)
    done = sweep(tmp_path, engine, "--jobs", 1)
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert sorted(results(tmp_path)) == [1, 2, 3, 4, 5, 6]
    assert ran(tmp_path).count(1) == 1


def test_interrupted_leaves_nothing_running_and_resumes(tmp_path, engine):
    chosen, environment = engine
    tool = subprocess.Popen([STAMPEDE, *map(str, words(tmp_path, *chosen, "--jobs", "1"))],
                            env=settings(tmp_path, {3: "mute"}) | environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    wait_until(lambda: 3 in ran(tmp_path))
    wait_until(lambda: sorted(results(tmp_path)) == [1, 2])
    tool.send_signal(signal.SIGINT)
    output, errors = tool.communicate(timeout=60)
    assert tool.returncode == 130, output + errors
    assert "Traceback" not in errors
    pids = [int(line.split()[1]) for line in (tmp_path / "pid").read_text().splitlines()]
    wait_until(lambda: not any(map(is_running, pids)))
    done = sweep(tmp_path, engine, "--jobs", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(results(tmp_path)) == [1, 2, 3, 4, 5, 6]
    assert ran(tmp_path).count(1) == ran(tmp_path).count(2) == 1


def test_run_that_gives_no_result_is_no_pass(tmp_path, engine):
    """The test terminates the run from outside."""
    chosen, environment = engine
    tool = subprocess.Popen(
        [STAMPEDE, *map(str, words(tmp_path, *chosen, "--jobs", "1", seeds="1..2"))],
        env=settings(tmp_path, {2: "mute"}) | environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True)
    wait_until(lambda: 2 in ran(tmp_path))
    pid = int((tmp_path / "pid").read_text().splitlines()[-1].split()[1])
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGTERM)
    output, errors = tool.communicate(timeout=60)
    assert tool.returncode == CODES["error"], output + errors
    assert "1 runs gave no result" in output


@pytest.mark.parametrize("engine, program", [("parallel", "parallel"), ("slurm", "sbatch")])
def test_missing_engine_is_an_error_of_use(tmp_path, engine, program):
    for name in ("python3", "env", "sh"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = stampede(*words(tmp_path, "--engine", engine),
                    env=settings(tmp_path) | {"PATH": str(tmp_path)})
    assert done.returncode == CODES["error"] and done.stderr.count("\n") == 1, done.stderr
    assert "interrupted" not in done.stdout
    assert program in done.stderr and f"ci/install-deps sweep-{engine}" in done.stderr


def test_slurm_that_refuses_the_job_says_why(tmp_path, slurm):
    engine = ["--engine", "slurm", "--slurm-options=--partition=none"], \
        {"SLURM_CONF": slurm["SLURM_CONF"]}
    done = sweep(tmp_path, engine)
    assert done.returncode == CODES["error"] and "invalid partition" in done.stderr, done.stderr


def test_array_is_no_larger_than_slurm_allows(tmp_path, slurm):
    """If there are more seeds than tasks, each task runs several."""
    from stampedelib.sweep import engines

    task = engines.Task(engines.SweepPlan("run", ["--x"], "/", ""), _Folder(tmp_path), [], 1, [], [])
    todo = tmp_path / "todo"
    todo.write_text("".join(f"{seed}\n" for seed in range(1, 11)))
    script = engines.Slurm(task).script(todo, 3).replace(str(ROOT / "ci/stampede"), "echo")
    seen = []
    for number in range(3):
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True,
                              env=os.environ | {"SLURM_ARRAY_TASK_ID": str(number)})
        seen += [int(line.rpartition(" -- ")[0].split()[-1]) for line in done.stdout.splitlines()]
    assert sorted(seen) == list(range(1, 11))


class _Folder:
    """The part of a sweep's folder that a script needs."""

    def __init__(self, folder):
        self.folder = folder

    def run_folder(self, seed):
        return self.folder / "failures" / f"seed-{seed}"
