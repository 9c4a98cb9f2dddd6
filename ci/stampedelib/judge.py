"""Decides what a run's log and end amount to: docs/LOG.md, "What the judge believes".

The worst that is seen wins, and what cannot be believed is never a pass: first what the host saw
(crash, hang), then damage to the log, then what the kernel says of itself.
"""
from collections.abc import Iterator

from .log import HALTED, LONGEST_LINE, PRINTABLE, Log, parse
from .verdict import KERNEL_EXIT_CODES, Verdict

# How the host can see a run end, and what that is called. "exit" is QEMU leaving by itself.
ENDINGS = {
    "exit": None,
    "triple-fault": "crash",
    "reset": "crash",
    "stopped": "crash",
    "killed": "crash",
    "silence": "hang",
    "timeout": "hang",
    "flood": "damaged",
}
OUTCOMES = ("pass", "fail", "skip", "inconclusive")
WITHOUT_TITLE = ("pass", "inconclusive")


def judge(raw: bytes, exit_code: int | None = None, ended_by: str | None = None,
          nonce: int | None = None, detail: str = "") -> Verdict:
    """The verdict on a serial capture.

    exit_code: QEMU's, None where there was none (a real machine); ended_by: one of ENDINGS, None
    where nobody watched; nonce: what this run was given, None where not known; detail: the host's
    words on the end.
    """
    log = parse(raw)
    damage = list(_damage(log, exit_code, ended_by, nonce))
    seen = _seen_by_host(log, exit_code, ended_by, detail)
    if seen:
        word, title = seen
        reasons = _kernel_words(log)  # that such a log is cut goes without saying
    elif damage:
        word, title = "damaged", damage[0]
        reasons = _kernel_words(log) + damage[1:]
    else:
        word, title, reasons = log.verdicts[0], _kernel_title(log), []
    return Verdict(word, title, reasons, log.phases, log.plans[0] if log.plans else None,
                   log.banner, log.options, log.machine)


def _seen_by_host(
    log: Log, exit_code: int | None, ended_by: str | None, detail: str
) -> tuple[str, str] | None:
    """Crash, hang or a QEMU that did not work, whatever the log says."""
    after = f": {detail}" if detail else ""
    word = ENDINGS[ended_by] if ended_by else None
    if word in ("crash", "hang"):
        return word, f"{ended_by}{after}{_where(log)}"
    if exit_code is not None and exit_code not in KERNEL_EXIT_CODES:
        if not log.lines and exit_code != 0:
            return "error", f"QEMU failed with exit code {exit_code}{after}"
        return "crash", f"guest-gone: exit code {exit_code} is not the kernel's{after}{_where(log)}"
    if log.restarts:
        return "crash", f"reset: line {log.restarts[0]}: the machine started again"
    return None


def _where(log: Log) -> str:
    """How far the log goes, for a title."""
    if not log.lines:
        return ", before the kernel's first line"
    if log.closing:
        return ", after the closing line"
    return f", in phase {log.running}" if log.running else f", after line {len(log.lines)}"


def _kernel_words(log: Log) -> list[str]:
    """What the kernel managed to say of a failure, in a log that is not believed as a whole."""
    said = log.title or log.bail_out or _failed_phase(log)
    return [f"the kernel said: {said}"] if said else []


def _failed_phase(log: Log) -> str | None:
    failed = (phase for phase in log.phases if phase.outcome == "fail")
    return next((f"{phase.detail} (phase {phase.name})" for phase in failed), None)


def _kernel_title(log: Log) -> str:
    """The title of an intact log."""
    if log.verdicts[0] == "pass":
        return f"all {len(log.phases)} phases passed"
    if log.verdicts[0] == "inconclusive":
        return "; ".join(f"{phase.name}: {phase.detail.removeprefix('SKIP ')}"
                         for phase in log.phases if phase.outcome in ("inconclusive", "skip"))
    return log.title or ""


def _damage(
    log: Log, exit_code: int | None, ended_by: str | None, nonce: int | None
) -> Iterator[str]:
    """Every reason not to believe the log."""
    if ended_by == "flood":
        yield "flood: the log grew without end"
    if not log.lines:
        yield "empty: no line `KTAP version 1`"
        return
    yield from _damaged_lines(log)
    yield from _damaged_closing(log)
    yield from _damaged_nonce(log, nonce)
    yield from _damaged_plan(log)
    yield from _contradictions(log, exit_code)


