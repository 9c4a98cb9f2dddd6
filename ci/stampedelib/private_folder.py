"""A folder of one run alone, for its sockets: their paths must be short, so it is not in the tree.

It is locked while the run lives, so that what a killed run left is known by its lock being free.
"""
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from .usage import UsageError

PREFIX = "stampede-run-"
LONGEST_SOCKET_PATH = 107  # sockaddr_un
SETTLING_SECONDS = 60  # a folder as new as this may not be locked yet


class PrivateFolder:
    """Made at once, removed by close(); nobody else can look into it."""

    def __init__(self) -> None:
        base = _base()
        _remove_stale(base)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._lock = _try_lock(self.path)

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _base() -> Path:
    """Where this user may write, and the path of a socket is not too long."""
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]
    for base in filter(None, bases):
        if os.access(base, os.W_OK | os.X_OK) and \
                len(f"{base}/{PREFIX}12345678/gdb") <= LONGEST_SOCKET_PATH:
            return Path(base)
    raise UsageError(f"none of {', '.join(filter(None, bases))} will do for a socket")


def _remove_stale(base: Path) -> None:
    """What runs left that were killed."""
    for folder in base.glob(f"{PREFIX}*"):
        try:
            status = folder.stat()
        except OSError:
            continue
        if status.st_uid == os.getuid() and time.time() - status.st_mtime > SETTLING_SECONDS:
            lock = _try_lock(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _try_lock(folder: Path) -> int | None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
