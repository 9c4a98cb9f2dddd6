"""What is known of each mutant, kept as it becomes known: a run that is interrupted goes on.

A kill holds as long as the mutant's code is the same. That a detector noticed nothing holds as long as
that detector is the same, too: where a test was added, only the programs that it is in look again.
"""
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

OUTCOMES = {
    "killed": "a test failed",
    "timeout": "nothing but a time limit ended it",
    "survived": "nobody noticed",
    "same": "the compiler makes of it what it makes of the clean source",
    "duplicate": "the compiler makes of it what it makes of another mutant",
    "invalid": "it does not compile",
}

RUN = ("killed", "timeout", "survived")


@dataclass(frozen=True)
class Result:
    """`text` is a hash of what was compiled, `code` of what the compiler made of it, `judges` of each
    detector that noticed nothing or saw no end, by name."""
    id: str
    outcome: str
    text: str | None = None
    code: str | None = None
    detector: str | None = None
    how: str | None = None
    seconds: float = 0.0
    judges: dict[str, str] = field(default_factory=dict)

    def holds(self, code: str | None, judges: dict[str, str]) -> bool:
        """Whether it is still so for this code and these detectors, in the order in which they look."""
        if self.code != code or self.outcome not in RUN:
            return False
        return self.outcome == "killed" or (
            all(judges.get(name) == seen for name, seen in self.judges.items())
            and (list(self.judges) == list(judges)[:len(self.judges)]
                 if self.outcome == "timeout" else self.judges.keys() >= judges.keys()))


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
