"""The words that the explorer is given for each of its runs, and those that repeat what it found."""
import os
import re
import secrets
import shlex
from pathlib import Path

from ..usage import UsageError, existing_file
from .explored import Explored, SavedProgram
from .options import DEFAULT_SECONDS, HOSTED, KERNEL, ExploreOptions


def read_program(given: str | None) -> SavedProgram | None:
    """A file's, or the text itself, which may be pages alone: what is left of one that fails without any operation."""
    if given is None:
        return None
    if re.fullmatch(r"[0-9]+(/.*)?", given) and not os.path.exists(given):
        return SavedProgram(given)
    return SavedProgram.read(existing_file(Path(given), "it is no program's text either"))


def passes(options: ExploreOptions, saved: SavedProgram | None) -> list[list[str]]:
    """The options of each run: what was saved is repeated as it was, then searched."""
    common = common_words(options, saved)
    if options.seed and options.seed[1] is not None:
        if saved:
            raise UsageError("--seed P:S: names a program, and so does --program")
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
    """What all runs are given."""
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
    """The command for the one trial that failed."""
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
    """The small program under its schedule. Of what was given stays what this does not say: it may repeat one."""
    saved = explored.saved()
    said = ["strategy=given"] + ([f"switches={saved.switches}"] if saved.switches else [])
    said += ["races=0"] if options.from_log else []
    names = {word.split("=")[0] for word in said} | {"switches"}
    kept = [word for word in options.words if word.split("=")[0] not in names]
    name = options.allocator or saved.allocator
    return [*(["--allocator", name] if name else []), "--program", saved.program,
            "--args", " ".join(sorted([*kept, *said]))]
