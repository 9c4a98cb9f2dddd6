"""The engines that carry out the runs of a sweep: this machine, GNU parallel, or Slurm.

An engine is a context manager. Inside, results() yields its results one by one, and None when there
is nothing new, so that progress can be shown. Leaving it ends everything that it runs. Runs without
a yielded result do not count and are run again by the next sweep.
"""
import base64
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from ..process import die_with
from ..usage import UsageError
from .store import INBOX, Store, SweepPlan
from .work import STAMPEDE, WORKS, Attempt, Result

POLL_SECONDS = 0.1
QUEUE_SECONDS = 2
MOST_TASKS = 1000  # largest number of tasks in a Slurm array: MaxArraySize is 1001 by default


@dataclass(frozen=True)
class Task:
    """The work for an engine: `seeds` of `plan`, `jobs` at the same time."""
    plan: SweepPlan
    store: Store
    seeds: list[int]
    jobs: int
    hosts: list[str]
    slurm_options: list[str]


def one_command(task: Task, *options: str) -> list[str]:
    """The beginning of a `ci/stampede sweep-one` command.

    A seed, `--` and the words must follow.
    """
    return [str(STAMPEDE), "sweep-one", "--work", task.plan.work, *options]


class Engine(Protocol):
    """The interface of an engine."""

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *_: object) -> None: ...

    def results(self) -> Iterator[Result | None]:
        """The results as they arrive; None when there is nothing new."""


