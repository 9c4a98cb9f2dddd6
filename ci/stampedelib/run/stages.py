"""Stages after a pass: the same image boots again, its code called in ways that the first run leaves out.

An image with an adapter has the same code as several allocators (mm/adapters/stacsos/adapter.h), whose names are the
first one's and a suffix. What a stage finds is reported apart and is no part of the verdict. stages.json, beside the
log, has the same for programs.
"""
import argparse
import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..console import Console
from ..log.serial import parse, printable
from ..usage import BUILD_DIR
from ..verdict.verdict import Verdict
from .folder import LAST
from .runner import NO_FAILURE, Plan, run

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
ADAPTER = "# log: misuse="  # the adapter's word: such a call reached the code, or the code gave up in it
ASIDE = " (in a call that is to be refused)"  # of a title
REPLACED = ("seed", "seconds", "allocator", "phases")

PlanBuilder = Callable[[argparse.Namespace], Plan]


@dataclass(frozen=True)
class Found:
    """What a boot of a stage came to."""
    stage: str
    allocator: str
    outcome: str
    title: str
    log: str


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """The option that asks for stages."""
    group.add_argument("--stage", action="append", choices=tuple(STAGES), default=[],
                       help="also run this after a pass and report it separately: unguarded calls the code of an "
                            "adapter without the adapter's lock; hardening makes calls that the code need not "
                            "refuse")


def run_stages(arguments: argparse.Namespace, verdict: Verdict, build_plan: PlanBuilder) -> None:
    """Run those asked for, one after the other, and tell."""
    console, found = Console(), []
    for name in arguments.stage:
        if verdict.word in NO_FAILURE:
            found += STAGES[name](arguments, verdict, build_plan, console)
        else:
            console.say(f"stage {name}: not run, because the first run failed")
    if found:
        record = _folder(arguments) / "stages.json"
        record.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", encoding="utf-8")


# ---- the stages ----

def _unguarded(arguments: argparse.Namespace, verdict: Verdict, build_plan: PlanBuilder, console: Console) -> list[Found]:
    """The calls of all cores at once, with nobody's lock around them."""
    seconds = min(MOST_SECONDS, int(verdict.options.get("seconds", MOST_SECONDS)))
    console.say(f"second stage, without the adapter's lock: {seconds} s")
    plan = _plan(arguments, verdict, build_plan, "unguarded", seconds, [])
    second = _boot(plan)
    outcome, lines = _unguarded_words(second, seconds)
    for line in lines:
        console.say(printable(f"  {line}"))
    console.say(f"  log: {os.path.relpath(plan.log or '.')}")
    console.say(f"  repeat: {plan.repeat(second)}")
    return [Found("unguarded", _name(verdict, "unguarded"), outcome, second.title, str(plan.log))]


def _unguarded_words(second: Verdict, seconds: int) -> tuple[str, list[str]]:
    if second.word in NO_FAILURE:
        return "nothing found", [f"nothing was found in {seconds} s; that proves nothing: without a lock it is a matter "
                                 "of chance"]
    if second.word not in ("fail", "hang", "crash"):
        return "not run", [f"it did not run: {second.title}"]
    return "found", [f"found: {second.title}{_phase(second)}",
                     "likely cause: no lock in this file; other cores and interrupt handlers call while a call is half done",
                     "the verdict above stays: it is about calls that come one at a time"]


def _hardening(arguments: argparse.Namespace, verdict: Verdict, build_plan: PlanBuilder, console: Console) -> list[Found]:
    """One boot for each kind of misuse: the first may leave nothing to go on with."""
    console.say("hardening: calls that no careful caller makes. Nobody demands that they are refused; the verdict above stays")
    found = []
    for suffix, text in MISUSES.items():
        plan = _plan(arguments, verdict, build_plan, suffix, 1, ["phases=selftest"])
        second = _boot(plan)
        outcome, words = _misuse_words(second, plan)
        console.say(printable(f"  {text:<38} {words}"))
        found.append(Found("hardening", _name(verdict, suffix), outcome, second.title, str(plan.log)))
    console.say(f"  logs: {os.path.relpath(_folder(arguments))}/KIND/serial.log, KIND one of {', '.join(MISUSES)}")
    return found


def _misuse_words(second: Verdict, plan: Plan) -> tuple[str, str]:
    log = parse(plan.log.read_bytes() if plan.log else b"")
    said = {values["misuse"] for values in log.records(ADAPTER)}
    if second.word not in ("pass", "fail", "hang", "crash") or not said:
        return "not tried", f"not tried: {second.title}"
    if second.word == "pass":
        return "refused", "refused: nothing changed"
    if "stopped" in said:
        return "stopped", f"refused, by a check of its own: {second.title.removesuffix(ASIDE)}"
    return "accepted", f"accepted, then {second.title}"


STAGES = {"unguarded": _unguarded, "hardening": _hardening}


# ---- one boot ----

def _boot(plan: Plan) -> Verdict:
    """Run it without a word: a page that says FAIL would be taken for the verdict."""
    with contextlib.redirect_stdout(io.StringIO()):
        return run(plan)


def _plan(arguments: argparse.Namespace, verdict: Verdict, build_plan: PlanBuilder, suffix: str, seconds: int,
          words: list[str]) -> Plan:
    """The first run's machine, booted the fast way where that is possible."""
    kept = [word for word in arguments.args if word.split("=")[0] not in REPLACED]
    seed = int(verdict.options["seed"], 0)
    changed = vars(arguments) | {
        "allocator": _name(verdict, suffix), "seconds": seconds, "seed": seed, "args": [*kept, *words],
        "log": _folder(arguments) / suffix / "serial.log", "quiet": True, "on_fail": "exit", "bundle": None,
        "junit": None, "expect": [], "forbid": [], "debug": False,
        "boot": "direct" if arguments.firmware == "bios" else arguments.boot}
    changed["argv"] = [*_without_stages(arguments.argv), "--allocator", changed["allocator"], "--seconds", str(seconds),
                       "--seed", str(seed), *(["--args", " ".join(changed["args"])] if changed["args"] else [])]
    return build_plan(argparse.Namespace(**changed))


def _name(verdict: Verdict, suffix: str) -> str:
    return f"{verdict.banner['allocator']}-{suffix}"


def _phase(verdict: Verdict) -> str:
    """In which phase it was, unless the title says so itself."""
    failed = next((phase.name for phase in verdict.phases if phase.outcome == "fail"), None)
    return f", in phase {failed}" if failed and "in phase" not in verdict.title else ""


def _without_stages(argv: list[str]) -> Iterator[str]:
    """The words of the command but --stage NAME."""
    words = iter(argv)
    for word in words:
        if word == "--stage":
            next(words, None)
        elif not word.startswith("--stage="):
            yield word


def _folder(arguments: argparse.Namespace) -> Path:
    """Where the first run left its log."""
    log: Path | None = arguments.log
    return (log or BUILD_DIR / LAST / "serial.log").parent
