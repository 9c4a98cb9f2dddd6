"""Made-up ELF cores: good, repaired and refused ones. Also the text of session.gdb."""

import struct
from pathlib import Path

import pytest
import support  # noqa: F401  (adds stampedelib to the path)

from stampedelib.debug import gdb_session
from stampedelib.machine import elfcore
from stampedelib.usage import UsageError

PAGE = b"\x5a" * 4096


def note(size=elfcore.PRSTATUS_SIZE, name=b"CORE\0", kind=1):
    padded = name + b"\0" * (-len(name) % 4)
    return struct.pack("<III", len(name), size, kind) + padded + b"\0" * (size + -size % 4)


def core(notes, virtual=0x100000, width=2, machine=62, type_=4, order=1):
    """An ELF core with one segment: a page at physical address 0x100000."""
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", width, order, 1, 0, type_, machine,
                         1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    at = 64 + 2 * 56
    programs = struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), len(notes), 0)
    programs += struct.pack("<IIQQQQQQ", 1, 0, at + len(notes), virtual, 0x100000, 4096, 4096, 0)
    return header + programs + notes + PAGE


def write(folder, data):
    path = folder / "core"
    path.write_bytes(data)
    return path


def test_cpus_and_memory_are_counted(tmp_path):
    notes = note() * 3 + note(440, b"QEMU\0", 0) + note(8, b"CORE\0", 3)
    found = elfcore.inspect(write(tmp_path, core(notes)))
    assert (found.cpus, found.memory_bytes) == (3, 4096)


def test_repair_of_virtual_addresses(tmp_path):
    path = write(tmp_path, core(note(), virtual=0))
    path.chmod(0o400)
    assert elfcore.repair(path) == 1
    assert path.read_bytes() == core(note())
    assert elfcore.repair(path) == 0


@pytest.mark.parametrize("data", [
    core(note(144)),
    core(note() + note(144)),
    core(note(), width=1),
    core(note(), machine=3),
])
def test_early_core_is_recognised(tmp_path, data):
    with pytest.raises(elfcore.EarlyCoreError, match="^core: .*long mode"):
        elfcore.inspect(write(tmp_path, data))


@pytest.mark.parametrize("data, why", [
    (b"", "truncated"),
    (core(note())[:100], "truncated"),
    (core(note())[:-1], "truncated: "),
    (b"KTAP version 1\n" * 20, "not an ELF file"),
    (core(note(), order=2), "not for x86_64"),
    (core(note(), type_=2), "but not a core"),
    (core(b""), "0 CPUs, 1 ranges"),
    (core(note(kind=5)), "0 CPUs"),
])
def test_malformed_core_is_refused(tmp_path, data, why):
    with pytest.raises(elfcore.CoreError, match=why) as caught:
        elfcore.inspect(write(tmp_path, data))
    assert not isinstance(caught.value, elfcore.EarlyCoreError)


@pytest.mark.parametrize("name", ["a b", "a\nshell b", "a'b", 'a"b', ""])
def test_session_refuses_odd_paths(name):
    with pytest.raises(UsageError):
        gdb_session.postmortem(name, "core")
    with pytest.raises(UsageError):
        gdb_session.postmortem("kernel.elf", name)


def test_title_never_becomes_a_command_in_the_session():
    text = gdb_session.postmortem("kernel.elf", "core", "x\nshell rm\\ '\"")
    assert [line for line in text.splitlines() if line.startswith("shell")] == []
    assert r"python print('Title: x\nshell rm\\" in text


def test_open_command_names_no_folder():
    assert gdb_session.open_command(Path("/somewhere/session.gdb"))[-1] == "session.gdb"
