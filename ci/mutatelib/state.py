"""What is known of each mutant, kept as it becomes known: a run that is interrupted goes on.

A kill holds as long as the mutant's code is the same. That nobody noticed holds only as long as
nothing else has changed either.
"""
import json
from dataclasses import asdict, dataclass
from pathlib import Path

OUTCOMES = {
    "killed": "a test failed",
    "timeout": "nothing but a time limit ended it",
    "survived": "nobody noticed",
    "same": "the compiler makes of it what it makes of the clean source",
    "duplicate": "the compiler makes of it what it makes of another mutant",
    "invalid": "it does not compile",
}


@dataclass(frozen=True)
class Result:
    """`text` is a hash of what was compiled, `code` of what the compiler made of it, `judges` of all
    that may notice."""
    id: str
    outcome: str
    text: str | None = None
    code: str | None = None
    detector: str | None = None
    how: str | None = None
    seconds: float = 0.0
    judges: str | None = None

    def holds(self, code: str | None, judges: str) -> bool:
        """Whether it is still so for this code and these detectors."""
        return self.code == code and (self.outcome == "killed" or self.judges == judges)


class State:
    """The results, in a file of a line each; the last one of a mutant counts."""

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
            return  # cut off by an interruption
        self.results[result.id] = result

    def add(self, result: Result) -> None:
        """Write it down at once."""
        self.results[result.id] = result
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")
