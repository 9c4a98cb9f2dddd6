"""The detectors that can notice a mutant, cheapest first. To add one, add it to DETECTORS."""
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..process import ENOUGH, Limits, Program
from .build import Build

EVERYTHING = "everything"  # instead of a file: for the clean tree

ALLOCATORS = {
    "mm/buddy.c": ("buddy", "buddy-percpu"),
    "mm/buddy.h": ("buddy", "buddy-percpu"),
    "mm/buddy_percpu.c": ("buddy-percpu",),
    "mm/buddy_scan.c": ("buddy-scan",),
    "smp/spinlock.c": ("buddy", "buddy-percpu"),
}
ALL_ALLOCATORS = ("buddy", "buddy-percpu", "buddy-scan")
TESTS = {
    "mm/buddy.c": ("buddy_lists", "buddy_percpu", "walker", "buddy"),
    "mm/buddy.h": ("buddy_percpu", "buddy"),
    "mm/buddy_percpu.c": ("buddy_percpu", "walker", "buddy"),
    "mm/buddy_scan.c": ("buddy_scan", "walker", "buddy"),
    "mm/page.h": ("buddy_lists", "buddy_percpu", "buddy"),
    "mm/page_allocator.h": ("buddy_lists", "buddy_scan", "buddy"),
    "smp/spinlock.c": ("spinlock", "buddy_percpu"),
    EVERYTHING: ("buddy_lists", "buddy_percpu", "buddy_scan", "walker", "spinlock", "buddy"),
}
NOT_OK = re.compile(r"^not ok (\S+)", re.MULTILINE)
NOT_OK_BYTES = re.compile(NOT_OK.pattern.encode(), re.MULTILINE)
OUTPUT_BYTES = 4 << 20
BROKEN = (  # patterns for what broke in a program's output, most informative first
    re.compile(r"^# title=([^:\r\n]*)", re.MULTILINE), NOT_OK,
    re.compile(r"((?:(?:Address|Thread)Sanitizer|runtime error)[: ]+[a-zA-Z -]*[a-zA-Z])"))


@dataclass(frozen=True)
class Sight:
    """A failure that a detector saw. how: the rule or test that broke; None for a time limit."""
    how: str | None


@dataclass(frozen=True)
class Detector:
    """A way to notice mutants.

    settings: everything else that its result depends on.
    programs: the programs that it runs for mutants of a file.
    look: runs them; returns None if it noticed nothing.
    """
    name: str
    settings: str
    programs: Callable[[str], tuple[str, ...]]
    look: Callable[[Build, str], Sight | None]


@dataclass(frozen=True)
class Bounds:
    """Limits in seconds.

    Processor time does not depend on the host's load; wall time is a last resort.
    """
    processor: int
    wall: int


@dataclass(frozen=True)
class Ran:
    """The end of a program.

    code: its exit code, or the negative number of a signal; None if a limit ended it.
    stopped: whether it was ended because its output matched.
    """
    code: int | None
    text: str
    stopped: bool


def run(words: Sequence[str | Path], bounds: Bounds, cwd: Path, until: re.Pattern[bytes] | None = None) -> Ran:
    """Run a program. If its output matches `until`, end it."""
    with Program(words, cwd, until=until, processor_seconds=bounds.processor) as program:
        ending = program.run(Limits(total=bounds.wall, bytes=OUTPUT_BYTES))
        text = program.output.decode("latin-1")
    timely = ending.kind in ("exit", "killed") and ending.exit_code not in (-signal.SIGXCPU, -signal.SIGKILL)
    return Ran(ending.exit_code if timely else None, text, ending.kind == ENOUGH)


def _what_broke(ran: Ran) -> str:
    found = [match for pattern in BROKEN if (match := pattern.search(ran.text))]
    return found[0][1] if found else f"ended with {ran.code}"


# ---- the unit tests ----

def _unit_programs(variant: str, names: Callable[[str], tuple[str, ...]]) \
        -> Callable[[str], tuple[str, ...]]:
    return lambda file: tuple(f"{variant}/{name}" for name in names(file))


def unit(name: str, variant: str, names: Callable[[str], tuple[str, ...]],
         bounds: Bounds) -> Detector:
    """Programs of unit tests. The first failing test ends a program."""
    programs = _unit_programs(variant, names)

    def look(build: Build, file: str) -> Sight | None:
        for program in programs(file):
            ran = run([build.program(program)], bounds, build.folder, NOT_OK_BYTES)
            if ran.code is None and not ran.stopped:
                return Sight(None)
            if ran.stopped or ran.code:
                return Sight(f"{program}: {_what_broke(ran)}")
        return None
    return Detector(name, "", programs, look)


# ---- the stress and the explorer ----

def _judge(ran: Ran, good: dict[int, str]) -> Sight | None:
    if ran.code is None:
        return Sight(None)
    if ran.code in good and f"# verdict={good[ran.code]}" in ran.text:
        return None
    return Sight(_what_broke(ran))


def hosted(name: str, program: str, runs: list[str], bounds: Bounds) -> Detector:
    """The hosted stress or explorer, run once for each element of `runs`, which is its options."""
    def look(build: Build, file: str) -> Sight | None:
        for options in runs:
            for allocator in ALLOCATORS.get(file, ALL_ALLOCATORS):
                words: list[str | Path] = [build.program(program), f"allocator={allocator}", *options.split()]
                sight = _judge(run(words, bounds, build.folder), {0: "pass", 3: "inconclusive"})
                if sight:
                    return sight
        return None
    return Detector(name, repr(runs), lambda file: (program,), look)


QEMU = ["qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-m", "128M", "-nodefaults", "-display",
        "none", "-no-reboot", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4"]


def image(name: str, runs: list[tuple[str, str]], bounds: Bounds) -> Detector:
    """The kernel in QEMU on four cores, run once for each (accelerator, options)."""
    program = "kernel/stampede.elf"

    def look(build: Build, file: str) -> Sight | None:
        for accelerator, options in runs:
            for allocator in ALLOCATORS.get(file, ALL_ALLOCATORS):
                words: list[str | Path] = [
                    *QEMU, "-smp", "4", "-accel", accelerator, "-kernel", build.program(program),
                    "-append", f"allocator={allocator} {options}"]
                sight = _judge(run(words, bounds, build.folder), {65: "pass", 71: "inconclusive"})
                if sight:
                    return sight
        return None
    return Detector(name, repr(runs), lambda file: (program,), look)


def _threaded(file: str) -> tuple[str, ...]:
    return ("spinlock", "buddy_threads") if file in ("smp/spinlock.c", EVERYTHING) else \
        ("buddy_threads",)


DETECTORS = [
    hosted("stress", "plain/stampede-host", ["ops=300 floor=0 watchdog=1 seed=1"], Bounds(20, 60)),
    hosted("explorer", "explore/stampede-explore", ["schedules=2000 seed=1"], Bounds(30, 120)),
    unit("unit", "plain", lambda file: TESTS[file], Bounds(8, 60)),
    hosted("long stress", "plain/stampede-host",
           ["ops=10000 floor=0 watchdog=1 seed=2",
            "ops=2000 floor=0 cpus=8 yield=16 watchdog=1 seed=3"], Bounds(30, 180)),
    unit("threads", "tsan", _threaded, Bounds(60, 180)),
    unit("sanitized unit", "asan10", lambda file: TESTS[file], Bounds(40, 120)),
    image("image", [("tcg,thread=multi", "ops=2000 floor=0 seed=4"),
                    ("tcg,thread=single", "ops=1000 floor=0 yield=16 seed=5")], Bounds(120, 240)),
]
