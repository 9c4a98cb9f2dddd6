"""Runs a process and watches its limits: silence, time, output. Everything that a tool starts and waits for goes through here.

Watch reads the channels of any process (machine/watch.py builds the guest's on it); Program is an ordinary program
with one stream of output. Nothing here knows what the output means.
"""
import contextlib
import ctypes
import fcntl
import os
import re
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

POLL_SECONDS = 0.1
CHUNK = 65536
FLOOD_BYTES = 64 << 20
PIPE_BYTES = 1 << 20  # what an ordinary user may have: /proc/sys/fs/pipe-max-size
PR_SET_PDEATHSIG = 1
PR_SET_THP_DISABLE = 41
INFINITE = float("inf")


@dataclass(frozen=True)
class Ending:
    """How a process ended: `kind` is one of judge.ENDINGS, ENOUGH, or None for a guest that halted itself.

    exit_code: minus the number of a signal that ended it; prompted: why it was made to tell where it stands, if it was.
    """
    kind: str | None
    exit_code: int | None = None
    detail: str = ""
    prompted: str = ""


@dataclass(frozen=True)
class Limits:
    """How many seconds to wait for the first output, for the next, and for the end; how many bytes to take."""
    start: float = INFINITE
    silence: float = INFINITE
    total: float = INFINITE
    bytes: int = FLOOD_BYTES

    def reached(self, seconds: float, silent: float | None, size: int) -> Ending | None:
        """The limit that is exceeded after `seconds`, if any. `silent`: seconds since the last output, None before the first."""
        if size > self.bytes:
            return Ending("flood")
        if seconds > self.total:
            return Ending("timeout", detail=f"not done after {self.total:g} s")
        if silent is None and seconds > self.start:
            return Ending("silence", detail=f"no first line in {self.start:g} s")
        if silent is not None and silent > self.silence:
            return Ending("silence", detail=f"no byte for {self.silence:g} s")
        return None


UNLIMITED = Limits()
ENOUGH = "enough"  # the reader has seen what it looked for


class Interrupted(Exception):
    """The tool is ending: how the process ended means nothing."""


class Channel(Protocol):
    """What select() takes."""

    def fileno(self) -> int:
        """The descriptor."""


_ending = threading.Event()


