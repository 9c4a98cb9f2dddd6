"""Reads the last operations before a failure, and the involved cores, from the log of a stress run.

The log has up to 32 operations of each core, and of each core's interrupt handlers, in the order of
time. This is the order in which they acquired the allocator's lock.
"""
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..log.serial import LATEST_FORMAT, Log, parse
from ..usage import UsageError
from ..verdict.judge import judge
from ..vocabulary import rule_titles

RULES = rule_titles("REPLAYED")  # rules that an allocator can also break in the explorer
FIRST_FORMAT = 2  # the first log format with histories as key=value


@dataclass(frozen=True)
class Block:
    """A block that was handed out: to which core, as which of its allocations, and where."""
    core: int
    number: int
    pfn: int
    order: int


@dataclass(frozen=True)
class Event:
    """One operation.

    block: the block that was handed out or freed, or passed to a bad free.
    touches: whether it touches the block of the failure. after: whether it is later than the
    failure.
    """
    core: int
    interrupt: bool
    kind: str
    order: int
    block: Block | None = None
    touches: bool = False
    after: bool = False


@dataclass(frozen=True)
class Story:
    """A failure as a log describes it. `cores`: those most involved first."""
    title: str
    allocator: str
    events: list[Event]
    cores: list[int]
    held: list[Block]

    @property
    def rule(self) -> str:
        """The rule in the title."""
        return self.title.split(":")[0]


def read(raw: bytes, name: str) -> Story:
    """Read a log. Raises UsageError if it has no failure of an allocator, or no history of it."""
    log, verdict = parse(raw), judge(raw)
    if verdict.word == "damaged":
        raise UsageError(f"{name}: this log cannot be trusted: {verdict.title}")
    if (log.format or 0) > LATEST_FORMAT:
        raise UsageError(f"{name}: {verdict.title}")
    if not log.title or verdict.word in ("pass", "inconclusive"):
        raise UsageError(f"{name}: no failure to repeat: {verdict.word}")
    if (log.format or 0) < FIRST_FORMAT:
        raise UsageError(f"{name}: the history in log format {log.format} of an earlier kernel cannot be read. "
                         f"Format {FIRST_FORMAT} is needed: repeat the run with a current kernel and the same seed")
    try:
        return _story(log, name, log.title)
    except (KeyError, ValueError) as error:
        raise UsageError(f"{name}: a line does not follow docs/LOG.md: {error}") from error


def _story(log: Log, name: str, title: str) -> Story:
    events = list(_history(log))
    if not events:
        raise UsageError(f"{name}: no line `# history`: the log has no operations before \"{title}\"")
    rule = title.split(":")[0]
    if rule not in RULES:
        raise UsageError(f"{name}: the explorer cannot repeat \"{rule}\", only {', '.join(RULES)}")
    events += _unfinished(log, events)
    holders = list(_holders(log))
    return Story(title, log.banner.get("allocator", ""), events, _cores(log, rule, events, holders),
                 [holder for holder in holders if holder.number])


def _history(log: Log) -> Iterator[Event]:
    for values in log.records("# history "):
        if event := _event(values):
            yield replace(event, touches="touches" in values, after=values["us"].startswith("+"))


def _event(values: dict[str, str]) -> Event | None:
    """A call of the allocator for one block; None for other calls."""
    call, core = values.get("call", ""), int(values["core"])
    if call not in ("allocate", "free", "bad-free"):
        return None
    kind, order = call, int(values["order"])
    if call == "allocate" and "pfn" not in values:
        kind = "refused" if "result" in values else "allocating"
    block = Block(int(values.get("owner", core)), int(values.get("number", 0)), int(values["pfn"], 16), order) \
        if "pfn" in values else None
    return Event(core, values.get("in") == "interrupt", kind, order, block)


def _reporters(log: Log) -> list[int]:
    return [int(values["core"]) for values in log.records("# core=") if values.get("state") == "reports"]


def _unfinished(log: Log, events: list[Event]) -> list[Event]:
    """The unfinished operations, that of the failing core last.

    A free is already in the history: it is recorded when it begins.
    """
    found = []
    for values in log.records("# core="):
        event = _event(values)
        if event and not (event.kind == "free" and any(event.block == other.block and other.kind == "free"
                                                       for other in events)):
            found.append(event)
    reporters = _reporters(log)
    return sorted(found, key=lambda event: event.core in reporters)


def _holders(log: Log) -> Iterator[Block]:
    """The holders of the block that the failure is about. With number 0 only the core is known."""
    for values in log.records("# overlap "):
        if values.get("side") == "holder" and "pfn" in values:
            yield Block(int(values["core"]), int(values["number"]), int(values["pfn"], 16), int(values["order"]))
    for values in log.records("# content "):
        yield Block(int(values["holder"]), 0, 0, 0)


def _cores(log: Log, rule: str, events: list[Event], holders: list[Block]) -> list[int]:
    """The cores, most involved first.

    In this order: the core that failed, the holder, cores that touched the block, the core that the
    failure names, the lock's owner, cores that wait for a lock, cores by their last operation.
    """
    found = _reporters(log) if rule not in ("deadlock", "stall") else []
    found += [holder.core for holder in holders]
    found += [event.core for event in reversed(events) if event.touches]
    states, locks = list(log.records("# core=")), log.records("# lock=")
    found += [int(values["core"]) for values in states if "blamed" in values]
    found += [int(values["owner"]) for values in locks if "owner" in values and rule == "lock-owner"]
    found += [int(values["core"]) for values in states if values.get("state") == "waits"]
    found += [event.core for event in reversed(events)]
    return list(dict.fromkeys(found))
