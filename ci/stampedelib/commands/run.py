"""`stampede run`: boot the kernel in QEMU, show its report live, judge it."""
import argparse
import dataclasses
import os
import shlex
import signal
import sys
from pathlib import Path

from ..console import Console
from ..log.serial import printable
from ..machine import deterministic
from ..machine.machine import (Accelerator, Machine, choose_accelerator, find_ovmf, find_qemu,
                               kvm_trouble)
from ..machine.watch import FOREVER, Patience
from ..run import stages
from ..run.boots import Boot, Outcomes, phases_left, why_none_left, without_memory
from ..run.folder import RunFolder, claim
from ..run.runner import Plan, amend_record, next_steps, run
from ..usage import (BUILD_DIR, UsageError, allocator, check_writable, existing_file, integer,
                     kernel_arguments, memory, random_seed)
from ..verdict import checks, junit
from ..verdict.verdict import Verdict
from ..vocabulary import MOST_CPUS, STRESS_OPTIONS

NAME = "run"
HELP = "Boot the kernel in QEMU, show its report live and judge it"
BUILD = BUILD_DIR / "gcc-order16"  # where make puts the images by default
KERNEL_OPTIONS = ("seed", "seconds", "ops", "allocator")
DEFAULT_SECONDS = int(STRESS_OPTIONS["seconds"].default)
YIELD_WHEN_SINGLE = "yield=64"  # one thread runs all CPUs: without yields they hardly interleave
BOOT_SECONDS = 300  # UEFI on a loaded host; a guest that died early is seen at once
WORK_BOUND_SECONDS = 3600
SLOW_SECONDS = 900  # for steps that no time bounds, such as filling all memory, on a loaded host
DETERMINISTIC_SILENCE = 300  # its seconds are instructions, and an NMI in between is none of its own
ON_FAIL = ("exit", "gdb", "bundle")
HOLD = "on-fail=hold"
FALSE = ("", "0", "false", "no", "off")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    image = parser.add_argument_group("image")
    image.add_argument("--boot", choices=("iso", "direct"),
                       help="iso: GRUB boots the ISO; direct: QEMU boots the ELF, which is faster (default iso; "
                            "direct for --schedule deterministic)")
    image.add_argument("--iso", type=Path, default=BUILD / "stampede.iso", metavar="FILE",
                       help="default build/gcc-order16/stampede.iso")
    image.add_argument("--kernel", type=Path, metavar="FILE",
                       help="the ELF; it also has the symbols of the ISO's kernel (default: stampede.elf beside "
                            "the ISO)")
    _add_machine_arguments(parser.add_argument_group("machine"))
    _add_stress_arguments(parser.add_argument_group("stress"))
    _add_run_arguments(parser.add_argument_group("run"))
    _add_failure_arguments(parser.add_argument_group("failures"))


def _add_machine_arguments(group: argparse._ArgumentGroup) -> None:
    deterministic.add_arguments(group)
    group.add_argument("--cpus", type=integer(1, MOST_CPUS), default=8, metavar="N",
                       help=f"number of CPUs, 1 to {MOST_CPUS} (default 8)")
    group.add_argument("--memory", type=memory, default="512M", metavar="SIZE",
                       help="memory of the guest, 16M to 64G; it may be more than the host has (default 512M)")
    group.add_argument("--accel", choices=("auto", "kvm", "tcg"), default="auto",
                       help="auto uses KVM if it really works, otherwise TCG (default auto)")
    group.add_argument("--thread", choices=("single", "multi"),
                       help="TCG: single runs all CPUs on one host thread, multi gives each its own (default "
                            "multi; single for --schedule deterministic); single implies the kernel option "
                            f"{YIELD_WHEN_SINGLE}")
    group.add_argument("--firmware", choices=("bios", "uefi"), default="bios", help="default bios")
    group.add_argument("--qemu", metavar="PROGRAM",
                       help="default $STAMPEDE_QEMU or qemu-system-x86_64")


