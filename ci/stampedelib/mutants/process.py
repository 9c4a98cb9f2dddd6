"""Runs a program that may do anything: bounded in time, processor time and output."""
import contextlib
import os
import re
import resource
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OUTPUT_LIMIT = 4 << 20


@dataclass(frozen=True)
class Ran:
    """`code` is the exit code, or minus a signal's number; None: it did not end in time."""
    code: int | None
    text: str
    stopped: bool  # at the line that was looked for


@dataclass(frozen=True)
class Limits:
    """Processor seconds do not depend on what else the machine does; the others are a last resort."""
    processor: int
    wall: int


class Interrupted(Exception):
    """The run was ended from outside: how the program ended means nothing."""


_live: set[int] = set()
_ending = threading.Event()


def end_all() -> None:
    """End every program that runs; whoever waits for one gets Interrupted."""
    _ending.set()
    for pid in list(_live):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def run(words: Sequence, limits: Limits, cwd: Path, until: re.Pattern[str] | None = None) -> Ran:
    """Run it; a line of its output that matches `until` ends it."""
    with subprocess.Popen(list(map(str, words)), cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True) as child:
        _live.add(child.pid)
        for what, most in ((resource.RLIMIT_CPU, limits.processor), (resource.RLIMIT_CORE, 0)):
            resource.prlimit(child.pid, what, (most, most))
        try:
            text, ended, stopped = _read(child, time.monotonic() + limits.wall, until)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            _live.discard(child.pid)
        code = child.wait()
    if _ending.is_set():
        raise Interrupted
    if not ended or code in (-signal.SIGXCPU, -signal.SIGKILL):
        return Ran(None, text, stopped)
    return Ran(code, text, stopped)


def _read(child: subprocess.Popen, deadline: float,
          until: re.Pattern[str] | None) -> tuple[str, bool, bool]:
    """What it writes, whether it ended by itself, and whether `until` was seen."""
    raw = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or len(raw) > OUTPUT_LIMIT:
            return raw.decode("latin-1"), False, False
        if not select.select([child.stdout], [], [], left)[0]:
            continue
        piece = os.read(child.stdout.fileno(), 1 << 16)
        raw += piece
        if until and until.search(raw.decode("latin-1")):
            return raw.decode("latin-1"), True, True
        if not piece:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                return raw.decode("latin-1"), False, False
            return raw.decode("latin-1"), True, False
