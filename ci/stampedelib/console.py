"""Shows a run's output to a person while it runs."""
import shutil
import sys
from enum import Enum
from typing import TextIO

from .log.serial import INCONCLUSIVE, printable

PROGRESS = "# progress "
CLEAR_LINE = "\r\x1b[K"
BRIEFLY = (PROGRESS, "ok ", "not ok ", "Bail out!")
ON_THE_PAGE = ("# promise", "# rule", "# selftest left")  # shown together at the end of the run


def counted(number: int, noun: str) -> str:
    """A number with a noun in singular or plural: "1 run", "2 runs"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Detail(Enum):
    """How much to show: all, progress and results, only the outcome, nothing."""
    ALL = "all"
    BRIEF = "brief"
    OUTCOME = "outcome"
    NOTHING = "nothing"


class Console:
    """Shows the kernel's lines as they arrive. On a terminal, progress overwrites its own line."""

    def __init__(self, detail: Detail = Detail.ALL, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._detail = detail
        self._in_place = self._stream.isatty()
        self._progress_shown = False

    def show(self, line: str) -> None:
        """Show one line of the kernel."""
        if line.startswith(ON_THE_PAGE):
            return
        if self._detail in (Detail.OUTCOME, Detail.NOTHING):
            return
        if self._detail is Detail.BRIEF and (not line.startswith(BRIEFLY) or _is_skip(line)):
            return
        if self._in_place and line.startswith(PROGRESS):
            self._show_progress(printable(line.removeprefix(PROGRESS)))
        else:
            self.say(printable(line))

    def say(self, text: str) -> None:
        """Show a line of this tool."""
        if self._detail is Detail.NOTHING:
            return
        self._write((CLEAR_LINE if self._progress_shown else "") + text + "\n")
        self._progress_shown = False

    def _show_progress(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._write(CLEAR_LINE + text[:width])
        self._progress_shown = True

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _is_skip(line: str) -> bool:
    """Whether this is the result of a phase that did not run."""
    return " # SKIP " in line and INCONCLUSIVE not in line