def _add_stress_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seconds", type=integer(1, STRESS_OPTIONS["seconds"].most), metavar="N",
                       help=f"how long to stress (default {DEFAULT_SECONDS})")
    group.add_argument("--ops", type=integer(1, STRESS_OPTIONS["ops"].most), metavar="N",
                       help="how many operations each core does in each phase, instead of a time")
    group.add_argument("--seed", type=random_seed, metavar="N",
                       help="1 to 2^64-1; the same seed repeats each core's sequence of operations (default: the "
                            "kernel draws one)")
    group.add_argument("--allocator", type=allocator, metavar="NAME",
                       help="which of the kernel's allocators")
    group.add_argument("--args", type=kernel_arguments, default=[], metavar="'NAME=VALUE ...'",
                       help="more options for the kernel, passed unchanged")


def _add_run_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--log", type=Path, metavar="FILE",
                       help="where to write the serial log, with verdict.json beside it (default "
                            "build/last/serial.log; runs at the same time use build/last-2 and so on)")
    group.add_argument("--timeout", type=integer(1), metavar="SECONDS",
                       help="time limit of the whole run (default: computed from --seconds and --cpus)")
    group.add_argument("--silence", type=integer(1), metavar="SECONDS",
                       help="how long the kernel may print nothing (default 60, 300 if deterministic, or the "
                            "number of CPUs if that is more)")
    checks.add_arguments(group)
    stages.add_arguments(group)
    group.add_argument("--junit", type=Path, metavar="FILE",
                       help="also write the verdict as JUnit XML")
    group.add_argument("--quiet", action="store_true", help="show only the outcome")
    group.add_argument("--dry-run", action="store_true",
                       help="print the QEMU command and do nothing")


def _add_failure_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--on-fail", choices=ON_FAIL,
                       help="after a failure: exit; keep the machine for gdb; or save a bundle to open later "
                            "(default: bundle if --bundle is given or the environment has CI set, otherwise exit)")
    group.add_argument("--bundle", type=Path, metavar="DIR",
                       help="where to save the bundle (default: bundle, beside the log)")
    group.add_argument("--bundle-limit", type=memory, default="4G", metavar="SIZE",
                       help="do not save guest memory if it is larger than this, only registers and log (default "
                            "4G)")
    group.add_argument("--keep-going", action="store_true",
                       help="after a failure boot again for the remaining phases; their logs are in then-1, "
                            "then-2, ... beside the first. At the end show one table of distinct failures; the "
                            "first failure is the verdict")
    group.add_argument("--debug", action="store_true",
                       help="wait for gdb before the first instruction, without a time limit; implies --on-fail "
                            "gdb unless --on-fail is given")


def execute(arguments: argparse.Namespace) -> int:
    """Run, judge, return the verdict's code."""
    deterministic.draw_seed(arguments, _names(arguments))
    plan = build_plan(arguments)
    if arguments.dry_run:
        print(shlex.join(plan.machine.command(["-serial", "stdio"])))
        return 0
    if arguments.junit:
        arguments.junit.parent.mkdir(parents=True, exist_ok=True)
        check_writable(arguments.junit)
    leave_orderly()
    verdict = _keep_going(arguments, plan) if arguments.keep_going else run(plan)
    stages.run_stages(arguments, verdict, build_plan)
    return verdict.code


def _keep_going(arguments: argparse.Namespace, plan: Plan) -> Verdict:
    """Run what a failure left, each time in a new machine: the old one's memory is not to be trusted.

    One boot that leaves nothing is told as any run; several have one table and one verdict.
    """
    console = Console()
    with claim(arguments.log) as folder:
        first = run(dataclasses.replace(plan, in_table=lambda verdict: bool(phases_left(verdict) or without_memory(verdict))),
                    folder)
        left = phases_left(first) or without_memory(first)
        if not left:
            if sentence := why_none_left(first):
                console.say(f"  {sentence}")
            return first
        outcomes = Outcomes()
        alone = _of_one_boot(arguments, arguments.args)
        _add(outcomes, dataclasses.replace(plan, repeat=lambda verdict: _repeat(alone, verdict)), folder.log, first,
             console)
        if without_memory(first):
            arguments.args = [*arguments.args, "memory=none"]
        _boot_for(arguments, left, folder.log.parent, outcomes, console)
        return _tell_all(outcomes, plan, folder, console)


