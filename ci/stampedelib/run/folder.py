"""The folder of a run's files, and how a debugger finds the guest while it runs.

The file guest.json beside the log names QEMU's process and the socket for gdb.
"""
import fcntl
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..private_folder import PrivateFolder
from ..usage import BUILD_DIR, UsageError

LAST = "last"
LAST_FOLDERS = 9  # how many runs at the same time can use a default folder
NOTE = "guest.json"


@dataclass(frozen=True)
class GuestNote:
    """The content of guest.json. `started` is a time in seconds since 1970."""
    pid: int
    socket: str
    kernel: str
    log: str
    state: str
    started: float

    def is_alive(self) -> bool:
        """Whether that QEMU still runs. PIDs are reused, so its command must name the socket."""
        try:
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False
        return self.socket.encode() in command


class RunFolder:
    """The files of one run. No other run writes them at the same time."""

    def __init__(self, log: Path, capture: BinaryIO) -> None:
        self.log = log
        self.capture = capture
        self.verdict = log.with_name("verdict.json")
        self.bundle = log.with_name("bundle")
        self.registers = log.with_name("registers.txt")
        self._note = log.with_name(NOTE)
        for old in (self.verdict, self.registers, self._note):
            old.unlink(missing_ok=True)  # files of an earlier run must not look like this run's
        self._private = PrivateFolder()
        self.socket = self._private.path / "gdb"

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *_: object) -> None:
        self._note.unlink(missing_ok=True)
        self._private.close()
        self.capture.close()

    def announce(self, pid: int, kernel: Path, state: str) -> None:
        """Write guest.json, so that debuggers find the guest."""
        note = GuestNote(pid, str(self.socket), str(kernel.resolve()), str(self.log.resolve()),
                         state, time.time())
        fresh = self._note.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(note), indent=2) + "\n", encoding="utf-8")
        fresh.rename(self._note)


def claim(log: Path | None) -> RunFolder:
    """The folder of `log`, or the first free default folder, for this run alone.

    Raises UsageError.
    """
    if log:
        capture = _lock(log)
        if not capture:
            raise UsageError(f"{log}: another run is writing it; give --log another file")
        return RunFolder(log, capture)
    for folder in default_folders():
        if capture := _lock_default(folder / "serial.log"):
            return RunFolder(folder / "serial.log", capture)
    raise UsageError(f"{BUILD_DIR / LAST}: {LAST_FOLDERS} runs are using it, {LAST}-2 and so on; "
                     "give --log a file")


def default_folders() -> list[Path]:
    """build/last, and build/last-2 and so on for runs at the same time."""
    return [BUILD_DIR / (LAST if number == 1 else f"{LAST}-{number}")
            for number in range(1, LAST_FOLDERS + 1)]


def find_guest(log: Path | None) -> GuestNote:
    """The guest to attach to: that of `log` (a run's log or folder), else the last one started.

    Raises UsageError if there is none.
    """
    folders = [log if log.is_dir() else log.parent] if log else default_folders()
    notes = [note for note in map(_read_note, (folder / NOTE for folder in folders)) if note]
    alive = [note for note in notes if note.is_alive()]
    if not alive:
        what = "its run has ended" if notes else "no guest is running"
        raise UsageError(f"{folders[0] / NOTE}: {what}; start one with `make debug`, or keep one "
                         "that fails with `make run ON_FAIL=gdb`")
    return max(alive, key=lambda note: note.started)


def _lock_default(log: Path) -> BinaryIO | None:
    """Like _lock(), for a place that the user did not choose. Raises UsageError."""
    try:
        return _lock(log)
    except OSError as error:
        raise UsageError(f"{log}: cannot be written ({error.strerror}); choose another place for all output with make "
                         "BUILD_DIR=FOLDER, or STAMPEDE_BUILD in the environment") from error


def _lock(log: Path) -> BinaryIO | None:
    """The log, empty and open for writing. None if another run has locked it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = log.open("ab")
    try:
        if log.is_file():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
    except BlockingIOError:
        file.close()
        return None
    return file


def _read_note(path: Path) -> GuestNote | None:
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return GuestNote(**fields)
    except (OSError, ValueError, TypeError):
        return None
