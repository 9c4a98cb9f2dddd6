"""The soak: chooses configurations by its seed, runs one after the other, and records each run.

The record has a line of JSON for each run; docs/CLEAN.md is made from it. A soak that was ended can
resume. It first repeats the runs with a false alarm that have not passed since, then continues
after the last run.
"""
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import chain, count, islice
from pathlib import Path

from ..console import counted
from ..machine.machine import find_qemu
from ..run.options import RunOptions
from ..run.plan import Plan, build_plan
from ..run.runner import run
from ..usage import BUILD_DIR, ROOT, UsageError, existing_file
from ..verdict.verdict import Verdict
from .matrix import Configuration, draw
from .record import Record, Run, read, still_alarms

FOLDER = BUILD_DIR / "soak"
RECORD = "runs.jsonl"
KERNEL_SOURCES = ("Makefile", "linker.ld", "ci/build.mk", "ci/sources.mk", "boot", "arch", "mm", "smp", "stress", "lib",
                  ":!arch/host", ":!boot/host", ":!stress/prove")
ALARM = 1
TOO_LARGE_TO_SAVE, TOO_LARGE_TO_SAVE_MIB = "1G", 1024
# A busy process, as load for the host. It exits at the end of its standard input, so it never
# outlives the process that started it.
BUSY_PROGRAM = """
import os, sys, threading, zlib
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
data = bytes(4 << 20)
while True:
    zlib.crc32(data)
"""


@dataclass(frozen=True)
class SoakOptions:
    """The options of a soak.

    kernel: the ELF to copy, with its ISO beside it. load: number of busy processes beside every
    second run. own: test the image's first allocator instead of the built-in ones.
    """
    folder: Path
    kernel: Path
    hours: float
    runs: int | None = None
    seed: int | None = None
    load: int = 2
    keep_going: bool = False
    qemu: str | None = None
    own: bool = False


@dataclass(frozen=True)
class Subject:
    """What all runs since this start have in common: copies of the images, and their origin."""
    folder: Path
    kernel: Path
    iso: Path
    source: str
    checksum: str
    qemu: str
    qemu_version: str


def soak(options: SoakOptions) -> int:
    """Run the soak; the exit code. Raises UsageError."""
    with Record(options.folder / RECORD) as record:
        seed = _seed(options, record.runs)
        subject = _freeze(options)
        end = time.monotonic() + options.hours * 3600
        alarms = 0
        print(f"soak: seed {seed}, kernel {subject.checksum} of {subject.source}")
        for configuration in islice(_to_come(options, seed, record.runs), options.runs):
            if time.monotonic() >= end:
                break
            ended = _one(subject, seed, configuration, options.load)
            record.add(ended)
            alarms += ended.is_alarm
            if ended.is_alarm and not options.keep_going:
                break
        print(_summary(record.runs, alarms))
        return ALARM if alarms else 0


def repeat_one(options: SoakOptions, number: int) -> int:
    """Repeat a run of the soak and record nothing; the exit code. Raises UsageError."""
    path = options.folder / RECORD
    runs = read(path) if path.is_file() else []
    seed = _seed(options, runs)
    known = {run.configuration.number: run.configuration for run in runs}
    configuration = known.get(number) or _drawn(options, seed, number)
    ended = _one(_freeze(options), seed, configuration, options.load)
    return ALARM if ended.is_alarm else 0


def _drawn(options: SoakOptions, seed: int, number: int) -> Configuration:
    drawn = draw(seed, number)
    return replace(drawn, allocator="") if options.own else drawn


def _seed(options: SoakOptions, runs: list[Run]) -> int:
    known = runs[-1].soak_seed if runs else None
    if options.seed is None:
        return secrets.randbits(32) if known is None else known
    if known not in (None, options.seed):
        raise UsageError(f"--seed {options.seed}: the soak in {options.folder} has seed "
                         f"{known}; give another --folder")
    return options.seed


def _to_come(options: SoakOptions, seed: int, runs: list[Run]) -> Iterator[Configuration]:
    """The configurations to run next.

    `runs` is read at the call, so later additions do not matter.
    """
    following = max((run.configuration.number for run in runs), default=-1) + 1
    again = [] if options.keep_going else [run.configuration for run in still_alarms(runs)]
    return chain(again, (_drawn(options, seed, number) for number in count(following)))


