"""Applies a patch to a tree. Its context must match exactly; it must change more than layout."""
import hashlib
import re
import subprocess
from pathlib import Path

# Line offsets are allowed, inexact context is not. patch asks nothing and leaves no extra files.
PATCH = ("patch", "-p1", "--fuzz=0", "--batch", "--forward", "--no-backup-if-mismatch",
         "--reject-file=-")
TARGET = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)
# Literals (kept) or comments (dropped). Neither can begin inside the other.
TOKENS = re.compile(r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|/\*.*?\*/|//[^\n]*', re.DOTALL)


class PatchError(Exception):
    """A patch does not apply, or changes nothing. The text is one line."""


def changed_files(patch: str) -> list[str]:
    """The files that a patch says it changes."""
    return list(dict.fromkeys(TARGET.findall(patch)))


def apply(root: Path, patch: str) -> str:
    """Change the tree at `root`. Raises PatchError; then the tree may be partly changed.

    Returns a hash of the changed files without layout. Two patches with the same hash are the same
    bug.
    """
    names = changed_files(patch)
    if not names:
        raise PatchError("changes nothing: there is no line `+++ b/FILE`")
    before = {name: _read(root / name) for name in names}
    done = subprocess.run(PATCH, cwd=root, input=patch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PatchError(f"does not apply: {_complaint(done.stdout + done.stderr)}")
    after = {name: _substance(_read(root / name)) for name in sorted(names)}
    if all(_substance(before[name]) == after[name] for name in names):
        raise PatchError("changes nothing: only comments or blanks differ")
    return hashlib.sha256(repr(after).encode()).hexdigest()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _substance(text: str) -> list[str]:
    """The words of a C source without comments. For assembly this is accurate enough."""
    return TOKENS.sub(lambda match: match[1] or " ", text).split()


def _complaint(output: str) -> str:
    """The lines of patch's output that say what is wrong."""
    lines = [line for line in output.splitlines() if re.search(r"FAILED|malformed|garbage|find file|"
                                                               r"No such file|Reversed|ignored", line)]
    return "; ".join(lines[:3]) or output.strip() or "patch says nothing"
