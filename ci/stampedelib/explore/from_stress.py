"""From a failure of the stress to programs for the explorer: what its log tells of the last operations.

The log has up to 32 operations of each core and of each core's interrupt handlers, in the order of time, which is
that of the lock. A program of the explorer (stress/explore/program.h) is at most 4 cores with 8 operations each in
64 pages, so it is windows that are tried: the last operations of the cores that the failure names first.
"""
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..log.serial import LATEST_FORMAT, Log, parse
from ..usage import UsageError
from ..verdict.judge import judge
from ..vocabulary import rule_titles

CORES = 4
OPERATIONS = 8
RULES = rule_titles("REPLAYED")  # that an allocator can break in the explorer as well as on all cores
WINDOWS = (3, 4, 6, 8)  # operations of each core
# Pages, and the largest order that is asked for: so that several blocks of it fit.
ARENAS = ((16, 2), (64, 4), (8, 3), (4, 1))

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


@dataclass(frozen=True)
class Candidate:
    """A program, the schedule that runs its operations in the order of the log, and what it was made from."""
    program: str
    switches: str
    window: int
    cores: int
    pages: int

    def text(self) -> str:
        """For a person."""
        return f"the last {self.window} operations of {self.cores} cores, in {self.pages} pages"


# ---- reading ----


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


# ---- programs ----


def candidates(story: Story) -> list[Candidate]:
    """Programs to try, the likeliest first, none twice."""
    found: dict[str, Candidate] = {}
    small_first = sorted(ARENAS) if story.rule == "false-oom" else list(ARENAS)
    most = min(CORES, len(story.cores))
    for pages, top in small_first:
        for cores in dict.fromkeys((min(2, most), min(3, most), most, 1)):
            for window in WINDOWS:
                maker = Maker(story, story.cores[:cores], window)
                program = maker.program(pages, top)
                found.setdefault(program, Candidate(program, maker.switches(), window, cores, pages))
    return list(found.values())


