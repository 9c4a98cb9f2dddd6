"""The command `stampede history`."""
from collections.abc import Iterator

import gdb

from .kernel import Kernel, Operation
from .words import history_line, now_line

NAME = "history"
HELP = """The last operations of all cores, or of one core, in the order of time.

usage: stampede history [CORE]

Times are microseconds before (-) or after (+) the failure. Without a failure they are relative to
the last operation. An arrow marks operations that touch the block of the failure."""


def lines(kernel: Kernel, argument: str) -> Iterator[str]:
    """A line for each finished operation, then for each running one."""
    number = int(gdb.parse_and_eval(argument)) if argument else None
    if number is not None and not kernel.workers_of(number):
        raise gdb.GdbError(f"there is no core {argument}, or nothing runs yet")
    block = _failing_block(kernel)
    empty = True
    for operation in kernel.history:
        if number in (None, operation.core):
            empty = False
            yield history_line(kernel, operation, _mark(operation, block))
    for operation in kernel.current:
        if number in (None, operation.core):
            empty = False
            yield now_line(operation, _mark(operation, block))
    if empty:
        yield "no operations yet"


def _failing_block(kernel: Kernel) -> tuple[int, int] | None:
    """The pages [start, end) that the failure is about, if it is about pages."""
    try:
        start = int(gdb.parse_and_eval("'stress/explain.c'::block_pfn"))
        count = int(gdb.parse_and_eval("'stress/explain.c'::block_pages"))
    except gdb.error:
        return None
    return (start, start + count) if kernel.title and count else None


def _mark(operation: Operation, block: tuple[int, int] | None) -> str:
    return " touches=this-block <--" if block and operation.touches(*block) else ""