def _boot_for(arguments: argparse.Namespace, left: list[str], folder: Path, outcomes: Outcomes,
              console: Console) -> None:
    """Boot for these phases, and again for what is left of them. Each boot leaves fewer, or is the last."""
    while left:
        then = f"then-{len(outcomes.boots)}"
        if not arguments.quiet:
            console.say(f"boot {len(outcomes.boots) + 1}: {', '.join(left)}")
        given = [word for word in arguments.args if not word.startswith("phases=")]
        again = _of_one_boot(arguments, [*given, f"phases={','.join(left)}"])
        again.log = folder / then / "serial.log"
        again.bundle = arguments.bundle and arguments.bundle.with_name(f"{arguments.bundle.name}-{then}")
        again.expect, again.junit = [], None  # both are about the run as a whole
        try:
            plan = dataclasses.replace(build_plan(again), brief=True, in_table=lambda _: True)
            verdict = run(plan)
        except (UsageError, OSError) as error:
            console.say(f"  KEEP_GOING ends here: {error}")
            return
        _add(outcomes, plan, again.log, verdict, console)
        before, left = left, [name for name in phases_left(verdict) if name in left]
        if len(left) >= len(before):
            console.say("  KEEP_GOING ends here: this boot got no further than the one before")
            return


def _of_one_boot(arguments: argparse.Namespace, words: list[str]) -> argparse.Namespace:
    """The arguments of a run of one boot with these options of the kernel's."""
    copied = argparse.Namespace(**vars(arguments))
    kept, skip = [], False
    for word in arguments.argv:
        if not skip and word not in ("--args", "--keep-going") and not word.startswith("--args="):
            kept.append(word)
        skip = word == "--args" and not skip
    copied.args = words
    copied.argv = [*kept, *(["--args", " ".join(words)] if words else [])]
    return copied


def _add(outcomes: Outcomes, plan: Plan, log: Path, verdict: Verdict, console: Console) -> None:
    """Enter a boot that has ended."""
    boot = Boot(str(len(outcomes.boots) + 1), verdict, str(log), next_steps(plan, log, verdict))
    outcomes.add(boot)
    if not plan.quiet:
        console.say(printable(f"boot {boot.label}: {boot.text()}"))


def _tell_all(outcomes: Outcomes, plan: Plan, folder: RunFolder, console: Console) -> Verdict:
    """The table and the verdict on all boots, to a person and in files."""
    verdict = outcomes.verdict()
    if not plan.quiet:
        console.say("")
    for line in [*outcomes.lines(), *outcomes.verdict_lines()]:
        console.say(printable(line))
    amend_record(folder.verdict, {"keep_going": outcomes.as_dict()})
    if plan.junit:
        junit.write(plan.junit, verdict, folder.log.read_bytes())
    return verdict


def build_plan(arguments: argparse.Namespace) -> Plan:
    """All that the arguments decide, and the nonce. Raises UsageError."""
    nonce = deterministic.nonce(arguments, kernel_options(arguments) + arguments.args)
    return Plan(
        machine=build_machine(arguments, nonce), kernel=_kernel(arguments), nonce=nonce,
        patience=patience(arguments), on_fail=on_fail(arguments), log=arguments.log,
        bundle=arguments.bundle, bundle_limit_mib=arguments.bundle_limit, halted=arguments.debug,
        quiet=arguments.quiet, checks=checks.Checks(arguments.expect, arguments.forbid),
        junit=arguments.junit, repeat=lambda verdict: _repeat(arguments, verdict))


def on_fail(arguments: argparse.Namespace) -> str:
    """What to do with a failure, as asked or by what the run is for."""
    if arguments.bundle and arguments.on_fail in ("exit", "gdb"):
        raise UsageError(f"--bundle: --on-fail {arguments.on_fail} saves none")
    if arguments.on_fail:
        return arguments.on_fail
    if arguments.debug:
        return "gdb"
    in_ci = os.environ.get("CI", "").lower() not in FALSE
    return "bundle" if arguments.bundle or in_ci else "exit"


