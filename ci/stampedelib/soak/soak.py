"""`ci/soak`: run the sound kernel for hours in many configurations. A failure is a bug in Stampede.

The record is a line of JSON a run; docs/CLEAN.md is made of it. A soak that was ended goes on where it
was: first again the runs that raised a false alarm and have not passed since, then after the last.
"""
import argparse
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

from ..commands.run import BUILD, build_plan, leave_orderly
from ..commands.stampede import build_parser
from ..console import counted
from ..machine.machine import find_qemu
from ..run.runner import Plan, run
from ..usage import BUILD_DIR, ROOT, Parser, UsageError, existing_file, integer
from ..verdict.verdict import CODES, Verdict
from .busy import Busy
from .matrix import Configuration, draw
from .record import Record, Run, read, still_alarms
from .report import report

FOLDER = BUILD_DIR / "soak"
RECORD = "runs.jsonl"
KERNEL_SOURCES = ("Makefile", "linker.ld", "ci/build.mk", "ci/sources.mk", "boot", "arch", "mm", "smp", "stress", "lib",
                  ":!arch/host", ":!boot/host", ":!stress/prove")
LONGEST_HOURS = 1000
ALARM = 1
TOO_LARGE_TO_SAVE = "1G"


@dataclass(frozen=True)
class Subject:
    """What all runs of this start have in common: images that no build changes, and their origin."""
    folder: Path
    kernel: Path
    iso: Path
    source: str
    checksum: str
    qemu: str
    qemu_version: str


