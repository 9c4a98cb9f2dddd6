"""One change of one source file."""
import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Replace bytes [start, end) of the file by `text`, which has the same number of lines."""
    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Mutant:
    """One change of a function.

    `number` counts its mutants by the same operator, from 1, in text order.
    """
    file: str
    function: str
    operator: str
    number: int
    edits: tuple[Edit, ...]

    @property
    def id(self) -> str:
        """A stable name: it does not change when lines are added above."""
        return f"{self.file}:{self.function}:{self.operator}:{self.number}"

    def apply(self, source: bytes) -> bytes:
        """The file with the change."""
        for edit in sorted(self.edits, key=lambda one: one.start, reverse=True):
            source = source[:edit.start] + edit.text + source[edit.end:]
        return source

    def diff(self, source: bytes) -> str:
        """The change as a unified diff."""
        before, after = (text.decode().splitlines(keepends=True)
                         for text in (source, self.apply(source)))
        return "".join(difflib.unified_diff(before, after, f"a/{self.file}", f"b/{self.file}"))

    def short(self, source: bytes) -> str:
        """The new lines of the change, joined; "without ..." for a removed statement."""
        lines = self.diff(source).splitlines()[2:]
        old, new = (" ".join(" ".join(line[1:] for line in lines if line[0] == sign).split())
                    for sign in "-+")
        return new if new.strip("; {}") else f"without {old}"