class Local:
    """Runs processes on this machine."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._running: list[Attempt] = []

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *_: object) -> None:
        for attempt in self._running:
            attempt.process.terminate()
        for attempt in self._running:
            attempt.end()

    def results(self) -> Iterator[Result | None]:
        """The results as they arrive; None when there is nothing new."""
        seeds = iter(self._task.seeds)
        more = True
        while more or self._running:
            while more and len(self._running) < self._task.jobs:
                more = self._start(next(seeds, None))
            yield from self._ended()
            yield None
            time.sleep(POLL_SECONDS)

    def _start(self, seed: int | None) -> bool:
        if seed is None:
            return False
        plan = self._task.plan
        self._running.append(Attempt(WORKS[plan.work], plan.words, seed,
                                     self._task.store.run_folder(seed)))
        return True

    def _ended(self) -> Iterator[Result]:
        for attempt in [one for one in self._running if one.process.poll() is not None]:
            self._running.remove(attempt)
            if result := attempt.result():
                yield result


class Parallel:
    """GNU parallel, on this machine or those of --sshlogin. Its standard output has the results."""

    def __init__(self, task: Task) -> None:
        self._task = task
        if not shutil.which("parallel"):
            raise UsageError("--engine parallel: GNU parallel is missing; install it with "
                             "ci/install-deps sweep-parallel")

    def __enter__(self) -> "Parallel":
        with tempfile.TemporaryFile() as seeds:
            seeds.write("".join(f"{seed}\n" for seed in self._task.seeds).encode())
            seeds.seek(0)
            self._process = subprocess.Popen(
                self.command(), stdin=seeds, stdout=subprocess.PIPE, start_new_session=True,
                preexec_fn=die_with(os.getpid(), signal.SIGTERM))
        assert self._process.stdout
        self._output = self._process.stdout
        return self

    def command(self) -> list[str]:
        """The command. It reads the seeds from standard input."""
        task = self._task
        where = (["--embed"] if task.hosts else
                 ["--into", str(task.store.run_folder(0).parent.absolute())])
        script = (f"cd {shlex.quote(task.plan.cwd)} && exec {shlex.join(one_command(task, *where))} "
                  f"{{}} -- {shlex.join(task.plan.words)}")
        logins = [word for host in task.hosts for word in ("--sshlogin", host)]
        return ["parallel", "--will-cite", "--jobs", str(task.jobs), "--line-buffer",
                "--termseq", "TERM,10000,KILL", *logins, script]

    def __exit__(self, *_: object) -> None:
        """End GNU parallel.

        The first SIGTERM stops it from starting jobs, the second ends running ones.
        """
        for _turn in range(2):
            if self._process.poll() is None:
                self._process.terminate()
                time.sleep(POLL_SECONDS)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def results(self) -> Iterator[Result | None]:
        """The results as they arrive; None when there is nothing new."""
        pending = b""
        while True:
            readable, _, _ = select.select([self._output], [], [], POLL_SECONDS)
            data = os.read(self._output.fileno(), 1 << 20) if readable else None
            if data == b"":
                return
            *lines, pending = (pending + (data or b"")).split(b"\n")
            yield from (take_in(self._task.store, json.loads(line))
                        for line in lines if line.startswith(b"{"))  # a login may print other lines
            yield None


class Slurm:
    """A job array of Slurm. The store's folder must be on a file system that all nodes share."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._job: str | None = None
        if not shutil.which("sbatch"):
            raise UsageError("--engine slurm: sbatch is missing; use a machine of a Slurm cluster, or install it with "
                             "ci/install-deps sweep-slurm")
        self._inbox = task.store.folder.absolute() / INBOX
        self._inbox.mkdir(exist_ok=True)

    def __enter__(self) -> "Slurm":
        return self

    def __exit__(self, *_: object) -> None:
        if self._job:
            subprocess.run(["scancel", self._job], check=False)
            while self._is_queued():
                time.sleep(POLL_SECONDS)

    def results(self) -> Iterator[Result | None]:
        """First the results left by jobs of an earlier sweep; None when there is nothing new."""
        yield from self._inbox_results()
        left = [seed for seed in self._task.seeds if seed not in self._task.store.results]
        if not left:
            return
        self._submit(left)
        while True:
            queued = self._is_queued()
            yield from self._inbox_results()
            yield None
            if not queued:
                return
            time.sleep(QUEUE_SECONDS)

    def _inbox_results(self) -> Iterator[Result]:
        for path in sorted(self._inbox.glob("*.json")):
            result = take_in(self._task.store, json.loads(path.read_text("utf-8")))
            if result.seed not in self._task.store.results:
                yield result
            path.unlink()  # not before the result is stored

    def _submit(self, seeds: list[int]) -> None:
        """Submit an array of n tasks.

        Each task takes every n-th seed of a file. Raises UsageError.
        """
        todo = self._inbox / "todo"
        todo.write_text("".join(f"{seed}\n" for seed in seeds), encoding="ascii")
        tasks = min(len(seeds), MOST_TASKS)
        done = subprocess.run(
            ["sbatch", "--parsable", "--job-name=stampede-sweep",
             f"--array=0-{tasks - 1}%{self._task.jobs}", "--ntasks=1", "--cpus-per-task=1",
             f"--chdir={self._task.plan.cwd}", f"--output={self._inbox}/task-%a.txt",
             *self._task.slurm_options],
            input=self.script(todo, tasks), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UsageError(f"--engine slurm: sbatch: {done.stderr.strip() or done.stdout.strip()}")
        self._job = done.stdout.strip().split(";")[0]

    def script(self, todo: Path, tasks: int) -> str:
        """The shell script of one task."""
        task = self._task
        command = shlex.join(one_command(
            task, "--into", str(task.store.run_folder(0).parent.absolute()), "--result",
            str(self._inbox)))
        pick = f"NR % {tasks} == (SLURM_ARRAY_TASK_ID + 1) % {tasks}"
        return ("#!/bin/sh\n"
                f"for seed in $(awk -v SLURM_ARRAY_TASK_ID=\"$SLURM_ARRAY_TASK_ID\" '{pick}' "
                f"{shlex.quote(str(todo))}); do\n"
                f"    {command} \"$seed\" -- {shlex.join(task.plan.words)}\n"
                "done\n")

    def _is_queued(self) -> bool:
        """Whether the job is queued or runs. For a job that Slurm has forgotten, squeue fails."""
        if not self._job:
            return False
        done = subprocess.run(["squeue", "--noheader", "--jobs", self._job], capture_output=True,
                              text=True, check=False)
        return done.returncode == 0 and bool(done.stdout.strip())


ENGINES: dict[str, Callable[[Task], Engine]] = {"local": Local, "parallel": Parallel, "slurm": Slurm}


def give_out(result: Result, folder: Path | None) -> dict[str, object]:
    """The output of `sweep-one`: the result, and for a failure the files in `folder`, if given."""
    record = asdict(result)
    if folder and result.failed:
        record["files"] = {path.name: base64.b64encode(path.read_bytes()).decode()
                           for path in sorted(folder.iterdir()) if path.is_file()}
    return record


def take_in(store: Store, record: dict[str, Any]) -> Result:
    """The result in the output of `sweep-one`. Its files are written to the store."""
    files: dict[str, str] = record.pop("files", {})
    result = Result(**record)
    for name, content in files.items():
        path = store.run_folder(result.seed) / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(content))
    return result
