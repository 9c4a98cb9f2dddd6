"""Reads the tables of rules, phases, promises, verdicts and options, and a few sizes, from C files.

A table is a .def file: a comment that explains the columns, then rows NAME(column, ...). A column
is a string, a number, a name, or names combined with |. Such a row is also a Python expression, so
Python's own parser reads it.
"""
import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CONSTANT = re.compile(r"^\s*(\w+) = (\d+),", re.MULTILINE)


class TableError(Exception):
    """A table cannot be read. The text names the file."""


@dataclass(frozen=True)
class Rule:
    """A row of lib/rules.def. Verdict and promises have their names in C."""
    name: str
    title: str
    verdict: str
    promises: tuple[str, ...]
    traits: tuple[str, ...]
    holds: str
    where: str
    advice: str


@dataclass(frozen=True)
class Phase:
    """A row of stress/phases.def."""
    name: str
    title: str
    promises: tuple[str, ...]
    needs: tuple[str, ...]
    does: str


@dataclass(frozen=True)
class Promise:
    """A row of mm/promises.def."""
    name: str
    bit: int
    title: str
    says: str
    switches_on: str
    wrong: str


@dataclass(frozen=True)
class Verdict:
    """A row of stress/verdicts.def."""
    name: str
    code: int
    word: str
    when: str


@dataclass(frozen=True)
class Option:
    """A row of stress/options.def."""
    whose: str
    name: str
    member: str
    kind: str
    least: int
    most: int
    default: str
    allowed: str
    help: str


def rows(path: Path, macro: str, columns: str) -> list[list[Any]]:
    """The rows of the table at `path`. Raises TableError.

    `columns` has a letter for each column: (n)ame, (s)tring, (i)nteger, names combined with (o)r.
    """
    try:
        calls = [statement.value for statement in ast.parse(COMMENT.sub("", path.read_text(encoding="utf-8"))).body
                 if isinstance(statement, ast.Expr)]
    except SyntaxError as error:
        raise TableError(f"{path}: cannot be read: {error}") from error
    found = []
    for call in calls:
        text = ast.unparse(call)
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != macro or len(call.args) != len(columns):
            raise TableError(f"{path}: {macro}() with {len(columns)} columns is expected, not {text}")
        row = [READERS[letter](argument) for letter, argument in zip(columns, call.args, strict=True)]
        if None in row:
            raise TableError(f"{path}: column {row.index(None) + 1} cannot be read: {text}")
        found.append(row)
    return found


def _names(node: ast.expr) -> tuple[str, ...] | None:
    """The names combined with |, none for 0. None if the expression is something else."""
    words = ast.unparse(node).split(" | ")
    return () if words == ["0"] else tuple(words) if all(word.isidentifier() for word in words) else None


READERS: dict[str, Callable[[ast.expr], Any]] = {
    "n": lambda node: node.id if isinstance(node, ast.Name) else None,
    "s": lambda node: node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None,
    "i": lambda node: node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None,
    "o": _names,
}


def constant(path: str, name: str) -> int:
    """The value of a constant of an enumeration in a header. Raises TableError."""
    found = dict(CONSTANT.findall((ROOT / path).read_text(encoding="utf-8")))
    if name not in found:
        raise TableError(f"{path}: no number {name}")
    return int(found[name])


VERDICTS = tuple(Verdict(*row) for row in rows(ROOT / "stress/verdicts.def", "VERDICT", "niss"))
PROMISES = tuple(Promise(f"PROMISE_{name}", *rest) for name, *rest in rows(ROOT / "mm/promises.def", "PROMISE", "nissss"))
PHASES = tuple(Phase(*row) for row in rows(ROOT / "stress/phases.def", "PHASE", "nsoos"))
RULES = tuple(Rule(f"RULE_{name}", *rest) for name, *rest in rows(ROOT / "lib/rules.def", "RULE", "nsnoosss"))
OPTIONS = tuple(Option(*row) for row in rows(ROOT / "stress/options.def", "OPTION", "nsnniisss"))
STRESS_OPTIONS = {option.name: option for option in OPTIONS if option.whose in ("BOTH", "STRESS")}
EXPLORE_OPTIONS = {option.name: option for option in OPTIONS if option.whose in ("BOTH", "EXPLORE")}

PHASE_TITLES = tuple(phase.title for phase in PHASES)
MOST_CPUS = constant("lib/sizes.h", "CORE_LIMIT") - 1
LONGEST_LINE = constant("lib/sizes.h", "LINE_LIMIT")


def rule_titles(trait: str) -> tuple[str, ...]:
    """The titles of the rules with this trait."""
    return tuple(rule.title for rule in RULES if trait in rule.traits)
