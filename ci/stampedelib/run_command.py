"""`stampede run`: boot the kernel in QEMU, show its report live, judge it."""
import argparse
import json
import os
import os
import secrets
import shlex
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .console import Console
from .judge import judge
from .log import printable
from .machine import Accelerator, Machine, choose_accelerator, find_ovmf, find_qemu, kvm_trouble
from .qemu import Ending, Guest, Patience, Watch
from .usage import ROOT, UsageError, allocator, existing_file, integer, kernel_arguments, memory
from .verdict import KERNEL_EXIT_CODES, Verdict

NAME = "run"
HELP = "Boot the kernel in QEMU, show its report live and judge it"
BUILD = ROOT / "build/gcc-order16"  # where make puts the images by default
KERNEL_OPTIONS = ("seed", "seconds", "ops", "allocator")
DEFAULT_SECONDS = 15
YIELD_WHEN_SINGLE = "yield=64"  # one thread runs all CPUs: without yields they hardly interleave
BOOT_SECONDS = 120
WORK_BOUND_SECONDS = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    image = parser.add_argument_group("image")
    image.add_argument("--boot", choices=("iso", "direct"), default="iso",
                       help="by GRUB from the ISO, or the ELF directly, faster (default iso)")
    image.add_argument("--iso", type=Path, default=BUILD / "stampede.iso", metavar="FILE",
                       help="default build/gcc-order16/stampede.iso")
    image.add_argument("--kernel", type=Path, default=BUILD / "stampede.elf", metavar="FILE",
                       help="default build/gcc-order16/stampede.elf")
    _add_machine_arguments(parser.add_argument_group("machine"))
    _add_stress_arguments(parser.add_argument_group("stress"))
    _add_run_arguments(parser.add_argument_group("run"))


def _add_machine_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--cpus", type=integer(1, 255), default=8, metavar="N",
                       help="1 to 255 (default 8)")
    group.add_argument("--memory", type=memory, default="512M", metavar="SIZE",
                       help="16M to 64G, also beyond the host's own (default 512M)")
    group.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto",
                       help="auto takes KVM where it truly works, else TCG (default auto)")
    group.add_argument("--thread", choices=("single", "multi"), default="multi",
                       help="TCG: all CPUs on one host thread, or one thread each (default multi); "
                            f"single implies the kernel option {YIELD_WHEN_SINGLE}")
    group.add_argument("--firmware", choices=("bios", "uefi"), default="bios", help="default bios")
    group.add_argument("--qemu", metavar="PROGRAM",
                       help="default $STAMPEDE_QEMU or qemu-system-x86_64")


def _add_stress_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seconds", type=integer(1), metavar="N", help="how long to stress")
    group.add_argument("--ops", type=integer(1), metavar="N", help="how many operations instead")
    group.add_argument("--seed", type=integer(0, 2**64 - 1), metavar="N",
                       help="repeats each core's sequence of operations "
                            "(default: the kernel draws one)")
    group.add_argument("--allocator", type=allocator, metavar="NAME",
                       help="which of the kernel's allocators")
    group.add_argument("--args", type=kernel_arguments, default=[], metavar="'NAME=VALUE ...'",
                       help="further options, handed to the kernel as they are")


def _add_run_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--log", type=Path, default=ROOT / "build/last/serial.log", metavar="FILE",
                       help="where to keep the serial log, with verdict.json beside it "
                            "(default build/last/serial.log)")
    group.add_argument("--timeout", type=integer(1), metavar="SECONDS",
                       help="the whole run's bound (default: computed from --seconds and --cpus)")
    group.add_argument("--silence", type=integer(1), metavar="SECONDS",
                       help="how long the kernel may say nothing (default 60, or as many as CPUs)")
    group.add_argument("--quiet", action="store_true", help="show nothing but the outcome")
    group.add_argument("--dry-run", action="store_true",
                       help="print the QEMU command and do nothing")


def execute(arguments: argparse.Namespace) -> int:
    """Run, judge, return the verdict's code."""
    nonce = secrets.randbits(64) or 1  # 0 means none
    machine = build_machine(arguments, nonce)
    if arguments.dry_run:
        print(shlex.join(machine.command(["-serial", "stdio"])))
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    return _run(arguments, machine, nonce).verdict.code


def _leave(number: int, _frame: object) -> None:
    """End by a signal the orderly way, so that QEMU is ended too."""
    sys.exit(128 + number)


def build_machine(arguments: argparse.Namespace, nonce: int) -> Machine:
    """The machine asked for. Raises UsageError where it cannot be had."""
    if arguments.firmware == "uefi" and arguments.boot == "direct":
        raise UsageError("--firmware uefi: direct boot needs no firmware; use --boot iso")
    qemu = find_qemu(arguments.qemu)
    accelerator = choose_accelerator(arguments.accel, arguments.thread, kvm_trouble())
    image = arguments.iso if arguments.boot == "iso" else arguments.kernel
    firmware = find_ovmf() if arguments.firmware == "uefi" else None
    return Machine(qemu, accelerator, arguments.cpus, arguments.memory, arguments.boot,
                   existing_file(image, "build it with make build"), firmware,
                   kernel_command_line(arguments, accelerator, nonce))


