"""Runs a process and enforces its limits of silence, time and output.

Watch reads the channels of any process; machine/watch.py derives the watch of a guest from it.
Program is an ordinary program with one stream of output. This module does not interpret the output.
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
PIPE_BYTES = 1 << 20  # limit for ordinary users: /proc/sys/fs/pipe-max-size
PR_SET_PDEATHSIG = 1
PR_SET_THP_DISABLE = 41
INFINITE = float("inf")


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    kind: one of judge.ENDINGS, or ENOUGH, or None for a guest that halted itself.
    exit_code: negative if a signal ended the process: minus its number.
    prompted: why the guest was asked to report its state, if it was.
    """
    kind: str | None
    exit_code: int | None = None
    detail: str = ""
    prompted: str = ""


@dataclass(frozen=True)
class Limits:
    """Seconds to wait for the first output, for the next, for the end; largest number of bytes."""
    start: float = INFINITE
    silence: float = INFINITE
    total: float = INFINITE
    bytes: int = FLOOD_BYTES

    def reached(self, seconds: float, silent: float | None, size: int) -> Ending | None:
        """The limit that is exceeded `seconds` after the start, if any.

        silent: seconds since the last output, None before the first. size: bytes of output so far.
        """
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
    """The tool itself is ending, so how its processes ended means nothing."""


class Channel(Protocol):
    """What select() accepts."""

    def fileno(self) -> int:
        """The descriptor."""


_ending = threading.Event()


@contextlib.contextmanager
def workers(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that wait for programs.

    If an exception leaves the block, the programs are ended first.
    """
    with ThreadPoolExecutor(jobs) as threads:
        try:
            yield threads
        except BaseException:
            _ending.set()
            threads.shutdown(cancel_futures=True)
            _ending.clear()
            raise


class Watch:
    """Reads the channels of a process until it ends or a limit is reached.

    run() may be called more than once. A subclass fills `readers` and calls heard() for output. A
    Watch does not own the process.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.readers: dict[Channel, Callable[[bytes], None]] = {}
        self._start = time.monotonic()
        self._last_output: float | None = None
        self._bytes = 0

    def run(self, limits: Limits) -> Ending:
        """Watch the process; how it ended.

        If a limit was reached, the owner must end the process.
        """
        self._start = time.monotonic()
        if self._last_output is not None:
            self._last_output = self._start
        while True:
            exited = self.process.poll() is not None
            data_came = self.read_channels(0 if exited else POLL_SECONDS)
            if exited:  # first read the rest of its output
                if not data_came or self._bytes > limits.bytes:
                    return self.ended()
            elif reason := self.reason_to_stop(data_came) or limits.reached(
                    time.monotonic() - self._start, self._silence(), self._bytes):
                return reason

    def linger(self) -> None:
        """Read until the process ends, without limits."""
        while self.read_channels(POLL_SECONDS) or self.process.poll() is None:
            pass

    def heard(self, data: bytes, counts: bool = True) -> None:
        """Note output. `counts`: whether it ends the silence."""
        self._bytes += len(data)
        if counts:
            self._last_output = time.monotonic()

    def _silence(self) -> float | None:
        return None if self._last_output is None else time.monotonic() - self._last_output

    def forgive(self, seconds: float) -> None:
        """Do not count the last `seconds` for any limit of time."""
        self._start += seconds
        if self._last_output is not None:
            self._last_output += seconds

    def ended(self) -> Ending:
        """How the process ended. Called after its end, when all channels have been read."""
        code = self.process.wait()
        return Ending("killed" if code < 0 else "exit", code)

    def reason_to_stop(self, data_came: bool) -> Ending | None:
        """A reason other than the limits to stop watching while the process runs."""
        return None

    def read_channels(self, wait: float) -> bool:
        """Wait at most `wait` seconds for output and read it; whether there was any."""
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
    """A program and its output. Leaving the block kills it, if it still runs, with its children.

    take: is called with the output as it arrives.
    until: output that matches ends the watch with ENOUGH.
    processor_seconds: limit of its processor time, which does not depend on the load of the host.
    own_errors: whether its standard error goes to that of this tool instead of to the output.
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
            start_new_session=True))  # Ctrl-C interrupts only this tool; it then ends the program
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
        if self.process.poll() is None:  # after its end another process may have its number
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
    """The exit code of a program and all its output.

    Raises RuntimeError if it does not end in time.
    """
    with Program(command, cwd, environment) as program:
        ending = program.run(Limits(total=seconds))
    if ending.exit_code is None:
        raise RuntimeError(f"{command[0]}: {ending.detail or ending.kind}")
    return ending.exit_code, program.output.decode("utf-8", errors="replace")


def wide_pipe() -> tuple[int, int]:
    """A large pipe: its read end and its write end.

    A guest must not wait if its output is read late.
    """
    read_end, write_end = os.pipe()
    with contextlib.suppress(OSError):  # the pipe keeps its default size
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return read_end, write_end


def die_with(parent: int, number: int = signal.SIGKILL, small_pages: bool = False) -> Callable[[], None]:
    """For preexec_fn: the child gets signal `number` when its parent `parent` dies (prctl(2)).

    small_pages: do not use huge pages for the child's memory. A guest touches single pages all over
    its memory. With huge pages each of them would take 2 MiB of the host, more than it has for a
    large guest.
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
    """On SIGTERM and SIGHUP, exit by an exception, which ends everything this tool started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def leave(number: int, _frame: object) -> None:
    """Signal handler: exit by an exception."""
    sys.exit(128 + number)
