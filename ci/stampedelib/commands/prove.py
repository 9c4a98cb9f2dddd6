"""Proofs: every state of small arenas, by the allocators' own code, and SPIN models of the locks.

Prints a table. After it comes each refuted proof, with the steps that refute it. A mutant that does not fit edited sources
is named and skipped. Exit code 0: all proofs hold and all mutants that fit are refuted; 1: some do not or are not; 2: a
proof could not be run.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class Judged:
    """A mutant that was run. remark: how it was refuted, if not as the table of mutants has it; text: what was seen."""
    refuted: bool
    text: str
    remark: str = ""


@dataclass
class Findings:
    """What is to be told below the table. not_run: whether a proof could not be run."""
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    not_run: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table: a proof and its mutants, as tasks in progress. `skipped`: mutants that were not run, and why."""
    name: str
    task: Task
    mutants: list[tuple[str, Future[Judged]]]
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def show(self, findings: Findings) -> None:
        """Wait for the results and print the line. What is wrong is added to `findings`."""
        findings.skipped += [f"{self.name}: {title}: {why}" for title, why in self.skipped]
        try:
            outcome = self.task.result()
        except RuntimeError as error:
            findings.problems.append(f"{self.name}: could not be run\n{error}")
            findings.not_run = True
            print(f"{self.name:40} {'-':>10} {'-':>8}  {'not run':10} -", flush=True)
            return
        verdict, mutants = outcome.verdict, "-"
        if verdict != "proved":
            # Its mutants are refuted by what refutes it, and say nothing.
            findings.problems.append(f"{self.name}: {verdict}\n{outcome.text}")
        else:
            refuted = sum(self._is_refuted(title, task, findings) for title, task in self.mutants)
            verdict = verdict if refuted == len(self.mutants) else "doubtful"
            mutants = f"{refuted} of {len(self.mutants)}" if self.mutants else "-"
            mutants += f", {len(self.skipped)} skipped" if self.skipped else ""
        print(f"{self.name:40} {outcome.states:>10,} {outcome.seconds:>8.2f}  {verdict:10} {mutants}", flush=True)

    def _is_refuted(self, title: str, task: Future[Judged], findings: Findings) -> bool:
        try:
            judged = task.result()
        except RuntimeError as error:
            findings.problems.append(f"{self.name}: mutant {title} could not be run\n{error}")
            return False
        if not judged.refuted:
            findings.problems.append(f"{self.name}: mutant {title} is not refuted as it must be\n{judged.text}")
        elif judged.remark:
            findings.remarks.append(f"{self.name}: mutant {title} {judged.remark}")
        return judged.refuted


Wanted = Callable[[str], object]


def search_rows(pool: ThreadPoolExecutor, wanted: Wanted, quick: bool) -> Iterator[Row]:
    """Build and start the searches; their rows."""
    plans = [plan for plan, slow in search.plans() if wanted(plan) and not (slow and quick)]
    defects = [defect for defect in search.DEFECTS if defect.plan in plans]
    without = search.plant(defects)
    for plan in plans:
        own = [(defect, search.program_of(defect)) for defect in defects if defect.plan == plan]
        yield Row(plan, pool.submit(search.run, plan),
                  [(defect.name, pool.submit(judge_defect, defect)) for defect, program in own if program not in without],
                  [(defect.name, without[program]) for defect, program in own if program in without])


def judge_defect(defect: search.Defect) -> Judged:
    """Whether the defect is refuted. In edited sources another rule or another number of steps may do it."""
    outcome = search.run(defect.plan, search.program_of(defect))
    as_known = (outcome.title, outcome.steps) == (defect.title, defect.steps)
    return Judged(outcome.verdict == "refuted", outcome.text, "" if as_known else
                  f"is refuted by {outcome.title} in {outcome.steps} steps, not by {defect.title} in {defect.steps}")


def judge_mutant(model: models.Model, mutant: models.Mutant) -> Judged:
    """Whether the mutant has the result that its model states, and the output."""
    outcome = models.run(model, mutant.options, mutant.number, refute=not mutant.holds)
    return Judged(outcome.verdict == ("proved" if mutant.holds else "refuted"), outcome.text)


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
    findings = Findings()
    for model in models.all_models():
        findings.problems += models.differences(model)
    search.build()
    with workers(options.jobs) as pool:
        rows = [*search_rows(pool, wanted, options.quick), *model_rows(pool, wanted, options.quick)]
        if not rows:
            print(f"prove: nothing is called '{options.only}'", file=sys.stderr)
            return 2
        print(f"{'what':40} {'states':>10} {'seconds':>8}  {'verdict':10} mutants refuted")
        for row in rows:
            row.show(findings)
    return tell(findings, len(rows))


def tell(findings: Findings, proofs: int) -> int:
    """Print what stands below the table; the exit code."""
    for problem in findings.problems:
        print(f"\n{problem}")
    for title, lines in (("refuted in another way than known", findings.remarks),
                         ("skipped, since they do not fit these sources", findings.skipped)):
        if lines:
            print(f"\nMutants {title}:")
            print("\n".join(f"  {line}" for line in lines))
    outcome = f"{len(findings.problems)} problems" if findings.problems else "all hold"
    print(f"\n{proofs} proofs: {outcome}" + (f", {len(findings.skipped)} mutants skipped" if findings.skipped else ""))
    return 2 if findings.not_run else 1 if findings.problems else 0


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
