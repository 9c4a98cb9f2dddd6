"""Copies of the tree in which defects are planted.

Each copy is changed, built, run and restored. It keeps its objects, so that make recompiles only
what a change affects. `clean` is an unchanged copy, fully built. To restore a copy, its files are
compared with `clean`, including their times. Rebuilt files get their old content and time back, so
that make considers them up to date.
"""
import fcntl
import os
import queue
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import patching
from .elf import loaded_digest

FOLDERS = ("arch", "boot", "ci", "lib", "mm", "smp", "stress", "tests")
FILES = ("Makefile", "linker.ld")
LEFT_OUT = ("__pycache__", "defects", "stampedelib", "gdb")
BUILD_LIMIT_SECONDS = 600
COMPLAINT_LINES = 3
# The flags of the kernel's build contain the path of the tree. This makes them equal in all copies.
SAME_FLAGS = "CURDIR=."
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


class BuildError(Exception):
    """A tree does not build. The text is one line with the compiler's first errors."""


class Tree:
    """One copy of the tree, at `path`. `clean` is the copy to restore it from."""

    def __init__(self, path: Path, clean: Path) -> None:
        self.path = path
        self.clean = clean

    def restore(self) -> None:
        """Make this copy equal to the clean one: sources, objects and their times."""
        _mirror(self.clean, self.path)

    def apply(self, patch: str) -> str:
        """Apply a patch; a hash that identifies the change (patching.apply()).

        Raises PatchError.
        """
        return patching.apply(self.path, patch)

    def write(self, name: str, text: str) -> None:
        """Replace one source file."""
        (self.path / name).write_text(text, encoding="utf-8")

    def make(self, *words: str) -> None:
        """Run make in the copy. Raises BuildError."""
        make(self.path, *words)

    def differs(self, program: str) -> bool:
        """Whether a program, built in both copies, differs from the clean one."""
        return loaded_digest(self.path / program) != loaded_digest(self.clean / program)


class Pool:
    """Trees below `folder`, one for each of `jobs` concurrent jobs.

    builds: arguments of each make that prepares the clean copy. Only one process can use a folder
    at a time; for a second one the constructor raises BlockingIOError.
    """

    def __init__(self, root: Path, folder: Path, jobs: int, builds: list[tuple[str, ...]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clean = folder / "clean"
        _take_sources(root, clean)
        for words in builds:
            make(clean, f"-j{jobs}", *words)
        self._free: queue.SimpleQueue[Tree] = queue.SimpleQueue()
        for number in range(1, jobs + 1):
            self._free.put(Tree(folder / f"tree-{number}", clean))

    def close(self) -> None:
        """Release the folder for other processes. The trees are kept for the next time."""
        self._lock.close()

    @contextmanager
    def tree(self) -> Iterator[Tree]:
        """A clean tree for the exclusive use of the caller. Callable from any thread."""
        tree = self._free.get()
        try:
            tree.restore()
            yield tree
        finally:
            self._free.put(tree)


def make(path: Path, *words: str) -> None:
    """Run make in the tree at `path`. Raises BuildError."""
    command = ["make", "--no-print-directory", SAME_FLAGS, *words]
    try:
        done = subprocess.run(command, cwd=path, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=BUILD_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise BuildError(f"make is not done after {BUILD_LIMIT_SECONDS} s") from None
    if done.returncode != 0:
        raise BuildError(_complaint(done.stderr or done.stdout))


def _complaint(output: str) -> str:
    lines = output.splitlines()
    telling = [line.strip() for line in lines if "error" in line or "undefined reference" in line]
    return "; ".join((telling or lines[-COMPLAINT_LINES:] or ["make says nothing"])[:COMPLAINT_LINES])


def _take_sources(root: Path, clean: Path) -> None:
    """Update the clean copy.

    Unchanged files keep their times, so that make does not rebuild them.
    """
    wanted = {path.relative_to(root) for path in _sources(root)}
    for path in [path for path in _sources(clean) if path.relative_to(clean) not in wanted]:
        path.unlink()
    for name in wanted:
        target = clean / name
        if not target.is_file() or target.read_bytes() != (root / name).read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, target)


def _sources(root: Path) -> Iterator[Path]:
    for name in FILES:
        if (root / name).is_file():
            yield root / name
    for folder in FOLDERS:
        for path, folders, names in os.walk(root / folder):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            yield from (Path(path) / name for name in names)


def _mirror(source: Path, target: Path) -> None:
    wanted = _stamps(source)
    there = _stamps(target) if target.is_dir() else {}
    for name in there.keys() - wanted.keys():
        (target / name).unlink()
    for name, stamp in wanted.items():
        if there.get(name) != stamp:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def _stamps(root: Path) -> dict[str, tuple[int, int]]:
    """The size in bytes and the time in ns of every file."""
    stamps = {}
    for path, _, names in os.walk(root):
        for name in names:
            status = os.stat(os.path.join(path, name))
            stamps[os.path.relpath(os.path.join(path, name), root)] = (
                status.st_size, status.st_mtime_ns)
    return stamps
