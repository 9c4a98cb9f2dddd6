"""A run over mutants: build each, show it to the detectors in turn, keep what comes of it."""
import hashlib
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .build import Build, BuildTrouble, Recipe, units_of
from .detectors import Detector
from .mutant import Mutant
from .state import Result, State

JUDGES = ("mm", "smp", "stress", "lib", "arch", "boot", "tests/unit", "tests/host", "tests/host.mk",
          "Makefile", "ci/mutatelib/detectors.py")


class CleanTreeTrouble(Exception):
    """A detector complains of the unchanged tree: it cannot judge."""


def judges_hash(root: Path, detectors: Sequence[Detector]) -> str:
    """A hash of all that may notice a mutant."""
    digest = hashlib.sha256(repr([one.name for one in detectors]).encode())
    for name in JUDGES:
        top = root / name
        for path in [top] if top.is_file() else sorted(top.rglob("*.[chS]")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Campaign:
    """Shared by the threads that work on it."""

    def __init__(self, recipe: Recipe, folder: Path, state: State, detectors: Sequence[Detector],
                 say: Callable[[str], None]) -> None:
        self.recipe = recipe
        self.folder = folder
        self.state = state
        self.detectors = detectors
        self.say = say
        self.judges = judges_hash(recipe.root, detectors)
        self.counts: Counter[str] = Counter()
        self.started = time.monotonic()
        self._lock = threading.Lock()
        self._owners: dict[str, str] = {}  # code -> the mutant that has it, "" for the clean tree
        self._sources: dict[str, bytes] = {}
        self._total = 0

    def source(self, file: str) -> bytes:
        """A source file's text."""
        return self._sources.setdefault(file, (self.recipe.root / file).read_bytes())

    # ---- the clean tree ----

    def check_clean(self, files: Sequence[str], jobs: int) -> None:
        """Build all that the detectors link; each must be silent on the clean tree."""
        programs = {program for one in self.detectors for file in files
                    for program in one.programs(file)}
        self.recipe.build_objects(sorted(programs), jobs)
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(self._check_clean_file, files))

    def _check_clean_file(self, file: str) -> None:
        build = Build(self.recipe, self.folder / "work" / f"clean-{file.replace('/', '-')}", None, b"")
        code = build.assembly(units_of(file))
        if code is None:
            raise CleanTreeTrouble(f"{file} does not compile")
        with self._lock:
            self._owners[f"{file} {code}"] = ""
        if not self._is_known_clean(file):
            for detector in self.detectors:
                sight = detector.look(build, file)
                if sight:
                    raise CleanTreeTrouble(f"{detector.name} complains of the clean tree ({file}): "
                                           f"{sight.how or 'no end in time'}")
            self.state.add(Result(f"clean:{file}", "survived", judges=self.judges))
        build.remove()

    def _is_known_clean(self, file: str) -> bool:
        known = self.state.results.get(f"clean:{file}")
        return known is not None and known.judges == self.judges

    # ---- the mutants ----

    def run(self, mutants: Sequence[Mutant], jobs: int) -> list[Result]:
        """All of them, in this order of compiling, so that of equal ones the first is run."""
        self._total = len(mutants)
        self.started = time.monotonic()
        pool = ThreadPoolExecutor(jobs)
        try:
            futures = [pool.submit(self._work, mutant) for mutant in mutants]
            return [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)

    def _work(self, mutant: Mutant) -> Result:
        began = time.monotonic()
        build = Build(self.recipe, self.folder / "work" / mutant.id.replace("/", "-").replace(":", "-"),
                      mutant, self.source(mutant.file))
        try:
            result = self._judge(mutant, build, began)
        except (BuildTrouble, subprocess.TimeoutExpired) as trouble:
            result = Result(mutant.id, "invalid", how=str(trouble))
        finally:
            build.remove()
        with self._lock:
            self.state.add(result)
            self.counts[result.outcome] += 1
            self._progress(result)
        return result

    def _judge(self, mutant: Mutant, build: Build, began: float) -> Result:
        code = build.assembly(build.units)
        if code is None:
            return Result(mutant.id, "invalid", how="does not compile")
        with self._lock:
            owner = self._owners.setdefault(f"{mutant.file} {code}", mutant.id)
        if owner == "":
            return Result(mutant.id, "same", code)
        if owner != mutant.id:
            return Result(mutant.id, "duplicate", code, how=owner)
        known = self.state.results.get(mutant.id)
        if known and known.outcome in ("killed", "timeout", "survived") and \
                known.holds(code, self.judges):
            return known
        timeout = None
        for detector in self.detectors:
            sight = detector.look(build, mutant.file)
            if sight and sight.how:
                return Result(mutant.id, "killed", code, detector.name, sight.how,
                              round(time.monotonic() - began, 2), self.judges)
            timeout = timeout or (detector.name if sight else None)
        return Result(mutant.id, "timeout" if timeout else "survived", code, timeout, None,
                      round(time.monotonic() - began, 2), self.judges)

    def _progress(self, result: Result) -> None:
        done = sum(self.counts.values())
        spent = time.monotonic() - self.started
        left = spent / done * (self._total - done)
        counts = " ".join(f"{name}={count}" for name, count in sorted(self.counts.items()))
        if result.outcome in ("survived", "timeout") or done % 25 == 0 or done == self._total:
            what = f"  {result.outcome}: {result.id}" if result.outcome in ("survived", "timeout") else ""
            self.say(f"{done}/{self._total} {counts} left={left / 60:.1f}min{what}")
