"""Where things are, and the refusal of what cannot be carried out."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# make BUILD_DIR=... says it so.
BUILD_DIR = Path(os.environ.get("STAMPEDE_BUILD") or ROOT / "build").absolute()


class UsageError(Exception):
    """The command cannot be carried out as given. Its text is one line for the user."""


def existing_file(path: Path, how_to_get: str) -> Path:
    """`path`, if something can be read there: a pipe or a device will do."""
    if path.is_dir():
        raise UsageError(f"{path}: a folder, no file; {how_to_get}")
    if not path.exists():
        raise UsageError(f"{path}: no such file; {how_to_get}")
    return path


def check_writable(path: Path | None) -> None:
    """That a file asked for can be written, before the work whose result is to stand in it; no file is made or changed.

    A pipe is left alone: its reader would take the first end for the last.
    """
    if path is None or (path.exists() and not path.is_file() and not path.is_dir()):
        return
    there = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    if not there:
        path.unlink()
