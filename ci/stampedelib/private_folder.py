"""A temporary folder for the sockets of one run. It is not in the tree: socket paths must be short.

A run holds a lock on its folder. So a folder whose lock is free belonged to a run that was killed.
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
SETTLING_SECONDS = 60  # a folder younger than this may not be locked yet


class PrivateFolder:
    """The constructor creates the folder, close() removes it. Other users have no access to it."""

    def __init__(self) -> None:
        base = _base()
        _remove_stale(base)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._lock = _try_lock(self.path)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _base() -> Path:
    """The first folder in which this user may write and a socket's path is short enough."""
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]
    for base in filter(None, bases):
        if os.access(base, os.W_OK | os.X_OK) and \
                len(f"{base}/{PREFIX}12345678/gdb") <= LONGEST_SOCKET_PATH:
            return Path(base)
    raise UsageError(f"no folder for sockets: each of {', '.join(filter(None, bases))} is not writable, or its path is too long")


def _remove_stale(base: Path) -> None:
    """Remove the folders of runs that were killed."""
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
