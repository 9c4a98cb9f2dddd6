"""gdb's threads, each a core of the guest."""
from collections.abc import Iterator
from contextlib import contextmanager

import gdb

MASK = (1 << 64) - 1
MOST_FRAMES = 64


@contextmanager
def _selection_kept() -> Iterator[None]:
    thread = gdb.selected_thread()
    frame = gdb.selected_frame() if thread else None
    try:
        yield
    finally:
        if thread:
            thread.switch()
            frame.select()


def _frames() -> Iterator[gdb.Frame]:
    """The frames of the selected thread, as far as the stack can be read."""
    frame = gdb.newest_frame()
    for _ in range(MOST_FRAMES):
        yield frame
        try:
            frame = frame.older()
        except gdb.error:  # the stack is damaged from here on
            return
        if frame is None:
            return


def _file(frame: gdb.Frame) -> str:
    table = frame.find_sal().symtab
    return str(table.filename) if table else ""


class Thread:
    """A virtual CPU of QEMU."""

    def __init__(self, thread: gdb.InferiorThread) -> None:
        self._thread = thread
        self.number = thread.num

    def register(self, name: str) -> int | None:
        """A register's value as 64 unsigned bits. None if gdb does not know the register."""
        with _selection_kept():
            self._thread.switch()
            try:
                return int(gdb.newest_frame().read_register(name)) & MASK
            except (ValueError, gdb.error):
                return None

    def frames(self) -> list[tuple[str, int, str]]:
        """Function, address and file of each frame, innermost first. Includes inlined functions."""
        with _selection_kept():
            self._thread.switch()
            return [(frame.name() or "", frame.pc(), _file(frame)) for frame in _frames()]

    def contexts(self) -> list[set[str]]:
        """The functions on the stack, with a set of their own for each interrupt handler.

        A handler comes before the code that it interrupted. The last set is the core's own work.
        """
        contexts: list[set[str]] = [set()]
        with _selection_kept():
            self._thread.switch()
            for frame in _frames():
                if frame.type() == gdb.SIGTRAMP_FRAME:
                    contexts.append(set())
                else:
                    contexts[-1].add(frame.name() or "")
        return contexts


def threads_by_core(cores: set[int]) -> dict[int, Thread]:
    """For each address of a struct percpu, the thread that has it as GS base."""
    found = {}
    for thread in map(Thread, gdb.selected_inferior().threads()):
        base = thread.register("gs_base")
        if base in cores:
            found[base] = thread
    return found
