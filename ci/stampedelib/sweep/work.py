"""The kinds of work of a sweep: for each, how to run one seed and how to read its result.

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
INTERRUPTED = (130, 128 + 15, 128 + 1)  # exit codes after SIGINT, SIGTERM, SIGHUP: no result
OUTPUT = "output.txt"
END_SECONDS = 10  # how long a run may take to end after SIGTERM


@dataclass(frozen=True)
class Result:
    """The result of one seed: the verdict's word and title, and the command that repeats it."""
    seed: int
    word: str
    title: str
    seconds: float
    repeat: str

    @property
    def failed(self) -> bool:
        """Whether the run found a failure or had an error."""
        return self.word not in ("pass", "inconclusive")


class Runs:
    """Runs of the kernel in QEMU: `ci/stampede run`, deterministic unless --schedule is given."""

    name = "run"

    def settle(self, words: list[str], options: RunOptions) -> list[str]:
        """`words` with the defaults of a sweep added.

        `options` are those of `words`. Raises UsageError.
        """
        for name, value in _own(options):
            if value:
                raise UsageError(f"sweep: --{name} cannot be an option for the runs of a sweep")
        if "seed" in options.stress.names():
            raise UsageError("sweep: --args: a sweep sets seed=; use --seeds")
        if options.on_fail == "gdb":
            raise UsageError("sweep: --on-fail gdb would wait forever; use exit or bundle")
        if not any(word.partition("=")[0] == "--schedule" for word in words):
            words = ["--schedule", DETERMINISTIC, *words]
        if not options.on_fail:
            words = [*words, "--on-fail", "exit"]
        return words

    def image(self, options: RunOptions) -> Path:
        """The image, whose content affects results. Raises UsageError if no run could start."""
        build_machine(options, 1)
        return options.machine.image

    def command(self, words: list[str], seed: int, folder: Path) -> list[str]:
        """The command that runs a seed and writes its results to `folder`."""
        return [str(STAMPEDE), "run", *words, "--seed", str(seed), "--quiet", "--log",
                str(folder / "serial.log")]

    def repeat(self, words: list[str], seed: int) -> str:
        """The command that repeats this seed."""
        return shlex.join(["ci/stampede", "run", *words, "--seed", str(seed)])

    def result(self, words: list[str], seed: int, folder: Path, code: int,
               seconds: float) -> Result | None:
        """The result of the process that exited with `code`. None if it was interrupted."""
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
    """Options of `run` that a sweep sets itself or that make no sense in it, with their values."""
    return [("seed", options.stress.seed), ("log", options.log), ("quiet", options.quiet), ("junit", options.junit),
            ("bundle", options.bundle), ("keep-going", options.keep_going), ("dry-run", options.dry_run),
            ("debug", options.debug)]


def _last_words(path: Path, code: int) -> str:
    """The error message of a process without a verdict."""
    try:
        lines = path.read_text("utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"no verdict, exit code {code}"


class Attempt:
    """A process that runs one seed. Its folder is kept only for a failure."""

    def __init__(self, work: Runs, words: list[str], seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self._work = work
        self._words = words
        self._start = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)  # an interrupted run may have left one
        folder.mkdir(parents=True)
        with (folder / OUTPUT).open("wb") as output:
            self.process = subprocess.Popen(
                work.command(words, seed, folder), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C interrupts only the sweep; it then ends its runs
                preexec_fn=die_with(os.getpid(), signal.SIGTERM))

    def result(self) -> Result | None:
        """The result, after the end of the process. None if it was interrupted."""
        found = self._work.result(self._words, self.seed, self.folder, self.process.wait(),
                                  time.monotonic() - self._start)
        if found is None or not found.failed:
            shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def end(self) -> None:
        """End the process and remove its folder."""
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
