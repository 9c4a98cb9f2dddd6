"""Gives the verdict for the log and the ending of a run: docs/LOG.md, "What the judge believes".

The worst observation wins, and a log that cannot be trusted is never a pass. First counts what the
host saw (crash, hang), then damage to the log, then the kernel's own verdict.
"""
from collections.abc import Iterator
from dataclasses import dataclass

from ..log.serial import HALTED, HELD, LATEST_FORMAT, PRINTABLE, Log, parse
from ..vocabulary import LONGEST_LINE
from .verdict import KERNEL_EXIT_CODES, Verdict

# For each ending that the host can see, the verdict that it means. "exit": QEMU exited by itself.
# "held": after a failure the kernel waits for a debugger.
ENDINGS = {
    "exit": None,
    "held": None,
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


@dataclass(frozen=True)
class Seen:
    """What the host saw of a run.

    exit_code: that of QEMU, None if there is none (a real machine, a held guest).
    ended_by: one of ENDINGS, None if nobody watched the run.
    nonce: the nonce given to this run, None if unknown.
    detail: details of the ending, in words.
    prompted: why the host asked the guest for a report by an NMI, if it did.
    """
    exit_code: int | None = None
    ended_by: str | None = None
    nonce: int | None = None
    detail: str = ""
    prompted: str = ""


def judge(raw: bytes, exit_code: int | None = None, ended_by: str | None = None,
          nonce: int | None = None, detail: str = "", prompted: str = "") -> Verdict:
    """The verdict on a serial capture. The arguments are those of Seen."""
    seen = Seen(exit_code, ended_by, nonce, detail, prompted)
    log = parse(raw)
    if (log.format or 0) > LATEST_FORMAT:
        return Verdict("error", f"log format {log.format}: this tool reads formats 1 to {LATEST_FORMAT}; use that of the "
                                f"kernel's version, {log.banner.get('version', 'unknown')}", banner=log.banner)
    damage = list(_damage(log, seen))
    word, title, reasons = (
        _by_host(log, seen) or (_by_damage(log, seen, damage) if damage else _by_kernel(log, seen)))
    if word == "damaged":
        log.promises, log.rules_not_tested = [], []  # statements in a damaged log cannot be trusted
    return Verdict(word, title, reasons, log.phases, log.plans[0] if log.plans else None,
                   log.banner, log.options, log.machine, log.promises, log.rules_not_tested,
                   log.phases_left_out, log.selftest_failed, log.selftest_left_out, log.advice,
                   log.running, _place(log, word))


def _by_host(log: Log, seen: Seen) -> tuple[str, str, list[str]] | None:
    """The verdict by what the host saw, if that decides.

    Such a log is truncated, so ignore its damage.
    """
    found = _seen_by_host(log, seen.exit_code, seen.ended_by, seen.detail)
    return (*found, _prompted(seen) + _kernel_words(log)) if found else None


def _by_damage(log: Log, seen: Seen, damage: list[str]) -> tuple[str, str, list[str]]:
    """The verdict on a damaged log. If the guest was silent before, the verdict is hang."""
    if seen.prompted:
        return "hang", seen.prompted + _where(log), _kernel_words(log) + damage
    return "damaged", damage[0], _kernel_words(log) + damage[1:]


def _by_kernel(log: Log, seen: Seen) -> tuple[str, str, list[str]]:
    """The kernel's own verdict.

    If the guest was silent before, an error of use is a hang instead.
    """
    if seen.prompted and log.verdicts[0] == "error":
        return "hang", seen.prompted, _kernel_words(log)
    return log.verdicts[0], _kernel_title(log), _prompted(seen)


def _prompted(seen: Seen) -> list[str]:
    return [f"{seen.prompted}; an NMI made the guest tell"] if seen.prompted else []


def _seen_by_host(
    log: Log, exit_code: int | None, ended_by: str | None, detail: str
) -> tuple[str, str] | None:
    """Crash, hang or a failure of QEMU, if the host saw one.

    These do not depend on the log's verdict.
    """
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
    """The last known place in the log, for a title."""
    if not log.lines:
        return ", before the kernel's first line"
    if log.closing:
        return ", after the closing line"
    return f", in phase {log.running}" if log.running else f", after line {len(log.lines)}"


def _place(log: Log, word: str) -> str | None:
    """Where a failure before the first phase happened; None for any other ending."""
    if word not in ("fail", "hang", "crash") or not log.lines or log.phases or log.running:
        return None
    if not log.current_call:
        refused = (log.title or "").startswith("insert-refused: ")
        return "before the first phase" + (", in insert_pages" if refused else "")
    call = log.current_call
    if not call.function:
        return f"before the first phase, in: {call.text}"
    return f"before the first phase, in {call.function}" + (f" ({call.text})" if call.text else "")


def _kernel_words(log: Log) -> list[str]:
    """What the kernel reported of a failure, in a log that is not trusted as a whole."""
    said = log.title or log.bail_out or _failed_phase(log)
    return [f"the kernel said: {said}"] if said else []


def _failed_phase(log: Log) -> str | None:
    failed = (phase for phase in log.phases if phase.outcome == "fail")
    return next((f"{phase.detail} (phase {phase.name})" for phase in failed), None)


def _kernel_title(log: Log) -> str:
    """The title of an intact log."""
    if log.verdicts[0] == "pass":
        return "the phase passed" if len(log.phases) == 1 else f"all {len(log.phases)} phases passed"
    if log.verdicts[0] == "inconclusive":
        return "; ".join(f"{phase.name}: {phase.detail.removeprefix('SKIP ')}"
                         for phase in log.phases if phase.outcome in ("inconclusive", "skip"))
    return log.title or ""


def _damage(log: Log, seen: Seen) -> Iterator[str]:
    """All reasons not to trust the log."""
    if seen.ended_by == "flood":
        yield "flood: the log grew without end"
    if not log.lines:
        yield "empty: no line `KTAP version 1`"
        return
    yield from _damaged_lines(log)
    yield from _damaged_closing(log)
    yield from _damaged_nonce(log, seen.nonce)
    yield from _damaged_plan(log)
    yield from _contradictions(log, seen.exit_code)
    if seen.ended_by == "held" and not log.held:
        yield "at odds: held for a debugger, but the log does not say so"


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
        if line and not line.startswith((HALTED, HELD)):
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
    if log.format is None:
        yield f"line 2: log={log.banner['log']} is no version of the format"
    if expected is not None and opening != expected and not (
            opening == 0 and _ended_before_options(log)):
        yield f"nonce {opening:016x} is another run's, not {expected:016x}"
    if log.closing and log.closing.nonce != opening:
        closing = log.closing
        yield f"line {closing.line}: nonce {closing.nonce:016x}, but {opening:016x} at the start"


def _ended_before_options(log: Log) -> bool:
    """Whether the kernel ended before it read its nonce. Such a log is never a pass."""
    return (log.bail_out is not None and log.plans == [0]
            and log.verdicts in (["error"], ["crash"]))


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
    """Contradictions in the log, or between the log and the exit code."""
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
    """Contradictions between the verdict and the results: each verdict needs matching evidence."""
    outcomes = {phase.outcome for phase in log.phases}
    if word in WITHOUT_TITLE:
        if "fail" in outcomes or log.bail_out is not None:
            yield f"at odds: verdict {word}, but {_failed_phase(log) or log.bail_out}"
        if log.held:
            yield f"at odds: verdict {word}, but held for a debugger"
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
