"""A run over mutants: builds each, runs the detectors on it in turn, stores the result."""
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..process import workers
from .build import COMPARED, Build, Recipe, units_of
from .detectors import EVERYTHING, Detector
from .mutant import Mutant
from .state import Result, State


class CleanTreeTrouble(Exception):
    """The unchanged tree does not compile or a detector fails on it, so nothing can be judged."""


class Judges:
    """Hashes of the detectors.

    A hash covers the sources of a detector's programs except the changed ones, the headers, the
    options of the compiler, and the detector's own settings.
    """

    def __init__(self, recipe: Recipe, detectors: Sequence[Detector], text: str) -> None:
        self._recipe = recipe
        self._detectors = detectors
        self._text = text
        self._known: dict[str, dict[str, str]] = {}

    def of(self, file: str) -> dict[str, str]:
        """The hashes by the names of the detectors, for mutants of a file."""
        if file not in self._known:
            self._known[file] = {one.name: self._hash(one, file) for one in self._detectors}
        return self._known[file]

    def _hash(self, detector: Detector, file: str) -> str:
        digest = hashlib.sha256(f"{self._text} {detector.settings}".encode())
        for program in detector.programs(file):
            variant = program.split("/")[0]
            digest.update(repr([program, self._recipe.compile[variant],
                                self._recipe.link[variant]]).encode())
            for source in sorted(self._recipe.sources(program)):
                if source not in units_of(file):
                    digest.update(source.encode() + b"\0" + (self._recipe.root / source).read_bytes())
        return digest.hexdigest()


