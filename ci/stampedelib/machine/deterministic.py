"""The deterministic machine: its run depends only on its seed (`--schedule deterministic`).

Its time counts instructions, and all virtual CPUs take turns on one host thread. QEMU switches to
another CPU when one executes PAUSE and at the deadlines of timers. The kernel chooses both by the
seed. See docs/DESIGN.md, "Deterministic machine".
"""
import hashlib
import secrets
from collections.abc import Sequence

from ..usage import UsageError
from .machine import Accelerator
from .options import DETERMINISTIC, MachineOptions

NAME = f"--schedule {DETERMINISTIC}"
YIELD = 16
PREEMPT_US_A_CPU = 25  # times the number of CPUs, because they share the time


def check(options: MachineOptions) -> None:
    """Raises UsageError for options that would make a deterministic machine depend on the host."""
    if not options.is_deterministic:
        return
    if options.accel == "kvm":
        raise UsageError(f"{NAME}: --accel kvm counts no instructions; use --accel tcg")
    if options.thread_mode == "multi":
        raise UsageError(f"{NAME}: --thread multi lets the host interleave; use --thread single")
    if options.boot_way == "iso":
        raise UsageError(f"{NAME}: --boot iso reads a disc in the host's time; use --boot direct")


def accelerator() -> Accelerator:
    """The accelerator of a deterministic machine."""
    return Accelerator("tcg", "single", "deterministic: time counts instructions, of all CPUs by "
                                        "turns", counts_instructions=True)


def kernel_words(options: MachineOptions, given: set[str]) -> list[str]:
    """Options for the kernel: how often cores yield and are preempted.

    Those in `given` are left out.
    """
    words = {"yield": YIELD, "preempt": PREEMPT_US_A_CPU * options.cpus}
    return [f"{name}={value}" for name, value in words.items() if name not in given]


def nonce(options: MachineOptions, words: Sequence[str]) -> int:
    """The nonce of a run, not 0. `words` are the kernel's other options.

    It is random, but for a deterministic machine a hash of everything that determines the log: so
    the log is the same each time.
    """
    if not options.is_deterministic:
        return secrets.randbits(64) or 1  # 0 means none
    text = " ".join([str(options.cpus), str(options.memory_mib), *words])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") or 1
