"""The command line of ci/defects."""
import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import as_completed
from pathlib import Path

from ..defects import table
from ..defects.converse import RuleOutcome, read_rules, try_without
from ..defects.defect import Defect, DefectError, read_all
from ..defects.lanes import LANES, Job
from ..defects.outcome import (DEFAULT_SEED, ERROR, EXPLORE, Outcome, explored, mark_doubles,
                               try_defect)
from ..defects.tree import BuildError, Pool
from ..process import workers
from ..usage import ROOT, UsageError, check_writable
from .values import Parser, integer, random_seed

FOLDER = ROOT / "tests/defects"
WORK = ROOT / "build/defects"
NOT_MET, USAGE = 1, 2
LARGEST_STRETCH = 100


def build_parser() -> Parser:
    """The parser of the command line."""
    parser = Parser(prog="defects", allow_abbrev=False,
                    description="Plant each bug of tests/defects in a copy of the tree, run it, and report which "
                                "are found.",
                    epilog="exit code: 0 all results are as the headers say, 1 some result is not, 2 wrong use")
    parser.add_argument("--only", nargs="+", action="extend", metavar="NAME", default=[], help="only these "
                                                                                               "defects")
    parser.add_argument("--lane", choices=tuple(LANES), help="run all defects in this lane instead of their own")
    parser.add_argument("--rules", nargs="*", action="extend", metavar="RULE",
                        help="then disable each rule of the oracle (or only these), and check that defects are "
                             "missed without it")
    parser.add_argument("--explorer", action="store_true",
                        help="then also run the explorer on each, and report what it finds")
    parser.add_argument("--jobs", type=integer(1, 256), default=os.cpu_count() or 1, metavar="N",
                        help="how many at the same time (default: number of processors, %(default)s)")
    parser.add_argument("--seed", type=random_seed, default=DEFAULT_SEED, metavar="N",
                        help="seed of runs whose header names none (default %(default)s)")
    parser.add_argument("--stretch", type=integer(1, LARGEST_STRETCH), default=1, metavar="N",
                        help="multiply all time limits by N, for a loaded machine")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results here as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here (docs/DEFECTS.md)")
    parser.add_argument("--keep-logs", type=Path, metavar="DIR", help="keep the log of each run here")
    parser.add_argument("--list", action="store_true", help="list the defects and do nothing else")
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="default tests/defects")
    return parser


