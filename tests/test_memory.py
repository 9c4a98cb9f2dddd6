"""All memory of the machine arrives at the allocator: what the kernel says of it, held against what QEMU was told to make."""

import json
import re
from dataclasses import replace

import pytest
from support import NONCE, ROOT, body, closed, stampede
from test_iso import make

from stampedelib.log.serial import parse
from stampedelib.machine.machine import Accelerator, Machine
from stampedelib.verdict.judge import judge
from stampedelib.verdict.memory import compare

GIB = 1 << 30
SHORT = "ops=200 phases=mixed floor=0"

# ---- machines, booted ----


@pytest.fixture(scope="module")
def image():
    done = make("build")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("boot", ["iso", "direct"])
@pytest.mark.parametrize("gib", [4, 8, 64])
def test_all_memory_of_a_large_machine_arrives(image, tmp_path, gib, boot):
    """Touches the books alone, which is what the host has to find memory for."""
    done = stampede("run", "--memory", f"{gib}G", "--boot", boot, "--cpus", 2, "--log", tmp_path / "log", "--args", SHORT,
                    timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    log = parse((tmp_path / "log").read_bytes())
    use, taken = (next(log.records(start)) for start in ("# memory-use ", "# memory-taken "))
    mib = gib << 10
    assert (mib - 1) << 8 < int(use["usable_pages"]) < mib << 8, log.lines
    # All but 3 % and what the image takes: page array and the oracle's books.
    assert int(use["inserted_pages"]) > (mib * 0.97 - 8) * 256, log.lines
    assert sum(map(int, (use | taken).values())) == 2 * int(use["usable_pages"]), log.lines
    assert not any(int(use[f"{why}_pages"]) for why in ("kept", "outside", "slow", "unwanted")), log.lines
    assert int(next(log.records("# memory "))["page_array_bytes"]) <= 16


def test_pages_that_are_not_given_have_a_reason(image, tmp_path):
    done = stampede("run", "--boot", "direct", "--cpus", 2, "--log", tmp_path / "log", "--args", "phases=selftest memory=none",
                    timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    use = next(parse((tmp_path / "log").read_bytes()).records("# memory-use "))
    assert int(use["unwanted_pages"]) > 100000 and use["inserted_pages"] == "0", use


# ---- the comparison ----


def machine(mib, firmware=None):
    return Machine("qemu", Accelerator("tcg", "multi", "as asked"), 2, mib, "iso", ROOT, firmware, [])


@pytest.mark.parametrize("mib, ram", [
    (64, [(0, 64 << 20)]),
    (2815, [(0, 2815 << 20)]),
    (2816, [(0, 2 * GIB), (4 * GIB, 4 * GIB + (768 << 20))]),
    (4096, [(0, 2 * GIB), (4 * GIB, 6 * GIB)]),
    (65536, [(0, 2 * GIB), (4 * GIB, 66 * GIB)]),
])
def test_where_a_machine_has_its_memory(mib, ram):
    assert machine(mib).ram() == ram


# Of a machine with 8 GiB, as SeaBIOS and GRUB tell it.
MAP = [(0, 0x9FC00, "usable"), (0x9FC00, 0xA0000, "reserved"), (0xF0000, 0x100000, "reserved"),
       (0x100000, 0x7FFDF000, "usable"), (0x7FFDF000, 0x80000000, "reserved"), (0xB0000000, 0xC0000000, "reserved"),
       (0x100000000, 0x280000000, "usable")]
PAGES = 0x9F + 0x7FFDF - 0x100 + 0x180000


def log_of(ranges, usable=PAGES, taken=1000, inserted=None):
    inserted = usable - taken if inserted is None else inserted
    lines = [*(f"# memory-map start={start:#x} end={end:#x} kind={kind}" for start, end, kind in ranges),
             f"# memory-use usable_pages={usable} inserted_pages={inserted} slow_pages=0",
             f"# memory-taken low_pages=159 arena_pages={taken - 159}"]
    raw = body()
    return closed([*raw[:2], *lines, *raw[2:]], NONCE)


def compared(ranges, usable, firmware=None):
    raw = log_of(ranges, usable)
    verdict = judge(raw, nonce=NONCE)
    assert verdict.word == "pass", verdict
    return compare(verdict, raw, machine(8192, firmware).ram(), firmware is not None)


def cut(index, start=None, end=None, kind=None):
    """The map with one range changed, and its usable pages."""
    ranges = list(MAP)
    old = ranges[index]
    ranges[index] = (old[0] if start is None else start, old[1] if end is None else end, kind or old[2])
    return ranges, sum(max(0, end // 4096 - -(-start // 4096)) for start, end, kind in ranges if kind == "usable")


def test_whole_map():
    assert compared(MAP, PAGES).word == "pass"


@pytest.mark.parametrize("ranges, usable, what", [
    (*cut(6, end=0x180000000), "RAM from 0x180000000 to 0x280000000 (4194304 KiB) that is not"),
    (*cut(6, end=0x27FFFF000), "RAM from 0x27ffff000 to 0x280000000 (4 KiB) that is not"),
    (*cut(3, start=0x101000), "RAM from 0x100000 to 0x101000 (4 KiB) that is not"),
    (*cut(3, end=0x7FFDEFFF), "RAM from 0x7ffdefff to 0x7ffdf000 (0 KiB) that is not"),
    (*cut(6, start=0xB0000000, end=0xB0001000), "RAM from 0x100000000 to 0x280000000"),
    (*cut(6, kind="reserved"), "KiB of the machine's RAM are not usable"),
    (*cut(0, kind="acpi"), None),
])
def test_what_is_missing_is_an_error(ranges, usable, what):
    verdict = compared(ranges, usable)
    if what is None:
        assert verdict.word == "pass"
    else:
        assert verdict.word == "error" and verdict.title.startswith("memory: ") and what in verdict.title, verdict
        assert any("the kernel's own verdict: pass" in reason for reason in verdict.reasons)


def test_uefi_keeps_more():
    ranges = [*MAP[:3], (0x100000, 0x7F000000, "usable"), (0x7F000000, 0x80000000, "acpi"), *MAP[5:]]
    usable = 0x9F + 0x7F000 - 0x100 + 0x180000
    assert compared(ranges, usable).word == "error"
    assert compared(ranges, usable, ROOT).word == "pass"


def test_a_failure_stays_a_failure():
    verdict = replace(judge(closed(body(), NONCE), nonce=NONCE), word="fail", title="overlap: pfn 0x1")
    assert compare(verdict, log_of(*cut(6, end=0x180000000)), machine(8192).ram(), False).word == "fail"


def test_log_without_a_map_is_not_compared():
    raw = closed(body(), NONCE)
    assert compare(judge(raw), raw, machine(8192).ram(), False).word == "pass"


@pytest.mark.parametrize("change", [{"inserted": PAGES - 1001}, {"inserted": PAGES - 999}, {"usable": PAGES - 1}])
def test_account_that_does_not_add_up_is_damage(change):
    verdict = judge(log_of(MAP, **change), nonce=NONCE)
    assert verdict.word == "damaged" and re.match(r"at odds: \d+ pages are usable", verdict.title), verdict


def test_judge_alone_sees_it(tmp_path):
    (tmp_path / "log").write_bytes(log_of(MAP, inserted=1))
    done = stampede("judge", tmp_path / "log", "--json", "-")
    assert json.loads(done.stdout)["word"] == "damaged"
