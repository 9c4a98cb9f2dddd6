"""The command line of ci/mutate."""
import argparse
import json
import os
import random
import shlex
import sys
from pathlib import Path

from ..console import counted
from ..mutants import report, verdicts
from ..mutants.build import BuildTrouble, Recipe
from ..mutants.campaign import Campaign, CleanTreeTrouble
from ..mutants.detectors import DETECTORS, Detector
from ..mutants.generate import generate
from ..mutants.mutant import Mutant
from ..mutants.state import Result, State
from ..mutants.syntax import SyntaxTrouble
from ..usage import ROOT, UsageError, check_writable
from .values import Parser, count

FILES = ("mm/buddy.c", "mm/buddy.h", "mm/buddy_percpu.c", "smp/spinlock.c", "mm/page.h",
         "mm/page_allocator.h", "mm/buddy_scan.c")
SURVIVORS = ROOT / "tests/mutants/survivors.txt"
FOLDER = ROOT / "build/mutants"
EXIT_CODES = ("exit code: 0 every survivor has a verdict, and no other mutant has one; 1 otherwise; 2 wrong use, "
              "or the clean tree does not pass; 130 interrupted: the same command resumes")


def build_parser() -> Parser:
    """The parser of the command line."""
    parser = Parser(prog="mutate", allow_abbrev=False, epilog=EXIT_CODES,
                    description="Change the allocators and the lock in one place after the other; a test must "
                                "notice each change.")
    parser.add_argument("--files", nargs="+", action="extend", metavar="FILE", help="only mutants of these files: "
                                                                                    f"{', '.join(FILES)}")
    parser.add_argument("--only", action="append", metavar="ID", help="only this mutant (may be repeated)")
    parser.add_argument("--jobs", type=count, default=min(2, os.cpu_count() or 1), metavar="N",
                        help="how many at once (default %(default)s)")
    parser.add_argument("--sample", type=count, metavar="N", help="only N mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of --sample")
    parser.add_argument("--detectors", metavar="NAME,NAME",
                        help=f"only these of: {', '.join(one.name for one in DETECTORS)}")
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results")
    parser.add_argument("--markdown", type=Path, metavar="FILE",
                        help="write the page (docs/MUTANTS.md); only for a run over all mutants")
    parser.add_argument("--survivors", type=Path, default=SURVIVORS, metavar="FILE",
                        help="the verdicts on survivors (default tests/mutants/survivors.txt)")
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR",
                        help="where to build and to keep results (default build/mutants)")
    parser.add_argument("--known", action="store_true",
                        help="run none: report the results of earlier runs")
    parser.add_argument("--list", action="store_true", help="print the mutants; run none")
    parser.add_argument("--show", metavar="ID", help="print this mutant's diff; run none")
    return parser


