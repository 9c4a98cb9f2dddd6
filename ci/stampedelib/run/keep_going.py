"""`--keep-going`: after a failure boots again for the phases that were left, until none is or none gets on.

Each boot is a new machine: the memory of one that failed is not to be trusted.
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
    """Run what a failure left. One boot that leaves nothing is told as any run; several have one table and one verdict."""
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
    """Boot for these phases, and again for what is left of them. Each boot leaves fewer, or is the last."""
    while left:
        then = f"then-{len(outcomes.boots)}"
        if not options.quiet:
            console.say(f"boot {len(outcomes.boots) + 1}: {', '.join(left)}")
        given = [word for word in (*options.stress.words, *more) if not word.startswith("phases=")]
        log = folder / then / "serial.log"
        again = replace(_of_one_boot(options, (*given, f"phases={','.join(left)}")), log=log,
                        bundle=options.bundle and options.bundle.with_name(f"{options.bundle.name}-{then}"),
                        checks=Checks((), options.checks.forbid), junit=None)  # --expect is about the run as a whole
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
            console.say("  KEEP_GOING ends here: this boot got no further than the one before")
            return


def _of_one_boot(options: RunOptions, words: tuple[str, ...]) -> RunOptions:
    """The options of a run of one boot with these options of the kernel's."""
    command = tuple(_without(options.command))
    return replace(options, command=(*command, *(["--args", " ".join(words)] if words else [])),
                   stress=replace(options.stress, words=words))


def _without(command: Sequence[str]) -> Iterator[str]:
    """The words of a command but --args WORDS and --keep-going."""
    words = iter(command)
    for word in words:
        if word == "--args":
            next(words, None)
        elif word != "--keep-going" and not word.startswith("--args="):
            yield word


def _add(outcomes: Outcomes, plan: Plan, log: Path, verdict: Verdict, console: Console) -> None:
    """Enter a boot that has ended."""
    boot = Boot(str(len(outcomes.boots) + 1), verdict, str(log), next_steps(plan, log, verdict))
    outcomes.add(boot)
    if plan.detail is not Detail.OUTCOME:
        console.say(printable(f"boot {boot.label}: {boot.text()}"))


def _tell_all(outcomes: Outcomes, plan: Plan, folder: RunFolder, console: Console) -> Verdict:
    """The table and the verdict on all boots, to a person and in files."""
    verdict = outcomes.verdict()
    if plan.detail is not Detail.OUTCOME:
        console.say("")
    for line in [*outcomes.lines(), *outcomes.verdict_lines()]:
        console.say(printable(line))
    amend_record(folder.verdict, {"keep_going": outcomes.as_dict()})
    if plan.junit:
        junit.write(plan.junit, verdict, folder.log.read_bytes())
    return verdict
