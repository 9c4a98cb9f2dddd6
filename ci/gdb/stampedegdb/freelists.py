"""The command `stampede freelists`."""
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import gdb

from .kernel import Kernel
from .lists import FreeLists, find_lists
from .words import columns

NAME = "freelists"
HELP = """The free lists of a built-in allocator.

usage: stampede freelists

A line an order: how long the list is when walked, how long by the counter, how many
blocks per-CPU caches hold, the list's first blocks.
Where the two disagree the line says so; `stampede check` says where the links are wrong."""
FIRST_BLOCKS = 6


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """The lists, then their sum."""
    del argument
    lists = find_lists(kernel)
    if not lists:
        name = kernel.allocator.string("name")
        raise gdb.GdbError(f"allocator {name}: gdb knows the lists of the built-in ones only")
    lengths = [sum(1 for _ in lists.walk(order)) for order in range(lists.max_order + 1)]
    cached = Counter(block.order for block in lists.cached())
    yield from columns([("ORDER", "WALKED", "COUNTED", "CACHED", "FIRST BLOCKS"),
                        *(_row(lists, order, length, cached[order])
                          for order, length in enumerate(lengths))])
    pages = sum(length << order for order, length in enumerate(lengths))
    in_caches = sum(count << order for order, count in cached.items())
    mark = "" if pages == lists.free_pages else f"; DISAGREES: counted {lists.free_pages}"
    more = f", {in_caches} in caches" if cached else ""
    yield f"{pages} of {kernel.arena['inserted_pages']} pages are free{more}{mark}"


def _row(lists: FreeLists, order: int, length: int, cached: int) -> tuple[str, ...]:
    first = [f"{pfn:#x}" for pfn in islice(lists.walk(order), FIRST_BLOCKS)]
    if length > FIRST_BLOCKS:
        first.append("...")
    if length != lists.counts[order]:
        first.append("<-- DISAGREES")
    return (str(order), str(length), str(lists.counts[order]), str(cached or "-"),
            " ".join(first) or "-")
