"""Reads tests/defects/NAME.patch: a header that says what must find the bug, prose, a diff.

    # title: overlap             the rule that must find it, the first word of the failure's title
    # also: assert               optional: other rules that may find it first, by chance
    # phase: single mixed        the phases that may find it, "start" (before the first), or "any"
    # lane: hosted               the cheapest lane that finds it
    # options: ops=20000         optional: options of the kernel, in any lane
    # cpus: 4                    optional: number of CPUs
    # machine: thread=single memory=128M firmware=uefi
    #                            optional
    # limit: 60                  optional: largest time of a run in seconds
    # tries: 3                   optional, for results by chance: runs with successive seeds
    # area: split                the part of the code
    # from: Zephyr #11022        optional: the public bug that it imitates
    # equivalent: REASON         optional: the change has no visible effect; without title and phase
    #
    # Prose.
"""
import re
from dataclasses import dataclass
from pathlib import Path

from .. import vocabulary
from ..vocabulary import MOST_CPUS, PHASE_TITLES, rule_titles
from .lanes import BEFORE, LANES, Job

AREAS = ("split", "merge", "search", "top", "links", "state", "ranges", "accounting", "bad-free", "oom", "cache",
         "lock", "stats", "memmap", "smp", "traps")
RULES = rule_titles("PLANTED")
# Not rules: what the host sees of a guest that cannot report, the failure of a unit test, and
# errors at the start of the kernel.
OTHER_TITLES = ("triple-fault", "reset", "unit", *(rule.title for rule in vocabulary.RULES if rule.verdict == "ERROR"))
TITLES = tuple(dict.fromkeys((*RULES, *OTHER_TITLES)))
PHASES = (*PHASE_TITLES, "explore", BEFORE, "any")
KEYS = ("title", "also", "phase", "lane", "options", "cpus", "machine", "limit", "tries", "area", "from", "equivalent")
NEEDED = ("lane", "area")
NEEDED_TO_FIND = ("title", "phase")
NAME = re.compile(r"[a-z0-9-]+")
HEADER = re.compile(r"# ([a-z]+): *(.*)")
OPTION = re.compile(r"[a-z-]+=[!-~]*")
UNIT = re.compile(r"(asan|asan10|tsan|plain)/[a-z0-9_]+")
MIB = {"M": 1, "G": 1024}
LONGEST_LIMIT = 600
MOST_TRIES = 10


class DefectError(Exception):
    """A file is not a valid defect. The text names file and line."""


@dataclass(frozen=True)
class Defect:
    """One planted bug. phases: () for any phase; title: None if the change is equivalent."""
    name: str
    title: str | None
    also: tuple[str, ...]
    phases: tuple[str, ...]
    lane: str
    job: Job
    tries: int
    area: str
    origin: str
    equivalent: str
    prose: str
    patch: str

    @property
    def expected(self) -> str:
        """The expected result, for a table."""
        return self.title or "equivalent"


@dataclass
class _Header:
    """The values of a header, with the numbers of their lines."""
    path: Path
    values: dict[str, str]
    lines: dict[str, int]

    def error(self, key: str, text: str) -> DefectError:
        return DefectError(f"{self.path}:{self.lines.get(key, 1)}: {key}: {text}")

    def choice(self, key: str, allowed: tuple[str, ...], value: str | None = None) -> str:
        value = self.values[key] if value is None else value
        if value not in allowed:
            raise self.error(key, f"'{value}' (allowed: {', '.join(allowed)})")
        return value

    def number(self, key: str, default: int, high: int) -> int:
        text = self.values.get(key, str(default))
        if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= high:
            raise self.error(key, f"'{text}' (allowed: 1 to {high})")
        return int(text)


def read_all(folder: Path) -> list[Defect]:
    """The defects of a folder, in the order of their names. Raises DefectError."""
    paths = sorted(folder.glob("*.patch"))
    if not paths:
        raise DefectError(f"{folder}: there is no defect (*.patch)")
    return [read(path) for path in paths]