class Maker:
    """One program: threads of operations, and the order in which they were."""

    def __init__(self, story: Story, cores: list[int], window: int) -> None:
        self._cores = cores
        self._held = [block for block in story.held if block.core in cores]
        events = [event for event in story.events if event.core in cores]
        chosen = self._choose(events, window)
        while thread := self._overfull(chosen):
            self._drop_oldest(chosen, thread)
        self._events = chosen

    @staticmethod
    def _choose(events: list[Event], window: int) -> list[Event]:
        """The last so many of each thread before the failure, and what touches the block.

        Until they are stopped the other cores go on: of one that has no earlier operations left it is the first ones
        afterwards, as far from the failure in time as they are near.
        """
        before = {(event.core, event.interrupt) for event in events if not event.after}
        late = [event for event in events if event.after and (event.core, event.interrupt) not in before]
        early = [event for event in events if not event.after]
        kept: list[Event] = []
        seen: dict[tuple[int, bool], int] = {}
        for event in [*late, *reversed(early)]:
            thread = event.core, event.interrupt
            seen[thread] = seen.get(thread, 0) + 1
            if seen[thread] <= window or (event.touches and seen[thread] <= 2 * window):
                kept.append(event)
        return [event for event in events if event in kept]

    def _before(self, events: list[Event]) -> list[Block]:
        """Blocks that are freed or held, and whose allocation is not among `events`."""
        made: set[Block] = set()
        wanted: list[Block] = []
        for event in events:
            if event.block and event.kind == "allocate":
                made.add(event.block)
            elif event.block and event.kind == "free" and event.block not in made:
                wanted.append(event.block)
        wanted += [block for block in self._held if block not in made]
        return list(dict.fromkeys(wanted))

    def _home(self, block: Block, events: list[Event]) -> int:
        """The core that allocates a block beforehand: whose it was, or who frees it."""
        if block.core in self._cores:
            return block.core
        return next(event.core for event in events if event.block == block)

    def _overfull(self, events: list[Event]) -> tuple[int, bool] | None:
        """A thread with more operations than a program may have."""
        sizes: dict[tuple[int, bool], int] = {}
        for block in self._before(events):
            thread = self._home(block, events), False
            sizes[thread] = sizes.get(thread, 0) + 1
        for event in events:
            thread = event.core, event.interrupt
            sizes[thread] = sizes.get(thread, 0) + 1
        return next((thread for thread, size in sizes.items() if size > OPERATIONS), None)

    def _drop_oldest(self, events: list[Event], thread: tuple[int, bool]) -> None:
        """Its oldest operation, or else one that frees what it would have to allocate; with a block its free too."""
        mine = [event for event in events if (event.core, event.interrupt) == thread]
        victims = mine or [event for event in events if event.block and event.block.core == thread[0]]
        victim = next((event for event in victims if not event.touches), victims[0])
        for event in [other for other in events if other is victim or
                      (victim.kind == "allocate" and other.kind == "free" and other.block == victim.block)]:
            events.remove(event)

    def program(self, pages: int, top: int) -> str:
        """As text; no order above `top` but what was refused, which is as large as the arena."""
        self._threads: dict[str, list[str]] = {}
        self._steps: list[str] = []
        places: dict[Block, str] = {}
        freed: set[Block] = set()
        for block in self._before(self._events):
            places[block] = self._add(self._home(block, self._events), False, f"a{min(block.order, top)}")
        for event in self._events:
            text = self._operation(event, places, freed, min(event.order, top), pages)
            if not text:
                continue
            place = self._add(event.core, event.interrupt, text)
            if event.block and event.kind == "allocate":
                places[event.block] = place
            elif event.block and event.kind == "free":
                freed.add(event.block)
        return "/".join([str(pages), *(f"{name}:{','.join(operations)}"
                                       for name, operations in self._threads.items())])

    @staticmethod
    def _operation(event: Event, places: dict[Block, str], freed: set[Block], order: int, pages: int) -> str | None:
        if event.kind in ("allocate", "allocating"):
            return f"a{order}"
        if event.kind == "refused":
            return f"a{pages.bit_length() - 1}"
        if not event.block:
            return None
        if event.kind == "free":
            return f"f{places[event.block]}"
        held = [block for block in places if block not in freed]
        about = [block for block in held
                 if block.pfn <= event.block.pfn < block.pfn + (1 << block.order)] or held
        return f"x{places[about[-1]]}" if about else None

    def _add(self, core: int, interrupt: bool, text: str) -> str:
        name = ("i" if interrupt else "") + str(self._cores.index(core))
        thread = self._threads.setdefault(name, [])
        thread.append(text)
        self._steps.append(name)
        return f"{name}.{len(thread) - 1}"

    def steps(self) -> list[str]:
        """The operations of the last program() in the order of the log: "i1 0" is core 1's first in an interrupt."""
        begun = dict.fromkeys(self._threads, 0)
        found = []
        for name in self._steps:
            found.append(f"{name} {begun[name]}")
            begun[name] += 1
        return found

    def switches(self) -> str:
        """The schedule of the last program() that runs one operation after the other (stress/explore/schedule.h).

        A thread gives way at point 0 of its next operation, at point 1 when it has none left. When an interrupt is
        over, its core is at the point behind the one that it was interrupted at.
        """
        counts = {name: len(operations) for name, operations in self._threads.items()}
        next_operation = dict.fromkeys("0123", 0)
        points = {"0": 1, "1": 0, "2": 0, "3": 0}
        found = [f"0.0@1:{self._steps[0]}"]
        for name, following in zip(self._steps, self._steps[1:]):
            core = name[-1]
            if name == core:
                next_operation[core] += 1
                points[core] = int(next_operation[core] == counts[core])
            else:
                points[core] += 1
            if following != core:
                found.append(f"{core}.{next_operation[core]}@{points[core]}:{following}")
        return ",".join(found)