def hours(text: str) -> float:
    """A span of time, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= LONGEST_HOURS:
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: more than 0, to {LONGEST_HOURS})")
    return value


def parser() -> Parser:
    """The command line."""
    made = Parser(prog="soak", allow_abbrev=False, description=__doc__.splitlines()[0],
                  epilog="exit code: 0 no false alarm, 1 a false alarm, 2 error")
    made.add_argument("--hours", type=hours, default=2, metavar="H", help="how long (default 2)")
    made.add_argument("--runs", type=integer(1), metavar="N", help="largest number of runs")
    made.add_argument("--seed", type=integer(0, 2**64 - 1), metavar="N",
                      help="seed of the configurations (default: the record's, or drawn)")
    made.add_argument("--load", type=integer(0, 64), default=2, metavar="N",
                      help="number of busy processes beside every second run (default 2)")
    made.add_argument("--keep-going", action="store_true", help="do not stop at a false alarm")
    made.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR",
                      help=f"record ({RECORD}), images and logs (default build/soak)")
    made.add_argument("--kernel", type=Path, default=BUILD / "stampede.elf", metavar="FILE",
                      help="the ELF to test, with its ISO beside it; both are copied (default: that of "
                           "build/gcc-order16)")
    made.add_argument("--qemu", metavar="PROGRAM", help="default $STAMPEDE_QEMU or qemu-system-x86_64")
    made.add_argument("--own", action="store_true",
                      help="test the first allocator of the image, not the built-in ones; an alarm may then be a "
                           "bug of that allocator")
    made.add_argument("--only", type=integer(0), metavar="NUMBER",
                      help="repeat this run of the recorded soak, and record nothing")
    made.add_argument("--report", type=Path, nargs="+", action="extend", metavar="FILE",
                      help="print docs/CLEAN.md for these records of one or more soaks, and do nothing else")
    return made


def main(argv: list[str]) -> int:
    """Soak, or report; returns the exit code."""
    arguments = parser().parse_args(argv[1:])
    leave_orderly()
    try:
        if arguments.report:
            print(report(_read_all(arguments.report)), end="")
            return 0
        return _only(arguments) if arguments.only is not None else _soak(arguments)
    except (UsageError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return CODES["error"]
    except KeyboardInterrupt:
        print("soak: interrupted; the run going on is not recorded", file=sys.stderr)
        return 130


def _read_all(paths: list[Path]) -> list[Run]:
    """The runs of all records, as they began."""
    runs = [run for path in paths for run in read(existing_file(path, "run a soak first"))]
    if len({(run.name, run.started) for run in runs}) < len(runs):
        raise UsageError("--report: a run stands in these records twice")
    return sorted(runs, key=lambda run: run.started)


def _soak(arguments: argparse.Namespace) -> int:
    with Record(arguments.folder / RECORD) as record:
        seed = _seed(arguments, record.runs)
        subject = _freeze(arguments)
        end = time.monotonic() + arguments.hours * 3600
        alarms = 0
        print(f"soak: seed {seed}, kernel {subject.checksum} of {subject.source}")
        for configuration in islice(_to_come(arguments, seed, record.runs), arguments.runs):
            if time.monotonic() >= end:
                break
            ended = _one(subject, seed, configuration, arguments.load)
            record.add(ended)
            alarms += ended.is_alarm
            if ended.is_alarm and not arguments.keep_going:
                break
        print(_summary(record.runs, alarms))
        return ALARM if alarms else 0


def _only(arguments: argparse.Namespace) -> int:
    path = arguments.folder / RECORD
    runs = read(path) if path.is_file() else []
    seed = _seed(arguments, runs)
    known = {run.configuration.number: run.configuration for run in runs}
    configuration = known.get(arguments.only) or _drawn(arguments, seed, arguments.only)
    ended = _one(_freeze(arguments), seed, configuration, arguments.load)
    return ALARM if ended.is_alarm else 0


def _drawn(arguments: argparse.Namespace, seed: int, number: int) -> Configuration:
    drawn = draw(seed, number)
    return replace(drawn, allocator="") if arguments.own else drawn


def _seed(arguments: argparse.Namespace, runs: list[Run]) -> int:
    known = runs[-1].soak_seed if runs else None
    if arguments.seed is None:
        return secrets.randbits(32) if known is None else known
    if known not in (None, arguments.seed):
        raise UsageError(f"--seed {arguments.seed}: the soak in {arguments.folder} is of seed "
                         f"{known}; give --folder another")
    return arguments.seed


def _to_come(arguments: argparse.Namespace, seed: int, runs: list[Run]) -> Iterator[Configuration]:
    """The runs to come; `runs` is read now, whatever is added to it."""
    following = max((run.configuration.number for run in runs), default=-1) + 1
    again = [] if arguments.keep_going else [run.configuration for run in still_alarms(runs)]
    return chain(again, (_drawn(arguments, seed, number) for number in count(following)))


def _freeze(arguments: argparse.Namespace) -> Subject:
    """Copy the images. The same kernel again leaves the copies as they are."""
    images = arguments.folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    given = existing_file(arguments.kernel, "build it with make build")
    beside = existing_file(given.with_suffix(".iso"), f"it goes with --kernel {given}; build both with make build")
    shutil.copyfile(given, images / "stampede.elf")
    shutil.copyfile(beside, images / "stampede.iso")
    kernel = images / "stampede.elf"
    qemu = find_qemu(arguments.qemu)
    return Subject(arguments.folder, kernel, kernel.with_suffix(".iso"), _source(),
                   hashlib.sha256(kernel.read_bytes()).hexdigest()[:16], qemu, _version(qemu))


def _source() -> str:
    """The last commit that touched the kernel; the tools beside it may be newer."""
    commit = _said("git", "log", "-1", "--format=%h", "--", *KERNEL_SOURCES)
    changes = _said("git", "status", "--short", "--", *KERNEL_SOURCES)
    return (commit or "unknown") + (", with changes" if changes else "")


def _version(qemu: str) -> str:
    said = _said(qemu, "--version").splitlines()
    return said[0].removeprefix("QEMU emulator version ") if said else "unknown"


def _said(*command: str) -> str:
    """What the command prints; nothing if it fails."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _one(subject: Subject, seed: int, configuration: Configuration, load: int) -> Run:
    """One run and what becomes of its folder: a pass needs none."""
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
    """Run and judge as a user does. The tool's own failure is a finding, not the end."""
    try:
        return run(plan(subject, configuration, folder))
    except Exception:  # pylint: disable=broad-except
        text = traceback.format_exc()
        print(text, flush=True)
        return Verdict("error", f"the tool failed: {text.splitlines()[-1]}", [text])


def plan(subject: Subject, configuration: Configuration, folder: Path) -> Plan:
    """What `stampede run` would do. The command that repeats it shows all, and leaves the record's log alone."""
    words = ["run", "--iso", str(subject.iso), "--kernel", str(subject.kernel), "--qemu", subject.qemu,
             "--on-fail", "bundle", "--bundle-limit", TOO_LARGE_TO_SAVE, *configuration.words()]
    arguments = build_parser().parse_args([*words, "--quiet", "--log", str(folder / "serial.log")],
                                          argparse.Namespace(argv=[os.path.relpath(ROOT / "ci/stampede"), *words]))
    return build_plan(arguments)


def _summary(runs: list[Run], alarms: int) -> str:
    seconds = sum(run.seconds for run in runs)
    inconclusive = sum(run.verdict == "inconclusive" for run in runs)
    return (f"soak: {counted(len(runs), 'run')} recorded, {seconds / 3600:.2f} hours, {inconclusive} "
            f"inconclusive; since this start {counted(alarms, 'false alarm')}")
