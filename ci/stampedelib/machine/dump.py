"""Writes guest memory to a sparse ELF core, by QMP's dump-guest-memory through a pipe.

QEMU itself would write pages that contain only zeros, too. Most do, so a sparse core uses about a
hundredth of its length on disk.
"""
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..process import wide_pipe
from . import elfcore
from .monitor import Monitor, MonitorError

TRIES = 3
BETWEEN_TRIES_SECONDS = 0.5
BLOCK = 65536
ZEROS = bytes(BLOCK)
STALLED_SECONDS = 60


class DumpError(Exception):
    """No core could be written. The text is one line with the reason."""


@dataclass(frozen=True)
class Dump:
    """A core that was written."""
    path: Path
    cpus: int
    file_bytes: int
    disk_bytes: int
    seconds: float

    def text(self) -> str:
        """Sizes and time in words."""
        return (f"{self.file_bytes >> 20} MiB ({self.disk_bytes >> 20} MiB on disk), "
                f"{self.cpus} CPUs, in {self.seconds:.1f} s")


def dump_memory(monitor: Monitor, path: Path) -> Dump:
    """Stop the machine and write its memory and registers to `path`. Raises DumpError.

    A core from before long mode is useless. In that case let the machine run for a moment and try
    again.
    """
    start = time.monotonic()
    for tries_left in reversed(range(TRIES)):
        try:
            return _dump_once(monitor, path, start)
        except elfcore.EarlyCoreError as error:
            path.unlink(missing_ok=True)
            if not tries_left or not _goes_on(monitor):
                raise DumpError(str(error)) from None
        except (elfcore.CoreError, MonitorError, OSError) as error:
            path.unlink(missing_ok=True)
            raise DumpError(str(error)) from None
    raise AssertionError("the last try returns or raises")


def _dump_once(monitor: Monitor, path: Path, start: float) -> Dump:
    monitor.execute("stop")
    read_end, write_end = wide_pipe()
    with open(read_end, "rb", buffering=0) as pipe:
        try:
            monitor.answer(monitor.ask("getfd", {"fdname": "core"}, write_end))
        finally:
            os.close(write_end)
        answer = monitor.ask("dump-guest-memory", {"paging": False, "protocol": "fd:core"})
        _write_sparse(path, lambda: _read_block(pipe.fileno(), monitor, answer))
    monitor.answer(answer)
    elfcore.repair(path)
    status = path.stat()
    return Dump(path, elfcore.inspect(path).cpus, status.st_size, status.st_blocks * 512,
                time.monotonic() - start)


def _write_sparse(path: Path, read_block: Callable[[], bytes]) -> None:
    """Write all blocks up to an empty one. Blocks of zeros become holes."""
    with path.open("wb") as file:
        while block := read_block():
            if block == ZEROS[:len(block)]:
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)
        file.truncate()


def _read_block(pipe: int, monitor: Monitor, answer: int) -> bytes:
    """The next BLOCK bytes of the dump, fewer at its end.

    If QEMU refuses the dump, it may leave the pipe open. Only the monitor shows the refusal.
    """
    parts, wanted = [], BLOCK
    while wanted:
        readable, _, _ = select.select([pipe, monitor], [], [], STALLED_SECONDS)
        if not readable:
            raise OSError(f"QEMU's dump made no progress for {STALLED_SECONDS} s")
        if pipe not in readable:
            monitor.check(answer)
            continue
        part = os.read(pipe, wanted)
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def _goes_on(monitor: Monitor) -> bool:
    """Let the machine run for a moment; whether it still can."""
    try:
        monitor.execute("cont")
    except MonitorError:
        return False
    time.sleep(BETWEEN_TRIES_SECONDS)
    return True