@contextlib.contextmanager
def workers(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that wait for programs. Where an exception leaves the block the programs are ended first."""
    with ThreadPoolExecutor(jobs) as threads:
        try:
            yield threads
        except BaseException:
            _ending.set()
            threads.shutdown(cancel_futures=True)
            _ending.clear()
            raise


class Watch:
    """Reads a process's channels until it ends or a limit is reached. May run more than once.

    A subclass fills `readers` and says by heard() that there was output. It does not own the process.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.readers: dict[Channel, Callable[[bytes], None]] = {}
        self._start = time.monotonic()
        self._last_output: float | None = None
        self._bytes = 0

    def run(self, limits: Limits) -> Ending:
        """How it ended; a process that still runs then is left to its owner."""
        self._start = time.monotonic()
        if self._last_output is not None:
            self._last_output = self._start
        while True:
            exited = self.process.poll() is not None
            data_came = self.read_channels(0 if exited else POLL_SECONDS)
            if exited:  # what it said last is still to be read
                if not data_came or self._bytes > limits.bytes:
                    return self.ended()
            elif reason := self.reason_to_stop(data_came) or limits.reached(
                    time.monotonic() - self._start, self._silence(), self._bytes):
                return reason

    def linger(self) -> None:
        """Go on until the process ends, whatever it does."""
        while self.read_channels(POLL_SECONDS) or self.process.poll() is None:
            pass

    def heard(self, data: bytes, counts: bool = True) -> None:
        """There was output. `counts`: whether it breaks the silence."""
        self._bytes += len(data)
        if counts:
            self._last_output = time.monotonic()

    def _silence(self) -> float | None:
        return None if self._last_output is None else time.monotonic() - self._last_output

    def forgive(self, seconds: float) -> None:
        """No limit counts the last `seconds`."""
        self._start += seconds
        if self._last_output is not None:
            self._last_output += seconds

    def ended(self) -> Ending:
        """How the process ended, after it did and all channels were read."""
        code = self.process.wait()
        return Ending("killed" if code < 0 else "exit", code)

    def reason_to_stop(self, data_came: bool) -> Ending | None:
        """Why to stop watching although the process runs, besides the limits."""
        return None

    def read_channels(self, wait: float) -> bool:
        """Read what is there, for `wait` seconds at most; whether anything was."""
        if not self.readers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(wait)
            return False
        readable, _, _ = select.select(list(self.readers), [], [], wait)
        return any([self._read(channel) for channel in readable])

    def _read(self, channel: Channel) -> bool:
        try:
            data = os.read(channel.fileno(), CHUNK)
        except ConnectionResetError:
            data = b""
        if data:
            self.readers[channel](data)
        else:
            del self.readers[channel]
        return bool(data)


class Program(Watch):
    """A program and its output. Leaving the block ends it, with all that it started, if it still runs.

    take: gets the output as it comes; until: output that matches ends the watch with ENOUGH; processor_seconds: how
    much time of processors it may use, which does not depend on what else the host does. Without `own_errors` its
    standard error is part of the output.
    """

    def __init__(self, command: Sequence[str | Path], cwd: Path | None = None,
                 environment: dict[str, str] | None = None, take: Callable[[bytes], None] | None = None,
                 until: re.Pattern[bytes] | None = None, processor_seconds: int | None = None,
                 own_errors: bool = False) -> None:
        if _ending.is_set():
            raise Interrupted
        self.output = bytearray()
        self._take = take
        self._until = until
        super().__init__(subprocess.Popen(
            list(map(str, command)), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=None if own_errors else subprocess.STDOUT,
            start_new_session=True))  # Ctrl-C is for this tool, which then ends it
        assert self.process.stdout
        self.readers[self.process.stdout] = self._feed
        self.heard(b"")
        if processor_seconds is not None:
            for what, most in ((resource.RLIMIT_CPU, processor_seconds), (resource.RLIMIT_CORE, 0)):
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(self.process.pid, what, (most, most))

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:  # else its number might be another's
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()

    def _feed(self, data: bytes) -> None:
        self.output += data
        self.heard(data)
        if self._take:
            self._take(data)

    def ended(self) -> Ending:
        return self.reason_to_stop(True) or super().ended()

    def reason_to_stop(self, data_came: bool) -> Ending | None:
        if _ending.is_set():
            raise Interrupted
        if data_came and self._until and self._until.search(self.output):
            return Ending(ENOUGH)
        return None


def run_whole(command: Sequence[str | Path], seconds: float, cwd: Path | None = None,
              environment: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit code of a program and all that it says. Raises RuntimeError where it does not end in time."""
    with Program(command, cwd, environment) as program:
        ending = program.run(Limits(total=seconds))
    if ending.exit_code is None:
        raise RuntimeError(f"{command[0]}: {ending.detail or ending.kind}")
    return ending.exit_code, program.output.decode("utf-8", errors="replace")


def wide_pipe() -> tuple[int, int]:
    """A pipe with room, to read from and to write to: a guest that nobody reads for a moment must not wait."""
    read_end, write_end = os.pipe()
    with contextlib.suppress(OSError):  # narrower, then
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return read_end, write_end


def die_with(parent: int, number: int = signal.SIGKILL, small_pages: bool = False) -> Callable[[], None]:
    """For the child: get a signal when the parent dies, however it does (prctl(2)).

    small_pages: no huge pages for its memory. A guest touches a page here and there of all it has;
    with huge ones the host clears 2 MiB for each, and a large guest takes memory that is not there.
    """
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if small_pages:
            prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def leave_orderly() -> None:
    """Have the signals that end a program end this one so that it leaves nothing behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def leave(number: int, _frame: object) -> None:
    """End by a signal the orderly way, so that what was started is ended too."""
    sys.exit(128 + number)
