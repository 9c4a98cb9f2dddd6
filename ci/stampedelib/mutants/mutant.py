"""One change of one source file."""
import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Bytes [start, end) of the file become `text`, which has as many lines."""
    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Mutant:
    """`number` counts the operator's mutants in the function, from 1 and in the text's order."""
    file: str
    function: str
    operator: str
    number: int
    edits: tuple[Edit, ...]

    @property
    def id(self) -> str:
        """Its name for ever: lines may be added above it."""
        return f"{self.file}:{self.function}:{self.operator}:{self.number}"

    def apply(self, source: bytes) -> bytes:
        """The file with the change in it."""
        for edit in sorted(self.edits, key=lambda one: one.start, reverse=True):
            source = source[:edit.start] + edit.text + source[edit.end:]
        return source

    def diff(self, source: bytes) -> str:
        """The change, for a person."""
        before, after = (text.decode().splitlines(keepends=True)
                         for text in (source, self.apply(source)))
        return "".join(difflib.unified_diff(before, after, f"a/{self.file}", f"b/{self.file}"))

    def short(self, source: bytes) -> str:
        """The lines of the change that are new, in one; of a statement that is gone, itself."""
        lines = self.diff(source).splitlines()[2:]
        old, new = (" ".join(" ".join(line[1:] for line in lines if line[0] == sign).split())
                    for sign in "-+")
        return new if new.strip("; {}") else f"without {old}"
