"""Stages after a pass: the same image boots again and calls the code in other ways.

An image with an adapter contains the same code as several allocators
(mm/adapters/stacsos/adapter.h). Their names are that of the first with a suffix. The results of a
stage are reported separately and do not change the verdict. stages.json beside the log has them for
programs.
"""
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..console import Console, Detail
from ..log.serial import parse, printable
from ..usage import BUILD_DIR
from ..verdict.verdict import Verdict
from .boots import Boot
from .folder import LAST
from .options import RunOptions
from .plan import Plan, build_plan
from .runner import NO_FAILURE, run

Record = dict[str, str]

MOST_SECONDS = 10
MISUSES = {
    "double-free": "a free of a free block",
    "inner-free": "a free inside a larger free block",
    "wrong-order": "a free of more than was handed out",
    "misaligned": "a misaligned free",
    "bad-order": "a free of an order above LastOrder",
    "foreign": "a free of pages never inserted",
    "double-insert": "an insert of a free block",
    "inner-insert": "an insert inside a larger free block",
}
ADAPTER = "# log: misuse="  # from the adapter: such a call reached the code, or stopped in it
ASIDE = " (in a call that is to be refused)"  # part of a title
REPLACED = ("seed", "seconds", "allocator", "phases")


def run_stages(options: RunOptions, verdict: Verdict) -> None:
    """Run the stages that were asked for, one after the other, and report."""
    console, found = Console(), []
    for name in options.stages:
        if verdict.word in NO_FAILURE:
            found += STAGES[name](options, verdict, console)
        else:
            console.say(f"stage {name}: not run, because the first run failed")
    if found:
        record = _folder(options) / "stages.json"
        record.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


# ---- the stages ----

def _unguarded(options: RunOptions, verdict: Verdict, console: Console) -> list[Record]:
    """Calls from all cores at the same time, without the adapter's lock."""
    seconds = min(MOST_SECONDS, int(verdict.options.get("seconds", MOST_SECONDS)))
    console.say(f"second stage, without the adapter's lock: {seconds} s")
    plan = _plan(options, verdict, "unguarded", seconds, [])
    boot = _boot(plan, "unguarded")
    outcome, lines = _unguarded_words(boot.verdict, seconds)
    for line in lines:
        console.say(printable(f"  {line}"))
    for step in boot.next_steps:
        console.say(f"  {step}")
    return [_record("unguarded", verdict, boot, outcome)]


def _unguarded_words(second: Verdict, seconds: int) -> tuple[str, list[str]]:
    if second.word in NO_FAILURE:
        return "nothing found", [f"nothing was found in {seconds} s; that proves nothing: without a lock it is a matter "
                                 "of chance"]
    if second.word not in ("fail", "hang", "crash"):
        return "not run", [f"it did not run: {second.title}"]
    return "found", [f"found: {second.title}{_phase(second)}",
                     "likely cause: no lock in this file; other cores and interrupt handlers call while a call is half done",
                     "the verdict above stays: it is about calls that come one at a time"]


def _hardening(options: RunOptions, verdict: Verdict, console: Console) -> list[Record]:
    """One boot for each kind of misuse, because a misuse may damage the allocator."""
    console.say("hardening: calls that no careful caller makes. Nobody demands that they are refused; the verdict above stays")
    found = []
    for suffix, text in MISUSES.items():
        plan = _plan(options, verdict, suffix, 1, ["phases=selftest"])
        boot = _boot(plan, suffix)
        outcome, words = _misuse_words(boot)
        console.say(printable(f"  {text:<38} {words}"))
        found.append(_record("hardening", verdict, boot, outcome))
    console.say(f"  logs: {os.path.relpath(_folder(options))}/KIND/serial.log, KIND one of {', '.join(MISUSES)}")
    return found


def _misuse_words(boot: Boot) -> tuple[str, str]:
    second = boot.verdict
    said = {values["misuse"] for values in parse(Path(boot.log).read_bytes()).records(ADAPTER)}
    if second.word not in ("pass", "fail", "hang", "crash") or not said:
        return "not tried", f"not tried: {second.title}"
    if second.word == "pass":
        return "refused", "refused: nothing changed"
    if "stopped" in said:
        return "stopped", f"refused, by a check of its own: {second.title.removesuffix(ASIDE)}"
    return "accepted", f"accepted, then {second.title}"


STAGES = {"unguarded": _unguarded, "hardening": _hardening}


# ---- one boot ----


def _boot(plan: Plan, label: str) -> Boot:
    """Run without output: a line with FAIL would look like the verdict."""
    assert plan.log
    verdict = run(plan)
    return Boot(label, verdict, str(plan.log),
                [f"log: {os.path.relpath(plan.log)}", f"repeat: {plan.repeat(verdict)}"])


def _record(stage: str, verdict: Verdict, boot: Boot, outcome: str) -> Record:
    """The record of a boot for stages.json."""
    return {"stage": stage, "allocator": _name(verdict, boot.label), "outcome": outcome, "title": boot.verdict.title,
            "log": boot.log}


def _plan(options: RunOptions, verdict: Verdict, suffix: str, seconds: int, words: list[str]) -> Plan:
    """The plan of a boot on the first run's machine, with direct boot if possible."""
    kept = tuple(word for word in options.stress.words if word.split("=")[0] not in REPLACED)
    stress = replace(options.stress, allocator=_name(verdict, suffix), seconds=seconds,
                     seed=int(verdict.options["seed"], 0), words=(*kept, *words))
    command = (*_without_stages(options.command), "--allocator", _name(verdict, suffix), "--seconds", str(seconds),
               "--seed", str(stress.seed), *(["--args", " ".join(stress.words)] if stress.words else []))
    machine = options.machine if options.machine.firmware == "uefi" else replace(options.machine, boot="direct")
    return replace(build_plan(RunOptions(
        command, machine, stress, log=_folder(options) / suffix / "serial.log", timeout=options.timeout,
        silence=options.silence, on_fail="exit", bundle_limit_mib=options.bundle_limit_mib)), detail=Detail.NOTHING)


def _name(verdict: Verdict, suffix: str) -> str:
    return f"{verdict.banner['allocator']}-{suffix}"


def _phase(verdict: Verdict) -> str:
    """The failed phase in words, unless the title names it."""
    failed = next((phase.name for phase in verdict.phases if phase.outcome == "fail"), None)
    return f", in phase {failed}" if failed and "in phase" not in verdict.title else ""


def _without_stages(command: Sequence[str]) -> Iterator[str]:
    """The words of the command, without --stage NAME."""
    words = iter(command)
    for word in words:
        if word == "--stage":
            next(words, None)
        elif not word.startswith("--stage="):
            yield word


def _folder(options: RunOptions) -> Path:
    """The folder of the first run's log."""
    return (options.log or BUILD_DIR / LAST / "serial.log").parent
