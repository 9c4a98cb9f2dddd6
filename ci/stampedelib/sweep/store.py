"""The folder of a sweep: its plan, a line for each finished seed, the failures.

- sweep.json is the plan. The folder can be used only for this plan.
- results.jsonl gets a line when a run ends. An incomplete last line comes from a sweep that was
  killed while it wrote, and does not count.
- failures/seed-N is the folder of run N.
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
# The order of the judge, for a whole sweep: first what the host saw.
WORST_FIRST = ("crash", "hang", "damaged", "fail", "error", "inconclusive", "pass")


@dataclass(frozen=True)
class SweepPlan:
    """The plan of a sweep. All of it affects the results, so each plan needs its own store."""
    work: str
    words: list[str]
    cwd: str
    image: str  # SHA-256

    def digest(self) -> str:
        """A short name for the plan."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:8]


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shape(result: Result) -> str:
    """A failure without numbers. It is equal for failures that are probably the same."""
    return f"{result.word}: {without_figures(result.title)}"


class Store:
    """The folder, locked by one sweep. The constructor raises UsageError if it cannot be used."""

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
        """Release the folder."""
        self._log.close()
        os.close(self._lock)

    def run_folder(self, seed: int) -> Path:
        """The folder of one run."""
        return self.folder / FAILURES / f"seed-{seed}"

    def add(self, result: Result) -> None:
        """Add the result of a run. It is on disk when this returns."""
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
                raise UsageError(f"{self.folder}: not empty, and not the folder of a sweep")
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
    """The worst verdict; "inconclusive" if there are no results."""
    words = {result.word for result in results}
    return next((word for word in WORST_FIRST if word in words), "inconclusive")


def kinds(results: list[Result]) -> list[list[Result]]:
    """The failures grouped by shape, the largest group first."""
    groups: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.seed):
        if result.failed:
            groups.setdefault(shape(result), []).append(result)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].seed))


def counted(results: list[Result]) -> str:
    """How many results have each verdict."""
    counts = Counter(result.word for result in results)
    return ", ".join(f"{counts[word]} {word}" for word in CODES if counts[word]) or "none"
