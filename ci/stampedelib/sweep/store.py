"""What a sweep keeps: a folder with its plan, a line for every seed that is done, the failures.

sweep.json says what is swept: the folder is never used for anything else. results.jsonl gets one
line at a time, each once a run has ended; a last line without its end is of a sweep that was
killed while it wrote, and does not count. failures/seed-N is the folder of run N.
"""
import fcntl
import hashlib
import json
import os
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from ..usage import UsageError
from ..verdict.verdict import CODES, without_figures
from .work import Result

PLAN, RESULTS, FAILURES, INBOX = "sweep.json", "results.jsonl", "failures", "inbox"
DIFFERENCES = {"work": "of other work", "words": "with other options",
               "cwd": "from another working directory", "image": "of another image"}
# The judge's order, for a whole sweep: what the host saw first, what was only little seen last.
WORST_FIRST = ("crash", "hang", "damaged", "fail", "error", "inconclusive", "pass")


@dataclass(frozen=True)
class SweepPlan:
    """What is swept. All of it decides the results, so another plan is another store."""
    work: str
    words: list[str]
    cwd: str
    image: str  # SHA-256

    def digest(self) -> str:
        """A short name."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:8]


def sha256(path: Path) -> str:
    """Of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shape(result: Result) -> str:
    """A failure without its figures: equal for failures that are probably the same."""
    return f"{result.word}: {without_figures(result.title)}"


class Store:
    """The folder, held by one sweep at a time."""

    def __init__(self, folder: Path, plan: SweepPlan, fresh: bool) -> None:
        self.folder = folder
        self.results: dict[int, Result] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._claim()
        if fresh:
            self._clear()
        self._open_plan(plan)
        (folder / FAILURES).mkdir(exist_ok=True)
        self._log = (folder / RESULTS).open("ab")
        self._load()

    def close(self) -> None:
        """Let others have it."""
        self._log.close()
        os.close(self._lock)

    def run_folder(self, seed: int) -> Path:
        """Of one run."""
        return self.folder / FAILURES / f"seed-{seed}"

    def add(self, result: Result) -> None:
        """A run has ended. On disk before it counts."""
        self._log.write(json.dumps(asdict(result)).encode() + b"\n")
        self._log.flush()
        os.fsync(self._log.fileno())
        self.results[result.seed] = result

    def _claim(self) -> int:
        lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise UsageError(f"{self.folder}: another sweep is using it") from None
        return lock

    def _clear(self) -> None:
        if not (self.folder / PLAN).exists():
            return
        for name in (FAILURES, INBOX):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in (RESULTS, PLAN):
            (self.folder / name).unlink(missing_ok=True)

    def _open_plan(self, plan: SweepPlan) -> None:
        path = self.folder / PLAN
        if not path.exists():
            if any(self.folder.iterdir()):
                raise UsageError(f"{self.folder}: not empty, and no sweep's folder")
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")
            fresh.rename(path)
            return
        before = json.loads(path.read_text("utf-8"))
        for name, what in DIFFERENCES.items():
            if before.get(name) != asdict(plan)[name]:
                raise UsageError(f"{self.folder}: a sweep {what} is in there; give --folder "
                                 "another, or --fresh to start over")

    def _load(self) -> None:
        raw = (self.folder / RESULTS).read_bytes()
        whole = raw[:raw.rfind(b"\n") + 1]
        self._log.truncate(len(whole))
        for line in whole.splitlines():
            result = Result(**json.loads(line))
            self.results[result.seed] = result


def worst(results: list[Result]) -> str:
    """The word that stands for all of them; of none at all, that nothing is known."""
    words = {result.word for result in results}
    return next((word for word in WORST_FIRST if word in words), "inconclusive")


def kinds(results: list[Result]) -> list[list[Result]]:
    """The failures, those of one shape together, the most frequent first."""
    groups: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.seed):
        if result.failed:
            groups.setdefault(shape(result), []).append(result)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].seed))


def counted(results: list[Result]) -> str:
    """How many of which verdict."""
    counts = Counter(result.word for result in results)
    return ", ".join(f"{counts[word]} {word}" for word in CODES if counts[word]) or "none"
