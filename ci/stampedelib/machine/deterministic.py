"""How a run's cores are interleaved: freely, or by a machine that is a function of its seed.

The deterministic machine counts instructions for time and runs all CPUs by turns on one host
thread; QEMU changes CPU where one executes PAUSE and where a timer's deadline is, and both are
drawn from the seed. docs/DESIGN.md, "Deterministic machine".
"""
import argparse
import hashlib
import secrets

from ..usage import UsageError
from .machine import Accelerator

FREE, DETERMINISTIC = "free", "deterministic"
NAME = f"--schedule {DETERMINISTIC}"
YIELD = 16
PREEMPT_US_A_CPU = 25  # the CPUs share the time, so that each has about as much to itself


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """The option itself."""
    group.add_argument("--schedule", choices=(FREE, DETERMINISTIC), default=FREE,
                       help=f"{FREE}: the host decides the interleaving; {DETERMINISTIC}: the seed decides it, "
                            "a second run has the same log byte for byte, and seconds are those of the "
                            f"simulated machine (default {FREE})")


def is_deterministic(arguments: argparse.Namespace) -> bool:
    """Whether the interleaving is to be a function of the seed."""
    return arguments.schedule == DETERMINISTIC


def boot(arguments: argparse.Namespace) -> str:
    """iso or direct: as asked, or what the schedule wants."""
    return arguments.boot or ("direct" if is_deterministic(arguments) else "iso")


def thread(arguments: argparse.Namespace) -> str:
    """TCG's thread mode: as asked, or what the schedule wants."""
    return arguments.thread or ("single" if is_deterministic(arguments) else "multi")


def check(arguments: argparse.Namespace) -> None:
    """Refuse what would make a deterministic machine none. Raises UsageError."""
    if not is_deterministic(arguments):
        return
    if arguments.accel == "kvm":
        raise UsageError(f"{NAME}: --accel kvm counts no instructions; use --accel tcg")
    if thread(arguments) == "multi":
        raise UsageError(f"{NAME}: --thread multi lets the host interleave; use --thread single")
    if boot(arguments) == "iso":
        raise UsageError(f"{NAME}: --boot iso reads a disc in the host's time; use --boot direct")


def accelerator() -> Accelerator:
    """What a deterministic machine runs on."""
    return Accelerator("tcg", "single", "deterministic: time counts instructions, of all CPUs by "
                                        "turns", counts_instructions=True)


def draw_seed(arguments: argparse.Namespace, given: set[str]) -> None:
    """Give a deterministic machine a seed: the cycle counter it would be drawn from repeats itself.

    `given`: names of the options in --args.
    """
    if is_deterministic(arguments) and arguments.seed is None and "seed" not in given:
        arguments.seed = secrets.randbits(63) or 1
        arguments.argv = [*arguments.argv, "--seed", str(arguments.seed)]


def kernel_words(arguments: argparse.Namespace, given: set[str]) -> list[str]:
    """Where the kernel is to give way, unless --args say so."""
    words = {"yield": YIELD, "preempt": PREEMPT_US_A_CPU * arguments.cpus}
    return [f"{name}={value}" for name, value in words.items() if name not in given]


def nonce(arguments: argparse.Namespace, words: list[str]) -> int:
    """Of a run: drawn, or where its log is to be repeated, made of all that decides the log.

    `words`: the kernel's other options.
    """
    if not is_deterministic(arguments):
        return secrets.randbits(64) or 1  # 0 means none
    text = " ".join([str(arguments.cpus), str(arguments.memory), *words])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") or 1
