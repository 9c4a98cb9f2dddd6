"""The sound allocators of tests/sound and the modes to run them in. tests/test_sound.py runs them. As a program, this
file writes docs/SOUND.md.

    /usr/bin/python3 tests/sound_modes.py >docs/SOUND.md
"""

import os
import shlex
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from guest import ROOT, boot, make, run
from support import EXIT_CODE, own_folder, stampede

from stampedelib.verdict.verdict import CODES

FOLDER = ROOT / "tests/sound"
C = sorted(path.stem for path in FOLDER.glob("*.c"))
CXX = sorted(path.stem for path in FOLDER.glob("*.cpp"))
ALLOCATORS = sorted(C + CXX)

# An explorer linked with one of these reports no races at all, so each gets an explorer of its own.
UNSEEN = ("assembly-lock",)
# Each walk allocates and frees all of memory by a linear search. That takes seconds even with few operations.
SLOW = ("page-only",)
NOT_SELFTEST = "single,single-irq,single-placed,mixed,remote-free,irq,exhaust,fragment,hotplug,placed,bad-free"


@dataclass(frozen=True)
class Ending:
    """A run's verdict and output, and the command that repeats it."""
    verdict: str
    text: str
    command: str


@cache
def programs() -> None:
    """Build the hosted stress and the hosted explorer, each with all sound allocators."""
    make("-j2", "-f", "tests/tests.mk", "sound-hosted")


@cache
def image(*words: str) -> Path:
    """The kernel with all sound allocators; with EXPLORE=1, the explorer's kernel."""
    make("-j2", "kernel", "ALLOCATOR=tests/sound", *words)
    return own_folder(f"gcc-order16{'-explore' if words else ''}-sound", "tests/sound") / "stampede.elf"


def named(code: int, codes: dict[str, int]) -> str:
    """The verdict of this exit code."""
    return {number: word for word, number in codes.items()}.get(code, f"exit code {code}")


def hosted_program(program: str, options: str) -> Ending:
    """Run a hosted program."""
    programs()
    words = [program, *options.split()]
    log = run(words)
    return Ending(named(log.code, CODES), log.text, shlex.join(words))


def with_more_time(attempt: Callable[[int], Ending], seconds: int) -> Ending:
    """Repeat an inconclusive run once with five times the time: on a busy host, cores may hardly meet."""
    ending = attempt(seconds)
    return attempt(5 * seconds) if ending.verdict == "inconclusive" else ending


def hosted(name: str) -> Ending:
    """All phases in a program of the host, with four threads as cores."""
    program = "build/host/plain/sound/stampede-host"
    return with_more_time(lambda seconds: hosted_program(program, f"allocator={name} seconds={seconds}"), 1)


def hosted_explorer(name: str) -> Ending:
    """The explorer in a program of the host: many schedules of small programs."""
    program = "build/host/explore/sound/stampede-explore"
    if name in UNSEEN:
        program = f"build/host/explore/user/{name}"
        make("-f", "arch/host/host.mk", program, f"HOST_ALLOCATOR=tests/sound/{name}.c")
    return hosted_program(program, f"allocator={name} schedules=1500 seed=1")


def guest(name: str, options: str, thread: str = "multi", kernel: Path | None = None, cpus: int = 4) -> Ending:
    """Boot the image in QEMU, with little memory: some allocators need time that grows with its square."""
    log = boot(f"allocator={name} {options}", kernel or image(), thread=thread, cpus=cpus, memory="64M")
    return Ending(named(log.code, EXIT_CODE), log.text,
                  f"boot of {kernel or image()}, thread={thread}, -smp {cpus}: allocator={name} {options}")


def kernel_short(name: str) -> Ending:
    """All phases except selftest in the kernel, for so short a time that no floor is asked."""
    bound = "seconds=1" if name in SLOW else "ops=100"
    return guest(name, f"{bound} floor=0 phases={NOT_SELFTEST}")


def kernel(name: str) -> Ending:
    """All phases in the kernel, with four cores."""
    return with_more_time(lambda seconds: guest(name, f"seconds={seconds}"), 3)


def kernel_one_core(name: str) -> Ending:
    """All phases in the kernel with one core: nothing interleaves, so there is no floor."""
    return guest(name, "seconds=2", cpus=1)


