"""The folders of the project, and the error for a command that cannot be carried out."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# `make BUILD_DIR=...` sets this variable.
BUILD_DIR = Path(os.environ.get("STAMPEDE_BUILD") or ROOT / "build").absolute()


class UsageError(Exception):
    """The command cannot be carried out as given. The text is one line for the user."""


def existing_file(path: Path, how_to_get: str) -> Path:
    """`path`, if it exists and is not a folder: a pipe or a device is allowed.

    Raises UsageError.
    """
    if path.is_dir():
        raise UsageError(f"{path}: a folder, not a file; {how_to_get}")
    if not path.exists():
        raise UsageError(f"{path}: no such file; {how_to_get}")
    return path


def check_writable(path: Path | None) -> None:
    """Check that an output file can be written, before the work that produces its content.

    Raises UsageError. No file is created or changed. A pipe is not opened: its reader would take
    the close for the end of the output.
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
