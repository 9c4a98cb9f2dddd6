"""Reads log format 1, in which lines are sentences and the banner has no number of the format.

With this, logs of earlier kernels get the same verdicts as before.
"""
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .statement import BROKEN, NOT_TESTED, Call, LeftOut, Statement

if TYPE_CHECKING:
    from .serial import Log

CURRENT_CALL = re.compile(r"[0-9]+ ([a-z]+)[^;]*; in: ([^;]*)(?:; in interrupt: [^;]*)?")
ORDERS = re.compile(r", orders (\d+) to (\d+)\b")
# Still earlier kernels used these words.
BEFORE = {"made, but not tried": f"{NOT_TESTED}: no phase that ran tries it",
          "not broken, but too little was seen": f"{NOT_TESTED}: too little was seen"}
# The allocator's function for the first word of a core's current call.
FUNCTIONS = {"init": "init", "insert": "insert_pages", "remove": "remove_pages", "allocate": "allocate_pages",
             "free": "free_pages", "bad": "free_pages", "drain": "drain"}


def _statement(text: str) -> Statement:
    """From `NAME: OUTCOME: WHY`, or `broken: NAME`."""
    name, _, said = text.partition(": ")
    if name == BROKEN:
        return Statement(said, BROKEN)
    outcome, _, why = BEFORE.get(said, said).partition(": ")
    return Statement(name, outcome, why)


def _rule(log: "Log", text: str) -> None:
    if (rule := _statement(text)).outcome == NOT_TESTED:
        log.rules_not_tested.append(rule)


def _phase_left_out(log: "Log", text: str) -> None:
    name, _, why = text.partition(" left out: ")
    if why:
        log.phases_left_out.append(Statement(name, "left out", why))


def _vector_left_out(log: "Log", text: str) -> None:
    name, colon, why = text.rpartition(": ")
    match = ORDERS.search(text)
    log.selftest_left_out.append(LeftOut(name if colon else text, why if colon else "",
                                         int(match[2]) - int(match[1]) + 1 if match else 1))


def _core(log: "Log", text: str) -> None:
    if match := CURRENT_CALL.fullmatch(text):
        log.note_call(_call(match[2]), match[1] == "reports")


def _call(text: str) -> Call:
    verb, _, rest = text.partition(" ")
    return Call(FUNCTIONS[verb], rest) if verb in FUNCTIONS else Call(None, text)


def _advice(log: "Log", text: str) -> None:
    log.advice = text


DIAGNOSTICS: dict[str, Callable[["Log", str], None]] = {
    "# promise ": lambda log, text: log.promises.append(_statement(text)),
    "# rule ": _rule,
    "# phase ": _phase_left_out,
    "# selftest failed: ": lambda log, text: log.selftest_failed.append(text),
    "# selftest left out: ": _vector_left_out,
    "# core ": _core,
    "# look first at: ": _advice,
}
