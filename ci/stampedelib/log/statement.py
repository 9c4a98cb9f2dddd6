"""What a log says of one promise, one rule or one phase: an outcome and, where it was not tested, why."""
from dataclasses import dataclass

NOT_TESTED = "not tested"
BROKEN = "broken"
# The words of earlier kernels.
EARLIER = {"made, but not tried": f"{NOT_TESTED}: no phase that ran tries it",
           "not broken, but too little was seen": f"{NOT_TESTED}: too little was seen"}


@dataclass(frozen=True)
class Statement:
    """`outcome` of a promise: kept, broken, not made or not tested. `why` may be empty."""
    name: str
    outcome: str
    why: str = ""


def read(text: str) -> Statement:
    """From `NAME: OUTCOME: WHY`, or from an earlier kernel's `broken: NAME`."""
    name, _, said = text.partition(": ")
    if name == BROKEN:
        return Statement(said, BROKEN)
    outcome, _, why = EARLIER.get(said, said).partition(": ")
    return Statement(name, outcome, why)


def once_each(statements: list[Statement]) -> list[Statement]:
    """One for each name: the last that was said, but a broken promise stays broken."""
    found: dict[str, Statement] = {}
    for statement in statements:
        if statement.name not in found or found[statement.name].outcome != BROKEN:
            found[statement.name] = statement
    return list(found.values())


def by_reason(statements: list[Statement]) -> list[str]:
    """The names, those with the same reason together: `lost, false-oom (no true-oom)`, `irq-state (one core)`."""
    reasons: dict[str, list[str]] = {}
    for statement in statements:
        reasons.setdefault(statement.why, []).append(statement.name)
    return [", ".join(names) + (f" ({why})" if why else "") for why, names in reasons.items()]