def main(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    arguments = build_parser().parse_args(argv[1:])
    try:
        return _execute(arguments)
    except (UsageError, SyntaxTrouble, BuildTrouble, CleanTreeTrouble, verdicts.VerdictTrouble,
            OSError) as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mutate: interrupted; results are kept, the same command resumes", file=sys.stderr)
        return 130


def _all_mutants(recipe: Recipe, files: list[str]) -> list[Mutant]:
    flags = [word for word in recipe.compile["kernel"][1:] if word.startswith(("-I", "-D", "-std"))]
    os.chdir(recipe.root)
    return [mutant for file in files
            for mutant in generate(file, (recipe.root / file).read_bytes(), flags)]


def _files(arguments: argparse.Namespace) -> list[str]:
    wanted = [one for one in arguments.only or [arguments.show] if one] or None
    if wanted:
        return [file for file in FILES if any(one.startswith(f"{file}:") for one in wanted)]
    for file in arguments.files or []:
        if file not in FILES:
            raise UsageError(f"--files {file}: choose from {', '.join(FILES)}")
    return [file for file in FILES if file in (arguments.files or FILES)]


def _pick(mutants: list[Mutant], arguments: argparse.Namespace) -> list[Mutant]:
    """The mutants that were asked for. Raises UsageError."""
    known = {mutant.id: mutant for mutant in mutants}
    for one in [*(arguments.only or []), *([arguments.show] if arguments.show else [])]:
        if one not in known:
            raise UsageError(f"there is no mutant {one}; --list prints all")
    if arguments.only:
        return [mutant for mutant in mutants if mutant.id in arguments.only]
    if arguments.sample and arguments.sample < len(mutants):
        chosen = random.Random(arguments.seed).sample(range(len(mutants)), arguments.sample)
        return [mutants[index] for index in sorted(chosen)]
    return mutants


def _chosen_detectors(arguments: argparse.Namespace) -> list[Detector]:
    if not arguments.detectors:
        return DETECTORS
    names = arguments.detectors.split(",")
    for name in names:
        if name not in [one.name for one in DETECTORS]:
            raise UsageError(f"--detectors: there is no '{name}'; choose from "
                             f"{', '.join(one.name for one in DETECTORS)}")
    return [one for one in DETECTORS if one.name in names]


def _execute(arguments: argparse.Namespace) -> int:
    if arguments.markdown and (arguments.files or arguments.only or arguments.sample
                               or arguments.detectors):
        raise UsageError("--markdown is for a run over everything; leave out --files, --only, --sample and "
                         "--detectors")
    for name in ("json", "markdown", "survivors", "folder"):
        if getattr(arguments, name):
            setattr(arguments, name, getattr(arguments, name).absolute())
    check_writable(arguments.json)
    check_writable(arguments.markdown)
    detectors = _chosen_detectors(arguments)
    said = verdicts.read(arguments.survivors)
    recipe = Recipe.read(ROOT)
    files = _files(arguments)
    every = _all_mutants(recipe, files)
    mutants = _pick(every, arguments)
    sources = {file: (ROOT / file).read_bytes() for file in files}
    if arguments.show:
        mutant = next(one for one in every if one.id == arguments.show)
        print(mutant.diff(sources[mutant.file]), end="")
        return 0
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.id}\t{mutant.short(sources[mutant.file])}")
        return 0
    return _run(arguments, recipe, files, every, mutants, detectors, said)


def _run(arguments: argparse.Namespace, recipe: Recipe, files: list[str], every: list[Mutant],
         mutants: list[Mutant], detectors: list[Detector], said: dict[str, verdicts.Verdict]) -> int:
    state_path = arguments.folder / "state.jsonl"
    if arguments.fresh:
        state_path.unlink(missing_ok=True)
    if arguments.known:
        known = State(state_path).results
        return _report(arguments, files, every, mutants, said, known)
    campaign = Campaign(recipe, arguments.folder, State(state_path), detectors, _say)
    _say(f"{counted(len(mutants), 'mutant')} of {', '.join(files)}, {arguments.jobs} at a time")
    campaign.check_clean(files, arguments.jobs)
    results = {one.id: one for one in campaign.run(mutants, arguments.jobs)}
    return _report(arguments, files, every, mutants, said, results)


def _report(arguments: argparse.Namespace, files: list[str], every: list[Mutant], asked: list[Mutant],
            said: dict[str, verdicts.Verdict], known: dict[str, Result]) -> int:
    mutants = [one for one in asked if one.id in known]
    results = {one.id: known[one.id] for one in mutants}
    left = len(asked) - len(mutants)
    found = report.complaints(mutants, results, said, files, len(mutants) == len(every))
    if left:
        found.append(f"{left} mutants have not been run")
    if arguments.json:
        arguments.json.write_text(json.dumps(
            report.as_json(results.values(), said, found), indent=1) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(report.markdown(
            mutants, results, said, left, lambda one: one.short((ROOT / one.file).read_bytes())))
    _say(report.summary(results.values()))
    for one in found:
        _say(f"  {one}")
    if any(one.endswith("no verdict") for one in found):
        _say(f"  see each: {shlex.quote('ci/mutate')} --show ID; verdicts: "
             f"{os.path.relpath(arguments.survivors, ROOT)}")
    return 1 if found else 0


def _say(text: str) -> None:
    print(text, flush=True)
