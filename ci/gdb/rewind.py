"""Brings the command `rewind` into gdb, for replays of the explorer: docs/DEBUGGING.md, "Backwards"."""
import re
import time
from collections.abc import Iterator

import gdb

USAGE = "usage: rewind N, or rewind access"
FIRST_LEAP, LONGEST_LEAP = 2000, 2_000_000  # instructions
LONGEST_WAIT = 60  # seconds
ACCESS = "simulator_access"


class Rewind(gdb.Command):
    """Go back in a replay of `ci/stampede explore --replay DIR --gdb`.

usage: rewind N        N instructions back
       rewind access   to the last access to the allocator's memory before here: the call that tells of it
Breakpoints must be deleted before."""

    def __init__(self) -> None:
        super().__init__("rewind", gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Go, and show where that is."""
        if gdb.breakpoints():
            raise gdb.GdbError("rewind: QEMU does not come back from here with breakpoints; `delete` them first")
        if argument == "access":
            seek(last_access(count()))
        elif re.fullmatch(r"[1-9][0-9]{0,11}", argument):
            seek(max(count() - int(argument), 0))
        else:
            raise gdb.GdbError(USAGE)
        gdb.write(f"instruction {count()}\n")
        gdb.execute("frame")
        if argument == "access":
            gdb.execute("backtrace 4")


def count() -> int:
    """Instructions since the start of the recording."""
    match = re.search(r"instruction count = (\d+)", gdb.execute("monitor info replay", to_string=True))
    if not match:
        raise gdb.GdbError("rewind: this machine is no replay")
    return int(match[1])


def seek(target: int) -> None:
    """Be at that instruction. QEMU runs there from the start; asked meanwhile it would stop where it is."""
    wait = 0.5
    while wait <= LONGEST_WAIT:
        gdb.execute(f"monitor replay_seek {target}", to_string=True)
        time.sleep(wait)
        if count() == target:
            for cache in ("dcache", "register-cache"):  # that it has moved gdb is not told
                gdb.execute(f"maintenance flush {cache}", to_string=True)
            return
        wait *= 2
    raise gdb.GdbError(f"rewind: QEMU did not reach instruction {target} within {LONGEST_WAIT} s")


def last_access(here: int) -> int:
    """Further and further back until there is one between there and here."""
    leap = FIRST_LEAP
    while leap <= LONGEST_LEAP:
        seek(max(here - leap, 0))
        found = [at for at in accesses(here) if at < here]
        if found:
            return found[-1]
        leap *= 4
    raise gdb.GdbError(f"rewind: no access in the last {LONGEST_LEAP} instructions")


def accesses(end: int) -> Iterator[int]:
    """From here on forwards, up to the first that is not before `end`."""
    stop = gdb.Breakpoint(ACCESS, type=gdb.BP_HARDWARE_BREAKPOINT, internal=True)
    stop.silent = True
    try:
        at = 0
        while at < end:
            gdb.execute("continue", to_string=True)
            at = count()
            yield at
    finally:
        stop.delete()


Rewind()