def main(argv: list[str]) -> int:
    """Run; returns the exit code."""
    arguments = build_parser().parse_args(argv[1:])
    try:
        return execute(arguments)
    except BlockingIOError:
        print(f"defects: another run is using {WORK}", file=sys.stderr)
    except (DefectError, BuildError, UsageError, OSError) as error:
        print(f"defects: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("defects: interrupted", file=sys.stderr)
        return 130
    return USAGE


def execute(arguments: argparse.Namespace) -> int:
    """Read the defects, plant and run each, report; the exit code."""
    everything = read_all(arguments.folder)
    chosen = choose(everything, arguments)
    rules = {}
    if arguments.rules is not None:
        rules = read_rules(arguments.folder / "rules", everything, arguments.rules)
    if arguments.list:
        for defect in chosen:
            print(f"{defect.name:<36} {defect.expected:<14} {lane_of(defect, arguments):<8} {defect.area}")
        return 0
    check_writable(arguments.json)
    check_writable(arguments.markdown)
    pool = make_pool(chosen, arguments)
    try:
        outcomes = try_all(pool, chosen, arguments)
        outcomes = explore_all(pool, outcomes, arguments)
        without = converse(pool, rules, outcomes, arguments)
    finally:
        pool.close()
    print(table.Score(outcomes).text())
    if arguments.explorer:
        print(table.explorer_text(outcomes))
    if without:
        print(f"rules whose loss is noticed: {sum(rule.met for rule in without)} of {len(without)}")
    write_files(arguments, outcomes, without)
    met = all(one.met for one in outcomes) and all(one.met for one in without)
    return 0 if met else NOT_MET


def choose(defects: list[Defect], arguments: argparse.Namespace) -> list[Defect]:
    """The defects that were asked for, those of the shortest lane first. Raises DefectError."""
    names = {defect.name for defect in defects}
    for name in arguments.only:
        if name not in names:
            raise DefectError(f"--only: there is no {arguments.folder / name}.patch")
    if arguments.markdown and (arguments.only or arguments.lane):
        raise DefectError("--markdown: the page is for all defects in their own lanes; leave out --only and --lane")
    chosen = [defect for defect in defects if not arguments.only or defect.name in arguments.only]
    if arguments.rules:
        chosen = [defect for defect in chosen if arguments.only or defect.title in arguments.rules]
    if arguments.lane == "unit":
        wrong = next((defect for defect in chosen if not defect.job.unit), None)
        if wrong:
            raise DefectError(f"--lane unit: {wrong.name} has no unit test of its own")
    order = list(LANES)
    return sorted(chosen, key=lambda one: (order.index(lane_of(one, arguments)), one.job.limit_seconds, one.name))


def lane_of(defect: Defect, arguments: argparse.Namespace) -> str:
    """The lane given by --lane, else the defect's own."""
    return arguments.lane or defect.lane


def make_pool(defects: list[Defect], arguments: argparse.Namespace) -> Pool:
    """Copies of the tree, with everything built that the defects will change."""
    lanes = [lane_of(defect, arguments) for defect in defects]
    builds = dict.fromkeys(LANES[lane].make_words(defect.job) for lane, defect in zip(lanes, defects))
    if arguments.explorer:
        builds |= dict.fromkeys([LANES[EXPLORE].make_words(Job())])
    return Pool(ROOT, WORK, min(arguments.jobs, len(defects) or 1), list(builds))


def try_all(pool: Pool, defects: list[Defect], arguments: argparse.Namespace) -> list[Outcome]:
    """Try every defect; print each result as it comes."""
    print(table.heading())
    outcomes = []
    with workers(arguments.jobs) as threads:
        running = [threads.submit(try_defect, pool, defect, lane_of(defect, arguments), arguments.seed,
                                  arguments.stretch) for defect in defects]
        for task in as_completed(running):
            outcomes.append(task.result())
            print(table.row(outcomes[-1]), flush=True)
            keep_log(arguments, outcomes[-1], "")
    marked = mark_doubles(sorted(outcomes, key=lambda outcome: outcome.defect.name))
    for one in marked:
        if one.kind == ERROR and one.prints:
            print(table.row(one))
    return marked


def explore_all(pool: Pool, outcomes: list[Outcome], arguments: argparse.Namespace) -> list[Outcome]:
    """Add the results of the explorer, if it was asked for."""
    if not arguments.explorer:
        return outcomes
    with workers(arguments.jobs) as threads:
        running = [threads.submit(explored, pool, one, arguments.seed, arguments.stretch) for one in outcomes]
        done = []
        for one in running:
            done.append(one.result())
            if done[-1].explored:
                print(table.explorer_row(done[-1]), flush=True)
    return done


def converse(pool: Pool, rules: dict[str, str], outcomes: list[Outcome],
             arguments: argparse.Namespace) -> list[RuleOutcome]:
    """Try the defects without each rule; print each result as it comes."""
    def attempt(defect: Defect, patch: str) -> Outcome:
        return try_defect(pool, defect, lane_of(defect, arguments), arguments.seed, arguments.stretch, patch)

    def tell(outcome: RuleOutcome) -> None:
        print(table.rule_row(outcome), flush=True)
        for one in outcome.without:
            keep_log(arguments, one, f"-without-{outcome.rule}")

    return try_without(rules, outcomes, attempt, arguments.jobs, tell)


def keep_log(arguments: argparse.Namespace, outcome: Outcome, suffix: str) -> None:
    """Write the log of a run, if logs were asked for."""
    if arguments.keep_logs:
        arguments.keep_logs.mkdir(parents=True, exist_ok=True)
        path = arguments.keep_logs / f"{outcome.defect.name}{suffix}.log"
        path.write_text(outcome.run.log or outcome.note, encoding="utf-8")


def write_files(arguments: argparse.Namespace, outcomes: list[Outcome], rules: list[RuleOutcome]) -> None:
    """Write the files that were asked for."""
    for path, text in _files(arguments, outcomes, rules):
        path.write_text(text, encoding="utf-8")


def _files(arguments: argparse.Namespace, outcomes: list[Outcome],
           rules: list[RuleOutcome]) -> Iterator[tuple[Path, str]]:
    if arguments.json:
        yield arguments.json, table.as_json(outcomes, rules)
    if arguments.markdown:
        yield arguments.markdown, table.as_markdown(outcomes, rules)
