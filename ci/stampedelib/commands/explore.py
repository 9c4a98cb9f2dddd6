"""`stampede explore`: runs small programs under many schedules. Two seeds determine each trial."""
import argparse
import dataclasses
import os
import shlex
from pathlib import Path
from typing import Any

from ..console import Console, Detail
from ..debug import reverse
from ..explore import reproduce
from ..explore.explored import Explored
from ..explore.options import DEFAULT_SECONDS, HOSTED, KERNEL, STRATEGIES, ExploreOptions
from ..explore.run import explorer, run_explorer
from ..explore.trace import tell
from ..explore.words import passes, read_program, repeat
from ..log.serial import printable
from ..process import leave_orderly
from ..run.folder import claim
from ..usage import UsageError, check_writable
from ..verdict.verdict import Verdict
from ..vocabulary import EXPLORE_OPTIONS
from .gdb import add_gdb_arguments
from .values import allocator, integer, kernel_arguments, random_seed

NAME = "explore"
HELP = "Search for a schedule that breaks a rule; repeat it, make it small, show it"


def seeds(text: str) -> tuple[int, int | None]:
    """The seed of a search, or P:S, the seeds of one program and one schedule.

    S 0 is the schedule without preemptions.
    """
    first, colon, second = text.partition(":")
    return random_seed(first), integer(0, 2**64 - 1)(second) if colon else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `explore`."""
    parser.add_argument("--hosted", action="store_true",
                        help="run as a program of this host instead of in QEMU, about ten times faster")
    parser.add_argument("--kernel", type=Path, default=KERNEL, metavar="FILE",
                        help="image of the explorer (default build/gcc-order16-explore/stampede.elf)")
    parser.add_argument("--program-file", type=Path, default=HOSTED, metavar="FILE", dest="hosted_file",
                        help="the explorer as a program (default build/host/explore/stampede-explore)")
    parser.add_argument("--allocator", type=allocator, metavar="NAME", help="which of the explorer's allocators")
    parser.add_argument("--seconds", type=integer(1, EXPLORE_OPTIONS["seconds"].most), metavar="N",
                        help=f"how long to search (default {DEFAULT_SECONDS})")
    parser.add_argument("--schedules", type=integer(1, EXPLORE_OPTIONS["schedules"].most), metavar="N",
                        help="how many schedules to try, instead of a time")
    parser.add_argument("--seed", type=seeds, metavar="N|P:S",
                        help="repeat a search; P:S repeats one trial of it, as in the repeat: line of a failure")
    parser.add_argument("--program", metavar="FILE|TEXT",
                        help="explore this program instead of random ones; a file from --save is first run as it "
                             "failed, then searched")
    parser.add_argument("--strategy", choices=STRATEGIES, help="how to choose the thread that runs next "
                                                               "(docs/EXPLORE.md)")
    parser.add_argument("--preemptions", type=integer(0, EXPLORE_OPTIONS["preemptions"].most), metavar="N",
                        help="largest number of preemptions in a schedule of --strategy sweep")
    parser.add_argument("--minimise", action=argparse.BooleanOptionalAction, default=True,
                        help="make a failure small")
    parser.add_argument("--keep-going", action="store_true",
                        help="count failures instead of ending at the first")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the failing program and its schedule as "
                                                                  "text")
    parser.add_argument("--full", action="store_true", help="show every step of the trace")
    parser.add_argument("--gdb", action="store_true",
                        help="with --hosted or --replay: run in gdb and stop where the rule is broken")
    parser.add_argument("--from-log", type=Path, metavar="LOG",
                        help="try to repeat the failure of a stress run: make programs of the operations in its "
                             "log, run them in the log's order, then under other schedules; exit code 3 if the "
                             "failure does not come back")
    parser.add_argument("--record", type=Path, metavar="DIR",
                        help="with --seed P:S or a saved --program: record that trial in QEMU for --replay")
    parser.add_argument("--replay", type=Path, metavar="DIR",
                        help="run a recording again; with --gdb you can step backwards")
    parser.add_argument("--args", type=kernel_arguments, default=[], metavar="'NAME=VALUE ...'",
                        help="more options for the explorer, passed unchanged")
    parser.add_argument("--log", type=Path, metavar="FILE", help="where to write the log")
    parser.add_argument("--quiet", action="store_true", help="show only the outcome")
    add_gdb_arguments(parser)


def read_options(arguments: argparse.Namespace) -> ExploreOptions:
    """The options from the command line. Raises UsageError if they contradict each other."""
    values: dict[str, Any] = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(ExploreOptions)
                              if hasattr(arguments, field.name)}
    values |= {"command": tuple(arguments.argv), "words": tuple(arguments.args),
               "gdb_arguments": tuple(arguments.gdb_arguments)}
    return check(ExploreOptions(**values))


def check(options: ExploreOptions) -> ExploreOptions:
    """The same options. Raises UsageError if they contradict each other."""
    ways = [name for name, value in (("--from-log", options.from_log), ("--record", options.record),
                                     ("--replay", options.replay)) if value]
    if len(ways) > 1:
        raise UsageError(f"{ways[0]} and {ways[1]} exclude each other")
    if options.from_log and (options.seed or options.program):
        raise UsageError("--from-log makes the programs from the log; leave out --seed and --program")
    if options.gdb and not (options.hosted or options.replay):
        raise UsageError("--gdb: needs --hosted or --replay; in QEMU use ci/stampede run --debug")
    if options.gdb_arguments and not (options.gdb and options.replay):
        raise UsageError(f"'{options.gdb_arguments[0]}': arguments for gdb need --replay DIR --gdb")
    if options.record and options.hosted:
        raise UsageError("--record: QEMU records, so leave out --hosted")
    check_writable(options.save)
    return options


def execute(arguments: argparse.Namespace) -> int:
    """Explore and report; the exit code of the verdict."""
    options = read_options(arguments)
    leave_orderly()
    if options.replay:
        return replay(options, options.replay)
    if options.from_log:
        return from_log(options, options.from_log)
    runs = passes(options, read_program(options.program))
    if options.record:
        return record(options, options.record, runs[0])
    verdict = Verdict("error", "nothing was run")
    for words in runs:
        verdict = explore(options, words)
        if verdict.word != "pass":
            break
    return verdict.code


def record(options: ExploreOptions, folder: Path, words: list[str]) -> int:
    """Record the one trial that `words` describe."""
    if not any(word.startswith(("program-seed=", "switches=")) for word in words):
        raise UsageError("--record: needs one trial: give --seed P:S, or --program with a file from --save")
    verdict, recording = reverse.record(folder, options.kernel, [*words, "minimise=0"])
    console = Console()
    console.say(printable(verdict.text()))
    console.say(f"  recorded: {folder}")
    if verdict.word != "pass":
        recorded = shlex.quote(str(recording.folder))
        console.say(f"  backwards: {shlex.quote(options.command[0])} explore --replay {recorded} --gdb")
    return verdict.code


def replay(options: ExploreOptions, folder: Path) -> int:
    """Run a recording again, in gdb or to its end."""
    recording = reverse.load(folder)
    if options.gdb:
        return reverse.debug(recording, list(options.gdb_arguments))
    verdict = reverse.replay(recording)
    console = Console()
    console.say(printable(verdict.text()))
    console.say("  as recorded: the log is the same, byte for byte")
    return verdict.code


def from_log(given: ExploreOptions, path: Path) -> int:
    """Try to repeat the failure in a log: hosted, if that is built and no image was named."""
    named = given.kernel != KERNEL
    options = dataclasses.replace(
        given, hosted=given.hosted or given.hosted_file != HOSTED or (HOSTED.is_file() and not named))
    elf = explorer(options)

    def run_once(words: list[str], log: Path) -> Verdict:
        with claim(log) as folder:
            return run_explorer(options, words, folder, Detail.NOTHING)

    return reproduce.bring_back(options, path, run_once, elf)


def explore(options: ExploreOptions, words: list[str]) -> Verdict:
    """Run the explorer once, show the output, return the verdict."""
    if options.gdb:
        os.execvp("gdb", ["gdb", "-q", "-ex", "set breakpoint pending on", "-ex",
                          "break trial_broken", "-ex", "run", "--args", str(explorer(options)), *words])
    with claim(options.log) as folder:
        verdict = run_explorer(options, words, folder, options.detail)
        explored = Explored.parse(folder.log.read_bytes())
    console = Console()
    if explored.program and not options.quiet:
        for line in tell(explored, options.elf, full=options.full):
            console.say(line)
    if options.save and explored.program:
        explored.saved().write(options.save)
        console.say(f"  saved: {options.save}")
    if explored.found:
        console.say(f"  repeat: {repeat(options, explored)}")
    return verdict
