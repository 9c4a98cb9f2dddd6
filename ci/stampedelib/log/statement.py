"""What a log says about one promise, rule, phase or vector, and about a core's current call."""
from dataclasses import dataclass

NOT_TESTED = "not tested"
BROKEN = "broken"


@dataclass(frozen=True)
class Statement:
    """A name and its outcome. That of a promise is kept, broken, not made or not tested."""
    name: str
    outcome: str
    why: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Vectors of the selftest that did not run: `count` of one kind, such as one for each order."""
    name: str
    why: str
    count: int = 1


@dataclass(frozen=True)
class Call:
    """A call into the allocator. `function`: None if it is more than one call; see `text` then."""
    function: str | None
    text: str


def read(name: str, values: dict[str, str]) -> Statement:
    """A statement from the values of a line, where an outcome has hyphens instead of blanks."""
    return Statement(name, values.get("outcome", "").replace("-", " "), values.get("why", ""))


def once_each(statements: list[Statement]) -> list[Statement]:
    """The last statement for each name, except that a broken promise stays broken."""
    found: dict[str, Statement] = {}
    for statement in statements:
        if statement.name not in found or found[statement.name].outcome != BROKEN:
            found[statement.name] = statement
    return list(found.values())


def by_reason(statements: list[Statement]) -> list[str]:
    """The names grouped by reason: `lost, false-oom (no true-oom)`, `irq-state (one core)`."""
    reasons: dict[str, list[str]] = {}
    for statement in statements:
        reasons.setdefault(statement.why, []).append(statement.name)
    return [", ".join(names) + (f" ({why})" if why else "") for why, names in reasons.items()]
