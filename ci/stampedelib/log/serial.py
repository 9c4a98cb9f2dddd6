"""Reads the serial log of docs/LOG.md. Here it is taken apart; judge.py decides what to believe."""
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from ..vocabulary import LONGEST_LINE
from .statement import NOT_TESTED, Statement, once_each, read

LONGEST_PENDING = 4096  # a line shown live is broken here, so that endless ones cost no memory
MARKER = "KTAP version 1"
MARKER_AT = re.compile(rb"KTAP version 1\r*(?:\n|\Z)")
PRINTABLE = re.compile(r"[ -~]*")
# One way to write each number, as nothing else vouches for this line.
END = re.compile(r"# end nonce=([0-9a-f]{16}) lines=([1-9][0-9]{0,8}) crc=0x([0-9a-f]{8})")
PLAN = re.compile(r"1\.\.([0-9]{1,6})")
RESULT = re.compile(r"(not )?ok ([0-9]{1,6}) (\S+)(?: # (.*))?")
CURRENT_CALL = re.compile(r"[0-9]+ ([a-z]+)[^;]*; in: ([^;]*)(?:; in interrupt: [^;]*)?")
ADVICE = "# look first at: "
HALTED = "# halted:"
HELD = "# held:"  # as HALTED, and the machine waits for a debugger


@dataclass(frozen=True)
class Phase:
    """One result line. `outcome` is pass, fail, skip or inconclusive."""
    index: int
    name: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class Closing:
    """The closing line: what the kernel counted and summed, and what is here."""
    line: int
    nonce: int
    lines: int
    crc: int
    actual_crc: int


@dataclass
class Log:
    """What the kernel's part of a serial capture says. Its first line has number 1."""
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
    selftest_left_out: list[str] = field(default_factory=list)
    current_call: str | None = None
    advice: str | None = None
    running: str | None = None
    bail_out: str | None = None
    title: str | None = None
    totals: dict[str, str] | None = None
    verdicts: list[str] = field(default_factory=list)
    closing: Closing | None = None
    held: bool = False


def key_values(text: str) -> dict[str, str]:
    """The key=value words of a diagnostic line."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def parse(raw: bytes) -> Log:
    """Take a capture apart. Any bytes will do: what is not understood is left to the judge."""
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
    if line.startswith(ADVICE):
        log.advice = line.removeprefix(ADVICE)
    elif line.startswith("# "):
        _read_diagnostic(log, number, line)
    elif match := PLAN.fullmatch(line):
        log.plans.append(int(match[1]))
    elif match := RESULT.fullmatch(line):
        log.phases.append(_phase(match))
        log.running = None
    elif line.startswith("Bail out!"):
        log.bail_out = line.removeprefix("Bail out!").strip()


def _phase(match: re.Match[str]) -> Phase:
    detail = match[4] or ""
    outcome = "pass"
    if match[1]:
        outcome = "fail"
    elif detail.startswith("SKIP inconclusive:"):
        outcome = "inconclusive"
    elif detail.startswith("SKIP"):
        outcome = "skip"
    return Phase(int(match[2]), match[3], outcome, detail)


def _read_diagnostic(log: Log, number: int, line: str) -> None:
    if match := END.fullmatch(line):
        body = "".join(f"{text}\n" for text in log.lines[:number - 1])
        log.closing = Closing(number, int(match[1], 16), int(match[2]), int(match[3], 16),
                              zlib.crc32(body.encode("latin-1")))
        return
    for prefix, take in DIAGNOSTICS.items():
        if line.startswith(prefix):
            take(log, line[len(prefix):])


def _banner(log: Log, text: str) -> None:
    if not log.banner:
        log.banner = key_values(text)


def _begin(log: Log, text: str) -> None:
    log.running = text


def _title(log: Log, text: str) -> None:
    log.title = text


def _totals(log: Log, text: str) -> None:
    log.totals = key_values(text)


def _rule(log: Log, text: str) -> None:
    if (rule := read(text)).outcome == NOT_TESTED:
        log.rules_not_tested.append(rule)


def _phase_left_out(log: Log, text: str) -> None:
    name, _, why = text.partition(" left out: ")
    if why:
        log.phases_left_out.append(Statement(name, "left out", why))


def _core(log: Log, text: str) -> None:
    """What a core was doing when the run failed: the one that reports has the last word."""
    if (match := CURRENT_CALL.fullmatch(text)) and (match[1] == "reports" or not log.current_call):
        log.current_call = match[2]


DIAGNOSTICS: dict[str, Callable[[Log, str], None]] = {
    "# stampede ": _banner,
    "# allocator=": lambda log, text: log.banner.update(key_values(f"allocator={text}")),
    "# options ": lambda log, text: log.options.update(key_values(text)),
    "# machine ": lambda log, text: log.machine.update(key_values(text)),
    "# begin phase=": _begin,
    "# title=": _title,
    "# totals ": _totals,
    "# verdict=": lambda log, text: log.verdicts.append(text),
    "# promise ": lambda log, text: log.promises.append(read(text)),
    "# rule ": _rule,
    "# phase ": _phase_left_out,
    "# selftest failed: ": lambda log, text: log.selftest_failed.append(text),
    "# selftest left out: ": lambda log, text: log.selftest_left_out.append(text),
    "# core ": _core,
}


class Follower:
    """Cuts a growing log into lines, leaving out what stands before the kernel's first."""

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
    """`line` made safe for a terminal."""
    return re.sub(r"[^ -~]", "?", line)