def text_hash(recipe: Recipe) -> str:
    """A hash of everything that the code of a mutant depends on, except its own text."""
    digest = hashlib.sha256(repr([recipe.compile[variant] for variant in COMPARED]).encode())
    for path in sorted(recipe.root.rglob("*.h")):
        if "build" not in path.relative_to(recipe.root).parts:
            digest.update(str(path.relative_to(recipe.root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Codes:
    """The code of each mutant (a hash). Of mutants with equal code, only the first in order is run.

    The order is that of the mutants, not of the threads: first() waits for all earlier mutants.
    """

    def __init__(self, count: int, clean: set[str]) -> None:
        self._clean = clean
        self._codes: list[str | None] = [None] * count
        self._first: dict[str, int] = {}
        self._known = 0  # all mutants before this one have been put
        self._done = [False] * count
        self._changed = threading.Condition()

    def put(self, index: int, code: str | None) -> None:
        """Store the code of a mutant, None if it does not compile. Call it once for each mutant."""
        with self._changed:
            self._codes[index] = code
            self._done[index] = True
            while self._known < len(self._done) and self._done[self._known]:
                known = self._codes[self._known]
                if known is not None:
                    self._first.setdefault(known, self._known)
                self._known += 1
            self._changed.notify_all()

    def first(self, index: int) -> int | None:
        """The first mutant with the same code. None if the clean tree has the same code."""
        with self._changed:
            self._changed.wait_for(lambda: self._known > index)
            code = self._codes[index]
            assert code is not None  # callers ask only about mutants that compile
            return None if code in self._clean else self._first[code]


class Campaign:
    """One run over mutants. Its threads share it."""

    def __init__(self, recipe: Recipe, folder: Path, state: State, detectors: Sequence[Detector],
                 say: Callable[[str], None]) -> None:
        self.recipe = recipe
        self.folder = folder
        self.state = state
        self.detectors = detectors
        self.say = say
        self.counts: Counter[str] = Counter()
        self.started = time.monotonic()
        self._lock = threading.Lock()
        self._clean: set[str] = set()  # codes
        self._text = text_hash(recipe)
        self.judges = Judges(recipe, detectors, self._text)
        self._sources: dict[str, bytes] = {}
        self._total = 0

    def source(self, file: str) -> bytes:
        """The original text of a source file."""
        return self._sources.setdefault(file, (self.recipe.root / file).read_bytes())

    # ---- the clean tree ----

    def check_clean(self, files: Sequence[str], jobs: int) -> None:
        """Build all programs of the detectors and run each detector on the clean tree.

        Raises CleanTreeTrouble if one reports a failure.
        """
        self.recipe.build_objects(sorted({program for one in self.detectors
                                          for program in one.programs(EVERYTHING)}), jobs)
        with workers(jobs) as pool:
            list(pool.map(self._compile_clean, files))
            known = self.state.results.get("clean", Result("clean", "survived")).judges
            judges = self.judges.of(EVERYTHING)
            list(pool.map(self._show_clean, [one for one in self.detectors
                                             if known.get(one.name) != judges[one.name]]))
            self.state.add(Result("clean", "survived", judges={**known, **judges}))

    def _compile_clean(self, file: str) -> None:
        build = Build(self.recipe, self.folder / "work" / f"clean-{file.replace('/', '-')}", None, b"")
        code = build.assembly(units_of(file))
        build.remove()
        if code is None:
            raise CleanTreeTrouble(f"{file} does not compile")
        with self._lock:
            self._clean.add(code)

    def _show_clean(self, detector: Detector) -> None:
        build = Build(self.recipe, self.folder / "work" / f"clean-{detector.name.replace(' ', '-')}",
                      None, b"")
        sight = detector.look(build, EVERYTHING)
        build.remove()
        if sight:
            raise CleanTreeTrouble(f"{detector.name} reports a failure of the clean tree: "
                                   f"{sight.how or 'time limit'}")

    # ---- the mutants ----

    def run(self, mutants: Sequence[Mutant], jobs: int) -> list[Result]:
        """Judge all these mutants; their results in the same order."""
        self._total = len(mutants)
        self.started = time.monotonic()
        codes = Codes(len(mutants), self._clean)
        with workers(jobs) as threads:
            futures = [threads.submit(self._work, mutants, index, codes) for index in range(len(mutants))]
            return [future.result() for future in futures]

    def _work(self, mutants: Sequence[Mutant], index: int, codes: Codes) -> Result:
        mutant = mutants[index]
        folder = self.folder / "work" / mutant.id.replace("/", "-").replace(":", "-")
        build = Build(self.recipe, folder, mutant, self.source(mutant.file))
        known = self.state.results.get(mutant.id)
        text = self._text_of(mutant)
        code = None
        try:
            try:
                code = known.code if known and known.text == text else build.assembly(build.units)
            finally:
                codes.put(index, code)
            result = self._judge(mutant, build, code, known, codes.first(index) if code else 0, mutants)
        finally:
            build.remove()
        result = replace(result, text=text, code=code)
        with self._lock:
            if result != known:
                self.state.add(result)
            self.counts[result.outcome] += 1
            self._progress(result)
        return result

    def _text_of(self, mutant: Mutant) -> str:
        changed = mutant.apply(self.source(mutant.file))
        return hashlib.sha256(self._text.encode() + changed).hexdigest()

    def _judge(self, mutant: Mutant, build: Build, code: str | None, known: Result | None,
               first: int | None, mutants: Sequence[Mutant]) -> Result:
        if code is None:
            return Result(mutant.id, "invalid", how="does not compile")
        if first is None:
            return Result(mutant.id, "same")
        if mutants[first] is not mutant:
            return Result(mutant.id, "duplicate", how=mutants[first].id)
        judges = self.judges.of(mutant.file)
        if known and known.holds(code, judges):
            return known
        passed = known.judges if known and known.code == code and known.outcome == "survived" else {}
        return self._show(mutant, build, judges, passed)

    def _show(self, mutant: Mutant, build: Build, judges: dict[str, str],
              passed: dict[str, str]) -> Result:
        """Run the detectors in turn, until one notices the mutant or two reach a time limit.

        passed: detectors that noticed nothing before, with their hashes. They are skipped if
        unchanged.
        """
        began = time.monotonic()
        endless: list[str] = []
        shown = {}
        for detector in self.detectors:
            shown[detector.name] = judges[detector.name]
            if passed.get(detector.name) == judges[detector.name]:
                continue
            sight = detector.look(build, mutant.file)
            if sight and sight.how:
                return Result(mutant.id, "killed", detector=detector.name, how=sight.how,
                              seconds=self._since(began))
            endless += [detector.name] if sight else []
            if len(endless) == 2:
                break
        return Result(mutant.id, "timeout" if endless else "survived",
                      detector=", ".join(endless) or None, seconds=self._since(began),
                      judges=shown)

    @staticmethod
    def _since(began: float) -> float:
        return round(time.monotonic() - began, 2)

    def _progress(self, result: Result) -> None:
        done = sum(self.counts.values())
        spent = time.monotonic() - self.started
        left = spent / done * (self._total - done)
        counts = " ".join(f"{name}={count}" for name, count in sorted(self.counts.items()))
        if result.outcome in ("survived", "timeout") or done % 25 == 0 or done == self._total:
            what = f"  {result.outcome}: {result.id}" if result.outcome in ("survived", "timeout") else ""
            self.say(f"{done}/{self._total} {counts} left={left / 60:.1f}min{what}")