def _damaged_lines(log: Log) -> Iterator[str]:
    for number, line in enumerate(log.lines, 1):
        if len(line) > LONGEST_LINE:
            yield f"line {number}: {len(line)} characters long"
        elif not PRINTABLE.fullmatch(line):
            yield f"line {number}: not printable ASCII"
    for number in log.restarts:
        yield f"line {number}: a second start"


def _damaged_closing(log: Log) -> Iterator[str]:
    closing = log.closing
    if not log.ends_whole:
        yield f"cut: line {len(log.lines)} has no end"
    if not closing:
        yield f"cut: no closing line{_where(log)}"
        return
    here, crc = closing.line - 1, closing.actual_crc
    if closing.lines != here:
        yield f"line {closing.line}: {closing.lines} lines were written, {here} are here"
    if closing.crc != crc:
        yield f"line {closing.line}: CRC differs: {closing.crc:#010x} written, {crc:#010x} computed"
    for number, line in enumerate(log.lines[closing.line:], closing.line + 1):
        if line and not line.startswith(HALTED):
            yield f"line {number}: text after the closing line"
            return


def _damaged_nonce(log: Log, expected: int | None) -> Iterator[str]:
    if not log.lines[1:] or not log.lines[1].startswith("# stampede "):
        yield "line 2: no `# stampede` line"
    try:
        opening = int(log.banner.get("nonce", ""), 16)
    except ValueError:
        yield "line 2: no nonce"
        return
    if expected is not None and opening != expected:
        yield f"nonce {opening:016x} is another run's, not {expected:016x}"
    if log.closing and log.closing.nonce != opening:
        closing = log.closing
        yield f"line {closing.line}: nonce {closing.nonce:016x}, but {opening:016x} at the start"


def _damaged_plan(log: Log) -> Iterator[str]:
    if len(log.plans) != 1:
        yield "no plan" if not log.plans else f"{len(log.plans)} plans"
        return
    last = 0
    for phase in log.phases:
        if phase.index != last + 1:
            yield f"result {phase.index} ({phase.name}) follows result {last}"
        last = phase.index
    if last > log.plans[0]:
        yield f"result {last} is beyond the plan of {log.plans[0]}"


def _contradictions(log: Log, exit_code: int | None) -> Iterator[str]:
    """Where the log is at odds with itself or with the exit code."""
    if len(log.verdicts) != 1 or log.verdicts[0] not in KERNEL_EXIT_CODES.values():
        yield "no verdict" if not log.verdicts else f"verdict {' and '.join(log.verdicts)}"
        return
    word = log.verdicts[0]
    meant = KERNEL_EXIT_CODES.get(exit_code, word) if exit_code is not None else word
    if meant != word:
        yield f"at odds: exit code {exit_code} means {meant}, the log says {word}"
    yield from _contradicted_verdict(log, word)
    for outcome in OUTCOMES:
        count = sum(phase.outcome == outcome for phase in log.phases)
        if log.totals and log.totals.get(outcome) != str(count):
            yield f"at odds: totals say {outcome}={log.totals.get(outcome)}, the results {count}"


def _contradicted_verdict(log: Log, word: str) -> Iterator[str]:
    """Each verdict needs its evidence, and a good one bears no other."""
    outcomes = {phase.outcome for phase in log.phases}
    if word in WITHOUT_TITLE:
        if "fail" in outcomes or log.bail_out is not None:
            yield f"at odds: verdict {word}, but {_failed_phase(log) or log.bail_out}"
        if log.plans and len(log.phases) != log.plans[0]:
            counts = f"{len(log.phases)} results of {log.plans[0]} planned"
            yield f"at odds: verdict {word} with {counts}"
    elif not log.title:
        yield f"at odds: verdict {word} without a title"
    if word == "pass" and outcomes != {"pass"}:
        yield f"at odds: verdict pass with results {', '.join(sorted(outcomes)) or 'none'}"
    if word == "inconclusive" and not outcomes & {"inconclusive", "skip"}:
        yield "at odds: verdict inconclusive, but no result is"
    if word == "fail" and "fail" not in outcomes and log.bail_out is None:
        yield "at odds: verdict fail, but no result is"
