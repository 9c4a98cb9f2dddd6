"""Lanes: the ways to run a tree, cheapest first. Each builds a program, runs it and reports.

A lane is a Lane in LANES. A Job is the input of a run; several lanes can run the same job.
"""
import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..log.serial import Log, parse
from ..process import FLOOD_BYTES, INFINITE, Limits, Program
from ..usage import ROOT
from ..verdict.judge import judge
from ..verdict.verdict import CODES, KERNEL_EXIT_CODES
from .tree import Tree

HOST_MAKE = ("-f", "tests/tests.mk")
HOST_PROGRAM = "build/host/plain/stampede-host"
KERNEL = "build/gcc-order16/stampede.elf"
ISO = "build/gcc-order16/stampede.iso"
STACSOS = "tests/subjects/stacsos/2026/page-allocator-buddy.cpp"
STACSOS_KERNEL = "build/gcc-order16-stacsos2026-2026/stampede.elf"
EXPLORER = "build/host/explore/stampede-explore"
# How many schedules the explorer runs for a defect; with per-CPU caches each has many more steps.
SCHEDULES, SCHEDULES_OF_CACHES = 30000, 6000
NONCE = 0x57A3BEDE
SILENT_PART = 4  # a run may be silent for the limit divided by this
LEAST_MIB, USUAL_MIB = 16, 128
ORPHAN = ("setpriv", "--pdeathsig")  # children get a signal when this process ends for any reason
GRACE_SECONDS = 60  # how much longer than its own limit ci/stampede may run
BEFORE = "start"  # instead of a phase, before the first one begins


@dataclass(frozen=True)
class Job:
    """The input of a run. options: for the kernel. unit: the program, such as asan/memmap."""
    options: str = ""
    cpus: int = 4
    memory_mib: int | None = None
    thread: str | None = None
    firmware: str | None = None
    limit_seconds: float = 60
    unit: str | None = None


@dataclass(frozen=True)
class Run:
    """How a run ended.

    word: that of the verdict, or "timeout" if the limit ended the run before it reported a failure.
    rule: the first word of the title, None if there was no failure.
    phase: the phase of the failure, or the last one; BEFORE if none had begun.
    """
    word: str
    rule: str | None = None
    title: str = ""
    phase: str = BEFORE
    seconds: float = 0
    log: str = field(default="", repr=False)


class Lane:
    """A way to build and run a program."""
    name = ""

    def make_words(self, job: Job) -> tuple[str, ...]:
        """The arguments for make to build the program."""
        raise NotImplementedError

    def program(self, job: Job) -> str:
        """The ELF file, relative to the tree, that a change must change."""
        raise NotImplementedError

    def run(self, tree: Tree, job: Job) -> Run:
        """Run the program, at most for the job's limit."""
        raise NotImplementedError


class Hosted(Lane):
    """The stress as a Linux program."""
    name = "hosted"

    def make_words(self, job: Job) -> tuple[str, ...]:
        return (*HOST_MAKE, HOST_PROGRAM)

    def program(self, job: Job) -> str:
        return HOST_PROGRAM

    def run(self, tree: Tree, job: Job) -> Run:
        command = [str(tree.path / HOST_PROGRAM), f"nonce={NONCE:x}", f"cpus={job.cpus}",
                   *([f"--mib={job.memory_mib}"] if job.memory_mib else []), *job.options.split()]
        ended = attend(command, job.limit_seconds)
        verdict = judge(ended.output, _kernel_code(ended.code), ended.by, NONCE, prompted=ended.prompted)
        return _told(ended.output, verdict.word, verdict.title, ended.by == "timeout", ended.seconds)


class Direct(Lane):
    """The kernel in QEMU, booted by its PVH note."""
    name = "direct"
    words: tuple[str, ...] = ("kernel",)
    boot: tuple[str, ...] = ("--boot", "direct")

    def make_words(self, job: Job) -> tuple[str, ...]:
        return self.words

    def program(self, job: Job) -> str:
        return KERNEL

    def run(self, tree: Tree, job: Job) -> Run:
        log = tree.path / "build/run/serial.log"
        start = time.monotonic()
        try:
            done = subprocess.run(self._command(tree, job, log), cwd=ROOT, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  check=False, timeout=2 * (job.limit_seconds + GRACE_SECONDS))
        except subprocess.TimeoutExpired:
            return Run("timeout", title="the tool that runs QEMU did not end", seconds=time.monotonic() - start)
        seconds = time.monotonic() - start
        record = log.with_name("verdict.json")
        if not record.is_file():
            return Run("error", "usage", done.stderr.strip() or "the run left no verdict")
        verdict = json.loads(record.read_text(encoding="utf-8"))
        said = [verdict["title"], *verdict["reasons"]]
        return _told(log.read_bytes(), verdict["word"], verdict["title"],
                     any(words.startswith("timeout:") for words in said), seconds)

    def _command(self, tree: Tree, job: Job, log: Path) -> list[str]:
        silence = max(1, int(job.limit_seconds / SILENT_PART))
        return [*ORPHAN, "TERM", sys.executable, str(ROOT / "ci/stampede"), "run", *self.boot, "--accel", "tcg",
                "--iso", str(tree.path / ISO), "--kernel", str(tree.path / self.program(job)), "--cpus", str(job.cpus),
                "--memory", f"{_guest_mib(job)}M", "--thread", job.thread or "multi",
                *(["--firmware", job.firmware] if job.firmware else []), "--on-fail", "exit",
                "--quiet", "--timeout", str(int(job.limit_seconds)), "--silence", str(silence),
                "--log", str(log), "--args", job.options]


