"""Adds the command `rewind` to gdb, for replays of the explorer: docs/DEBUGGING.md, "Backwards"."""
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
       rewind access   back to the last access to the allocator's memory (the call that reports it)
Delete all breakpoints first."""

    def __init__(self) -> None:
        super().__init__("rewind", gdb.COMMAND_RUNNING)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Go back, and show the new position."""
        if gdb.breakpoints():
            raise gdb.GdbError("rewind: with breakpoints QEMU cannot go back from here; `delete` them first")
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
    """The number of instructions since the start of the recording."""
    match = re.search(r"instruction count = (\d+)", gdb.execute("monitor info replay", to_string=True))
    if not match:
        raise gdb.GdbError("rewind: this machine is not a replay")
    return int(match[1])


def seek(target: int) -> None:
    """Go to instruction `target`.

    QEMU loads the start of the recording and runs to the target. A request in the meantime would
    stop it early. So wait before asking where it is, and try again with longer waits.
    """
    wait = 0.5
    while wait <= LONGEST_WAIT:
        gdb.execute(f"monitor replay_seek {target}", to_string=True)
        time.sleep(wait)
        if count() == target:
            for cache in ("dcache", "register-cache"):  # gdb does not know of the move
                gdb.execute(f"maintenance flush {cache}", to_string=True)
            return
        wait *= 2
    raise gdb.GdbError(f"rewind: QEMU did not reach instruction {target} within {LONGEST_WAIT} s")


def last_access(here: int) -> int:
    """The instruction of the last access before `here`.

    Go back in growing leaps until there is an access between the new position and `here`.
    """
    leap = FIRST_LEAP
    while leap <= LONGEST_LEAP:
        seek(max(here - leap, 0))
        found = [at for at in accesses(here) if at < here]
        if found:
            return found[-1]
        leap *= 4
    raise gdb.GdbError(f"rewind: no access in the last {LONGEST_LEAP} instructions")


def accesses(end: int) -> Iterator[int]:
    """Run forwards; yield the instruction of each access, up to the first one at or after `end`."""
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
