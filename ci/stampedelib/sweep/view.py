"""Shows a sweep to a person: its progress, its probable end, the table of its results."""
import os
import shutil
import sys
import time
from pathlib import Path

from ..console import CLEAR_LINE
from ..log.serial import printable
from .store import Store, counted, kinds, shape
from .work import Result

LINE_SECONDS = 10  # between lines of progress, if the output is not a terminal
SEEDS_SHOWN = 8


class SweepView:
    """Shows the progress of a sweep."""

    def __init__(self, total: int, before: list[Result], quiet: bool) -> None:
        self._total = total
        self._done = len(before)
        self._failed = sum(result.failed for result in before)
        self._kinds = {shape(result) for result in before if result.failed}
        self._here = 0
        self._start = time.monotonic()
        self._quiet = quiet
        self._in_place = sys.stdout.isatty()
        self._next_line = self._start + (0 if self._in_place else LINE_SECONDS)
        self._drawn = False

    def add(self, result: Result) -> None:
        """Count a run that has ended, and show its failure."""
        self._done += 1
        self._here += 1
        if result.failed:
            self._failed += 1
            new = shape(result) not in self._kinds
            self._kinds.add(shape(result))
            self.say(f"  seed {result.seed}: {result.word.upper()}: {printable(result.title)}"
                     f"{'' if new else ' (of a known shape)'}")
        self.tick()

    def tick(self) -> None:
        """Show the progress, if it is time."""
        now = time.monotonic()
        if self._quiet or now < self._next_line:
            return
        self._next_line = now + (0.2 if self._in_place else LINE_SECONDS)
        text = self.text(now)
        if self._in_place:
            width = shutil.get_terminal_size().columns - 1
            print(CLEAR_LINE + text[:width], end="", flush=True)
            self._drawn = True
        else:
            print(text, flush=True)

    def text(self, now: float) -> str:
        """The progress in one line. `now` is a time of time.monotonic()."""
        words = [f"sweep: {self._done} of {self._total} runs"]
        if self._failed:
            words.append(f"{self._failed} failed in {len(self._kinds)} "
                         f"way{'s' if len(self._kinds) > 1 else ''}")
        elapsed = now - self._start
        if self._here and elapsed > 0:
            left = (self._total - self._done) * elapsed / self._here
            words.append(f"{self._here / elapsed:.2f} a second")
            words.append(f"ends about {time.strftime('%H:%M:%S', time.localtime(time.time() + left))}"
                         f" (in {duration(left)})")
        return ", ".join(words)

    def say(self, line: str) -> None:
        """Print a line that is not overwritten."""
        print((CLEAR_LINE if self._drawn else "") + line, flush=True)
        self._drawn = False


def duration(seconds: float) -> str:
    """A time with its units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(store: Store, results: list[Result], total: int) -> list[str]:
    """The last lines: how many results have each verdict, and each kind of failure once."""
    lines = [f"{len(results)} of {total} runs: {counted(results)}"]
    groups = kinds(results)
    if groups:
        lines.append(f"{len(groups)} kind{'s' if len(groups) > 1 else ''} of failure:")
    for group in groups:
        first = group[0]
        seeds = ", ".join(str(result.seed) for result in group[:SEEDS_SHOWN])
        more = len(group) - SEEDS_SHOWN
        these = "seed" if len(group) == 1 else "seeds"
        lines += [f"  {len(group)}x {printable(shape(first))}",
                  f"     {these} {seeds}{f' and {more} more' if more > 0 else ''}; "
                  f"seed {first.seed}: {printable(first.title)}",
                  f"     repeat: {first.repeat}",
                  f"     log: {_log(store.run_folder(first.seed))}"]
    return lines


def _log(folder: Path) -> str:
    """The log of a run, or its folder if there is no log."""
    log = folder / "serial.log"
    return short(log if log.exists() else folder)


def short(path: Path) -> str:
    """The path relative to the working directory, if that is shorter."""
    return min(os.path.relpath(path), str(path), key=len)
