"""Checks and repairs ELF cores written by QEMU's dump-guest-memory.

QEMU writes a note NT_PRSTATUS for each virtual CPU, in the width of the first one's mode. Before
the kernel enters long mode these are 32-bit notes, which gdb cannot use. Then dump again later.
"""
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

ELF_MAGIC = b"\x7fELF"
CLASS_64, LITTLE_ENDIAN = 2, 1
TYPE_CORE = 4
MACHINE_X86_64 = 62
PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS = 1
PRSTATUS_SIZE = 336  # bytes of struct elf_prstatus on x86_64; a 32-bit one has 144
MANY_HEADERS = 0xffff  # PN_XNUM: the first section header has the real number

_IDENT = struct.Struct("<4sBB10x")
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_NOTE = struct.Struct("<III")


class CoreError(Exception):
    """The file is not a core that shows all CPUs in gdb. The text is one line for the user."""


class EarlyCoreError(CoreError):
    """The core was made before the kernel entered long mode. A later one may be usable."""


@dataclass(frozen=True)
class Segment:
    """A range of guest memory. `header` is the position of its program header in the file."""
    header: int
    offset: int
    virtual: int
    physical: int
    size: int


@dataclass(frozen=True)
class Core:
    """The content of a core: the number of CPUs with a note, and the ranges of memory."""
    cpus: int
    segments: tuple[Segment, ...]

    @property
    def memory_bytes(self) -> int:
        """How many bytes of guest memory are in the file."""
        return sum(segment.size for segment in self.segments)


def inspect(path: Path) -> Core:
    """Read the headers.

    Raises EarlyCoreError, or CoreError if it is not a complete core of QEMU.
    """
    with path.open("rb") as file:
        try:
            return _read(file, path.stat().st_size)
        except struct.error:
            raise CoreError(f"{path.name}: truncated in its headers") from None
        except CoreError as error:
            raise type(error)(f"{path.name}: {error}") from None


def repair(path: Path) -> int:
    """Set the virtual address of each segment to its physical one, as the kernel maps memory.

    Returns how many were different. Some versions of QEMU leave the virtual address 0.
    """
    wrong = [segment for segment in inspect(path).segments if segment.virtual != segment.physical]
    if wrong:
        path.chmod(path.stat().st_mode | 0o200)  # QEMU creates it read-only
    with path.open("rb+" if wrong else "rb") as file:
        for segment in wrong:
            file.seek(segment.header + 16)  # p_vaddr
            file.write(struct.pack("<Q", segment.physical))
    return len(wrong)


def _read(file: BinaryIO, size: int) -> Core:
    magic, width, order = _IDENT.unpack(file.read(_IDENT.size))
    if magic != ELF_MAGIC:
        raise CoreError("not an ELF file")
    if order != LITTLE_ENDIAN:
        raise CoreError("not for x86_64")
    if width != CLASS_64:
        raise EarlyCoreError("a 32-bit core, made before the kernel entered long mode")
    file.seek(0)
    (type_, machine, _, _, program_at, section_at, _, _, program_size, count,
     _, _, _) = _HEADER.unpack(file.read(_HEADER.size))
    if type_ != TYPE_CORE or program_size != _PROGRAM.size:
        raise CoreError("an ELF file, but not a core")
    if count == MANY_HEADERS:
        file.seek(section_at)
        count = _SECTION.unpack(file.read(_SECTION.size))[7]
    segments, cpus = [], 0
    for index in range(count):
        header = program_at + index * _PROGRAM.size
        file.seek(header)
        kind, _, offset, virtual, physical, length, _, _ = _PROGRAM.unpack(file.read(_PROGRAM.size))
        if kind in (PT_LOAD, PT_NOTE) and offset + length > size:
            raise CoreError(f"truncated: {size} bytes of at least {offset + length}")
        if kind == PT_LOAD:
            segments.append(Segment(header, offset, virtual, physical, length))
        elif kind == PT_NOTE:
            file.seek(offset)
            cpus += _count_cpus(file.read(length))
    if machine != MACHINE_X86_64:
        raise EarlyCoreError("made before the kernel entered long mode")
    if not cpus or not segments:
        raise CoreError(f"{cpus} CPUs, {len(segments)} ranges of memory")
    return Core(cpus, tuple(segments))


def _count_cpus(notes: bytes) -> int:
    """The number of NT_PRSTATUS notes. Raises EarlyCoreError for a 32-bit one."""
    cpus, at = 0, 0
    while at + _NOTE.size <= len(notes):
        name_size, size, kind = _NOTE.unpack_from(notes, at)
        name = notes[at + _NOTE.size:at + _NOTE.size + name_size]
        if kind == NT_PRSTATUS and name.rstrip(b"\0") == b"CORE":
            if size != PRSTATUS_SIZE:
                raise EarlyCoreError("32-bit registers, made before the kernel entered long mode")
            cpus += 1
        at += _NOTE.size + _aligned(name_size) + _aligned(size)
    return cpus


def _aligned(size: int) -> int:
    return (size + 3) & ~3
