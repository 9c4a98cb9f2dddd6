"""What a sweep can sweep over seeds: for each kind of work how one seed is run and what came of it.

A kind is a class with the methods of `Runs`, listed in WORKS.
"""
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..machine.options import DETERMINISTIC
from ..process import die_with
from ..run.options import RunOptions
from ..run.plan import build_machine
from ..usage import ROOT, UsageError
from ..verdict.verdict import CODES

STAMPEDE = ROOT / "ci/stampede"
INTERRUPTED = (130, 128 + 15, 128 + 1)  # the run was told to end: no result
OUTPUT = "output.txt"
END_SECONDS = 10  # of a run that is told to end


@dataclass(frozen=True)
class Result:
    """What came of one seed: a verdict's word, its title, and how to see it again."""
    seed: int
    word: str
    title: str
    seconds: float
    repeat: str

    @property
    def failed(self) -> bool:
        """Whether it is more than nothing found."""
        return self.word not in ("pass", "inconclusive")


class Runs:
    """Boots of the machine: `ci/stampede run`, deterministic unless --schedule says otherwise."""

    name = "run"

    def settle(self, words: list[str], options: RunOptions) -> list[str]:
        """The words of every run, complete; `options`: what the given ones say. Raises UsageError."""
        for name, value in _own(options):
            if value:
                raise UsageError(f"sweep: --{name} is no option for the runs of a sweep")
        if "seed" in options.stress.names():
            raise UsageError("sweep: --args: seed= is what a sweep varies; use --seeds")
        if options.on_fail == "gdb":
            raise UsageError("sweep: --on-fail gdb would wait for ever; use exit or bundle")
        if not any(word.partition("=")[0] == "--schedule" for word in words):
            words = ["--schedule", DETERMINISTIC, *words]
        if not options.on_fail:
            words = [*words, "--on-fail", "exit"]
        return words

    def image(self, options: RunOptions) -> Path:
        """The file whose content decides results. Raises UsageError where no run could begin."""
        build_machine(options, 1)
        return options.machine.image

    def command(self, words: list[str], seed: int, folder: Path) -> list[str]:
        """The process that runs a seed; it keeps what it has to say in `folder`."""
        return [str(STAMPEDE), "run", *words, "--seed", str(seed), "--quiet", "--log",
                str(folder / "serial.log")]

    def repeat(self, words: list[str], seed: int) -> str:
        """The command for a person to see this seed again."""
        return shlex.join(["ci/stampede", "run", *words, "--seed", str(seed)])

    def result(self, words: list[str], seed: int, folder: Path, code: int,
               seconds: float) -> Result | None:
        """What the process that ended with `code` has found; None if it was interrupted."""
        if code in INTERRUPTED:
            return None
        try:
            record: dict[str, Any] = json.loads((folder / "verdict.json").read_text("utf-8"))
            word, title = record["word"], record["title"]
        except (OSError, ValueError, KeyError):
            word, title = "error", _last_words(folder / OUTPUT, code)
        if CODES[word] != code:
            word, title = "error", f"exit code {code} after the verdict {word}"
        return Result(seed, word, title, round(seconds, 3), self.repeat(words, seed))


WORKS = {work.name: work for work in (Runs(),)}


def _own(options: RunOptions) -> list[tuple[str, object]]:
    """Of `run`, what a sweep says itself or what makes no sense in one."""
    return [("seed", options.stress.seed), ("log", options.log), ("quiet", options.quiet), ("junit", options.junit),
            ("bundle", options.bundle), ("keep-going", options.keep_going), ("dry-run", options.dry_run),
            ("debug", options.debug)]


def _last_words(path: Path, code: int) -> str:
    """What a process that left no verdict complained of."""
    try:
        lines = path.read_text("utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"no verdict, exit code {code}"


class Attempt:
    """A process that runs one seed. Its folder stays only with a result that is a failure."""

    def __init__(self, work: Runs, words: list[str], seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self._work = work
        self._words = words
        self._start = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)  # of one that was interrupted
        folder.mkdir(parents=True)
        with (folder / OUTPUT).open("wb") as output:
            self.process = subprocess.Popen(
                work.command(words, seed, folder), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the sweep, which then ends its runs
                preexec_fn=die_with(os.getpid(), signal.SIGTERM))

    def result(self) -> Result | None:
        """After its end. None if it was interrupted."""
        found = self._work.result(self._words, self.seed, self.folder, self.process.wait(),
                                  time.monotonic() - self._start)
        if found is None or not found.failed:
            shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def end(self) -> None:
        """Stop it and forget it."""
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
