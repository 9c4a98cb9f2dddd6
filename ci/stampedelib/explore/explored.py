"""What the explorer's log says of a failure (docs/LOG.md), and the file that keeps it."""
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..log.serial import key_values, parse
from ..usage import UsageError

TRACE = re.compile(r"# trace (\S+) (-?\d+) (\w+) (\d+) (.+) was=(\S+) at=(0x[0-9a-f]+) (\S+)")

COUNTED = re.compile(r"# explored failures=(\d+) title=(.*)")


@dataclass(frozen=True)
class Step:
    """One access: who, in which operation, what it did where, what was there, and the code that did."""
    thread: str
    operation: int
    kind: str
    size: int
    place: str
    before: str
    address: int
    function: str


@dataclass(frozen=True)
class SavedProgram:
    """A program, the schedule under which it failed and the title, as a file of a few lines."""
    program: str
    switches: str = ""
    allocator: str | None = None
    title: str = ""

    def write(self, path: Path) -> None:
        """Comment lines are for people, but the title's."""
        path.write_text(f"# title: {self.title}\n# allocator: {self.allocator or ''}\n"
                        f"program {self.program}\nswitches {self.switches}\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "SavedProgram":
        """Raises UsageError with file and line."""
        values = {"program": "", "switches": "", "allocator": "", "title": ""}
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: no text in UTF-8: byte {error.start}") from error
        for number, line in enumerate(text.splitlines(), 1):
            match = re.fullmatch(r"# (title|allocator): ?(.*)|(program|switches) ?(\S*)", line)
            if match:
                values[match[1] or match[3]] = (match[2] if match[1] else match[4]) or ""
            elif line and not line.startswith("#"):
                raise UsageError(f"{path}:{number}: '{line[:40]}' is neither `program TEXT` nor "
                                 "`switches TEXT` nor a comment")
        if not values["program"]:
            raise UsageError(f"{path}: no line `program TEXT`, such as `program 16/0:a0,f0.0/1:a2`")
        return cls(values["program"], values["switches"], values["allocator"] or None, values["title"])


@dataclass
class Explored:
    """All there is of one run."""
    allocator: str | None = None
    title: str | None = None
    found: dict[str, str] = field(default_factory=dict)
    program: str | None = None
    switches: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outcomes: dict[tuple[str, int], str] = field(default_factory=dict)
    race: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    schedules: int = 0
    others: dict[str, int] = field(default_factory=dict)  # titles that were only counted

    def saved(self) -> SavedProgram:
        """What is kept of it."""
        return SavedProgram(self.program or "", ",".join(filter(None, self.switches)), self.allocator,
                            self.title or "")

    @classmethod
    def parse(cls, raw: bytes) -> "Explored":
        """Lines that are not the explorer's are left alone."""
        explored = cls()
        log = parse(raw)
        explored.title = log.title
        for line in log.lines:
            explored._read(line)
        if not explored.schedules and explored.found:  # it ended there: no tallies
            explored.schedules = int(explored.found["schedules"])
        return explored

    def _read(self, line: str) -> None:
        values = key_values(line)
        if step := TRACE.fullmatch(line):
            self.steps.append(Step(step[1], int(step[2]), step[3], int(step[4]), step[5], step[6],
                                   int(step[7], 16), step[8]))
        elif line.startswith("# allocator="):
            self.allocator = values["allocator"]
        elif line.startswith("# found program=0x"):
            self.found = values
        elif line.startswith("# explored strategy="):
            self.schedules += int(values["schedules"])
        elif match := COUNTED.fullmatch(line):
            self.others[match[2]] = int(match[1])
        elif line.startswith("# minimised program="):
            self.program = values["program"]
        elif line.startswith("# minimised switches="):
            self.switches.append(values["switches"])
        elif line.startswith("# minimised cores="):
            self.figures = values
        elif line.startswith("# outcome "):
            _, _, thread, index, outcome = line.split()
            self.outcomes[thread, int(index)] = outcome.replace("=", " ")
        elif line.startswith("# race "):
            self.race.append(line.removeprefix("# "))
