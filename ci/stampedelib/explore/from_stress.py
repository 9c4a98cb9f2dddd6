"""Makes programs for the explorer from the last operations before a failure of the stress.

A program of the explorer (stress/explore/program.h) has at most 4 cores, 8 operations for each, and
64 pages. So each program has only a window: the last operations of the cores most involved in the
failure.
"""
from dataclasses import dataclass

from .stress_log import Block, Event, Story

CORES = 4
OPERATIONS = 8
WINDOWS = (3, 4, 6, 8)  # operations of each core
# Number of pages, and the largest order to allocate. Several blocks of that order fit.
ARENAS = ((16, 2), (64, 4), (8, 3), (4, 1))


@dataclass(frozen=True)
class Candidate:
    """A program, the schedule that runs its operations in the order of the log, and what it was made from."""
    program: str
    switches: str
    window: int
    cores: int
    pages: int

    def text(self) -> str:
        """How the program was made, in words."""
        return f"the last {self.window} operations of {self.cores} cores, in {self.pages} pages"


def candidates(story: Story) -> list[Candidate]:
    """Programs to try, most promising first, without duplicates."""
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
    """Makes one program: the operations of each thread, and the order in which they ran."""

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
        """The last `window` operations of each thread before the failure.

        Operations that touch the block of the failure are taken from twice that window. The other
        cores run until they are stopped. So a thread may have only operations after the failure in
        the log: then its first ones are taken, which are nearest to the failure.
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
        """The blocks that are freed or held, but whose allocation is not in `events`."""
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
        """The core that must allocate a block first: its owner, or else the core that frees it."""
        if block.core in self._cores:
            return block.core
        return next(event.core for event in events if event.block == block)

    def _overfull(self, events: list[Event]) -> tuple[int, bool] | None:
        """A thread with more operations than a program may have, if there is one."""
        sizes: dict[tuple[int, bool], int] = {}
        for block in self._before(events):
            thread = self._home(block, events), False
            sizes[thread] = sizes.get(thread, 0) + 1
        for event in events:
            thread = event.core, event.interrupt
            sizes[thread] = sizes.get(thread, 0) + 1
        return next((thread for thread, size in sizes.items() if size > OPERATIONS), None)

    def _drop_oldest(self, events: list[Event], thread: tuple[int, bool]) -> None:
        """Remove the thread's oldest operation, preferably not one on the failure's block.

        If it has none, remove an operation on a block that it would have to allocate first. With an
        allocation its free is removed, too.
        """
        mine = [event for event in events if (event.core, event.interrupt) == thread]
        victims = mine or [event for event in events if event.block and event.block.core == thread[0]]
        victim = next((event for event in victims if not event.touches), victims[0])
        for event in [other for other in events if other is victim or
                      (victim.kind == "allocate" and other.kind == "free" and other.block == victim.block)]:
            events.remove(event)

    def program(self, pages: int, top: int) -> str:
        """The program as text, in an arena of `pages`.

        Orders are limited to `top`, except that a refused allocation asks for the whole arena.
        """
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
        """The operations of the last program(), in the order of the log.

        "i1 0" is the first operation in an interrupt handler on core 1.
        """
        begun = dict.fromkeys(self._threads, 0)
        found = []
        for name in self._steps:
            found.append(f"{name} {begun[name]}")
            begun[name] += 1
        return found

    def switches(self) -> str:
        """The schedule that runs the operations of the last program() in the order of the log.

        Its format is in stress/explore/schedule.h. A thread is preempted at point 0 of its next
        operation, or at point 1 if it has none left. After an interrupt, its core is at the point
        after the interrupted one.
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
