"""Parses the serial log (docs/LOG.md). verdict/judge.py decides what to believe."""
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..vocabulary import LONGEST_LINE
from . import earlier, fields, statement
from .statement import NOT_TESTED, Call, LeftOut, Statement, once_each

LATEST_FORMAT = 2
LONGEST_PENDING = 4096  # bytes; longer lines are broken when shown live, to save memory
MARKER = "KTAP version 1"
MARKER_AT = re.compile(rb"KTAP version 1\r*(?:\n|\Z)")
PRINTABLE = re.compile(r"[ -~]*")
# Only one way to write each number is accepted, because no checksum covers this line.
END = re.compile(r"# end nonce=([0-9a-f]{16}) lines=([1-9][0-9]{0,8}) crc=0x([0-9a-f]{8})")
PLAN = re.compile(r"1\.\.([0-9]{1,6})")
RESULT = re.compile(r"(not )?ok ([0-9]{1,6}) (\S+)(?: # (.*))?")
FORMAT = re.compile(r"[1-9][0-9]{0,5}")
INCONCLUSIVE = "SKIP inconclusive:"
# The allocator's function for the name of a call. Other calls have the name of their function.
FUNCTIONS = {"allocate": "allocate_pages", "free": "free_pages", "bad-free": "free_pages"}
FIRST_WALK = "the first walk, when all memory had been inserted"
HALTED = "# halted:"
HELD = "# held:"  # like HALTED, but the machine waits for a debugger


