"""What a log says of one promise, rule, phase or vector, and of the call that a core was in."""
from dataclasses import dataclass

NOT_TESTED = "not tested"
BROKEN = "broken"


@dataclass(frozen=True)
class Statement:
    """`outcome` of a promise: kept, broken, not made or not tested. `why` may be empty."""
    name: str
    outcome: str
    why: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Vectors of selftest that did not run: `count` of one kind, one for each order."""
    name: str
    why: str
    count: int = 1


@dataclass(frozen=True)
class Call:
    """A call into the allocator. `function`: None where it is more than one, which `text` then says."""
    function: str | None
    text: str


def read(name: str, values: dict[str, str]) -> Statement:
    """From the line's values: an outcome is a word, with hyphens for blanks."""
    return Statement(name, values.get("outcome", "").replace("-", " "), values.get("why", ""))


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
