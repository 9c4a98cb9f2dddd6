"""The command `stampede page`."""
from collections.abc import Iterator

import gdb

from .books import Books
from .lists import Block, BuddyLists, FreeLists, find_lists
from .kernel import Kernel
from .words import history_line, now_line

NAME = "page"
HELP = """All information about a page.

usage: stampede page PFN

Shows the state in a built-in allocator, the state in the oracle's books, and all operations in the
cores' histories that touch the page. PFN is a number or an expression."""


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """The state in the allocator, the state in the books, the history."""
    if not argument:
        raise gdb.GdbError("usage: stampede page PFN")
    pfn = int(gdb.parse_and_eval(argument))
    books, lists = Books(kernel), find_lists(kernel)
    if not books.contains(pfn):
        raise gdb.GdbError(f"page {pfn:#x} is not in the arena: "
                           f"that has {books.start:#x} to {books.end - 1:#x}")
    yield f"page {pfn:#x} at address {pfn << 12:#x}"
    if lists:
        yield f"  allocator: {_allocator_text(lists, pfn)}"
    yield f"  oracle: {_oracle_text(books, pfn)}"
    yield from _operations(kernel, pfn)


def _allocator_text(lists: FreeLists, pfn: int) -> str:
    around = lists.free_block_around(pfn)
    where = _block_text(lists, around) if around else "in no free block"
    return f"{lists.page(pfn).text()}; {where}" if isinstance(lists, BuddyLists) else where


def _block_text(lists: FreeLists, block: Block) -> str:
    if block.pfn in lists.walk(block.order):
        return f"in the free block {block.pfn:#x} order {block.order}, in list {block.order}"
    if block in lists.cached():
        return f"in the free block {block.pfn:#x} order {block.order}, in a core's cache"
    return f"in the free block {block.pfn:#x} order {block.order}, which is in NO LIST"


def _oracle_text(books: Books, pfn: int) -> str:
    inserted = "inserted" if books.is_inserted(pfn) else "never inserted"
    if not books.is_held(pfn):
        return f"{inserted}, not held"
    holding = books.holder_of(pfn)
    if not holding:
        return (f"{inserted}, held; its holder has not yet written down its block, "
                "or is giving it up")
    return f"{inserted}, held by {holding.text()}"


def _operations(kernel: Kernel, pfn: int) -> Iterator[str]:
    touching = [operation for operation in kernel.history if operation.touches(pfn, pfn + 1)]
    count = f"{len(touching)} operations" if touching else "nothing kept touches it"
    yield f"  history: {count}"
    for operation in touching:
        yield f"  {history_line(kernel, operation)}"
    for operation in kernel.current:
        if operation.touches(pfn, pfn + 1):
            yield f"  {now_line(operation)}"
