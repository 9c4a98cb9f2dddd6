"""The walker's rules (mm/walker.c, the allocators' validate()), evaluated on memory by gdb.

The kernel walks while no operation runs. Here cores may be stopped in the middle of an operation.
So a difference that a running operation explains is not a finding, and notes name the locks that
are held.
"""
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .books import Books
from .guest import enumeration, rule_title
from .kernel import Core, Kernel, Operation, Worker
from .lists import Block, BuddyLists, FreeLists, Page, find_lists
from .locks import locks_of_allocator
from .words import core_place, operation_text, worker_text

# Functions of stress/arena.c. In the first two a core may be between the books and the allocator,
# but not while it is in the third: there it checks the content of a block before it frees it.
ALLOCATING, FREEING, CHECKING = "arena_allocate", "arena_free", "check_content"


class Finding(NamedTuple):
    """A broken rule, by its name in lib/rules.def."""
    rule: str
    text: str

    @property
    def title(self) -> str:
        """The name of the rule in the kernel's log."""
        return rule_title(self.rule)


class Check:
    """One evaluation of all rules. Its result is in `findings`."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._books = Books(kernel)
        self._lists = find_lists(kernel)
        self._running = _running_operations(kernel, self._books)
        self._locks = [lock for lock in locks_of_allocator(kernel) if lock.owner is not None]
        self._inserted = self._books.inserted_map()
        self._held = self._books.held_map()
        self._free = bytearray(len(self._held))
        self._holdings = {holding.pfn: holding for holding in self._books.holdings()}
        self._blocks: list[Block] = []
        self._cached: list[Block] = []
        self.findings: list[Finding] = []

    def run(self) -> None:
        """Evaluate all rules.

        If the allocator is not built in, only those about the oracle's books.
        """
        self._take(self._check_books())
        if not self._lists:
            return
        self._take(self._check_lists(self._lists))
        self._take(map(self._check_block, self._blocks + self._cached))
        self._take(self._check_buddies(self._lists.max_order))
        accounted = bytearray(self._free)
        for operation in self._running:
            if operation.has_block:
                self._mark(accounted, operation.pfn, operation.order)
        if isinstance(self._lists, BuddyLists):
            self._take(self._check_tags(self._lists, accounted))
        self._take(self._check_none_lost(accounted))
        self._take(self._check_residue())

    def verdict(self) -> str:
        """The verdict, with the numbers of pages that were checked."""
        rules = ", ".join(dict.fromkeys(finding.title for finding in self.findings))
        sound = "all rules hold" if self._lists else "the oracle's books are sound"
        word = f"broken: {rules}" if rules else sound
        if rules and self._locks:
            word = f"broken, or in the middle of a change: {rules}"
        return f"{word} ({self._inserted.count(1)} pages inserted{self._free_text()}, " \
               f"{self._held.count(1)} held)"

    def _free_text(self) -> str:
        if not self._lists:
            return ""
        blocks = self._blocks + self._cached
        return f", {sum(1 << block.order for block in blocks)} free in {len(blocks)} blocks"

    def notes(self) -> Iterator[str]:
        """Reasons to doubt the findings."""
        if not self._lists:
            name = self._kernel.allocator.string("name")
            yield (f"allocator {name}: gdb does not know its free lists; "
                   "only the oracle's books were checked")
        for lock in self._locks:
            core = lock.owner_core()
            place = f", at {core_place(core)}" if core else ""
            yield f"core {lock.owner} holds {lock.name}{place}: what it is changing may look broken"
        for operation in self._running:
            yield f"{worker_text(operation)} is at it: {operation_text(operation)}"

    def _take(self, findings: Iterable[Finding | None]) -> None:
        self.findings += filter(None, findings)

    def _promises(self, name: str) -> bool:
        values = {text: value for value, text in enumeration("enum page_promise").items()}
        return bool(self._kernel.allocator["promises"] & values[name])

    # Checks of the oracle's books alone.

    def _check_books(self) -> Iterator[Finding]:
        counted = self._kernel.arena["inserted_pages"]
        if counted != self._inserted.count(1):
            yield Finding("CONSERVATION",
                          f"{self._inserted.count(1)} pages inserted, counted {counted}")
        index = _and_not(self._held, self._inserted).find(1)
        if index >= 0:
            yield Finding("OUTSIDE", f"pfn {self._books.start + index:#x} is held, never inserted")

    # Checks of the free lists.

    def _check_lists(self, lists: FreeLists) -> Iterator[Finding]:
        for order in range(lists.max_order + 1):
            before = len(self._blocks)
            for found in lists.inspect(order):
                if isinstance(found, Block):
                    self._blocks.append(found)
                else:
                    yield Finding("FREE_LIST", found)
            length = len(self._blocks) - before
            if length != lists.counts[order]:
                yield Finding("FREE_LIST",
                              f"order {order}: list of {length}, counted {lists.counts[order]}")
        pages = sum(1 << block.order for block in self._blocks)
        if pages != lists.free_pages:
            yield Finding("FREE_LIST", f"{pages} pages in the lists, counted {lists.free_pages}")
        self._cached = lists.cached()

    def _check_block(self, block: Block) -> Finding | None:
        start, end = block.pfn - self._books.start, block.end - self._books.start
        if start < 0 or end > len(self._free):
            return Finding("FREE_LIST", f"{block.text()}: outside of the pool")
        if block.pfn % (1 << block.order):
            return Finding("FREE_LIST", f"{block.text()}: misaligned")
        for found, text in ((self._inserted.find(0, start, end), "was never inserted"),
                            (self._held.find(1, start, end), "is held, though free"),
                            (self._free.find(1, start, end), "is in two free blocks")):
            if found >= 0:
                return Finding("FREE_LIST",
                               f"{block.text()}: pfn {self._books.start + found:#x} {text}")
        self._mark(self._free, block.pfn, block.order)
        return None

    def _check_buddies(self, max_order: int) -> Iterator[Finding]:
        known = set(self._blocks)
        for block in self._blocks if self._promises("PROMISE_COALESCES") else ():
            buddy = Block(block.pfn ^ 1 << block.order, block.order)
            if block.order < max_order and block.pfn < buddy.pfn and buddy in known:
                yield Finding("UNCOALESCED", f"pfn {block.pfn:#x} and {buddy.pfn:#x} order "
                                             f"{block.order}: buddies, both free")

    # Checks of the page array against lists and books.

    def _check_tags(self, lists: BuddyLists, accounted: bytearray) -> Iterator[Finding]:
        states, values = lists.states(), lists.state_values
        present = states.translate(bytes(value != values["ABSENT"] for value in range(256)))
        index = _and_not(self._inserted, present).find(1)
        if index >= 0:
            yield Finding("FREE_LIST", f"pfn {lists.start + index:#x}: inserted, tagged ABSENT")
        index = _and_not(present, self._inserted).find(1)
        if index >= 0:
            yield Finding("FREE_LIST", f"pfn {lists.start + index:#x}: never inserted, tagged "
                                       f"{lists.page(lists.start + index).text()}")
        for state, blocks in (("FREE_HEAD", self._blocks), ("CACHED", self._cached)):
            listed = {block.pfn for block in blocks}
            yield from (Finding("FREE_LIST", f"pfn {pfn:#x}: tagged {state}, in no list")
                        for pfn in _all_of(states, values.get(state), lists.start)
                        if pfn not in listed)
        yield from self._check_held_tags(lists, states, accounted)

    def _check_held_tags(self, lists: BuddyLists, states: bytes,
                         accounted: bytearray) -> Iterator[Finding]:
        for pfn, holding in self._holdings.items():
            page = lists.page(pfn)
            agrees = (page.state, page.order) == ("HELD_HEAD", holding.order)
            if not agrees and not self._is_running(pfn):
                yield Finding("FREE_LIST", f"pfn {pfn:#x}: held by {holding.text()}, "
                                           f"tagged {page.text()}")
        for pfn in _all_of(states, lists.state_values["HELD_HEAD"], lists.start):
            if pfn in self._holdings:
                continue
            page = lists.page(pfn)
            if self._explains_handed_out(page):
                self._mark(accounted, pfn, page.order)
            else:
                yield Finding("LOST", f"pfn {pfn:#x}: tagged {page.text()}, held by nobody")

    def _check_none_lost(self, accounted: bytearray) -> Iterator[Finding]:
        lost = bytearray(_and_not(_and_not(self._inserted, self._held), bytes(accounted)))
        if not isinstance(self._lists, BuddyLists):  # there are no tags of blocks just handed out
            orders = [each.order for each in self._running if each.kind == "ALLOCATING"]
            for order in sorted(orders, reverse=True):
                self._strike_block(lost, order)
        index = lost.find(1)
        if index >= 0:
            yield Finding("LOST", f"pfn {self._books.start + index:#x}: neither free nor held; "
                                  f"{lost.count(1)} such pages")

    def _strike_block(self, map_: bytearray, order: int) -> None:
        """Clear the first aligned block that is all set: perhaps the operation just received it."""
        pages = b"\1" * (1 << order)
        start = map_.find(pages)
        while start >= 0:
            if (start + self._books.start) % len(pages) == 0:
                map_[start:start + len(pages)] = bytes(len(pages))
                return
            start = map_.find(pages, start + 1)

    def _check_residue(self) -> Iterator[Finding]:
        if self._running or self._cached or self._held.count(1) or self.findings:
            return
        baseline = self._books.baseline()
        blocks = {block.pfn: block.order for block in self._blocks}
        if baseline and baseline != blocks:
            pfn = min(pfn for pfn in {*baseline, *blocks} if baseline.get(pfn) != blocks.get(pfn))
            yield Finding("RESIDUE", f"pfn {pfn:#x}: free at order {blocks.get(pfn)}, "
                                     f"at the start at order {baseline.get(pfn)}")

    # Running operations.

    def _is_running(self, pfn: int) -> bool:
        return any(operation.touches(pfn, pfn + 1) for operation in self._running)

    def _explains_handed_out(self, page: Page) -> bool:
        """Whether a running operation explains a block that is tagged as held but not in the books.

        It was handed out and is not yet in the books, or it left the books and is not yet freed.
        """
        return self._is_running(page.pfn) or any(
            operation.kind == "ALLOCATING" and operation.order == page.order
            for operation in self._running)

    def _mark(self, map_: bytearray, pfn: int, order: int) -> None:
        start = pfn - self._books.start
        end = min(start + (1 << order), len(map_))
        if 0 <= start < end:
            map_[start:end] = b"\1" * (end - start)


def _running_operations(kernel: Kernel, books: Books) -> list[Operation]:
    """The operations about which books and allocator may differ without a bug."""
    return [operation for core in kernel.cores if core.thread
            for worker, functions in _workers_of(kernel, core)
            for operation in [worker.now or _between_books(worker, functions, books)] if operation]


def _workers_of(kernel: Kernel, core: Core) -> Iterator[tuple[Worker, set[str]]]:
    """A core's own work and that of its interrupt handlers, with the functions on the stack."""
    assert core.thread
    *handlers, own = core.thread.contexts()
    for worker in kernel.workers_of(core.number):
        yield worker, set().union(*handlers) if worker.in_interrupt else own


def _between_books(worker: Worker, functions: set[str], books: Books) -> Operation | None:
    """The last operation, if books and allocator may differ about its block.

    The block was handed out and is not yet in the books, or it left the books and the call that
    frees it has not begun.
    """
    operation = worker.history[-1] if worker.history else None
    if not operation or CHECKING in functions:
        return None
    if ALLOCATING in functions and operation.kind == "ALLOCATE":
        holding = books.holding_at(operation.pfn)
        booked = holding and (holding.core, holding.serial) == (worker.number, operation.serial)
        return None if booked else operation
    return operation if FREEING in functions and operation.kind == "FREE" else None


# Maps have a byte for each page, 0 or 1. Arithmetic on large integers handles whole maps fast.

def _and_not(a: bytes, b: bytes) -> bytes:
    ones, others = int.from_bytes(a, "little"), int.from_bytes(b, "little")
    return (ones & ~others).to_bytes(len(a), "little")


def _all_of(column: bytes, value: int | None, start: int) -> Iterator[int]:
    if value is None:
        return
    index = column.find(value)
    while index >= 0:
        yield start + index
        index = column.find(value, index + 1)
