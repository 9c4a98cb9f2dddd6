"""Reads guest memory, and members of C structures in it by name."""
from collections.abc import Iterator
from typing import NamedTuple

import gdb

CHUNK = 1 << 16
LONGEST_STRING = 256


class Member(NamedTuple):
    """Position of a member in its structure; offset and size are bytes.

    `elements` is the length of an array, otherwise 1. `size` is that of one element.
    """
    offset: int
    size: int
    signed: bool
    elements: int


def _field(type_: gdb.Type, name: str) -> tuple[int, gdb.Type]:
    """Position in bits and type of a member. Also searches anonymous members. Raises KeyError."""
    for field in type_.fields():
        inner = field.type.strip_typedefs()
        if field.name == name:
            return field.bitpos, inner
        if not field.name and inner.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            try:
                bits, found = _field(inner, name)
                return field.bitpos + bits, found
            except KeyError:
                pass
    raise KeyError(name)


class Layout:
    """The members of a C structure. Nested members are named with dots: "local.number"."""

    def __init__(self, type_: gdb.Type) -> None:
        self.type = type_.strip_typedefs()
        self.size = self.type.sizeof
        self._members: dict[str, Member] = {}

    def member(self, path: str) -> Member:
        """The member at `path`. Raises KeyError if the structure has no such member."""
        if path not in self._members:
            self._members[path] = self._find(path)
        return self._members[path]

    def _find(self, path: str) -> Member:
        type_, offset = self.type, 0
        for name in path.split("."):
            bits, type_ = _field(type_, name)
            offset += bits // 8
        count = 1
        if type_.code == gdb.TYPE_CODE_ARRAY:
            count = type_.range()[1] - type_.range()[0] + 1
            type_ = type_.target().strip_typedefs()
        signed = type_.code == gdb.TYPE_CODE_INT and type_.is_signed
        return Member(offset, type_.sizeof, signed, count)


class Memory:
    """Guest memory, read in chunks of 64 KiB and cached.

    Use a new one for each command: the cache is valid only while the machine is stopped.
    """

    def __init__(self) -> None:
        self._inferior = gdb.selected_inferior()
        self._chunks: dict[int, bytes | None] = {}
        self._layouts: dict[str, Layout] = {}

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes. Raises gdb.MemoryError if an address cannot be read."""
        start = address & -CHUNK
        if address + size > start + CHUNK:
            return self._read_now(address, size)
        if start not in self._chunks:
            self._chunks[start] = self._read_chunk(start)
        chunk = self._chunks[start]
        if chunk is None:  # a page of the chunk is not mapped
            return self._read_now(address, size)
        return chunk[address - start:address - start + size]

    def peek(self, address: int, size: int = 8) -> int:
        """An unsigned number, read without its chunk: for an address far from all others."""
        return int.from_bytes(self._read_now(address, size), "little")

    def integer(self, address: int, size: int = 8) -> int:
        """An unsigned number."""
        return int.from_bytes(self.read(address, size), "little")

    def string(self, address: int) -> str:
        """A C string, cut after LONGEST_STRING bytes; "" for NULL, or "<unreadable>"."""
        text = b""
        try:
            while address and len(text) < LONGEST_STRING and b"\0" not in text:
                text += self.read(address + len(text), 16)
        except gdb.MemoryError:
            return "<unreadable>"
        return text.split(b"\0")[0].decode("ascii", "backslashreplace")

    def layout(self, name: str) -> Layout:
        """The layout of a type, such as "struct page"."""
        if name not in self._layouts:
            self._layouts[name] = Layout(gdb.lookup_type(name))
        return self._layouts[name]

    def _read_now(self, address: int, size: int) -> bytes:
        return bytes(self._inferior.read_memory(address, size))

    def _read_chunk(self, start: int) -> bytes | None:
        try:
            return self._read_now(start, CHUNK)
        except gdb.MemoryError:
            return None


class Record:
    """A copy of a structure in memory, made by the constructor. record["member"] is a number."""

    def __init__(self, memory: Memory, layout: Layout, address: int) -> None:
        self.memory = memory
        self.layout = layout
        self.address = address
        self._data = memory.read(address, layout.size)

    def __getitem__(self, path: str) -> int:
        member = self.layout.member(path)
        return self._number(member, 0)

    def array(self, path: str) -> list[int]:
        """The elements of an array of numbers or pointers."""
        member = self.layout.member(path)
        return [self._number(member, index) for index in range(member.elements)]

    def text(self, path: str) -> str:
        """The text in a char array."""
        member = self.layout.member(path)
        raw = self._data[member.offset:member.offset + member.elements]
        return raw.split(b"\0")[0].decode("ascii", "backslashreplace")

    def string(self, path: str) -> str:
        """The string that a `const char *` points to."""
        return self.memory.string(self[path])

    def inner(self, path: str, name: str) -> "Record":
        """The member at `path`, a structure of type `name`."""
        offset = self.layout.member(path).offset
        return Record(self.memory, self.memory.layout(name), self.address + offset)

    def inner_all(self, path: str, name: str) -> Iterator["Record"]:
        """The elements of an array of structures."""
        member = self.layout.member(path)
        for index in range(member.elements):
            yield Record(self.memory, self.memory.layout(name),
                         self.address + member.offset + index * member.size)

    def _number(self, member: Member, index: int) -> int:
        start = member.offset + index * member.size
        return int.from_bytes(self._data[start:start + member.size], "little", signed=member.signed)


def rule_title(name: str) -> str:
    """"free-list" for "FREE_LIST", from the kernel's own table."""
    numbers = {text: number for number, text in enumeration("enum rule").items()}
    return str(gdb.parse_and_eval(f"rule_name::titles[{numbers['RULE_' + name]}]").string())


def enumeration(name: str) -> dict[int, str]:
    """The values of an enumeration, such as "enum operation", with their names in C."""
    return {field.enumval: field.name for field in gdb.lookup_type(name).fields()}
