"""Reads a failure from the explorer's log (docs/LOG.md), and saves it to a file."""
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..log.serial import Log, parse
from ..usage import UsageError


@dataclass(frozen=True)
class Step:
    """One access: thread, operation, kind and size in bytes, place, value before, and the code."""
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
    """A program, the schedule under which it failed, and the title: the content of a small file."""
    program: str
    switches: str = ""
    allocator: str | None = None
    title: str = ""

    def write(self, path: Path) -> None:
        """Write the file. read() ignores comment lines other than title and allocator."""
        path.write_text(f"# title: {self.title}\n# allocator: {self.allocator or ''}\n"
                        f"program {self.program}\nswitches {self.switches}\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "SavedProgram":
        """Read a file. Raises UsageError with file and line."""
        values = {"program": "", "switches": "", "allocator": "", "title": ""}
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: not UTF-8 text: byte {error.start}") from error
        for number, line in enumerate(text.splitlines(), 1):
            match = re.fullmatch(r"# (title|allocator): ?(.*)|(program|switches) ?(\S*)", line)
            if match:
                values[match[1] or match[3]] = (match[2] if match[1] else match[4]) or ""
            elif line and not line.startswith("#"):
                raise UsageError(f"{path}:{number}: '{line[:40]}' is not `program TEXT`, "
                                 "`switches TEXT` or a comment")
        if not values["program"]:
            raise UsageError(f"{path}: no line `program TEXT`, such as `program 16/0:a0,f0.0/1:a2`")
        return cls(values["program"], values["switches"], values["allocator"] or None, values["title"])


@dataclass
class Explored:
    """Everything that the log of one run says."""
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
        """The failure for a file."""
        return SavedProgram(self.program or "", ",".join(filter(None, self.switches)), self.allocator,
                            self.title or "")

    @classmethod
    def parse(cls, raw: bytes) -> "Explored":
        """Read a log. Other lines than those of the explorer are ignored."""
        explored = cls()
        log = parse(raw)
        explored.title = log.title
        explored.allocator = log.banner.get("allocator")
        explored._read_failure(log)
        explored._read_tallies(log)
        return explored

    def _read_failure(self, log: Log) -> None:
        for values in log.records("# found "):
            self.found = values if "schedule" in values else self.found
        for values in log.records("# minimised "):
            self.program = values.get("program", self.program)
            self.switches += [values["switches"]] if set(values) == {"switches"} else []
            self.figures = values if "cores" in values else self.figures
        self.steps = [_step(values) for values in log.records("# trace ")]
        for values in log.records("# outcome "):
            page = values["page"]
            self.outcomes[values["thread"], int(values["operation"])] = page if page == "none" else f"page {page}"
        self.race = [_race_text(values) for values in log.records("# race ")]

    def _read_tallies(self, log: Log) -> None:
        for values in log.records("# explored "):
            if "title" in values:
                self.others[values["title"]] = int(values["failures"])
            else:
                self.schedules += int(values["schedules"])
        if not self.schedules and self.found:  # the run ended at the failure, without tallies
            self.schedules = int(self.found["schedules"])


def _step(values: dict[str, str]) -> Step:
    return Step(values["thread"], int(values["operation"]), values["kind"], int(values["bytes"]), values["place"],
                values["was"], int(values["at"], 16), values["function"])


def _race_text(values: dict[str, str]) -> str:
    if "side" not in values:
        return f"race at {values['place']}"
    return (f"race {values['side']}: thread {values['thread']} {values['kind']} at={values['at']} "
            f"{values['function']} lock={values['lock']}")
