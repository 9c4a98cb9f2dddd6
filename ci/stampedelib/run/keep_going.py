"""`--keep-going`: after a failure boots again for the remaining phases.

It ends when none is left, or when a boot runs none of them. Each boot is a new machine, because the
memory of one that failed cannot be trusted.
"""
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..console import Console, Detail
from ..log.serial import printable
from ..usage import UsageError
from ..verdict import junit
from ..verdict.checks import Checks
from ..verdict.verdict import Verdict
from .boots import Boot, Outcomes, left_after, phases_left, why_none_left
from .folder import RunFolder, claim
from .next_steps import next_steps
from .options import RunOptions
from .plan import Plan, build_plan, repeat
from .runner import amend_record, run


def run_all(options: RunOptions, plan: Plan) -> Verdict:
    """Run, and boot again for the phases that failures leave; the verdict on all boots.

    A single boot is reported as usual. Several boots get one table and one verdict. Raises
    UsageError.
    """
    console = Console()
    with claim(options.log) as folder:
        first = run(replace(plan, in_table=lambda verdict: bool(left_after(verdict)[0])), folder)
        left, more = left_after(first)
        if not left:
            if sentence := why_none_left(first):
                console.say(f"  {sentence}")
            return first
        outcomes = Outcomes()
        alone = _of_one_boot(options, options.stress.words)
        _add(outcomes, replace(plan, repeat=lambda verdict: repeat(alone, verdict)), folder.log, first, console)
        _boot_for(options, left, more, folder.log.parent, outcomes, console)
        return _tell_all(outcomes, plan, folder, console)


def _boot_for(options: RunOptions, left: list[str], more: tuple[str, ...], folder: Path, outcomes: Outcomes,
              console: Console) -> None:
    """Boot for these phases, and again for the rest.

    A boot that does not leave fewer is the last.
    """
    while left:
        then = f"then-{len(outcomes.boots)}"
        if not options.quiet:
            console.say(f"boot {len(outcomes.boots) + 1}: {', '.join(left)}")
        given = [word for word in (*options.stress.words, *more) if not word.startswith("phases=")]
        log = folder / then / "serial.log"
        # --expect applies to the run as a whole.
        again = replace(_of_one_boot(options, (*given, f"phases={','.join(left)}")), log=log,
                        bundle=options.bundle and options.bundle.with_name(f"{options.bundle.name}-{then}"),
                        checks=Checks((), options.checks.forbid), junit=None)
        try:
            plan = build_plan(again)
            plan = replace(plan, detail=Detail.OUTCOME if options.quiet else Detail.BRIEF, in_table=lambda _: True)
            verdict = run(plan)
        except (UsageError, OSError) as error:
            console.say(f"  KEEP_GOING ends here: {error}")
            return
        _add(outcomes, plan, log, verdict, console)
        before, left = left, [name for name in phases_left(verdict) if name in left]
        if len(left) >= len(before):
            console.say("  KEEP_GOING ends here: this boot ran no new phase")
            return


def _of_one_boot(options: RunOptions, words: tuple[str, ...]) -> RunOptions:
    """The options of a run with one boot and these kernel options."""
    command = tuple(_without(options.command))
    return replace(options, command=(*command, *(["--args", " ".join(words)] if words else [])),
                   stress=replace(options.stress, words=words))


def _without(command: Sequence[str]) -> Iterator[str]:
    """The words of a command, without --args WORDS and --keep-going."""
    words = iter(command)
    for word in words:
        if word == "--args":
            next(words, None)
        elif word != "--keep-going" and not word.startswith("--args="):
            yield word


def _add(outcomes: Outcomes, plan: Plan, log: Path, verdict: Verdict, console: Console) -> None:
    """Add a boot that has ended, and print its result."""
    boot = Boot(str(len(outcomes.boots) + 1), verdict, str(log), next_steps(plan, log, verdict))
    outcomes.add(boot)
    if plan.detail is not Detail.OUTCOME:
        console.say(printable(f"boot {boot.label}: {boot.text()}"))


def _tell_all(outcomes: Outcomes, plan: Plan, folder: RunFolder, console: Console) -> Verdict:
    """Print the table and the verdict on all boots, and write them to files."""
    verdict = outcomes.verdict()
    if plan.detail is not Detail.OUTCOME:
        console.say("")
    for line in [*outcomes.lines(), *outcomes.verdict_lines()]:
        console.say(printable(line))
    amend_record(folder.verdict, {"keep_going": outcomes.as_dict()})
    if plan.junit:
        junit.write(plan.junit, verdict, folder.log.read_bytes())
    return verdict
