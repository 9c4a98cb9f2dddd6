"""One run, from the start of QEMU to its files: watch, judge, report, hold or save a failure."""
import json
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..console import Console, Detail
from ..log.serial import printable
from ..machine.guest import Guest
from ..machine.registers import summary, take_state
from ..machine.watch import GuestWatch, make_it_tell
from ..process import Ending
from ..verdict import junit, page
from ..verdict.judge import judge
from ..verdict.verdict import KERNEL_EXIT_CODES, Verdict
from . import bundle
from .folder import RunFolder, claim, default_folders
from .next_steps import next_steps, short, tool
from .plan import Plan

NO_FAILURE = ("pass", "inconclusive")
CPU_LINES = 8
UNTOLD = ("triple-fault", "reset", "stopped", "silence", "timeout")  # the guest did not report


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    `cpus`: the state of the virtual CPUs, if the guest did not report it itself.
    """
    verdict: Verdict
    ending: Ending
    command: list[str]
    complaint: list[str]
    first_line_seconds: float | None
    total_seconds: float
    cpus: list[str] = field(default_factory=list)


def run(plan: Plan, claimed: RunFolder | None = None) -> Verdict:
    """Carry out a plan, in `claimed` if given, else in a folder claimed for it.

    Raises UsageError.
    """
    if claimed:
        return _run_in(claimed, plan)
    with claim(plan.log) as folder:
        return _run_in(folder, plan)


def _run_in(folder: RunFolder, plan: Plan) -> Verdict:
    console = Console(plan.detail)
    if plan.on_fail == "bundle":
        bundle.make_room(plan.bundle or folder.bundle)
    if plan.detail is Detail.ALL:
        console.say(f"stampede: {plan.machine.text()}, nonce {plan.nonce:016x}")
    with Guest(plan.machine, folder.socket, plan.halted) as guest:
        return _attend(plan, folder, guest, console)


def _attend(plan: Plan, folder: RunFolder, guest: Guest, console: Console) -> Verdict:
    folder.announce(guest.process.pid, plan.kernel, "halted" if plan.halted else "running")
    if plan.halted:
        console.say(f"  halted before its first instruction; attach: {_attach(folder)}")
    watch = GuestWatch(guest, folder.capture, console.show,
                       lambda: folder.announce(guest.process.pid, plan.kernel, "running"))
    outcome = _observe(plan, folder, guest, watch)
    raw = folder.log.read_bytes()
    if plan.junit:
        junit.write(plan.junit, outcome.verdict, raw)
    _tell(console, outcome, folder, plan)
    record = _record(outcome, plan, folder)
    _write_record(folder.verdict, record)
    if outcome.verdict.word not in NO_FAILURE:
        if plan.on_fail == "bundle":
            _save(plan, folder, guest, console, outcome.verdict, record)
        elif plan.on_fail == "gdb":
            _hold(plan, folder, guest, console, watch)
    return outcome.verdict


def _observe(plan: Plan, folder: RunFolder, guest: Guest, watch: GuestWatch) -> Outcome:
    """Watch the guest until it ends or stops, and judge."""
    start = time.monotonic()
    ending = make_it_tell(guest, watch, watch.run(plan.limits), plan.limits)
    cpus = []
    if ending.kind in UNTOLD and guest.is_running():
        state = take_state(guest, plan.kernel)
        bundle.write_registers(folder.registers, state)
        cpus = summary(state.cpus)
    raw = folder.log.read_bytes()
    verdict = judge(raw, ending.exit_code, ending.kind, plan.nonce, ending.detail, ending.prompted)
    return Outcome(plan.checks.apply(verdict, raw), ending, guest.command, guest.complaint(),
                   watch.first_line_seconds, time.monotonic() - start, cpus)


def _save(plan: Plan, folder: RunFolder, guest: Guest, console: Console, verdict: Verdict,
          record: dict[str, Any]) -> None:
    """Write the bundle."""
    where = plan.bundle or folder.bundle
    case = bundle.Case(verdict, record, folder.log, plan.kernel, plan.repeat(verdict),
                       plan.machine.memory_mib, plan.bundle_limit_mib)
    kept = bundle.write(where, case, guest)
    _write_record(folder.verdict, record | {"bundle": kept.as_dict()})
    shown = short(where)
    console.say(f"  bundle: {shown}, core {kept.core.text()}" if kept.core
                else f"  bundle: {shown}, no core: {kept.no_core}")
    for trouble in kept.troubles:
        console.say(f"  bundle lacks {trouble}")
    if kept.core:
        console.say(f"  open it: {tool()} postmortem {shlex.quote(shown)}")


def _hold(plan: Plan, folder: RunFolder, guest: Guest, console: Console, watch: GuestWatch) -> None:
    """Keep the machine for gdb until QEMU ends or the user interrupts."""
    if not guest.is_running():
        console.say("  nothing to attach to: QEMU is gone")
        return
    try:
        folder.announce(guest.process.pid, plan.kernel, "held")
        console.say(f"  held; in another terminal: {_attach(folder)}")
        console.say("  Ctrl-C here ends it, and so does `kill` in gdb")
        watch.linger()
    except KeyboardInterrupt:
        console.say("")


def _attach(folder: RunFolder) -> str:
    """The command that attaches gdb."""
    if folder.log.parent == default_folders()[0]:
        return f"make gdb    (or {tool()} gdb)"
    return f"{tool()} gdb --log {shlex.quote(short(folder.log.parent))}"


def _tell(console: Console, outcome: Outcome, folder: RunFolder, plan: Plan) -> None:
    """Print the outcome."""
    if outcome.ending.exit_code not in KERNEL_EXIT_CODES:
        for line in outcome.complaint:
            console.say(f"QEMU: {printable(line)}")
    told_here = not plan.in_table(outcome.verdict)
    if told_here and plan.detail in (Detail.ALL, Detail.BRIEF):
        for line in page.lines(outcome.verdict):
            console.say(printable(line))
    if told_here:
        console.say(outcome.verdict.text())
    for line in outcome.cpus[:CPU_LINES]:
        console.say(f"  {line}")
    if not told_here:
        return
    if outcome.first_line_seconds is not None:
        console.say(f"  first line after {outcome.first_line_seconds:.2f} s, "
                    f"verdict after {outcome.total_seconds:.2f} s")
    for step in next_steps(plan, folder.log, outcome.verdict):
        console.say(f"  {step}")


def amend_record(path: Path, more: dict[str, Any]) -> None:
    """Add values to an existing verdict.json."""
    _write_record(path, json.loads(path.read_text(encoding="utf-8")) | more)


def _write_record(path: Path, record: dict[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _record(outcome: Outcome, plan: Plan, folder: RunFolder) -> dict[str, Any]:
    """The content of verdict.json."""
    return outcome.verdict.as_dict() | {
        "run": {
            "nonce": f"{plan.nonce:016x}",
            "machine": plan.machine.text(),
            "kernel_arguments": plan.machine.arguments,
            "qemu_command": outcome.command,
            "qemu_said": outcome.complaint,
            "exit_code": outcome.ending.exit_code,
            "ended_by": outcome.ending.kind,
            "prompted": outcome.ending.prompted,
            "cpus": outcome.cpus,
            "first_line_seconds": outcome.first_line_seconds,
            "total_seconds": outcome.total_seconds,
            "repeat": plan.repeat(outcome.verdict),
            "log": str(folder.log),
        },
    }
