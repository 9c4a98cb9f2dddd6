"""Reads from QEMU what the virtual CPUs are doing, for a guest that does not report it."""
import re
from dataclasses import dataclass, field
from pathlib import Path

from .guest import Guest
from .monitor import MonitorError
from .symbols import Symbols

CPU = re.compile(r"^CPU#(\d+)\s*$", re.MULTILINE)
POINTER = re.compile(r"\b[RE]IP=([0-9a-f]{8,16}) [RE]FL=([0-9a-f]{8})\b.*?\bHLT=([01])")
EFER = re.compile(r"\bEFER=([0-9a-f]{16})")
FLAG_INTERRUPTS = 1 << 9
EFER_LONG_MODE_ACTIVE = 1 << 10


@dataclass(frozen=True)
class Cpu:
    """One virtual CPU of a stopped machine."""
    number: int
    place: str
    interrupts: bool
    sleeps: bool
    long_mode: bool

    def state(self) -> str:
        """Its place and state in words, without its number."""
        return f"{self.place}, interrupts {'on' if self.interrupts else 'off'}" + (
            ", asleep" if self.sleeps else "") + ("" if self.long_mode else ", not in 64-bit mode")


@dataclass(frozen=True)
class State:
    """The CPUs of a stopped machine: QEMU's text, and the state of each read from it."""
    text: str
    cpus: list[Cpu] = field(default_factory=list)


def take_state(guest: Guest, kernel: Path) -> State:
    """Stop the machine and read its registers. If QEMU refuses, the text says so."""
    try:
        guest.monitor.execute("stop")
        text = guest.monitor.human("info registers -a").replace("\r", "")
    except MonitorError as error:
        return State(f"no registers: {error}\n")
    return State(text, read_cpus(text, Symbols(kernel)))


def read_cpus(text: str, symbols: Symbols) -> list[Cpu]:
    """The CPUs in the output of the monitor's `info registers -a`."""
    _, *parts = CPU.split(text)
    found = []
    for number, registers in zip(parts[::2], parts[1::2]):
        pointer, efer = POINTER.search(registers), EFER.search(registers)
        if pointer:
            found.append(Cpu(int(number), symbols.name(int(pointer[1], 16)),
                             bool(int(pointer[2], 16) & FLAG_INTERRUPTS), pointer[3] == "1",
                             bool(efer and int(efer[1], 16) & EFER_LONG_MODE_ACTIVE)))
    return found


def summary(cpus: list[Cpu]) -> list[str]:
    """A line for each group of CPUs in the same state.

    The rarest is first: it is the interesting one.
    """
    groups: dict[str, list[int]] = {}
    for cpu in cpus:
        groups.setdefault(cpu.state(), []).append(cpu.number)
    return [f"CPU {', '.join(map(str, numbers))}: {state}"
            for state, numbers in sorted(groups.items(), key=lambda group: len(group[1]))]