def _freeze(options: SoakOptions) -> Subject:
    """Copy the images; the subject of the runs. Raises UsageError."""
    images = options.folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    given = existing_file(options.kernel, "build it with make build")
    beside = existing_file(given.with_suffix(".iso"), f"it goes with --kernel {given}; build both with make build")
    shutil.copyfile(given, images / "stampede.elf")
    shutil.copyfile(beside, images / "stampede.iso")
    kernel = images / "stampede.elf"
    qemu = find_qemu(options.qemu)
    return Subject(options.folder, kernel, kernel.with_suffix(".iso"), _source(),
                   hashlib.sha256(kernel.read_bytes()).hexdigest()[:16], qemu, _version(qemu))


def _source() -> str:
    """The last commit that changed the kernel. The tools may be newer."""
    commit = _said("git", "log", "-1", "--format=%h", "--", *KERNEL_SOURCES)
    changes = _said("git", "status", "--short", "--", *KERNEL_SOURCES)
    return (commit or "unknown") + (", with changes" if changes else "")


def _version(qemu: str) -> str:
    said = _said(qemu, "--version").splitlines()
    return said[0].removeprefix("QEMU emulator version ") if said else "unknown"


def _said(*command: str) -> str:
    """The output of a command, "" if it fails."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _one(subject: Subject, seed: int, configuration: Configuration, load: int) -> Run:
    """Carry out one run. Its folder is removed if it passes."""
    folder = subject.folder / f"run-{configuration.number}"
    shutil.rmtree(folder, ignore_errors=True)
    print(f"run {configuration.number}: {configuration.text()}", flush=True)
    started, host_load = datetime.now(timezone.utc), os.getloadavg()[0]
    start = time.monotonic()
    with Busy(load if configuration.load else 0):
        verdict = _verdict(subject, configuration, folder)
    if verdict.word == "pass":
        shutil.rmtree(folder)
    tried = verdict.banner.get("allocator") or configuration.allocator
    return Run(seed, replace(configuration, allocator=tried), verdict.word, verdict.title,
               round(time.monotonic() - start, 2), started.isoformat(timespec="seconds"), host_load,
               {phase.name: phase.values for phase in verdict.phases},
               subject.source, verdict.banner.get("version", ""), subject.checksum,
               subject.qemu_version)


def _verdict(subject: Subject, configuration: Configuration, folder: Path) -> Verdict:
    """Run and judge as `ci/stampede run` does. An exception of the tool becomes a verdict, too."""
    try:
        return run(plan(subject, configuration, folder))
    except Exception:  # pylint: disable=broad-except
        text = traceback.format_exc()
        print(text, flush=True)
        return Verdict("error", f"the tool failed: {text.splitlines()[-1]}", [text])


def plan(subject: Subject, configuration: Configuration, folder: Path) -> Plan:
    """The plan that `ci/stampede run` would make."""
    return build_plan(run_options(subject, configuration, folder))


def run_options(subject: Subject, configuration: Configuration, folder: Path) -> RunOptions:
    """The options of a run.

    The command to repeat it shows its output and does not overwrite this log.
    """
    command = (os.path.relpath(ROOT / "ci/stampede"), "run", "--iso", str(subject.iso), "--kernel", str(subject.kernel),
               "--qemu", subject.qemu, "--on-fail", "bundle", "--bundle-limit", TOO_LARGE_TO_SAVE, *configuration.words())
    machine = replace(configuration.machine(), iso=subject.iso, kernel=subject.kernel, qemu=subject.qemu)
    return RunOptions(command, machine, configuration.stress(), log=folder / "serial.log", quiet=True,
                      on_fail="bundle", bundle_limit_mib=TOO_LARGE_TO_SAVE_MIB)


def _summary(runs: list[Run], alarms: int) -> str:
    seconds = sum(run.seconds for run in runs)
    inconclusive = sum(run.verdict == "inconclusive" for run in runs)
    return (f"soak: {counted(len(runs), 'run')} recorded, {seconds / 3600:.2f} hours, {inconclusive} "
            f"inconclusive; since this start {counted(alarms, 'false alarm')}")


class Busy:
    """Keeps `count` processes busy while the block runs."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Busy":
        for _ in range(self._count):
            self._processes.append(subprocess.Popen(
                [sys.executable, "-c", BUSY_PROGRAM], stdin=subprocess.PIPE, start_new_session=True))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            assert process.stdin
            process.stdin.close()