def kernel_command_line(arguments: argparse.Namespace, accelerator: Accelerator,
                        nonce: int) -> list[str]:
    """The kernel's options. The nonce is first: a complaint about another must bear it."""
    given = {word.split("=")[0] for word in arguments.args}
    words = [f"nonce={nonce:016x}"]
    for name in KERNEL_OPTIONS:
        value = getattr(arguments, name)
        if value is not None and name in given:
            raise UsageError(f"--args: {name}= is also given by --{name}")
        if value is not None:
            words.append(f"{name}={value:#x}" if name == "seed" else f"{name}={value}")
    if accelerator.thread == "single" and "yield" not in given:
        words.append(YIELD_WHEN_SINGLE)
    return words + arguments.args


def patience(arguments: argparse.Namespace) -> Patience:
    """How long to wait, generously: a slow host is no failure."""
    given = dict(word.split("=", 1) for word in arguments.args if "=" in word)
    seconds = arguments.seconds or _number(given.get("seconds")) or DEFAULT_SECONDS
    if arguments.ops or "ops" in given:
        seconds = max(seconds, WORK_BOUND_SECONDS)
    boot = BOOT_SECONDS + arguments.cpus
    silence = arguments.silence or max(60, arguments.cpus)
    return Patience(boot, silence, arguments.timeout or boot + silence + 4 * seconds)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


@dataclass(frozen=True)
class Outcome:
    """A finished run."""
    verdict: Verdict
    ending: Ending
    command: list[str]
    complaint: list[str]
    first_line_seconds: float | None
    total_seconds: float


def _run(arguments: argparse.Namespace, machine: Machine, nonce: int) -> Outcome:
    console = Console(sys.stdout, arguments.quiet)
    record = arguments.log.with_name("verdict.json")
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)  # an earlier run's verdict is not to be taken for this one's
    if not arguments.quiet:
        console.say(f"stampede: {machine.text()}, nonce {nonce:016x}")
    outcome = _watch(machine, patience(arguments), arguments.log, nonce, console)
    _tell(console, outcome, arguments)
    record.write_text(json.dumps(_record(outcome, machine, nonce, arguments.log), indent=2) + "\n",
                      encoding="utf-8")
    return outcome


def _watch(machine: Machine, bounds: Patience, log: Path, nonce: int, console: Console) -> Outcome:
    start = time.monotonic()
    with log.open("wb") as capture, Guest(machine) as guest:
        watch = Watch(guest, bounds, capture, console.show)
        ending = watch.run()
    verdict = judge(log.read_bytes(), ending.exit_code, ending.kind, nonce, ending.detail)
    return Outcome(verdict, ending, guest.command, guest.complaint(), watch.first_line_seconds,
                   time.monotonic() - start)


def _tell(console: Console, outcome: Outcome, arguments: argparse.Namespace) -> None:
    """The outcome, for a person."""
    if outcome.ending.exit_code not in KERNEL_EXIT_CODES:
        for line in outcome.complaint:
            console.say(f"QEMU: {printable(line)}")
    console.say(outcome.verdict.text())
    if outcome.first_line_seconds is not None:
        console.say(f"  first line after {outcome.first_line_seconds:.2f} s, "
                    f"verdict after {outcome.total_seconds:.2f} s")
    console.say(f"  log: {os.path.relpath(arguments.log)}")
    console.say(f"  repeat: {_repeat(arguments, outcome.verdict)}")


def _repeat(arguments: argparse.Namespace, verdict: Verdict) -> str:
    """The command that repeats the run: the one given, with the seed that the kernel drew."""
    words = list(arguments.argv)
    seed = verdict.options.get("seed")
    given = arguments.seed is not None or any(word.startswith("seed=") for word in arguments.args)
    if seed and not given:
        words += ["--seed", seed]
    return shlex.join(words)


def _record(outcome: Outcome, machine: Machine, nonce: int, log: Path) -> dict[str, object]:
    """verdict.json."""
    return outcome.verdict.as_dict() | {
        "run": {
            "nonce": f"{nonce:016x}",
            "machine": machine.text(),
            "kernel_arguments": machine.arguments,
            "qemu_command": outcome.command,
            "qemu_said": outcome.complaint,
            "exit_code": outcome.ending.exit_code,
            "ended_by": outcome.ending.kind,
            "first_line_seconds": outcome.first_line_seconds,
            "total_seconds": outcome.total_seconds,
            "log": str(log),
        },
    }