class Iso(Direct):
    """The ISO image: GRUB on BIOS or UEFI."""
    name = "iso"
    words = ("kernel", "iso")
    boot = ("--boot", "iso")


class Stacsos(Direct):
    """The kernel with a StACSOS solution and its adapter, for the rules of the adapter."""
    name = "stacsos"
    words = ("kernel", f"STACSOS={STACSOS}")

    def program(self, job: Job) -> str:
        return STACSOS_KERNEL


class Unit(Lane):
    """A hosted unit test.

    The rule is "unit", the phase is the program, the title names failed tests.
    """
    name = "unit"

    def make_words(self, job: Job) -> tuple[str, ...]:
        return (*HOST_MAKE, self.program(job))

    def program(self, job: Job) -> str:
        return f"build/host/{job.unit}"

    def run(self, tree: Tree, job: Job) -> Run:
        ended = attend([str(tree.path / self.program(job))], job.limit_seconds, nudge=False)
        text = ended.output.decode("latin-1")
        phase = job.unit or ""
        if ended.by == "timeout":
            return Run("timeout", None, "", phase, ended.seconds, text)
        if ended.code == 0:
            return Run("pass", None, "", phase, ended.seconds, text)
        failed = re.findall(r"^not ok (.*)$", text, re.MULTILINE)
        told = re.search(r"(?:ERROR|WARNING): (\w+Sanitizer: \S+)|runtime error: ([^\n]*)", text)
        why = ", ".join(failed) or (told and (told[1] or told[2])) or f"exit status {ended.code}"
        return Run("fail", "unit", f"unit: {why}", phase, ended.seconds, text)


class Explore(Lane):
    """The hosted explorer: a fixed number of schedules.

    Of a job's options it uses allocator and seed.
    """
    name = "explore"

    def make_words(self, job: Job) -> tuple[str, ...]:
        return (*HOST_MAKE, EXPLORER)

    def program(self, job: Job) -> str:
        return EXPLORER

    def run(self, tree: Tree, job: Job) -> Run:
        allocators = [word for word in job.options.split() if word.startswith("allocator=")]
        schedules = SCHEDULES_OF_CACHES if "allocator=buddy-percpu" in allocators else SCHEDULES
        command = [str(tree.path / EXPLORER), f"nonce={NONCE:x}", f"schedules={schedules}", "minimise=0",
                   *[word for word in job.options.split() if word.startswith(("allocator=", "seed="))]]
        ended = attend(command, job.limit_seconds, nudge=False)
        verdict = judge(ended.output, _kernel_code(ended.code), ended.by, NONCE)
        return _told(ended.output, verdict.word, verdict.title, ended.by == "timeout", ended.seconds)


LANES: dict[str, Lane] = {lane.name: lane for lane in (Unit(), Hosted(), Explore(), Direct(), Stacsos(), Iso())}


def _guest_mib(job: Job) -> int:
    """Memory for a machine in QEMU, in MiB.

    A size for the hosted program may be too small to boot.
    """
    return job.memory_mib if job.memory_mib and job.memory_mib >= LEAST_MIB else USUAL_MIB


@dataclass(frozen=True)
class Ended:
    """The end of a program.

    by: one of judge.ENDINGS. code: its exit code, if it exited. prompted: why it was asked to
    report its state, if it was.
    """
    code: int | None
    by: str
    prompted: str
    output: bytes
    seconds: float


def attend(command: list[str], limit_seconds: float, nudge: bool = True) -> Ended:
    """Run a program to its end or its limit.

    nudge: if it is silent for a part of its limit, ask it to report its state: send SIGUSR1, the
    NMI of the hosted machine. machine/watch.py does the same for guests in QEMU.
    """
    start = time.monotonic()
    prompted = ""
    with Program([*ORPHAN, "KILL", *command]) as program:
        ending = program.run(Limits(silence=limit_seconds / SILENT_PART if nudge else INFINITE, total=limit_seconds))
        if ending.kind == "silence":
            prompted = f"silence: {ending.detail}"
            program.process.send_signal(signal.SIGUSR1)
            ending = program.run(Limits(total=start + limit_seconds - time.monotonic()))
    code = ending.exit_code if ending.kind == "exit" else None
    return Ended(code, ending.kind or "exit", prompted, bytes(program.output[:FLOOD_BYTES]), time.monotonic() - start)


def _kernel_code(code: int | None) -> int | None:
    """The exit code of QEMU for the verdict of a hosted exit code. Other codes are unchanged."""
    words = {number: word for word, number in CODES.items()}
    kernel = {word: number for number, word in KERNEL_EXIT_CODES.items()}
    return None if code is None else kernel.get(words.get(code, ""), code)


def _told(raw: bytes, word: str, title: str, late: bool, seconds: float) -> Run:
    log = parse(raw)
    text = raw.decode("latin-1")
    if late:
        return Run("timeout", None, title, _phase(log), seconds, text)
    if word in ("pass", "inconclusive"):
        return Run(word, None, title, _phase(log), seconds, text)
    rule = word if word == "damaged" else re.split("[:,]", title)[0]
    return Run(word, rule, title, _phase(log), seconds, text)


def _phase(log: Log) -> str:
    """The phase that failed, else the running one, else the last one."""
    failed = [phase.name for phase in log.phases if phase.outcome == "fail"]
    return failed[0] if failed else log.running or (log.phases[-1].name if log.phases else BEFORE)
