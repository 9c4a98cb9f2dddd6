"""`stampede explore`: small programs under many schedules, each a function of two seeds."""
import argparse
import dataclasses
import os
import re
import secrets
import select
import shlex
import subprocess
from pathlib import Path

from ..console import Console
from ..debug import reverse
from ..explore import reproduce
from ..explore.explored import Explored, SavedProgram
from ..explore.trace import tell
from ..log.serial import Follower, printable
from ..run.folder import RunFolder, claim
from ..run.runner import run
from ..usage import (BUILD_DIR, UsageError, allocator, check_writable, existing_file, integer,
                     kernel_arguments, random_seed)
from ..verdict import checks
from ..verdict.judge import judge
from ..verdict.verdict import KERNEL_EXIT_CODES, Verdict
from ..vocabulary import EXPLORE_OPTIONS
from . import run as run_command
from .gdb import add_gdb_arguments

NAME = "explore"
HELP = "Search for a schedule that breaks a rule; repeat it, make it small, show it"
KERNEL = BUILD_DIR / "gcc-order16-explore/stampede.elf"
HOSTED = BUILD_DIR / "host/explore/stampede-explore"
STRATEGIES = tuple(word for word in EXPLORE_OPTIONS["strategy"].allowed.split() if word != "given")
DEFAULT_SECONDS = int(EXPLORE_OPTIONS["seconds"].default)
LIMIT_SECONDS = 3600
SILENT_SECONDS = 120  # far longer than anything takes between two lines
CHUNK = 65536
MAKE_IMAGE = "build it with make kernel EXPLORE=1 and the ALLOCATOR=, STACSOS= or MAX_ORDER= that it is to have"


def seeds(text: str) -> tuple[int, int | None]:
    """A seed of a whole search, or P:S, those of one program and one schedule of it; S 0: where nobody is preempted."""
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


def execute(arguments: argparse.Namespace) -> int:
    """Explore, tell, return the verdict's code."""
    check(arguments)
    run_command.leave_orderly()
    if arguments.replay:
        return replay(arguments)
    if arguments.from_log:
        return from_log_again(arguments)
    saved = read_program(arguments.program)
    if arguments.record:
        return record(arguments, passes(arguments, saved)[0])
    verdict = Verdict("error", "nothing was run")
    for words in passes(arguments, saved):
        verdict = explore(arguments, words)
        if verdict.word != "pass":
            break
    return verdict.code


def check(arguments: argparse.Namespace) -> None:
    """Refuse what does not go together."""
    ways = [name for name in ("from_log", "record", "replay") if getattr(arguments, name)]
    if len(ways) > 1:
        raise UsageError(f"--{ways[0].replace('_', '-')} and --{ways[1].replace('_', '-')} exclude each other")
    if arguments.from_log and (arguments.seed or arguments.program):
        raise UsageError("--from-log: the programs are made of the log; leave --seed and --program")
    if arguments.gdb and not (arguments.hosted or arguments.replay):
        raise UsageError("--gdb: needs --hosted or --replay; in QEMU use ci/stampede run --debug")
    if arguments.gdb_arguments and not (arguments.gdb and arguments.replay):
        raise UsageError(f"'{arguments.gdb_arguments[0]}': further arguments are for --replay DIR --gdb")
    if arguments.record and arguments.hosted:
        raise UsageError("--record: it is QEMU that records; without --hosted")
    check_writable(arguments.save)


def record(arguments: argparse.Namespace, words: list[str]) -> int:
    """Record the one trial that `words` name."""
    if not any(word.startswith(("program-seed=", "switches=")) for word in words):
        raise UsageError("--record: records one trial: name it by --seed P:S, or by --program with a file of --save")
    verdict, recording = reverse.record(arguments.record, arguments.kernel, [*words, "minimise=0"])
    console = Console()
    console.say(printable(verdict.text()))
    console.say(f"  recorded: {arguments.record}")
    if verdict.word != "pass":
        folder = shlex.quote(str(recording.folder))
        console.say(f"  backwards: {shlex.quote(arguments.argv[0])} explore --replay {folder} --gdb")
    return verdict.code


