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

Prints a line for each order: the length of the list by its links, the length by its counter, the
number of blocks in per-CPU caches, and the first blocks of the list. DISAGREES marks lines in which
the two lengths differ. `stampede check` says which links are wrong."""
FIRST_BLOCKS = 6


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """A line for each list, then the sum of their pages."""
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
