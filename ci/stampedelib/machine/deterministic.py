"""The machine that is a function of its seed (`--schedule deterministic`).

It counts instructions for time and runs all CPUs by turns on one host thread; QEMU changes CPU where
one executes PAUSE and where a timer's deadline is, and both are drawn from the seed. docs/DESIGN.md,
"Deterministic machine".
"""
import hashlib
import secrets
from collections.abc import Sequence

from ..usage import UsageError
from .machine import Accelerator
from .options import DETERMINISTIC, MachineOptions

NAME = f"--schedule {DETERMINISTIC}"
YIELD = 16
PREEMPT_US_A_CPU = 25  # the CPUs share the time, so that each has about as much to itself


def check(options: MachineOptions) -> None:
    """Refuse what would make a deterministic machine none. Raises UsageError."""
    if not options.is_deterministic:
        return
    if options.accel == "kvm":
        raise UsageError(f"{NAME}: --accel kvm counts no instructions; use --accel tcg")
    if options.thread_mode == "multi":
        raise UsageError(f"{NAME}: --thread multi lets the host interleave; use --thread single")
    if options.boot_way == "iso":
        raise UsageError(f"{NAME}: --boot iso reads a disc in the host's time; use --boot direct")


def accelerator() -> Accelerator:
    """What a deterministic machine runs on."""
    return Accelerator("tcg", "single", "deterministic: time counts instructions, of all CPUs by "
                                        "turns", counts_instructions=True)


def kernel_words(options: MachineOptions, given: set[str]) -> list[str]:
    """Where the kernel is to give way, unless the kernel's options in `given` say so."""
    words = {"yield": YIELD, "preempt": PREEMPT_US_A_CPU * options.cpus}
    return [f"{name}={value}" for name, value in words.items() if name not in given]


def nonce(options: MachineOptions, words: Sequence[str]) -> int:
    """Of a run: drawn, or where its log is to be repeated, made of all that decides the log.

    `words`: the kernel's other options.
    """
    if not options.is_deterministic:
        return secrets.randbits(64) or 1  # 0 means none
    text = " ".join([str(options.cpus), str(options.memory_mib), *words])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") or 1