def replay(arguments: argparse.Namespace) -> int:
    """Run a recording again, in gdb or to its end."""
    recording = reverse.load(arguments.replay)
    if arguments.gdb:
        return reverse.debug(recording, arguments.gdb_arguments)
    verdict = reverse.replay(recording)
    Console().say(printable(verdict.text()))
    Console().say("  as recorded: the log is the same, byte for byte")
    return verdict.code


def from_log_again(arguments: argparse.Namespace) -> int:
    """Hosted where it can be, unless an image was named."""
    named = arguments.kernel != KERNEL
    arguments.hosted = arguments.hosted or arguments.hosted_file != HOSTED or (HOSTED.is_file() and not named)
    elf = hosted_program(arguments) if arguments.hosted else existing_file(arguments.kernel, MAKE_IMAGE)
    quiet = argparse.Namespace(**vars(arguments) | {"quiet": True})

    def run_once(words: list[str], log: Path) -> Verdict:
        with reproduce.silently(), claim(log) as folder:
            return (run_hosted if arguments.hosted else run_in_qemu)(quiet, words, folder)

    return reproduce.bring_back(arguments, run_once, elf, lambda explored: repeat(arguments, explored))


def read_program(given: str | None) -> SavedProgram | None:
    """A file's, or the text itself, which may be pages alone: what is left of one that fails without any operation."""
    if given is None:
        return None
    if re.fullmatch(r"[0-9]+(/.*)?", given) and not os.path.exists(given):
        return SavedProgram(given)
    return SavedProgram.read(existing_file(Path(given), "it is no program's text either"))


def passes(arguments: argparse.Namespace, saved: SavedProgram | None) -> list[list[str]]:
    """The options of each run: what was saved is repeated as it was, then searched."""
    common = common_words(arguments, saved)
    if arguments.seed and arguments.seed[1] is not None:
        if saved:
            raise UsageError("--seed P:S: names a program, and so does --program")
        program, schedule = arguments.seed
        return [[*common, f"program-seed={program:#x}", f"schedule-seed={schedule:#x}"]]
    seed = arguments.seed[0] if arguments.seed else secrets.randbits(63) or 1
    bound = [f"seconds={arguments.seconds or DEFAULT_SECONDS}"] if not arguments.schedules else [
        f"schedules={arguments.schedules}"]
    if not saved:
        return [[*common, *bound, f"seed={seed:#x}"]]
    replay = [[*common, f"program={saved.program}", f"switches={saved.switches}"]
              ] if saved.switches else []
    return [*replay, [*common, *bound, f"seed={seed:#x}", f"program={saved.program}"]]


def common_words(arguments: argparse.Namespace, saved: SavedProgram | None) -> list[str]:
    """What all runs are given."""
    words = []
    name = arguments.allocator or (saved.allocator if saved else None)
    if name:
        words.append(f"allocator={name}")
    if arguments.strategy:
        words.append(f"strategy={arguments.strategy}")
    if arguments.preemptions is not None:
        words.append(f"preemptions={arguments.preemptions}")
    if not arguments.minimise:
        words.append("minimise=0")
    if arguments.keep_going:
        words.append("keep-going=1")
    return words + arguments.args


def explore(arguments: argparse.Namespace, words: list[str]) -> Verdict:
    """One run of the explorer, shown and judged."""
    if arguments.gdb:
        os.execvp("gdb", ["gdb", "-q", "-ex", "set breakpoint pending on", "-ex",
                          "break trial_broken", "-ex", "run", "--args", str(hosted_program(arguments)),
                          *words])
    with claim(arguments.log) as folder:
        verdict = (run_hosted if arguments.hosted else run_in_qemu)(arguments, words, folder)
        explored = Explored.parse(folder.log.read_bytes())
    console = Console()
    if explored.program and not arguments.quiet:
        elf = arguments.hosted_file if arguments.hosted else arguments.kernel
        for line in tell(explored, elf, full=arguments.full):
            console.say(line)
    if arguments.save and explored.program:
        explored.saved().write(arguments.save)
        console.say(f"  saved: {arguments.save}")
    if explored.found:
        console.say(f"  repeat: {repeat(arguments, explored)}")
    return verdict


def hosted_program(arguments: argparse.Namespace) -> Path:
    """The explorer as a program."""
    return existing_file(arguments.hosted_file,
                         "build it with make -f arch/host/host.mk build/host/explore/stampede-explore")


