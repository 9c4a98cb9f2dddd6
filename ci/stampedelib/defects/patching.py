"""Applies a patch to a tree, strictly: each hunk fits to the letter, and something but layout changes."""
import hashlib
import re
import subprocess
from pathlib import Path

# Offsets of lines are allowed, no doubtful context is, and nothing is asked or left lying about.
PATCH = ("patch", "-p1", "--fuzz=0", "--batch", "--forward", "--no-backup-if-mismatch",
         "--reject-file=-")
TARGET = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)
# A literal is kept, a comment is not, and neither begins within the other.
TOKENS = re.compile(r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')|/\*.*?\*/|//[^\n]*', re.DOTALL)


class PatchError(Exception):
    """A patch that does not apply, or says nothing. Its text is one line."""


def changed_files(patch: str) -> list[str]:
    """The files that a patch says it changes."""
    return list(dict.fromkeys(TARGET.findall(patch)))


def apply(root: Path, patch: str) -> str:
    """Change the tree at `root`. Raises PatchError; the tree may then be half changed.

    Returns a hash of what the changed files say now, layout apart: two patches with one are the same bug.
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
    """A C text without comments, cut at blanks. (Of an assembler file that is near enough.)"""
    return TOKENS.sub(lambda match: match[1] or " ", text).split()


def _complaint(output: str) -> str:
    """The lines of patch that say what is wrong."""
    lines = [line for line in output.splitlines() if re.search(r"FAILED|malformed|garbage|find file|"
                                                               r"No such file|Reversed|ignored", line)]
    return "; ".join(lines[:3]) or output.strip() or "patch says nothing"
