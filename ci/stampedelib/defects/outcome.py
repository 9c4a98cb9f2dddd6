"""Plants a defect in a tree, runs it, and gives the outcome."""
import time
from dataclasses import dataclass, replace
from typing import Any

from .defect import Defect
from .elf import loaded_digest
from .lanes import LANES, Job, Run
from .patching import PatchError
from .tree import BuildError, Pool, Tree

RIGHT, WRONG, TIMEOUT, SURVIVED, ERROR, EQUIVALENT = (
    "right", "wrong-title", "timeout", "survived", "error", "equivalent")
OUTCOMES = (RIGHT, WRONG, TIMEOUT, SURVIVED, ERROR, EQUIVALENT)
CAUGHT = (RIGHT, WRONG)
DEFAULT_SEED = 1
EXPLORE = "explore"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a defect.

    lane: where it was tried. note: an error, or a difference from its header. runs: number of runs.
    explored: the outcome in the explorer, if asked for and if the explorer runs the changed code.
    prints: hashes of the changed sources and of the program. Defects with an equal hash are the
    same bug.
    """
    defect: Defect
    kind: str
    lane: str
    run: Run = Run("none")
    build_seconds: float = 0
    note: str = ""
    runs: int = 1
    explored: "Outcome | None" = None
    prints: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the outcome is as the header says."""
        wanted = (EQUIVALENT,) if self.defect.equivalent else CAUGHT
        return self.kind in wanted and not self.note

    @property
    def found(self) -> str:
        """The rule that was found, for a table."""
        return self.run.rule or ("" if self.kind == ERROR else self.kind)

    def as_dict(self) -> dict[str, Any]:
        """The same, for JSON."""
        defect, run = self.defect, self.run
        return {
            "name": defect.name, "area": defect.area, "from": defect.origin, "lane": self.lane,
            "expected": {"title": defect.title, "phases": list(defect.phases), "equivalent": defect.equivalent},
            "outcome": self.kind, "met": self.met, "runs": self.runs, "note": self.note,
            "found": {"rule": run.rule, "title": run.title, "phase": run.phase, "verdict": run.word},
            "explorer": ({"outcome": self.explored.kind, "rule": self.explored.run.rule, "title": self.explored.run.title}
                         if self.explored else None),
            "seconds": {"build": round(self.build_seconds, 2), "find": round(run.seconds, 2)},
        }


def try_defect(pool: Pool, defect: Defect, lane: str, seed: int = DEFAULT_SEED, stretch: float = 1,
               rule_patch: str = "") -> Outcome:
    """Plant, build, run. rule_patch: a change of the oracle to apply first.

    Callable from any thread.
    """
    with pool.tree() as tree:
        start = time.monotonic()
        try:
            prints = _plant(tree, defect, lane, rule_patch)
        except (PatchError, BuildError) as error:
            return Outcome(defect, ERROR, lane, note=str(error))
        built = time.monotonic() - start
        job = replace(defect.job, limit_seconds=defect.job.limit_seconds * stretch)
        found = _run(tree, defect, lane, job, seed)
    return replace(found, build_seconds=built, prints=prints)


def _run(tree: Tree, defect: Defect, lane: str, job: Job, seed: int) -> Outcome:
    """Run until the defect is found, at most defect.tries times.

    The time is the sum of all runs.
    """
    seconds = 0.0
    for number in range(defect.tries):
        run = LANES[lane].run(tree, replace(job, options=_with_seed(job.options, seed + number)))
        seconds += run.seconds
        found = replace(classify(defect, lane, replace(run, seconds=seconds)), runs=number + 1)
        if found.kind != SURVIVED:
            break
    return found


def explored(pool: Pool, outcome: Outcome, seed: int = DEFAULT_SEED, stretch: float = 1) -> Outcome:
    """The outcome, with the explorer's result if the explorer runs the changed code."""
    if outcome.kind == ERROR or outcome.lane == EXPLORE:
        return outcome
    tried = try_defect(pool, outcome.defect, EXPLORE, seed, stretch)
    return outcome if tried.kind == ERROR else replace(outcome, explored=tried)


def _plant(tree: Tree, defect: Defect, lane: str, rule_patch: str) -> tuple[str, ...]:
    if rule_patch:
        tree.apply(rule_patch)
    source = tree.apply(defect.patch)
    tree.make(*LANES[lane].make_words(defect.job))
    program = LANES[lane].program(defect.job)
    if not tree.differs(program):
        raise PatchError("changes nothing: the built program is the same as without it")
    return source, f"{program} {loaded_digest(tree.path / program)}"


def mark_doubles(outcomes: list[Outcome]) -> list[Outcome]:
    """Turn all but the first of several defects that are the same bug into errors."""
    first: dict[str, str] = {}
    marked = []
    for outcome in outcomes:
        twin = next((first[one] for one in outcome.prints if one in first), None)
        first.update({one: first.get(one, outcome.defect.name) for one in outcome.prints})
        marked.append(replace(outcome, kind=ERROR, note=f"the same bug as {twin}") if twin else outcome)
    return marked


def _with_seed(options: str, seed: int) -> str:
    given = any(word.startswith("seed=") for word in options.split())
    return options if given else f"{options} seed={seed}".strip()


def classify(defect: Defect, lane: str, run: Run) -> Outcome:
    """The outcome that a run gives for its defect."""
    def outcome(kind: str, note: str = "") -> Outcome:
        return Outcome(defect, kind, lane, run, note=note)

    if run.rule == "usage":
        return outcome(ERROR, f"the run was refused: {run.title}")
    if run.word == "timeout" or (run.word == "hang" and run.rule in ("silence", "timeout")):
        return outcome(TIMEOUT, run.title)
    if run.rule is None:
        return outcome(EQUIVALENT if defect.equivalent else SURVIVED)
    if defect.equivalent:
        return outcome(WRONG, f"not equivalent: {run.title}")
    if run.rule != defect.title:
        return outcome(WRONG, "" if run.rule in defect.also else run.title)
    if lane == defect.lane and defect.phases and run.phase not in defect.phases:
        return outcome(RIGHT, f"in phase {run.phase}, expected in {' or '.join(defect.phases)}")
    return outcome(RIGHT)