def run_hosted(arguments: argparse.Namespace, words: list[str], folder: RunFolder) -> Verdict:
    """On this host. Its exit code is the verdict, the kernel's is twice that and 0x41."""
    console = Console(quiet=arguments.quiet)
    nonce = secrets.randbits(64) or 1
    command = [str(hosted_program(arguments).resolve()), f"nonce={nonce:016x}", *words]
    ended_by = "exit"
    follower = Follower()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            while select.select([process.stdout], [], [], SILENT_SECONDS)[0]:
                chunk = os.read(process.stdout.fileno(), CHUNK)
                if not chunk:
                    break
                folder.capture.write(chunk)
                folder.capture.flush()
                for line in follower.feed(chunk):
                    show(console, line)
            else:
                ended_by = "silence"
                process.kill()
            code = process.wait()
        finally:
            process.kill()
    known = 0 <= code and 0x41 + 2 * code in KERNEL_EXIT_CODES
    verdict = judge(folder.log.read_bytes(), 0x41 + 2 * code if known else None if ended_by == "silence" else code,
                    ended_by, nonce, f"no line for {SILENT_SECONDS} s" if ended_by == "silence" else "")
    Console().say(printable(verdict.text()))
    return verdict


def show(console: Console, line: str) -> None:
    """What a person is to see as it comes: the trace is told afterwards."""
    if line.startswith(("# progress", "# explored", "# bound", "# sweep", "# benign", "# explore: ", "ok ", "not ok ")):
        console.show(line)


def run_in_qemu(arguments: argparse.Namespace, words: list[str], folder: RunFolder) -> Verdict:
    """In the kernel, on one virtual CPU."""
    parser = argparse.ArgumentParser()
    run_command.add_arguments(parser)
    given = parser.parse_args([
        "--boot", "direct", "--kernel", str(arguments.kernel), "--cpus", "1", "--memory", "128M",
        "--accel", "tcg", "--on-fail", "exit", "--quiet", "--timeout",
        str(LIMIT_SECONDS)], argparse.Namespace(argv=arguments.argv, args=words))
    existing_file(arguments.kernel, MAKE_IMAGE)
    plan = run_command.build_plan(given)
    console = Console(quiet=arguments.quiet)
    plan = dataclasses.replace(plan, repeat=lambda _: shlex.join(arguments.argv),
                               checks=checks.Checks([], []), quiet=True)
    verdict = run(plan, folder)
    for line in folder.log.read_text(encoding="latin-1").replace("\r", "").splitlines():
        if not line.startswith("# progress"):
            show(console, line)
    return verdict


def repeat(arguments: argparse.Namespace, explored: "Explored") -> str:
    """The command for the one trial that failed."""
    words = [arguments.argv[0], "explore"]
    if arguments.hosted:
        words.append("--hosted")
    for name, value, usual in (("--kernel", arguments.kernel, KERNEL),
                               ("--program-file", arguments.hosted_file, HOSTED)):
        if value != usual:
            words += [name, str(value)]
    if (arguments.program or arguments.strategy == "sweep" or arguments.from_log) and explored.program:
        return shlex.join([*words, *repeat_program(arguments, explored)])
    if arguments.allocator:
        words += ["--allocator", arguments.allocator]
    if arguments.strategy and arguments.strategy != "sweep":
        words += ["--strategy", arguments.strategy]
    if arguments.args:
        words += ["--args", " ".join(arguments.args)]
    return shlex.join([*words, "--seed", f"{explored.found['program']}:{explored.found['schedule']}"])


def repeat_program(arguments: argparse.Namespace, explored: "Explored") -> list[str]:
    """The small program under its schedule. Of what was given stays what this does not say: it may repeat one."""
    saved = explored.saved()
    said = ["strategy=given"] + ([f"switches={saved.switches}"] if saved.switches else [])
    said += ["races=0"] if arguments.from_log else []
    names = {word.split("=")[0] for word in said} | {"switches"}
    kept = [word for word in arguments.args if word.split("=")[0] not in names]
    name = arguments.allocator or saved.allocator
    return [*(["--allocator", name] if name else []), "--program", saved.program,
            "--args", " ".join(sorted([*kept, *said]))]
