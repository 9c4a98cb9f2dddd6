"""Makes the plan of a run from its options: machine, kernel's command line, time limits."""
import os
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..console import Detail
from ..machine import deterministic
from ..machine.machine import (Accelerator, Machine, choose_accelerator, find_ovmf, find_qemu,
                               kvm_trouble)
from ..process import UNLIMITED, Limits
from ..usage import UsageError, existing_file
from ..verdict.checks import Checks
from ..verdict.verdict import Verdict
from ..vocabulary import STRESS_OPTIONS
from .options import RunOptions

DEFAULT_SECONDS = int(STRESS_OPTIONS["seconds"].default)
YIELD_WHEN_SINGLE = "yield=64"  # one thread runs all CPUs: without yields they hardly interleave
BOOT_SECONDS = 300  # for UEFI on a loaded host; a guest that ends early is noticed at once
WORK_BOUND_SECONDS = 3600
SLOW_SECONDS = 900  # for steps without a time limit, such as filling all memory, on a loaded host
SILENT_SECONDS = 60
# Longer: its seconds are instructions, and the NMI after a silence is not determined by the seed.
DETERMINISTIC_SILENT_SECONDS = 300
HOLD = "on-fail=hold"
FALSE = ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Plan:
    """How to carry out a run and what to do with its result.

    on_fail: exit, gdb or bundle. halted: whether to wait for gdb before the first instruction.
    repeat: the command that repeats the run, given its verdict.
    in_table: whether to leave the report of a verdict to a table of several boots.
    """
    machine: Machine
    kernel: Path
    nonce: int
    limits: Limits
    on_fail: str
    log: Path | None
    bundle: Path | None
    bundle_limit_mib: int
    halted: bool
    detail: Detail
    checks: Checks
    junit: Path | None
    repeat: Callable[[Verdict], str]
    in_table: Callable[[Verdict], bool] = lambda _: False


def with_seed(options: RunOptions) -> RunOptions:
    """Add a random seed for a deterministic machine.

    Its cycle counter would always give the same.
    """
    if not options.machine.is_deterministic or options.stress.seed is not None or "seed" in options.stress.names():
        return options
    seed = secrets.randbits(63) or 1
    return replace(options, stress=replace(options.stress, seed=seed), command=(*options.command, "--seed", str(seed)))


def build_plan(options: RunOptions) -> Plan:
    """The plan for these options, with a nonce. Raises UsageError."""
    nonce = deterministic.nonce(options.machine, [*kernel_options(options), *options.stress.words])
    return Plan(
        machine=build_machine(options, nonce), kernel=options.machine.elf, nonce=nonce, limits=limits(options),
        on_fail=failure_action(options), log=options.log, bundle=options.bundle,
        bundle_limit_mib=options.bundle_limit_mib, halted=options.debug,
        detail=Detail.OUTCOME if options.quiet else Detail.ALL, checks=options.checks, junit=options.junit,
        repeat=lambda verdict: repeat(options, verdict))


def failure_action(options: RunOptions) -> str:
    """What to do with a failure: as given, else the default. Raises UsageError."""
    if options.bundle and options.on_fail in ("exit", "gdb"):
        raise UsageError(f"--bundle: --on-fail {options.on_fail} saves no bundle")
    if options.on_fail:
        return options.on_fail
    if options.debug:
        return "gdb"
    in_ci = os.environ.get("CI", "").lower() not in FALSE
    return "bundle" if options.bundle or in_ci else "exit"


def build_machine(options: RunOptions, nonce: int) -> Machine:
    """The machine for these options. Raises UsageError if it is not possible."""
    asked = options.machine
    deterministic.check(asked)
    if asked.firmware == "uefi" and asked.boot_way == "direct":
        raise UsageError("--firmware uefi: direct boot needs no firmware; use --boot iso")
    qemu = find_qemu(asked.qemu)
    accelerator = deterministic.accelerator() if asked.is_deterministic else \
        choose_accelerator(asked.accel, asked.thread_mode, kvm_trouble())
    firmware = find_ovmf() if asked.firmware == "uefi" else None
    return Machine(qemu, accelerator, asked.cpus, asked.memory_mib, asked.boot_way,
                   existing_file(asked.image, "build it with make build"), firmware,
                   _kernel_command_line(options, accelerator, nonce))


def _kernel_command_line(options: RunOptions, accelerator: Accelerator, nonce: int) -> list[str]:
    """The kernel's command line. The nonce is first, so that an error about a later word has it."""
    words = [f"nonce={nonce:016x}", *kernel_options(options)]
    if not options.machine.is_deterministic and accelerator.thread == "single" and "yield" not in options.stress.names():
        words.append(YIELD_WHEN_SINGLE)
    return [*words, *options.stress.words]


def kernel_options(options: RunOptions) -> list[str]:
    """The kernel options for the tool's own options, without the nonce and --args.

    Raises UsageError.
    """
    stress, given = options.stress, options.stress.names()
    values = {"seed": None if stress.seed is None else f"{stress.seed:#x}", "seconds": stress.seconds,
              "ops": stress.ops, "allocator": stress.allocator}
    for name, value in values.items():
        if value is not None and name in given:
            raise UsageError(f"--args: {name}= is also given by --{name}")
    words = [f"{name}={value}" for name, value in values.items() if value is not None]
    if options.machine.is_deterministic:
        words += deterministic.kernel_words(options.machine, given)
    # A deterministic machine gets the same options with any --on-fail: otherwise its log would
    # differ.
    held = failure_action(options) != "exit" or options.machine.is_deterministic
    if held and "on-fail" not in given:
        words.append(HOLD)
    return words


def limits(options: RunOptions) -> Limits:
    """The time limits. They are generous, because a slow host is not a failure."""
    if options.debug:
        return UNLIMITED
    stress, cpus, by_seed = options.stress, options.machine.cpus, options.machine.is_deterministic
    given = stress.value("seconds") or ""
    seconds = stress.seconds or (int(given) if given.isdecimal() else 0) or DEFAULT_SECONDS
    if stress.ops or stress.value("ops") is not None or by_seed:
        seconds = max(seconds, WORK_BOUND_SECONDS)
    boot = BOOT_SECONDS + cpus
    silence = options.silence or max(DETERMINISTIC_SILENT_SECONDS if by_seed else SILENT_SECONDS, cpus)
    return Limits(boot, silence, options.timeout or boot + SLOW_SECONDS + 4 * seconds)


def repeat(options: RunOptions, verdict: Verdict) -> str:
    """The command that repeats the run: the given one, with the seed that the kernel chose."""
    seed = verdict.options.get("seed")
    given = options.stress.seed is not None or options.stress.value("seed") is not None
    return shlex.join([*options.command, *(["--seed", seed] if seed and not given else [])])