@dataclass(frozen=True)
class Phase:
    """One result line.

    `outcome` is pass, fail, skip or inconclusive; `values` are those in `detail`.
    """
    index: int
    name: str
    outcome: str
    detail: str
    values: dict[str, fields.Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Closing:
    """The closing line: the kernel's number of lines and CRC, and the CRC of the lines received."""
    line: int
    nonce: int
    lines: int
    crc: int
    actual_crc: int


@dataclass
class Log:
    """The kernel's part of a serial capture, parsed. Line numbers in it begin with 1."""
    lines: list[str] = field(default_factory=list)
    ends_whole: bool = False
    restarts: list[int] = field(default_factory=list)
    banner: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    plans: list[int] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    promises: list[Statement] = field(default_factory=list)
    rules_not_tested: list[Statement] = field(default_factory=list)
    phases_left_out: list[Statement] = field(default_factory=list)
    selftest_failed: list[str] = field(default_factory=list)
    selftest_left_out: list[LeftOut] = field(default_factory=list)
    current_call: Call | None = None
    advice: str | None = None
    running: str | None = None
    bail_out: str | None = None
    title: str | None = None
    totals: dict[str, str] | None = None
    verdicts: list[str] = field(default_factory=list)
    closing: Closing | None = None
    held: bool = False

    @property
    def format(self) -> int | None:
        """The version of the format in the banner, by default 1; None if it is not a number."""
        said = self.banner.get("log", "1")
        return int(said) if FORMAT.fullmatch(said) else None

    def records(self, start: str) -> Iterator[dict[str, str]]:
        """The values of each line that begins with `start`.

        `start` is words, and may end with the first key and its `=`; then its value is included.
        """
        name = start.split()[-1] if start.endswith("=") else ""
        for line in self.lines:
            if line.startswith(start):
                yield fields.read(name + line.removeprefix(start))

    def note_call(self, call: Call, reports: bool) -> None:
        """Note what a core was doing at the failure. The reporting core takes precedence."""
        if reports or not self.current_call:
            self.current_call = call


def parse(raw: bytes) -> Log:
    """Parse a capture. Accepts any bytes; the judge handles what is not understood."""
    log = Log()
    start = MARKER_AT.search(raw)
    if not start:
        return log
    *whole, rest = raw[start.start():].split(b"\n")
    log.ends_whole = not rest
    if rest:
        whole.append(rest)
    log.lines = [line.rstrip(b"\r").decode("latin-1") for line in whole]
    for number, line in enumerate(log.lines, 1):
        if number > 1 and line.endswith(MARKER):
            log.restarts.append(number)
        if log.closing is None and len(line) <= LONGEST_LINE:
            _read_line(log, number, line)
        elif line.startswith(HELD):
            log.held = True
    log.promises = once_each(log.promises)
    return log


def _read_line(log: Log, number: int, line: str) -> None:
    if line.startswith("# "):
        _read_diagnostic(log, number, line)
    elif match := PLAN.fullmatch(line):
        log.plans.append(int(match[1]))
    elif match := RESULT.fullmatch(line):
        log.phases.append(_phase(match, log.format))
        log.running = None
    elif line.startswith("Bail out!"):
        log.bail_out = line.removeprefix("Bail out!").strip()


def _phase(match: re.Match[str], log_format: int | None) -> Phase:
    detail = match[4] or ""
    outcome = "pass"
    if match[1]:
        outcome = "fail"
    elif detail.startswith(INCONCLUSIVE):
        outcome = "inconclusive"
    elif detail.startswith("SKIP"):
        outcome = "skip"
    told = outcome == "pass" or (outcome == "inconclusive" and log_format != 1)
    values = fields.read_numbers(detail.removeprefix(INCONCLUSIVE).lstrip()) if told else {}
    return Phase(int(match[2]), match[3], outcome, detail, values)


def _read_diagnostic(log: Log, number: int, line: str) -> None:
    if match := END.fullmatch(line):
        body = "".join(f"{text}\n" for text in log.lines[:number - 1])
        log.closing = Closing(number, int(match[1], 16), int(match[2]), int(match[3], 16),
                              zlib.crc32(body.encode("latin-1")))
        return
    for prefix, take in (DIAGNOSTICS if log.format != 1 else DIAGNOSTICS_1).items():
        if line.startswith(prefix):
            take(log, line[len(prefix):])


def _banner(log: Log, text: str) -> None:
    if not log.banner:
        log.banner = fields.read(text)


def _begin(log: Log, text: str) -> None:
    log.running = text


def _title(log: Log, text: str) -> None:
    log.title = text


def _totals(log: Log, text: str) -> None:
    log.totals = fields.read(text)


def _advice(log: Log, text: str) -> None:
    log.advice = fields.read(f"advice={text}")["advice"]


def _statement(text: str) -> Statement:
    values = fields.read(f"name={text}")
    return statement.read(values["name"], values)


def _rule(log: Log, text: str) -> None:
    if (rule := _statement(text)).outcome == NOT_TESTED:
        log.rules_not_tested.append(rule)


def _failed_vector(log: Log, text: str) -> None:
    values = fields.read(f"name={text}")
    log.selftest_failed.append(f'"{values["name"]}": {values.get("text", "")}')


def _vector_left_out(log: Log, text: str) -> None:
    values = fields.read(f"name={text}")
    first, _, last = values.get("orders", "").partition("-")
    count = int(last) - int(first) + 1 if first.isdecimal() and last.isdecimal() else 1
    log.selftest_left_out.append(LeftOut(values["name"], values.get("why", ""), count))


def _core(log: Log, text: str) -> None:
    values = fields.read(f"core={text}")
    if "call" in values and values.get("in") != "interrupt":
        log.note_call(_call(values), values.get("state") == "reports")


def _call(values: dict[str, str]) -> Call:
    name = values["call"]
    if name == "first-walk":
        return Call(None, FIRST_WALK)
    if "from" in values:
        return Call(name, f"pages {values['from']} to {values.get('to')}")
    return Call(FUNCTIONS.get(name, name), " ".join(f"{key} {values[key]}" for key in ("order", "pfn") if key in values))


# For each prefix of a line the function that reads it: first the lines that both formats have.
COMMON: dict[str, Callable[[Log, str], None]] = {
    "# stampede ": _banner,
    "# allocator=": lambda log, text: log.banner.update(fields.read(f"allocator={text}")),
    "# options ": lambda log, text: log.options.update(fields.read(text)),
    "# machine ": lambda log, text: log.machine.update(fields.read(text)),
    "# begin phase=": _begin,
    "# title=": _title,
    "# totals ": _totals,
    "# verdict=": lambda log, text: log.verdicts.append(text),
}
DIAGNOSTICS = COMMON | {
    "# promise=": lambda log, text: log.promises.append(_statement(text)),
    "# rule=": _rule,
    "# phase=": lambda log, text: log.phases_left_out.append(_statement(text)),
    "# selftest failed=": _failed_vector,
    "# selftest left-out=": _vector_left_out,
    "# core=": _core,
    "# look-first-at=": _advice,
}
DIAGNOSTICS_1 = COMMON | earlier.DIAGNOSTICS


class Follower:
    """Splits a growing log into lines. Leaves out everything before the kernel's first line."""

    def __init__(self) -> None:
        self.started = False
        self._pending = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines completed by `data`."""
        self._pending += data
        if not self.started:
            self._find_start()
        *whole, self._pending = self._pending.split(b"\n")
        if len(self._pending) > LONGEST_PENDING:
            whole, self._pending = [*whole, self._pending], b""
        lines = [line.rstrip(b"\r").decode("latin-1") for line in whole]
        return lines if self.started else []

    def _find_start(self) -> None:
        start = MARKER_AT.search(self._pending)
        if start and start[0].endswith(b"\n"):
            self.started = True
            self._pending = self._pending[start.start():]


def printable(line: str) -> str:
    """`line` without characters that could affect a terminal."""
    return re.sub(r"[^ -~]", "?", line)
