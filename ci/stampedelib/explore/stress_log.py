"""What the log of a stress run tells of its failure: the last operations, and who had to do with it.

The log has up to 32 operations of each core and of each core's interrupt handlers, in the order of time, which is
that of the lock.
"""
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..log.serial import LATEST_FORMAT, Log, parse
from ..usage import UsageError
from ..verdict.judge import judge
from ..vocabulary import rule_titles

RULES = rule_titles("REPLAYED")  # that an allocator can break in the explorer as well as on all cores
FIRST_FORMAT = 2  # of the log, in which histories are values


@dataclass(frozen=True)
class Block:
    """A block that was handed out: to whom, as which of his allocations, where."""
    core: int
    number: int
    pfn: int
    order: int


@dataclass(frozen=True)
class Event:
    """One operation. `block`: handed out or freed; of a bad free, what it was tried on. `after`: the failure."""
    core: int
    interrupt: bool
    kind: str
    order: int
    block: Block | None = None
    touches: bool = False
    after: bool = False


@dataclass(frozen=True)
class Story:
    """What a log tells of its failure. `cores`: by how much they have to do with it."""
    title: str
    allocator: str
    events: list[Event]
    cores: list[int]
    held: list[Block]

    @property
    def rule(self) -> str:
        """The title's."""
        return self.title.split(":")[0]


def read(raw: bytes, name: str) -> Story:
    """Raises UsageError where there is no failure of an allocator, or nothing is told of it."""
    log, verdict = parse(raw), judge(raw)
    if verdict.word == "damaged":
        raise UsageError(f"{name}: this log cannot be believed: {verdict.title}")
    if (log.format or 0) > LATEST_FORMAT:
        raise UsageError(f"{name}: {verdict.title}")
    if not log.title or verdict.word in ("pass", "inconclusive"):
        raise UsageError(f"{name}: no failure to bring back: {verdict.word}")
    if (log.format or 0) < FIRST_FORMAT:
        raise UsageError(f"{name}: log format {log.format}, of an earlier kernel: its history cannot be read. "
                         f"This needs format {FIRST_FORMAT}: repeat the run with a kernel of today, with the same seed")
    try:
        return _story(log, name, log.title)
    except (KeyError, ValueError) as error:
        raise UsageError(f"{name}: a line that is not as docs/LOG.md says: {error}") from error


def _story(log: Log, name: str, title: str) -> Story:
    events = list(_history(log))
    if not events:
        raise UsageError(f"{name}: no line `# history`: of \"{title}\" no operations are told")
    rule = title.split(":")[0]
    if rule not in RULES:
        raise UsageError(f"{name}: the explorer cannot bring back \"{rule}\"; it can: {', '.join(RULES)}")
    events += _unfinished(log, events)
    holders = list(_holders(log))
    return Story(title, log.banner.get("allocator", ""), events, _cores(log, rule, events, holders),
                 [holder for holder in holders if holder.number])


def _history(log: Log) -> Iterator[Event]:
    for values in log.records("# history "):
        if event := _event(values):
            yield replace(event, touches="touches" in values, after=values["us"].startswith("+"))


def _event(values: dict[str, str]) -> Event | None:
    """A call of the allocator by one block; None for another."""
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
    """What cores were in the middle of, the failing core's last. A free is told when it begins: it is there."""
    found = []
    for values in log.records("# core="):
        event = _event(values)
        if event and not (event.kind == "free" and any(event.block == other.block and other.kind == "free"
                                                       for other in events)):
            found.append(event)
    reporters = _reporters(log)
    return sorted(found, key=lambda event: event.core in reporters)


def _holders(log: Log) -> Iterator[Block]:
    """Of a block that the failure is about. Number 0: only the core is known."""
    for values in log.records("# overlap "):
        if values.get("side") == "holder" and "pfn" in values:
            yield Block(int(values["core"]), int(values["number"]), int(values["pfn"], 16), int(values["order"]))
    for values in log.records("# content "):
        yield Block(int(values["holder"]), 0, 0, 0)


def _cores(log: Log, rule: str, events: list[Event], holders: list[Block]) -> list[int]:
    """The core that failed, the holder, who touched the block, who is named, who waits for a lock, then who was at work
    last."""
    found = _reporters(log) if rule not in ("deadlock", "stall") else []
    found += [holder.core for holder in holders]
    found += [event.core for event in reversed(events) if event.touches]
    states, locks = list(log.records("# core=")), log.records("# lock=")
    found += [int(values["core"]) for values in states if "blamed" in values]
    found += [int(values["owner"]) for values in locks if "owner" in values and rule == "lock-owner"]
    found += [int(values["core"]) for values in states if values.get("state") == "waits"]
    found += [event.core for event in reversed(events)]
    return list(dict.fromkeys(found))