def read(path: Path) -> Defect:
    """Read one defect. Raises DefectError."""
    if not NAME.fullmatch(path.stem):
        raise DefectError(f"{path}: the name may have only a-z, 0-9 and -")
    text = path.read_text(encoding="utf-8")
    header, prose, patch = _take_apart(path, text)
    equivalent = header.values.get("equivalent", "")
    for key in (*NEEDED, *(() if equivalent else NEEDED_TO_FIND)):
        if not header.values.get(key):
            raise DefectError(f"{path}:1: there is no line `# {key}: ...`")
    if equivalent and "title" in header.values:
        raise header.error("title", "an equivalent change has no title")
    if not prose:
        raise DefectError(f"{path}:{len(header.values) + 2}: no prose says what is wrong")
    lane = header.choice("lane", tuple(LANES))
    title = None if equivalent else header.choice("title", TITLES)
    if not equivalent and (lane == "unit") != (title == "unit"):
        raise header.error("title", f"'{title}' in lane {lane}: the title `unit` belongs to lane unit, and only to it")
    also = tuple(header.choice("also", TITLES, word) for word in header.values.get("also", "").split())
    phases = () if equivalent else _phases(header, lane)
    return Defect(path.stem, title, also, phases, lane, _job(header, lane),
                  header.number("tries", 1, MOST_TRIES), header.choice("area", AREAS),
                  header.values.get("from", ""), equivalent, prose, patch)


def _take_apart(path: Path, text: str) -> tuple[_Header, str, str]:
    header = _Header(path, {}, {})
    lines = text.splitlines(keepends=True)
    number = 0
    while number < len(lines) and lines[number].strip() != "#":
        match = HEADER.fullmatch(lines[number].rstrip())
        if not match:
            raise DefectError(f"{path}:{number + 1}: not of the form `# key: value`; an empty `#` ends the header")
        if match[1] not in KEYS:
            raise DefectError(f"{path}:{number + 1}: there is no key '{match[1]}' (allowed: {', '.join(KEYS)})")
        if match[1] in header.values:
            raise DefectError(f"{path}:{number + 1}: a second {match[1]}")
        header.values[match[1]] = match[2].strip()
        header.lines[match[1]] = number = number + 1
    start = next((i for i in range(number, len(lines)) if lines[i].startswith("--- ")), len(lines))
    if start == len(lines):
        raise DefectError(f"{path}:{len(lines)}: there is no diff (`--- a/FILE`)")
    prose = lines[number + 1:start]
    for i, line in enumerate(prose, number + 2):
        if line.strip() and not line.startswith(("#", "diff ", "index ")):
            raise DefectError(f"{path}:{i}: neither prose (`# ...`) nor part of a diff")
    words = " ".join(line[1:].strip() for line in prose if line.startswith("#"))
    return header, words.strip(), "".join(lines[start:])


def _phases(header: _Header, lane: str) -> tuple[str, ...]:
    phases = tuple(header.values["phase"].split())
    for phase in phases:
        if lane == "unit" and not UNIT.fullmatch(phase):
            raise header.error("phase", f"'{phase}': in lane unit the phase is a program, such as asan/memmap")
        if lane != "unit" and phase not in PHASES:
            raise header.error("phase", f"'{phase}' (allowed: {', '.join(PHASES)})")
    if lane == "unit" and len(phases) != 1:
        raise header.error("phase", "in lane unit the phase is one program, such as asan/memmap")
    return () if "any" in phases else phases


def _job(header: _Header, lane: str) -> Job:
    options = header.values.get("options", "")
    for word in options.split():
        if not OPTION.fullmatch(word):
            raise header.error("options", f"'{word}' is not of the form name=value")
        if word.split("=")[0] in ("cpus", "nonce"):
            raise header.error("options", f"'{word}': {'use `# cpus: N`' if word[0] == 'c' else 'the lane chooses the nonce'}")
    machine = _machine(header)
    unit = header.values.get("phase", "asan/memmap") if lane == "unit" else None
    return Job(options, header.number("cpus", 4, MOST_CPUS), _memory(header, machine.get("memory")),
               machine.get("thread"), machine.get("firmware"), header.number("limit", 60, LONGEST_LIMIT), unit)


def _machine(header: _Header) -> dict[str, str]:
    allowed = {"thread": r"single|multi", "firmware": r"bios|uefi", "memory": r"[0-9]{1,5}[MG]"}
    machine = {}
    for word in header.values.get("machine", "").split():
        name, _, value = word.partition("=")
        if name not in allowed or not re.fullmatch(allowed[name], value):
            raise header.error("machine", f"'{word}' (allowed: thread=single|multi firmware=bios|uefi memory=128M)")
        machine[name] = value
    return machine


def _memory(header: _Header, text: str | None) -> int | None:
    if text is None:
        return None
    mib = int(text[:-1]) * MIB[text[-1]]
    if not 1 <= mib <= 65536:
        raise header.error("machine", f"memory={text} (allowed: 1M to 64G)")
    return mib
