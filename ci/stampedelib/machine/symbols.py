"""Resolves symbols by the table of an ELF file, because binutils and gdb may be missing."""
import struct
from bisect import bisect_right
from pathlib import Path

SECTION_SYMTAB = 2
TYPE_FUNCTION = 2
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")


class Symbols:
    """The functions of a 64-bit little-endian ELF file. None for any other file."""

    def __init__(self, path: Path) -> None:
        self._functions: list[tuple[int, int, str]] = []
        try:
            self._functions = sorted(_functions(path.read_bytes()))
        except (OSError, struct.error, IndexError):
            pass
        self._starts = [start for start, _, _ in self._functions]

    def name(self, address: int) -> str:
        """"function+0x12", or the address alone."""
        at = bisect_right(self._starts, address) - 1
        if at >= 0:
            start, size, name = self._functions[at]
            if address - start < max(size, 1):
                return f"{name}+{address - start:#x}"
        return f"{address:#x}"


def _functions(raw: bytes) -> list[tuple[int, int, str]]:
    """(start, size in bytes, name) of each function."""
    header = HEADER.unpack_from(raw)
    if header[0][:6] != b"\x7fELF\x02\x01":
        return []
    offset, count = header[6], header[12]
    sections = [SECTION.unpack_from(raw, offset + SECTION.size * i) for i in range(count)]
    return [entry for section in sections if section[1] == SECTION_SYMTAB
            for entry in _table(raw, section, sections[section[6]][4])]


def _table(raw: bytes, section: tuple[int, ...], strings: int) -> list[tuple[int, int, str]]:
    start, size = section[4], section[5]
    found = []
    for name, info, _, _, value, length in SYMBOL.iter_unpack(raw[start:start + size]):
        if info & 0xF == TYPE_FUNCTION:
            end = raw.index(b"\0", strings + name)
            found.append((value, length, raw[strings + name:end].decode("latin-1")))
    return found
