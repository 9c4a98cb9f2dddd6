"""The oracle's books (struct arena): which pages the allocator was given, and who holds them."""
from typing import NamedTuple

from .guest import enumeration
from .kernel import Kernel

# For each byte its eight bits as eight bytes, bit 0 first.
_BYTES_OF = [bytes(value >> bit & 1 for bit in range(8)) for value in range(256)]


class Holding(NamedTuple):
    """A block that is handed out."""
    pfn: int
    order: int
    core: int
    serial: int

    def text(self) -> str:
        """The block and its holder in words."""
        return f"core {self.core}: block {self.pfn:#x} order {self.order}, its number {self.serial}"


class Books:
    """The oracle's books about the arena's pages [start, end)."""

    def __init__(self, kernel: Kernel) -> None:
        self._memory = kernel.memory
        self._arena = kernel.arena
        self.start = self._arena["start"]
        self.end = self._arena["end"]
        self.max_order = self._arena.layout.member("regions").elements - 1
        self._holding = kernel.memory.layout("struct holding")
        states = {name: value for value, name in enumeration("enum holding_state").items()}
        self._held_state = states["HOLDING_HELD"]

    def contains(self, pfn: int) -> bool:
        """Whether the books cover this page."""
        return self.start <= pfn < self.end

    def is_inserted(self, pfn: int) -> bool:
        """Whether the page was given to the allocator."""
        return self._bit("inserted", pfn)

    def is_held(self, pfn: int) -> bool:
        """Whether the page is handed out."""
        return self._bit("held", pfn)

    def inserted_map(self) -> bytes:
        """A byte for each page: 1 if it was given to the allocator, else 0."""
        return self._map("inserted")

    def held_map(self) -> bytes:
        """A byte for each page: 1 if it is handed out, else 0."""
        return self._map("held")

    def holding_at(self, pfn: int) -> Holding | None:
        """The block handed out that begins at this page, if there is one."""
        if not self.contains(pfn):
            return None
        size = self._holding.size
        address = self._arena["holdings"] + (pfn - self.start) * size
        return self._decode(pfn, self._memory.read(address, size))

    def holder_of(self, pfn: int) -> Holding | None:
        """The block handed out that covers the page.

        None while its holder is changing the books.
        """
        for order in range(self.max_order + 1):
            holding = self.holding_at(pfn >> order << order)
            if holding and holding.order >= order and self.is_held(holding.pfn):
                return holding
        return None

    def holdings(self) -> list[Holding]:
        """All blocks handed out."""
        size = self._holding.size
        data = self._memory.read(self._arena["holdings"], (self.end - self.start) * size)
        states = data[self._holding.member("state").offset::size]
        held = self.held_map()
        heads = [index for index, state in enumerate(states) if state == self._held_state and held[index]]
        decoded = (self._decode(self.start + index, data[index * size:(index + 1) * size]) for index in heads)
        return [holding for holding in decoded if holding]

    def baseline(self) -> dict[int, int]:
        """The free blocks at the start of the run: the order of each, by its first page."""
        walk = self._arena["walk.baseline"]
        if not self._arena["walk.baseline_blocks"]:
            return {}
        orders = self._memory.read(walk, self.end - self.start)
        return {self.start + index: order - 1 for index, order in enumerate(orders) if order}

    def _decode(self, pfn: int, raw: bytes) -> Holding | None:
        def number(name: str) -> int:
            member = self._holding.member(name)
            return int.from_bytes(raw[member.offset:member.offset + member.size], "little")

        if number("state") != self._held_state:
            return None
        return Holding(pfn, number("order"), number("core"), number("serial"))

    def _bit(self, name: str, pfn: int) -> bool:
        if not self.contains(pfn):
            return False
        index = pfn - self.start
        return bool(self._memory.read(self._arena[name] + index // 8, 1)[0] >> index % 8 & 1)

    def _map(self, name: str) -> bytes:
        pages = self.end - self.start
        bits = self._memory.read(self._arena[name], (pages + 7) // 8)
        return b"".join(map(_BYTES_OF.__getitem__, bits))[:pages]
