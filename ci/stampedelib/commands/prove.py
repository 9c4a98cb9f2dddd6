"""Proofs: every state of small arenas, by the allocators' own code, and SPIN models of the locks.

Prints a table. After it comes each refuted proof, with the steps that refute it. Exit code 0: all
proofs hold and all mutants are refuted; 1: some do not or are not; 2: a proof could not be run.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ..process import leave_orderly, workers
from ..prove import models, search
from .values import Parser, count


def pattern(text: str) -> str:
    """A regular expression, unchanged; for argparse."""
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a regular expression: {error}") from error
    return text


def parsed(words: list[str]) -> argparse.Namespace:
    """The options on the command line."""
    parser = Parser(prog="prove", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out proofs that take more than a few seconds")
    parser.add_argument("--only", default="", type=pattern, metavar="REGEX", help="only proofs whose name matches")
    parser.add_argument("--jobs", type=count, default=os.cpu_count(),
                        help="how many at the same time (default: number of processors)")
    return parser.parse_args(words)


Task = Future[search.Outcome] | Future[models.Outcome]
Refutation = Future[tuple[bool, str]]


@dataclass(frozen=True)
class Row:
    """One line of the table: a proof and its mutants, as tasks in progress."""
    name: str
    task: Task
    mutants: list[tuple[str, Refutation]]

    def show(self, problems: list[str]) -> None:
        """Wait for the results and print the line. Problems are added to `problems`."""
        outcome = self.task.result()
        refuted = 0
        for title, task in self.mutants:
            fine, text = task.result()
            refuted += fine
            if not fine:
                problems.append(f"{self.name}: mutant {title} is not refuted as it must be\n{text}")
        verdict = outcome.verdict
        if verdict != "proved":
            problems.append(f"{self.name}: {verdict}\n{outcome.text}")
        elif refuted < len(self.mutants):
            verdict = "doubtful"
        of = f"{refuted} of {len(self.mutants)}" if self.mutants else "-"
        print(f"{self.name:40} {outcome.states:>10,} {outcome.seconds:>8.2f}  {verdict:10} {of}", flush=True)


Wanted = Callable[[str], object]


def search_rows(pool: ThreadPoolExecutor, wanted: Wanted, quick: bool) -> Iterator[Row]:
    """Start the searches; their rows."""
    for plan, slow in search.plans():
        if wanted(plan) and not (slow and quick):
            yield Row(plan, pool.submit(search.run, plan),
                      [(defect.name, pool.submit(search.refutes, defect)) for defect in search.DEFECTS
                       if defect.plan == plan])


def judge_mutant(model: models.Model, mutant: models.Mutant) -> tuple[bool, str]:
    """Whether the mutant has the result that its model states, and the output."""
    outcome = models.run(model, mutant.options, mutant.number, refute=not mutant.holds)
    return outcome.verdict == ("proved" if mutant.holds else "refuted"), outcome.text


def model_rows(pool: ThreadPoolExecutor, wanted: Wanted, quick: bool) -> Iterator[Row]:
    """Start the models; their rows."""
    for model in models.all_models():
        for options in model.runs + ([] if quick else model.slow_runs):
            name = f"{model.name} {options}".strip()
            if wanted(name):
                yield Row(name, pool.submit(models.run, model, options),
                          [(mutant.name, pool.submit(judge_mutant, model, mutant)) for mutant in model.mutants
                           if matches(mutant.options, options, model.runs)])


def matches(mutant_options: str, options: str, runs: list[str]) -> bool:
    """Whether `options` is the first of the runs that has all options of the mutant."""
    return options == next(run for run in runs if set(mutant_options.split()) <= set(run.split()))


def prove(words: list[str]) -> int:
    """Run the proofs; the exit code."""
    options = parsed(words)
    wanted = re.compile(options.only).search
    problems = []
    for model in models.all_models():
        problems += models.differences(model)
    search.build()
    with workers(options.jobs) as pool:
        rows = [*search_rows(pool, wanted, options.quick), *model_rows(pool, wanted, options.quick)]
        if not rows:
            print(f"prove: nothing is called '{options.only}'", file=sys.stderr)
            return 2
        print(f"{'what':40} {'states':>10} {'seconds':>8}  {'verdict':10} mutants refuted")
        for row in rows:
            row.show(problems)
    for problem in problems:
        print(f"\n{problem}")
    print(f"\n{len(rows)} proofs: {'all hold' if not problems else f'{len(problems)} problems'}")
    return 1 if problems else 0


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    leave_orderly()
    try:
        return prove(arguments[1:])
    except (OSError, RuntimeError) as error:
        print(f"prove: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("prove: interrupted", file=sys.stderr)
        return 130
