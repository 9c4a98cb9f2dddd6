"""Generates all mutants of a file."""
from collections.abc import Iterator

from clang.cindex import Cursor, CursorKind

from .mutant import Mutant
from .operators import MESSAGES, OPERATORS, Above
from .syntax import Source, extent


def generate(path: str, text: bytes, flags: list[str]) -> list[Mutant]:
    """The mutants of a C file. `flags` are options of the compiler. Raises SyntaxTrouble."""
    source = Source(path, text, flags)
    found = []
    for function in source.functions:
        nodes = list(_nodes(source, function, ()))
        for operator, change in OPERATORS.items():
            edits = [tuple(one) for node, above in nodes for one in change(source, node, above)]
            edits.sort(key=lambda one: min(edit.start for edit in one))
            found += [Mutant(path, function.spelling, operator, number, one)
                      for number, one in enumerate(dict.fromkeys(edits), 1)]
    return found


def _nodes(source: Source, node: Cursor, above: Above) -> Iterator[tuple[Cursor, Above]]:
    """Each node of a function that may be changed, with the nodes above it."""
    if source.is_macro(extent(node)):
        return
    yield node, above
    if node.kind == CursorKind.CALL_EXPR and node.spelling in MESSAGES:
        return
    for child in node.get_children():
        yield from _nodes(source, child, (*above, node))
