"""A C file parsed by clang: its functions, and the position in the text of each of their nodes.

Uses of macros are skipped: the code of an expansion has no text of its own to change.
"""
import subprocess
from bisect import bisect_right
from functools import cache

from clang import cindex
from clang.cindex import Cursor, CursorKind, TranslationUnit

Range = tuple[int, int]


class SyntaxTrouble(Exception):
    """clang cannot parse the file."""


@cache
def _system_includes() -> list[str]:
    found = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True,
                           check=True)
    return ["-isystem", found.stdout.strip()]


class Source:
    """A parsed file."""

    def __init__(self, path: str, text: bytes, flags: list[str]) -> None:
        self.path = path
        self.text = text
        unit = cindex.Index.create().parse(
            path, ["-x", "c", *flags, *_system_includes()], [(path, text.decode())],
            TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
        for trouble in unit.diagnostics:
            if trouble.severity >= cindex.Diagnostic.Error:
                raise SyntaxTrouble(f"{path}: {trouble}")
        self._macros = sorted(extent(cursor) for cursor in unit.cursor.get_children()
                              if cursor.kind == CursorKind.MACRO_INSTANTIATION
                              and self._is_here(cursor))
        self.functions = [cursor for cursor in unit.cursor.get_children()
                          if cursor.kind == CursorKind.FUNCTION_DECL and self._is_here(cursor)
                          and cursor.is_definition()]

    def _is_here(self, cursor: Cursor) -> bool:
        return bool(cursor.location.file) and cursor.location.file.name == self.path

    def slice(self, where: Range) -> bytes:
        """The text of a range."""
        return self.text[where[0]:where[1]]

    def is_macro(self, where: Range) -> bool:
        """Whether the range is inside the use of a macro."""
        index = bisect_right(self._macros, (where[0], len(self.text)))
        return any(start <= where[0] and where[1] <= end
                   for start, end in self._macros[max(0, index - 8):index])

    def statement(self, where: Range) -> Range:
        """The range with the semicolon after it, if there is one."""
        rest = self.text[where[1]:]
        blank = len(rest) - len(rest.lstrip())
        return (where[0], where[1] + blank + 1) if rest[blank:blank + 1] == b";" else where


def extent(cursor: Cursor) -> Range:
    """The range of a node, in bytes."""
    return cursor.extent.start.offset, cursor.extent.end.offset


def closing(text: bytes, opening: int) -> int:
    """The position of the parenthesis that closes the one at `opening`. Raises SyntaxTrouble.

    Strings in these sources have no parentheses.
    """
    depth = 0
    for place in range(opening, len(text)):
        depth += {ord("("): 1, ord(")"): -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise SyntaxTrouble(f"no parenthesis closes the one at byte {opening}")


def split_at(text: bytes, where: Range, separator: bytes) -> list[Range]:
    """The parts of a range between separators outside of parentheses, each trimmed."""
    parts, depth, start = [], 0, where[0]
    for place in range(where[0], where[1] + 1):
        sign = text[place:place + 1] if place < where[1] else separator
        depth += {b"(": 1, b"[": 1, b")": -1, b"]": -1}.get(sign, 0)
        if sign == separator and depth == 0:
            parts.append(trim(text, (start, place)))
            start = place + 1
    return parts


def trim(text: bytes, where: Range) -> Range:
    """A range without the blanks at its ends."""
    piece = text[where[0]:where[1]]
    left = len(piece) - len(piece.lstrip())
    return (where[0] + left, where[0] + left + len(piece.strip()))
