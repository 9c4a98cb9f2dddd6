"""`stampede run`: boots the kernel in QEMU, shows its report live, judges it."""
import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ..machine.options import BUILD, DETERMINISTIC, FREE, MachineOptions
from ..process import leave_orderly
from ..run.keep_going import run_all
from ..run.options import FAILURE_ACTIONS, RunOptions, StressOptions
from ..run.plan import DEFAULT_SECONDS, YIELD_WHEN_SINGLE, build_plan, with_seed
from ..run.runner import run
from ..run.stages import STAGES, run_stages
from ..usage import UsageError, check_writable
from ..verdict.checks import Checks
from ..vocabulary import MOST_CPUS, STRESS_OPTIONS
from .values import add_checks, allocator, integer, kernel_arguments, memory, random_seed

NAME = "run"
HELP = "Boot the kernel in QEMU, show its report live and judge it"


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
    group.add_argument("--schedule", choices=(FREE, DETERMINISTIC), default=FREE,
                       help=f"{FREE}: the host decides the interleaving; {DETERMINISTIC}: the seed decides it, "
                            "a second run has the same log byte for byte, and seconds are those of the "
                            f"simulated machine (default {FREE})")
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
    add_checks(group)
    group.add_argument("--stage", action="append", choices=tuple(STAGES), default=[],
                       help="also run this after a pass and report it separately: unguarded calls the code of an "
                            "adapter without the adapter's lock; hardening makes calls that the code need not "
                            "refuse")
    group.add_argument("--junit", type=Path, metavar="FILE",
                       help="also write the verdict as JUnit XML")
    group.add_argument("--quiet", action="store_true", help="show only the outcome")
    group.add_argument("--dry-run", action="store_true",
                       help="print the QEMU command and do nothing")


def _add_failure_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--on-fail", choices=FAILURE_ACTIONS,
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


def read_options(arguments: argparse.Namespace) -> RunOptions:
    """The options from the command line."""
    machine = MachineOptions(arguments.boot, arguments.iso, arguments.kernel, arguments.schedule, arguments.cpus,
                             arguments.memory, arguments.accel, arguments.thread, arguments.firmware, arguments.qemu)
    stress = StressOptions(arguments.seconds, arguments.ops, arguments.seed, arguments.allocator,
                           tuple(arguments.args))
    return RunOptions(
        tuple(arguments.argv), machine, stress, log=arguments.log, timeout=arguments.timeout,
        silence=arguments.silence, checks=Checks(tuple(arguments.expect), tuple(arguments.forbid)),
        stages=tuple(arguments.stage), junit=arguments.junit, quiet=arguments.quiet, dry_run=arguments.dry_run,
        on_fail=arguments.on_fail, bundle=arguments.bundle, bundle_limit_mib=arguments.bundle_limit,
        keep_going=arguments.keep_going, debug=arguments.debug)


class _QuietParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def parse(words: Sequence[str], name: str = "run") -> RunOptions:
    """The options in `words`, for another command that starts runs.

    Raises UsageError; `name` is that command in the message.
    """
    parser = _QuietParser(prog=name, add_help=False, allow_abbrev=False)
    add_arguments(parser)
    return read_options(parser.parse_args(words, argparse.Namespace(argv=["run", *words])))


def execute(arguments: argparse.Namespace) -> int:
    """Run the kernel and judge it; the exit code of the verdict."""
    options = with_seed(read_options(arguments))
    plan = build_plan(options)
    if options.dry_run:
        print(shlex.join(plan.machine.command(["-serial", "stdio"])))
        return 0
    if options.junit:
        options.junit.parent.mkdir(parents=True, exist_ok=True)
        check_writable(options.junit)
    leave_orderly()
    verdict = run_all(options, plan) if options.keep_going else run(plan)
    run_stages(options, verdict)
    return verdict.code