def leave_orderly() -> None:
    """Have the signals that end a program end this one so that it leaves nothing behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def leave(number: int, _frame: object) -> None:
    """End by a signal the orderly way, so that QEMU is ended too."""
    sys.exit(128 + number)


def build_machine(arguments: argparse.Namespace, nonce: int) -> Machine:
    """The machine asked for. Raises UsageError where it cannot be had."""
    deterministic.check(arguments)
    boot = deterministic.boot(arguments)
    if arguments.firmware == "uefi" and boot == "direct":
        raise UsageError("--firmware uefi: direct boot needs no firmware; use --boot iso")
    qemu = find_qemu(arguments.qemu)
    if deterministic.is_deterministic(arguments):
        accelerator = deterministic.accelerator()
    else:
        accelerator = choose_accelerator(arguments.accel, deterministic.thread(arguments), kvm_trouble())
    firmware = find_ovmf() if arguments.firmware == "uefi" else None
    return Machine(qemu, accelerator, arguments.cpus, arguments.memory, boot,
                   existing_file(image(arguments), "build it with make build"), firmware,
                   kernel_command_line(arguments, accelerator, nonce))


def image(arguments: argparse.Namespace) -> Path:
    """The file that is booted."""
    return arguments.iso if deterministic.boot(arguments) == "iso" else _kernel(arguments)


def _kernel(arguments: argparse.Namespace) -> Path:
    """The ELF file that runs, in whatever way it is booted."""
    return arguments.kernel or arguments.iso.with_name("stampede.elf")


def kernel_command_line(arguments: argparse.Namespace, accelerator: Accelerator,
                        nonce: int) -> list[str]:
    """The kernel's command line. The nonce is first: a complaint about another must bear it."""
    words = [f"nonce={nonce:016x}", *kernel_options(arguments)]
    if not deterministic.is_deterministic(arguments) and accelerator.thread == "single" and \
            "yield" not in _names(arguments):
        words.append(YIELD_WHEN_SINGLE)
    return words + arguments.args


def _names(arguments: argparse.Namespace) -> set[str]:
    """The names of the options in --args."""
    return {word.split("=")[0] for word in arguments.args}


def kernel_options(arguments: argparse.Namespace) -> list[str]:
    """The kernel's options that the tool's stand for, those of --args and the nonce apart."""
    given = _names(arguments)
    words = []
    for name in KERNEL_OPTIONS:
        value = getattr(arguments, name)
        if value is not None and name in given:
            raise UsageError(f"--args: {name}= is also given by --{name}")
        if value is not None:
            words.append(f"{name}={value:#x}" if name == "seed" else f"{name}={value}")
    if deterministic.is_deterministic(arguments):
        words += deterministic.kernel_words(arguments, given)
    # A deterministic machine is told the same whatever becomes of it, or its log would be another.
    held = on_fail(arguments) != "exit" or deterministic.is_deterministic(arguments)
    if held and "on-fail" not in given:
        words.append(HOLD)
    return words


def patience(arguments: argparse.Namespace) -> Patience:
    """How long to wait, generously: a slow host is no failure."""
    if arguments.debug:
        return FOREVER
    given = dict(word.split("=", 1) for word in arguments.args if "=" in word)
    seconds = arguments.seconds or _number(given.get("seconds")) or DEFAULT_SECONDS
    by_seed = deterministic.is_deterministic(arguments)
    if arguments.ops or "ops" in given or by_seed:
        seconds = max(seconds, WORK_BOUND_SECONDS)
    boot = BOOT_SECONDS + arguments.cpus
    silence = arguments.silence or max(DETERMINISTIC_SILENCE if by_seed else 60, arguments.cpus)
    return Patience(boot, silence, arguments.timeout or boot + SLOW_SECONDS + 4 * seconds)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _repeat(arguments: argparse.Namespace, verdict: Verdict) -> str:
    """The command that repeats the run: the one given, with the seed that the kernel drew."""
    words = list(arguments.argv)
    seed = verdict.options.get("seed")
    given = arguments.seed is not None or any(word.startswith("seed=") for word in arguments.args)
    if seed and not given:
        words += ["--seed", seed]
    return shlex.join(words)
