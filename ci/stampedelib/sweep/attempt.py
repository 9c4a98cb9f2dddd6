"""One seed of a sweep being run: a process, its folder, and what became of it."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from ..machine.guest import die_with
from .work import OUTPUT, Result, Runs

END_SECONDS = 10


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
