"""The free lists of the built-in allocators: mm/buddy.h, mm/buddy_percpu.h, mm/buddy_scan.h.

gdb does not know the lists of other allocators, only the oracle's books about them.
"""
from collections.abc import Iterator
from typing import NamedTuple

from .guest import Record, enumeration
from .kernel import NO_PFN, Kernel

NO_LINK = (1 << 32) - 1
PAGE_SHIFT = 12


class Block(NamedTuple):
    """A free block found in a list."""
    pfn: int
    order: int

    @property
    def end(self) -> int:
        """The pfn after the block."""
        return self.pfn + (1 << self.order)

    def text(self) -> str:
        """The block as messages name it."""
        return f"pfn {self.pfn:#x} order {self.order}"


class Page(NamedTuple):
    """A page's descriptor. Links are indices into the page array."""
    pfn: int
    state: str
    order: int
    next: int
    prev: int

    def text(self) -> str:
        """The state, with the order if it means something in this state."""
        counts = self.state.endswith("HEAD") or self.state == "CACHED"
        return f"{self.state} order {self.order}" if counts else self.state


class FreeLists:
    """Common to all kinds: one list for each order, of blocks in the pages [start, end)."""

    LOCK = "lock"  # the member of the pool that guards the lists

    def __init__(self, pool: Record, start: int, end: int, heads: list[int],
                 counts: list[int]) -> None:
        self.pool = pool
        self.start = start
        self.end = end
        self.heads = heads
        self.counts = counts
        self.max_order = len(heads) - 1
        self.lock_address = pool.address + pool.layout.member(self.LOCK).offset

    @property
    def free_pages(self) -> int:
        """The allocator's counter of free pages, without those in caches."""
        return self.pool["free_pages"]

    def walk(self, order: int) -> Iterator[int]:
        """The pfns in a list by its links, up to the first invalid link."""
        for found in self.inspect(order):
            if isinstance(found, Block):
                yield found.pfn

    def inspect(self, order: int) -> Iterator[Block | str]:
        """The blocks of a list, and between them texts about what is wrong."""
        raise NotImplementedError

    def cached(self) -> list[Block]:
        """Free blocks in per-CPU caches."""
        return []

    def free_block_around(self, pfn: int) -> Block | None:
        """The free block that covers a page."""
        raise NotImplementedError


class BuddyLists(FreeLists):
    """struct buddy_pool: the links are in the page array, which has the state of each page."""

    def __init__(self, kernel: Kernel, pool: Record) -> None:
        super().__init__(pool, pool["array.start"], pool["array.end"], pool.array("list"),
                         pool.array("count"))
        self.state_values = {name.removeprefix("PAGE_"): value
                             for value, name in enumeration("enum page_state").items()}
        self._states = {value: name for name, value in self.state_values.items()}
        self._memory = kernel.memory
        self._pages = pool["array.pages"]
        self._layout = kernel.memory.layout("struct page")

    def page(self, pfn: int) -> Page:
        """The descriptor of a page, which must lie in [start, end)."""
        address = self._pages + (pfn - self.start) * self._layout.size
        record = Record(self._memory, self._layout, address)
        state = self._states.get(record["state"], f"state {record['state']}")
        return Page(pfn, state, record["order"], record["next"], record["prev"])

    def inspect(self, order: int) -> Iterator[Block | str]:
        index, previous = self.heads[order], NO_LINK
        seen: set[int] = set()
        while index != NO_LINK:
            if index >= self.end - self.start:
                yield (f"order {order}: list of {self.counts[order]} has link {index:#x} as number "
                       f"{len(seen)}: no page")
                return
            if index in seen:
                yield f"order {order}: the list comes back to pfn {self.start + index:#x}: a cycle"
                return
            seen.add(index)
            page = self.page(self.start + index)
            if (page.state, page.order, page.prev) != ("FREE_HEAD", order, previous):
                yield (f"pfn {page.pfn:#x} in list {order}: {page.state} order {page.order} prev "
                       f"{_link(page.prev)}, expected FREE_HEAD order {order} prev "
                       f"{_link(previous)}")
            yield Block(page.pfn, order)
            previous, index = index, page.next

    def free_block_around(self, pfn: int) -> Block | None:
        for order in range(self.max_order + 1):
            head = pfn >> order << order
            if head < self.start:
                return None
            page = self.page(head)
            if page.state in ("FREE_HEAD", "CACHED") and page.order >= order:
                return Block(head, page.order)
        return None

    def states(self) -> bytes:
        """The state of each page, as a byte."""
        size = self._layout.size
        data = self._memory.read(self._pages, (self.end - self.start) * size)
        return data[self._layout.member("state").offset::size]


class PercpuLists(BuddyLists):
    """struct buddy_percpu_pool: like BuddyLists, with a cache for each core."""

    def __init__(self, kernel: Kernel, pool: Record) -> None:
        super().__init__(kernel, pool.inner("buddy", "struct buddy_pool"))
        self._caches = list(pool.inner_all("caches", "struct buddy_cache"))

    def cached(self) -> list[Block]:
        blocks = []
        for cache in self._caches:
            for order, (index, count) in enumerate(zip(cache.array("list"), cache.array("count"))):
                for _ in range(count):
                    if index >= self.end - self.start:
                        break
                    blocks.append(Block(self.start + index, order))
                    index = self.page(self.start + index).next
        return blocks


class ScanLists(FreeLists):
    """struct buddy_scan_pool: each link is at the start of the free block. Lists rise by pfn."""

    def __init__(self, kernel: Kernel, pool: Record) -> None:
        super().__init__(pool, pool["start"], pool["end"], pool.array("free_list"),
                         pool.array("count"))
        self._memory = kernel.memory

    def inspect(self, order: int) -> Iterator[Block | str]:
        pfn, before = self.heads[order], -1
        while pfn != NO_PFN:
            if not self.start <= pfn < self.end:
                yield f"order {order}: {_behind(before)} is link {pfn:#x}: no page"
                return
            if pfn <= before:
                yield f"order {order}: {_behind(before)} is pfn {pfn:#x}: not rising"
                return
            yield Block(pfn, order)
            before, pfn = pfn, self._memory.peek(pfn << PAGE_SHIFT)

    def free_block_around(self, pfn: int) -> Block | None:
        for order in range(self.max_order + 1):
            if pfn >> order << order in self.walk(order):
                return Block(pfn >> order << order, order)
        return None


_KINDS = {
    "buddy": (BuddyLists, "struct buddy_pool"),
    "buddy-percpu": (PercpuLists, "struct buddy_percpu_pool"),
    "buddy-scan": (ScanLists, "struct buddy_scan_pool"),
}


def find_lists(kernel: Kernel) -> FreeLists | None:
    """The lists of the allocator under test, or None if it is not a built-in one."""
    kind = _KINDS.get(kernel.allocator.string("name"))
    return kind[0](kernel, kernel.record(kind[1], kernel.arena["pool"])) if kind else None


def _link(index: int) -> str:
    return "none" if index == NO_LINK else f"{index:#x}"


def _behind(pfn: int) -> str:
    return "first" if pfn < 0 else f"behind pfn {pfn:#x}"
