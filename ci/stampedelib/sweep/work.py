"""What a sweep can sweep over seeds: for each kind of work how one seed is run and what came of it.

A kind is a class with the methods of `Runs`, listed in WORKS.
"""
import argparse
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..commands import run as run_command
from ..machine import deterministic
from ..usage import ROOT, UsageError
from ..verdict.verdict import CODES

STAMPEDE = ROOT / "ci/stampede"
# Of `run`, what a sweep says itself or what makes no sense in one.
OWN = ("seed", "log", "quiet", "junit", "bundle", "keep_going", "dry_run", "debug")
INTERRUPTED = (130, 128 + 15, 128 + 1)  # the run was told to end: no result
OUTPUT = "output.txt"


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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


class Runs:
    """Boots of the machine: `ci/stampede run`, deterministic unless --schedule says otherwise."""

    name = "run"

    def settle(self, words: list[str]) -> list[str]:
        """The options of every run, complete. Raises UsageError where no run could begin."""
        arguments = self._parse(words)
        for name in OWN:
            if getattr(arguments, name):
                option = name.replace("_", "-")
                raise UsageError(f"sweep: --{option} is no option for the runs of a sweep")
        if any(word.startswith("seed=") for word in arguments.args):
            raise UsageError("sweep: --args: seed= is what a sweep varies; use --seeds")
        if arguments.on_fail == "gdb":
            raise UsageError("sweep: --on-fail gdb would wait for ever; use exit or bundle")
        if not any(word.partition("=")[0] == "--schedule" for word in words):
            words = ["--schedule", deterministic.DETERMINISTIC, *words]
        if not arguments.on_fail:
            words = [*words, "--on-fail", "exit"]
        run_command.build_machine(self._parse(words), 1)
        return words

    def image(self, words: list[str]) -> Path:
        """The file whose content decides results."""
        arguments = self._parse(words)
        return run_command.image(arguments)

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

    def _parse(self, words: list[str]) -> argparse.Namespace:
        parser = _Parser(prog="sweep: run", add_help=False, allow_abbrev=False)
        run_command.add_arguments(parser)
        return parser.parse_args(words, argparse.Namespace(argv=["run", *words]))


WORKS = {work.name: work for work in (Runs(),)}


def _last_words(path: Path, code: int) -> str:
    """What a process that left no verdict complained of."""
    try:
        lines = path.read_text("utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"no verdict, exit code {code}"
