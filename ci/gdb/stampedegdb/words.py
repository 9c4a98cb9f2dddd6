"""Formats values in the same words as the kernel's report (stress/explain.c)."""
import re
from collections.abc import Iterable

import gdb

from .kernel import Core, Kernel, Operation

# A core that reports a failure is in these files or functions. They do not show what it was doing.
REPORTING_FILES = ("lib/sinks.c", "stress/failure.c", "stress/explain.c", "stress/report.c",
                   "stress/run_end.c", "stress/traps.c")
REPORTING_FUNCTIONS = ("cpu_halt", "trap_dispatch", "trap_common", "")


def operation_text(operation: Operation | None) -> str:
    """An operation in words; "-" for none."""
    if operation is None:
        return "-"
    order, pfn = f"order={operation.order}", f"pfn={operation.pfn:#x}"
    pages = f"from={operation.pfn:#x} to={operation.pfn + operation.serial:#x}"
    return "call=" + {
        "ALLOCATE": f"allocate {order} {pfn} number={operation.serial}",
        "FREE": f"free {order} {pfn} number={operation.serial} owner={operation.holder}",
        "BAD_FREE": f"bad-free {order} {pfn}",
        "OUT_OF_MEMORY": f"allocate {order} result=out-of-memory",
        "ALLOCATING": f"allocate {order}",
        "INIT": f"init {pages}",
        "INSERT": f"insert_pages {pages}",
        "REMOVE": f"remove_pages {pages}",
        "WALK": "first-walk",
    }.get(operation.kind, operation.kind)


def history_line(kernel: Kernel, operation: Operation, mark: str = "") -> str:
    """One entry of a history, with its time before (-) or after (+) the failure."""
    return _line(f"{-kernel.microseconds_since(operation.cycles):+.3f}", operation, mark)


def now_line(operation: Operation, mark: str = "") -> str:
    """Like history_line(), for a running operation."""
    return _line("now", operation, mark)


def _line(when: str, operation: Operation, mark: str) -> str:
    return f"{f'us={when}':<16s} {worker_text(operation)} {operation_text(operation)}{mark}"


def worker_text(operation: Operation) -> str:
    """Who runs the operation: a core, or an interrupt handler on it."""
    return f"core={operation.core}" + (" in=interrupt" if operation.in_interrupt else "")


def symbol_text(address: int, is_return: bool = False) -> str:
    """"function+0x12", or the address alone. A return address is resolved by the call before it."""
    try:
        text = gdb.execute(f"info symbol {address - is_return:#x}", to_string=True)
    except gdb.error:
        text = ""
    match = re.match(r"(\S+)(?: \+ (\d+))? in section", text)
    if not match:
        return f"{address:#x}"
    return f"{match[1]}+{int(match[2] or 0) + is_return:#x}"


def place_text(address: int, is_return: bool = False) -> str:
    """"function+0x12 (file:line)", after the name of a function inlined there."""
    line = gdb.find_pc_line(address - is_return)
    where = f" ({line.symtab.filename}:{line.line})" if line.symtab and line.line else ""
    return _inlined_text(address - is_return) + symbol_text(address, is_return) + where


def _inlined_text(address: int) -> str:
    """The innermost function inlined there, as "name in ", or ""."""
    block = gdb.block_for_pc(address)
    while block and not block.function:
        block = block.superblock
    within = block and block.superblock
    while within and not within.function:
        within = within.superblock
    if not within or within.function.name == block.function.name:  # gcc split it
        return ""
    return f"{block.function.name} in "


def time_text(microseconds: float) -> str:
    """A time with the fitting unit: 4.156 s, 12.3 ms, 0.8 us."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.4g} {unit}"
    return f"{microseconds:.3g} us"


def lasting_text(kernel: Kernel, cycles: int) -> str:
    """Time from `cycles` to the failure, or from the failure to `cycles`.

    The second can happen because other cores run until they are stopped.
    """
    before = kernel.microseconds_since(cycles)
    return f"for {time_text(before)}" if before >= 0 else f"from {time_text(-before)} after the failure on"


def core_place(core: Core) -> str:
    """The innermost function that a core is in, without the functions that stopped it."""
    if core.frame:
        return place_text(core.frame["rip"])
    if not core.thread:
        return "-"
    frames = core.thread.frames()
    for index, (name, address, file) in enumerate(frames):
        if name not in REPORTING_FUNCTIONS and not file.endswith(REPORTING_FILES):
            return place_text(address, is_return=index > 0)
    return place_text(frames[0][1])


def state_text(kernel: Kernel, core: Core) -> str:
    """The core's state in one or two words (`help stampede cpus`)."""
    record = core.record
    if not record["online"]:
        return "not online"
    if core.number == kernel.reporter:
        return "reports"
    if kernel.reporter is not None and not record["frozen"]:
        return "unstopped"
    if not core.busy:
        return "rests"
    return "waits" if core.waiting_for else "works"


def flag_text(flag: bool | None) -> str:
    """The interrupt flag in a word."""
    return {True: "on", False: "off", None: "?"}[flag]


def columns(rows: Iterable[Iterable[str]]) -> Iterable[str]:
    """The rows with columns as wide as they need; the last one is not padded."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        yield "  ".join(cells).rstrip()
