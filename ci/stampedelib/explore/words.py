"""The options for each run of the explorer, and the options that repeat a failure."""
import os
import re
import secrets
import shlex
from pathlib import Path

from ..usage import UsageError, existing_file
from .explored import Explored, SavedProgram
from .options import DEFAULT_SECONDS, HOSTED, KERNEL, ExploreOptions


def read_program(given: str | None) -> SavedProgram | None:
    """A program: `given` is its text or the name of its file. Raises UsageError.

    The text may be the number of pages alone, for a program that fails without an operation.
    """
    if given is None:
        return None
    if re.fullmatch(r"[0-9]+(/.*)?", given) and not os.path.exists(given):
        return SavedProgram(given)
    return SavedProgram.read(existing_file(Path(given), "it is not the text of a program either"))


def passes(options: ExploreOptions, saved: SavedProgram | None) -> list[list[str]]:
    """The options of each run. A saved program is first run as it failed, then searched."""
    common = common_words(options, saved)
    if options.seed and options.seed[1] is not None:
        if saved:
            raise UsageError("--seed P:S and --program both name a program; leave out one")
        program, schedule = options.seed
        return [[*common, f"program-seed={program:#x}", f"schedule-seed={schedule:#x}"]]
    seed = options.seed[0] if options.seed else secrets.randbits(63) or 1
    bound = [f"seconds={options.seconds or DEFAULT_SECONDS}"] if not options.schedules else [
        f"schedules={options.schedules}"]
    if not saved:
        return [[*common, *bound, f"seed={seed:#x}"]]
    replay = [[*common, f"program={saved.program}", f"switches={saved.switches}"]
              ] if saved.switches else []
    return [*replay, [*common, *bound, f"seed={seed:#x}", f"program={saved.program}"]]


def common_words(options: ExploreOptions, saved: SavedProgram | None) -> list[str]:
    """The options that all runs have."""
    words = []
    name = options.allocator or (saved.allocator if saved else None)
    if name:
        words.append(f"allocator={name}")
    if options.strategy:
        words.append(f"strategy={options.strategy}")
    if options.preemptions is not None:
        words.append(f"preemptions={options.preemptions}")
    if not options.minimise:
        words.append("minimise=0")
    if options.keep_going:
        words.append("keep-going=1")
    return [*words, *options.words]


def repeat(options: ExploreOptions, explored: Explored) -> str:
    """The command that repeats the failing trial."""
    words = [options.command[0], "explore"]
    if options.hosted:
        words.append("--hosted")
    for name, value, usual in (("--kernel", options.kernel, KERNEL),
                               ("--program-file", options.hosted_file, HOSTED)):
        if value != usual:
            words += [name, str(value)]
    if (options.program or options.strategy == "sweep" or options.from_log) and explored.program:
        return shlex.join([*words, *repeat_program(options, explored)])
    if options.allocator:
        words += ["--allocator", options.allocator]
    if options.strategy and options.strategy != "sweep":
        words += ["--strategy", options.strategy]
    if options.words:
        words += ["--args", " ".join(options.words)]
    return shlex.join([*words, "--seed", f"{explored.found['program']}:{explored.found['schedule']}"])


def repeat_program(options: ExploreOptions, explored: Explored) -> list[str]:
    """The options for the small program and its schedule.

    Options in `options.words` are kept, unless the program or its schedule replaces them.
    """
    saved = explored.saved()
    said = ["strategy=given"] + ([f"switches={saved.switches}"] if saved.switches else [])
    said += ["races=0"] if options.from_log else []
    names = {word.split("=")[0] for word in said} | {"switches"}
    kept = [word for word in options.words if word.split("=")[0] not in names]
    name = options.allocator or saved.allocator
    return [*(["--allocator", name] if name else []), "--program", saved.program,
            "--args", " ".join(sorted([*kept, *said]))]