def one_thread(name: str) -> Ending:
    """One host thread runs all cores, which switch at PAUSE."""
    return with_more_time(lambda seconds: guest(name, f"seconds={seconds} yield=16", thread="single"), 3)


def deterministic(name: str) -> Ending:
    """Time counts instructions, and the seed decides which core runs."""
    words = ["run", "--schedule", "deterministic", "--kernel", image(), "--allocator", name, "--cpus", 4,
             "--memory", "128M", "--seconds", 2, "--seed", 3]
    done = stampede(*words, timeout=300)
    return Ending(named(done.returncode, CODES), done.stdout + done.stderr,
                  shlex.join(["ci/stampede", *map(str, words)]))


def kernel_explorer(name: str) -> Ending:
    """The explorer in the kernel. It reports no race, because one lock in the image is in inline assembly."""
    return guest(name, "schedules=200 seed=1", kernel=image("EXPLORE=1"), cpus=1)


MODES: dict[str, Callable[[str], Ending]] = {
    "hosted": hosted, "kernel, short": kernel_short, "kernel": kernel, "one core": kernel_one_core,
    "one thread": one_thread, "deterministic": deterministic, "explorer": hosted_explorer,
    "explorer, kernel": kernel_explorer,
}
OF_C = ("explorer",)  # the hosted explorer only takes C


def pairs() -> list[tuple[str, str]]:
    """Each mode with each allocator that it can run."""
    return [(mode, name) for mode in MODES for name in ALLOCATORS if name in C or mode not in OF_C]


def purpose(name: str) -> str:
    """The first sentence of the allocator's top comment."""
    path = FOLDER / f"{name}.{'c' if name in C else 'cpp'}"
    words = path.read_text().split("*/")[0].replace("/*", "").replace("\n *", " ").split()
    return " ".join(words).split(". ")[0].rstrip(".")


HEAD = """# Sound allocators, mode by mode

`tests/sound` holds allocators of different design. All of them are correct. So if Stampede reports
a failure in one of them, Stampede is wrong. `tests/sound_modes.py` makes the table below; that
takes a quarter of an hour. `tests/test_sound.py` runs a sample of it each time, and all of it with
`STAMPEDE_SOUND=all`.

`make -f tests/tests.mk sound-check` shows without Stampede that they are correct. It calls each one
on one core and on four, directly through the contract, under ASan, UBSan and TSan.

The columns are modes:

| mode | what it runs |
| --- | --- |
{modes}
"""
TAIL = """
A run may be `inconclusive`: no rule was broken, but the cores hardly met in the allocator. Its last
lines name the phase and a remedy, such as more time. The modes *hosted*, *kernel* and *one thread*
then try once more with five times the time. In *one thread* the cores switch where a lock yields,
and only the harness's own lock yields by itself.

Cells that are not `pass`: {others} of {cells}. The host had {processors} processors and a load of {load}.
"""


def row(name: str) -> list[str]:
    """The allocator's verdict in each mode."""
    cells = []
    for mode, way in MODES.items():
        if (mode, name) not in set(pairs()):
            cells.append("-")
            continue
        ending = way(name)
        cells.append(ending.verdict)
        if ending.verdict != "pass":
            print(f"{ending.verdict}: {ending.command}\n{ending.text[-3000:]}", file=sys.stderr, flush=True)
    return cells


def main() -> None:
    """Print the page."""
    modes = "\n".join(f"| {mode} | {(way.__doc__ or '').rstrip('.')} |" for mode, way in MODES.items())
    print(HEAD.format(modes=modes))
    print("| allocator | what it is |", " | ".join(MODES), "|")
    print("|", " | ".join(["---"] * (len(MODES) + 2)), "|")
    programs()
    image()
    image("EXPLORE=1")
    said, loads = [], [os.getloadavg()[0]]
    with ThreadPoolExecutor(2) as pool:
        for name, cells in zip(ALLOCATORS, pool.map(row, ALLOCATORS)):
            print(f"| {name} | {purpose(name)} |", " | ".join(cells), "|", flush=True)
            said += [cell for cell in cells if cell != "-"]
            loads.append(os.getloadavg()[0])
    print(TAIL.format(others=len(said) - said.count("pass"), cells=len(said), processors=os.cpu_count(),
                      load=f"{min(loads):.0f} to {max(loads):.0f}"), end="")


if __name__ == "__main__":
    main()
