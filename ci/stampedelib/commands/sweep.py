"""`stampede sweep`: the same run with many seeds.

Reports each kind of failure once and keeps its files.
"""
import argparse
import os
import re
import shlex
from pathlib import Path

from ..process import leave_orderly
from ..sweep.engines import ENGINES, Task
from ..sweep.store import Store, SweepPlan, sha256, worst
from ..sweep.view import SweepView, short, table
from ..sweep.work import WORKS, Result
from ..usage import BUILD_DIR, UsageError
from ..verdict.verdict import CODES
from . import run
from .values import integer

NAME = "sweep"
HELP = "Run with many seeds, deterministic by default; resumes after an interruption"
FOLDER = "sweep"
MOST_JOBS = 4096
PARSERS = {"run": lambda words: run.parse(words, "sweep: run")}  # by the name of the work
MOST_SEEDS = 1_000_000
NO_RESULT = Result(0, "error", "no result", 0, "")  # stands for runs without a result


def seeds(text: str) -> range:
    """Seeds as FIRST..LAST, or a single one; for argparse."""
    match = re.fullmatch(r"([0-9]+)(?:\.\.([0-9]+))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: FIRST..LAST, such as 1..500)")
    first, last = int(match[1]), int(match[2] or match[1])
    if first < 1 or last >= 2**64:
        raise argparse.ArgumentTypeError(f"{text}: seeds are 1 to {2**64 - 1}")
    if first > last:
        raise argparse.ArgumentTypeError(f"{text}: the first seed is larger than the last")
    if last - first >= MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"{text}: more than {MOST_SEEDS} seeds")
    return range(first, last + 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `sweep`."""
    parser.add_argument("words", nargs="*", metavar="-- OPTION",
                        help="options of each run, as for `ci/stampede run`")
    parser.add_argument("--seeds", type=seeds, required=True, metavar="FIRST..LAST",
                        help="the seeds, from 1; there is a run for each")
    parser.add_argument("--jobs", type=integer(1, MOST_JOBS), metavar="N",
                        help="how many runs at the same time on each machine (default: number of processors of "
                             "this one)")
    parser.add_argument("--keep-going", action="store_true",
                        help="do not stop at the first failure")
    parser.add_argument("--folder", type=Path, metavar="DIR",
                        help=f"where to keep the sweep (default build/{FOLDER}/NAME, the same for the same options "
                             "and image); a sweep that finds its own results resumes")
    parser.add_argument("--fresh", action="store_true", help="forget the results of an earlier sweep")
    parser.add_argument("--work", choices=WORKS, default="run", help="what to run with each seed")
    parser.add_argument("--engine", choices=ENGINES, default="local",
                        help="what starts the runs (docs/SWEEP.md)")
    parser.add_argument("--sshlogin", action="append", default=[], metavar="[N/][USER@]HOST",
                        help="for --engine parallel: a machine to run on; `:` is this one")
    parser.add_argument("--slurm-options", type=shlex.split, default=[], metavar="'OPTION ...'",
                        help="for --engine slurm: more options for sbatch, such as --partition=NAME")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def execute(arguments: argparse.Namespace) -> int:
    """Run the sweep; the exit code of the worst verdict."""
    _check(arguments)
    work = WORKS[arguments.work]
    parse = PARSERS[arguments.work]
    words = work.settle(arguments.words, parse(arguments.words))
    plan = SweepPlan(work.name, words, os.getcwd(), sha256(work.image(parse(words))))
    leave_orderly()
    folder = arguments.folder or BUILD_DIR / FOLDER / plan.digest()
    store = Store(folder, plan, arguments.fresh)
    try:
        return _sweep(arguments, plan, store)
    finally:
        store.close()


def _check(arguments: argparse.Namespace) -> None:
    """Raises UsageError for options of an engine that was not asked for."""
    if arguments.sshlogin and arguments.engine != "parallel":
        raise UsageError("sweep: --sshlogin is for --engine parallel")
    if arguments.slurm_options and arguments.engine != "slurm":
        raise UsageError("sweep: --slurm-options is for --engine slurm")


def _sweep(arguments: argparse.Namespace, plan: SweepPlan, store: Store) -> int:
    wanted = arguments.seeds
    before = [result for seed, result in store.results.items() if seed in wanted]
    todo = [seed for seed in wanted if seed not in store.results]
    view = SweepView(len(wanted), before, arguments.quiet)
    view.say(f"sweep: seeds {wanted[0]} to {wanted[-1]}, {len(before)} of {len(wanted)} done before; "
             f"{short(store.folder)}")
    task = Task(plan, store, todo, arguments.jobs or os.cpu_count() or 1, arguments.sshlogin,
                arguments.slurm_options)
    try:
        stopped = bool(todo) and _carry_out(arguments, task, view)
    except (KeyboardInterrupt, SystemExit):
        _tell(view, store, wanted)
        view.say("sweep: interrupted; the same command resumes")
        raise
    results = _tell(view, store, wanted)
    left = len(wanted) - len(results)
    if stopped and left:
        view.say("sweep: stopped at the first failure; the same command resumes, with --keep-going "
                 "to the end")
    elif left:
        view.say(f"sweep: {left} runs gave no result; the same command tries them again")
        results.append(NO_RESULT)
    word = worst(results)
    view.say(f"{word.upper()} (exit code {CODES[word]})")
    return CODES[word]


def _carry_out(arguments: argparse.Namespace, task: Task, view: SweepView) -> bool:
    """Run the seeds; whether it stopped at a failure."""
    with ENGINES[arguments.engine](task) as engine:
        for result in engine.results():
            if result is None:
                view.tick()
                continue
            task.store.add(result)
            view.add(result)
            if result.failed and not arguments.keep_going:
                return True
    return False


def _tell(view: SweepView, store: Store, wanted: range) -> list[Result]:
    """Print the table; the results of the sweep."""
    results = [result for seed, result in sorted(store.results.items()) if seed in wanted]
    for line in table(store, results, len(wanted)):
        view.say(line)
    return results
