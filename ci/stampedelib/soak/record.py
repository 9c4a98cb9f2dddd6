"""The record of a soak: a file with a line of JSON for each run that has ended."""
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..log.fields import Value
from ..usage import UsageError
from .matrix import Configuration

NO_ALARM = ("pass", "inconclusive")
FIELDS = {"soak_seed": int, "configuration": dict, "verdict": str, "title": str, "seconds": float,
          "started": str, "host_load": float, "phases": dict, "source": str, "version": str,
          "kernel": str, "qemu": str}


@dataclass(frozen=True)
class Run:
    """One line of the record.

    seconds: duration by the host's clock. phases: values of the result line of each phase, by name.
    source: the last commit that changed the kernel's sources. kernel: the first 16 digits of the
    image's SHA-256.
    """
    soak_seed: int
    configuration: Configuration
    verdict: str
    title: str
    seconds: float
    started: str
    host_load: float
    phases: dict[str, dict[str, Value]]
    source: str
    version: str
    kernel: str
    qemu: str

    @property
    def is_alarm(self) -> bool:
        """Whether the run is a false alarm: a failure without a bug in the kernel, or an error."""
        return self.verdict not in NO_ALARM

    @property
    def name(self) -> str:
        """The soak's seed and the run's number."""
        return f"{self.soak_seed}:{self.configuration.number}"

    def line(self) -> bytes:
        """The line for the file."""
        fields = vars(self) | {"configuration": self.configuration.as_dict()}
        return json.dumps(fields).encode() + b"\n"


def read(path: Path) -> list[Run]:
    """All runs of a file. Raises UsageError if it is not a record.

    An incomplete last line, from an interrupted write, is left out.
    """
    raw = path.read_bytes()
    return [_run(path, number, line)
            for number, line in enumerate(raw[:raw.rfind(b"\n") + 1].splitlines(), 1)]


def _run(path: Path, number: int, line: bytes) -> Run:
    try:
        fields: dict[str, Any] = json.loads(line)
        wrong = [name for name, kind in FIELDS.items() if not isinstance(fields[name], kind)]
        if wrong:
            raise TypeError(f"{wrong[0]} has the wrong type")
        fields["configuration"] = Configuration(**fields["configuration"])
        return Run(**fields)
    except KeyError as error:
        raise UsageError(f"{path}: line {number} has no {error}") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: line {number} is not a run of a soak: {error}") from None


def still_alarms(runs: list[Run]) -> list[Run]:
    """The false alarms whose run has not been repeated without an alarm since."""
    alarms: dict[str, Run] = {}
    for run in runs:
        if run.is_alarm:
            alarms[run.name] = run
        else:
            alarms.pop(run.name, None)
    return list(alarms.values())


class Record:
    """The file, opened and locked by one soak, to add runs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{path}: another soak is writing it; give --folder another") from None
        self.runs = read(path)
        self._file.truncate(path.read_bytes().rfind(b"\n") + 1)

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, run: Run) -> None:
        """Add a run. It is on disk when this returns."""
        self._file.write(run.line())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.runs.append(run)
