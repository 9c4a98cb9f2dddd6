"""The results of mutants, stored as they arrive, so that an interrupted run can resume.

A kill is valid as long as the mutant's code is the same. "Noticed nothing" is valid as long as the
detector is the same, too. So after a new test, only the detectors with this test run again.
"""
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

OUTCOMES = {
    "killed": "a test failed",
    "timeout": "a time limit ended it, and no test failed",
    "survived": "no test noticed it",
    "same": "it has the same code as the clean source",
    "duplicate": "it has the same code as another mutant",
    "invalid": "it does not compile",
}

RUN = ("killed", "timeout", "survived")


@dataclass(frozen=True)
class Result:
    """The result of one mutant.

    text: a hash of the compiled source. code: a hash of its code.
    judges: for each detector that noticed nothing or reached a time limit, its hash, by name.
    """
    id: str
    outcome: str
    text: str | None = None
    code: str | None = None
    detector: str | None = None
    how: str | None = None
    seconds: float = 0.0
    judges: dict[str, str] = field(default_factory=dict)

    def holds(self, code: str | None, judges: dict[str, str]) -> bool:
        """Whether the result is still valid for this code and these detectors, in their order."""
        if self.code != code or self.outcome not in RUN:
            return False
        return self.outcome == "killed" or (
            all(judges.get(name) == seen for name, seen in self.judges.items())
            and (list(self.judges) == list(judges)[:len(self.judges)]
                 if self.outcome == "timeout" else self.judges.keys() >= judges.keys()))


class State:
    """The results in a file, one per line. The last result of a mutant counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, Result] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text().splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            result = Result(**json.loads(line))
        except (ValueError, TypeError):
            return  # an interruption truncated this line
        self.results[result.id] = result

    def add(self, result: Result) -> None:
        """Store a result; it is written to the file at once."""
        self.results[result.id] = result
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")
