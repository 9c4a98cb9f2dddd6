"""The gdb commands on the real image: live, post mortem, and on deliberately corrupted memory."""

import re
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from gdb_support import Machine, run_gdb

from stampedelib.debug import gdb_session
from stampedelib.machine import elfcore

HELD = "# held:"
ARENA = "'boot/stress.c'::run.arena"
POOL = f"((struct buddy_pool *){ARENA}.pool)"
OVERLAP = re.compile(
    r"# overlap side=taker core=(\d+) pfn=(\S+) order=(\d+) held=(\S+)")


@pytest.fixture(name="folder")
def fixture_folder():
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="stampede-") as name:
        yield Path(name)


@pytest.fixture(name="overlap", scope="module")
def fixture_overlap():
    """A guest with 8 cores, held after a provoked overlap. No test changes its state."""
    with tempfile.TemporaryDirectory(prefix="stampede-") as name:
        arguments = "seconds=60 phases=mixed provoke=overlap on-fail=hold"
        with Machine(Path(name), arguments) as machine:
            yield machine.wait_for(HELD)


@pytest.fixture(name="bundle", scope="module")
def fixture_bundle(overlap):
    """The bundle of the same machine, moved to another place."""
    made, bundle = overlap.folder / "made", overlap.folder / "elsewhere"
    made.mkdir()
    overlap.dump(made / "core")
    assert elfcore.inspect(made / "core").cpus == 8
    elfcore.repair(made / "core")
    shutil.copy(overlap.kernel, made / "kernel.elf")
    gdb_session.copy_scripts(made)
    (made / gdb_session.SESSION).write_text(
        gdb_session.postmortem("kernel.elf", "core", 'overlap: "it" \\ #'))
    made.rename(bundle)
    return bundle


def rows(text):
    """The lines of `stampede cpus` by core."""
    lines = [line for line in text.splitlines() if re.match(r"\d+ +\d+ ", line)]
    return {int(line.split()[0]): line for line in lines}


def overlap_of(machine):
    """Core, first page, order and the held page, from the kernel's report."""
    core, pfn, order, page = OVERLAP.search(machine.text()).groups()
    return int(core), pfn, order, page


# Live.

def test_cpus(overlap):
    core, pfn, order, _ = overlap_of(overlap)
    shown = overlap.gdb("stampede cpus")
    assert f"failure: overlap: pfn {pfn} order {order} (core {core} reports)" in shown
    assert sorted(rows(shown)) == list(range(8))
    for number, row in rows(shown).items():
        assert row.split()[1:3] == [str(number), str(number + 1)]  # APIC ID and gdb's thread, on this machine
        assert re.search(r" (works|waits|rests|reports) ", row)
        assert re.search(r" (on|off) ", row)
        assert re.search(r"\S+\+0x[0-9a-f]+ \(\S+:\d+\)$", row)
    assert " reports " in rows(shown)[core]
    assert re.search(r"fail_overlap in (take_block|arena_allocate)\S*\+", rows(shown)[core])
    assert sum(" reports " in row for row in rows(shown).values()) == 1


def test_backtraces_pass_through_the_nmi(overlap):
    shown = overlap.gdb("thread apply all backtrace")
    stacks = shown.split("\nThread ")[1:]
    assert len(stacks) == 8
    assert sum("<signal handler called>" in stack for stack in stacks) == 7
    assert all("run_core" in stack for stack in stacks)


def test_page(overlap):
    core, pfn, order, page = overlap_of(overlap)
    shown = overlap.gdb(f"stampede page {page}")
    assert "allocator: HELD_HEAD" in shown or "allocator: TAIL" in shown
    holder = r"oracle: inserted, held(;| by core \d: block 0x[0-9a-f]+ order \d+, its number)"
    assert re.search(holder, shown)
    assert re.search(rf"core={core} call=allocate order={order} pfn={pfn} number=\d+", shown)


def test_page_refuses_what_is_no_pfn(overlap):
    assert "page 0x0 is not in the arena" in overlap.gdb("stampede page 0")
    assert "usage: stampede page PFN" in overlap.gdb("stampede page")
    assert 'No symbol "frob"' in overlap.gdb("stampede page frob")


def test_freelists(overlap):
    shown = overlap.gdb("stampede freelists", f"output {POOL}->count")
    lengths = [line.split()[1:3] for line in shown.splitlines()
               if re.match(r"\d+ +\d+ +\d+ ", line)]
    assert len(lengths) == 17
    assert re.search(r"^\d+ of \d+ pages are free", shown, re.MULTILINE)
    free = int(re.search(r"^(\d+) of", shown, re.MULTILINE)[1])
    assert free == sum(int(walked) << order for order, (walked, _) in enumerate(lengths))


def test_history_is_in_the_order_of_time(overlap):
    core, pfn, _, _ = overlap_of(overlap)
    shown = overlap.gdb("stampede history")
    times = [*map(float, re.findall(r"^us=([-+][0-9.]+) +core=\d", shown, re.MULTILINE))]
    assert len(times) >= 32 and times == sorted(times)
    assert re.search(rf"core={core} .*pfn={pfn} .*touches=this-block", shown)
    one = overlap.gdb(f"stampede history {core}")
    assert set(re.findall(r"^us=\S+ +core=(\d+) ", one, re.MULTILINE)) == {str(core)}
    assert len(re.findall(r"^us=", one, re.MULTILINE)) == 32
    assert "there is no core 99" in overlap.gdb("stampede history 99")


def test_check_has_a_verdict(overlap):
    """The verdict depends on where the other cores were stopped, so any will do. `rested` below has a known state."""
    last = overlap.gdb("stampede check").strip().splitlines()[-2:]
    assert any(re.match(r"(all rules hold|broken.*) \(\d+ pages inserted, ", line) for line in last)


def test_help(overlap):
    shown = overlap.gdb("stampede", "stampede frob",
                        *(f"help stampede {name}" for name in ("cpus", "page", "check")))
    for name in ("check", "cpus", "freelists", "history", "lock", "page"):
        assert f"\nstampede {name} -- " in shown
    assert 'no command "stampede frob"; there are: cpus,' in shown
    assert shown.count("usage: stampede ") == 3


def test_printers(overlap):
    shown = overlap.gdb("print 'boot/stress.c'::run.arena", "print *percpu_table[3]",
                        "print 'boot/stress.c'::run.cores[2]",
                        "print 'boot/stress.c'::run.cores[1].history[0]",
                        f"print *{POOL}", f"print {POOL}->lock", f"print {POOL}->array.pages[0]")
    for pattern in (r"arena: allocator buddy, pages 0x\S+ to 0x\S+, \d+ inserted",
                    r"core 3 \(APIC ID 3\)(, frozen)?",
                    r"core 2: \d+ steps, \d+ allocations, \d+ frees",
                    r"at \d+: (ALLOCATE|FREE|OUT_OF_MEMORY) ",
                    r"buddy: \d+ of \d+ pages free, blocks by",
                    r"= lock buddy: (free|core \d, taken at buddy_)",
                    r"= (HELD_HEAD|FREE_HEAD|TAIL|ABSENT)"):
        assert re.search(pattern, shown), pattern


def test_live_session(overlap):
    session = overlap.folder / "live.gdb"
    session.write_text(gdb_session.live(overlap.kernel, overlap.gdb_socket))
    shown = run_gdb(["-x", session], ["stampede lock"])
    assert len(rows(shown)) == 8 and shown.count("lock buddy at ") == 2
    assert "The machine is stopped." in shown


# Post mortem.

def test_bundle_opens_anywhere_with_all_that_was_seen_live(overlap, bundle):
    commands = ["stampede cpus", "stampede lock", "stampede freelists", "stampede history",
                f"stampede page {overlap_of(overlap)[3]}", "stampede check"]
    dead = run_gdb(["-x", gdb_session.SESSION], commands, folder=bundle)
    stacks = re.split(r"\nThread \d", dead)[1:]
    assert len(stacks) == 8 and all("run_core" in stack for stack in stacks)
    assert 'Title: overlap: "it" \\ #' in dead
    live = overlap.gdb(*commands).splitlines()
    shown = [line for line in live if re.search(r"^\d+ +\d+|order|lock|rules", line)]
    assert len(shown) > 60
    assert [line for line in shown if line not in dead.splitlines()] == []


def test_session_has_relative_paths_only(bundle):
    text = (bundle / gdb_session.SESSION).read_text()
    assert {"file kernel.elf", "core-file core", "source gdb/load.py"} <= set(text.splitlines())
    assert str(bundle.parent) not in text
    assert not list(bundle.rglob("__pycache__"))


# Locks.

def test_relock_names_the_owner(folder):
    with Machine(folder, "seconds=60 phases=mixed provoke=relock on-fail=hold") as machine:
        shown = machine.wait_for(HELD).gdb("stampede lock spare", "stampede lock frob",
                                           "stampede cpus",
                                           "stampede lock 'stress/provoke.c'::spare")
    owner = r"lock spare at 0x\S+: held by core 1 for \d\S* (s|ms|us), taken at provoke_relock"
    assert len(re.findall(owner, shown)) == 2
    assert "no lock frob" in shown
    assert " holds spare " in rows(shown)[1] and "spinlock_irq_lock" in rows(shown)[1]


def test_deadlock_shows_the_cycle(folder):
    arguments = "seconds=60 phases=mixed watchdog=1 provoke=deadlock on-fail=hold"
    with Machine(folder, arguments) as machine:
        shown = machine.wait_for(HELD).gdb("stampede lock", "stampede cpus")
    circle = r"deadlock: core \d waits for (first|second) of core \d, core \d waits for"
    assert re.search(circle, shown)
    assert re.search(r"lock first at .*: held by core 1 for .*\n  core 2 has waited for ", shown)
    assert re.search(r"lock second at .*: held by core 2 for .*\n  core 1 has waited for ", shown)
    assert "holds first, waits for second (core 2)" in rows(shown)[1]


def test_a_core_stuck_with_interrupts_off(folder):
    arguments = "seconds=60 phases=mixed watchdog=1 provoke=hang@3 on-fail=hold"
    with Machine(folder, arguments) as machine:
        shown = machine.wait_for(HELD).gdb("stampede cpus")
    assert re.search(r" works +mixed +off .*provoke_hang", rows(shown)[3])


def test_a_trap_is_shown_where_it_happened(folder):
    with Machine(folder, "seconds=60 phases=mixed provoke=null on-fail=hold", cpus=2) as machine:
        shown = machine.wait_for(HELD).gdb("stampede cpus", "thread 2", "backtrace")
    assert "provoke_null" in rows(shown)[1]
    assert re.search(r"traps_exception.*<signal handler called>.*provoke_null", shown, re.DOTALL)


# The traps' own code.

def test_backtrace_from_every_instruction_of_a_stub(folder):
    """An NMI may stop a core at any instruction on the way into the timer's handler."""
    steps = ["backtrace -3", "stepi"] * 4
    with Machine(folder, "seconds=60 phases=single", cpus=1) as machine:
        stub = "hbreak *((unsigned long)&trap_stubs + 16 * 0xe0)"
        shown = machine.wait_for("# progress").gdb(stub, "continue", *steps, "backtrace -3",
                                                   "info registers rip")
    assert len(re.findall(r"kernel_main .*main\.c", shown)) == 5
    assert "trap_common" in shown


def test_session_from_boot(folder):
    with Machine(folder, "seconds=1 ops=10", cpus=2, options=["-S"]) as machine:
        session = folder / "boot.gdb"
        session.write_text(gdb_session.from_boot(machine.kernel, machine.gdb_socket))
        shown = run_gdb(["-x", session],
                        ["stampede cpus", "stampede history", "stampede freelists"])
    assert "kernel_main (magic=" in shown
    assert "no core is up yet" in shown and "no operations yet" in shown
    assert "has not yet given its memory to the allocator" in shown


# Corrupted memory.

FREE_BLOCK = f"{POOL}->array.pages[{POOL}->list[$order]]"
# $held is the index of an ownership bitmap's word with held pages, $whole that of a word whose pages are all free.
SET_WORDS = ("python arena = gdb.parse_and_eval(\"'boot/stress.c'::run.arena\"); "
             "words = range(int(arena['end'] - arena['start']) // 64); "
             "held = next(i for i in words if int(arena['held'][i])); "
             "whole = next(i for i in words if not int(arena['held'][i]) "
             "and int(arena['inserted'][i]) == 2**64 - 1); "
             "gdb.set_convenience_variable('held', held); "
             "gdb.set_convenience_variable('whole', whole)")
SET_ORDER = (f"python gdb.set_convenience_variable('order', next(order for order in range(17)"
             f" if int(gdb.parse_and_eval(\"{POOL}->count[%d]\" % order))))")


@pytest.fixture(name="rested")
def fixture_rested(folder):
    """A guest whose only core stopped outside the allocator, so all rules hold."""
    arguments = "seconds=60 phases=mixed provoke=unlock-twice on-fail=hold"
    with Machine(folder, arguments, cpus=1) as machine:
        yield machine.wait_for(HELD)


def test_all_rules_hold_until_memory_is_changed(rested):
    shown = rested.gdb("stampede check")
    assert "all rules hold (" in shown and "note:" not in shown
    wrong = [
        (f"{FREE_BLOCK}.prev = 5",
         r"free-list: pfn \S+ in list \d+: FREE_HEAD order \d+ prev 0x5, expected"),
        (f"{FREE_BLOCK}.next = 0x7fffffff",
         r"free-list: order \d+: list of \d+ has link 0x7fffffff"),
        (f"{FREE_BLOCK}.next = {POOL}->list[$order]", r"free-list: order \d+: .* a cycle"),
        (f"{FREE_BLOCK}.order = 9", r"free-list: pfn \S+ in list \d+: FREE_HEAD order 9"),
        (f"{FREE_BLOCK}.state = PAGE_HELD_HEAD", r"free-list: pfn \S+ in list \d+: HELD_HEAD"),
        (f"{POOL}->count[$order] = 77", r"free-list: order \d+: list of \d+, counted 77"),
        (f"{POOL}->free_pages = 1", r"free-list: \d+ pages in the lists, counted 1\n"),
        (f"{POOL}->list[$order] = 0xffffffff", r"lost: pfn \S+: neither free nor held"),
        (f"{ARENA}.held[$held] = 0", r"lost: pfn \S+: (tagged HELD_HEAD|neither free nor held)"),
        (f"{ARENA}.held[$whole] = -1",
         r"free-list: pfn \S+ order \d+: pfn \S+ is held, though free"),
    ]
    for change, pattern in wrong:
        target = change.split(" = ")[0]
        shown = rested.gdb(SET_ORDER, SET_WORDS, f"set $before = {target}", f"set var {change}",
                           "stampede check", "stampede freelists",
                           f"set var {target} = $before", "stampede check")
        broken, _, restored = shown.partition(" pages are free")
        assert re.search(pattern, broken), (change, shown)
        assert re.search(r"^broken: ", broken, re.MULTILINE), change
        assert "all rules hold (" in restored, change


def test_check_of_512_mib_is_quick(folder):
    arguments = "seconds=60 phases=mixed provoke=unlock-twice on-fail=hold"
    with Machine(folder, arguments, cpus=1, memory="512M") as machine:
        machine.wait_for(HELD)
        start = time.monotonic()
        assert "all rules hold (" in machine.gdb("stampede check")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("allocator", ["buddy-percpu", "buddy-scan"])
def test_other_allocators(folder, allocator):
    arguments = f"seconds=60 phases=mixed allocator={allocator} provoke=unlock-twice on-fail=hold"
    with Machine(folder, arguments, cpus=1) as machine:
        machine.wait_for("# end nonce")
        if f"no allocator \"{allocator}\"" in machine.text():
            pytest.skip("not in this image")
        shown = machine.wait_for(HELD).gdb("stampede check", "stampede freelists", "stampede lock")
    assert "all rules hold (" in shown and "note:" not in shown
    assert re.search(r"^\d+ of \d+ pages are free", shown, re.MULTILINE)


# Dumps.

def test_memory_above_4_gib_is_in_the_dump(folder):
    """The machine's low memory ends at 64 MiB. The rest is at 4 GiB and above."""
    arguments = "seconds=60 phases=mixed provoke=content on-fail=hold"
    split = ["-M", "max-ram-below-4g=64M"]
    with Machine(folder, arguments, cpus=2, memory="200M", options=split) as machine:
        machine.wait_for(HELD).dump(folder / "core")
        kernel = machine.kernel
    elfcore.repair(folder / "core")
    assert any(segment.virtual == segment.physical == 1 << 32
               for segment in elfcore.inspect(folder / "core").segments)
    shown = run_gdb([kernel, folder / "core"], ["thread apply all backtrace", "x/gx 0x100000000"])
    assert shown.count("run_core") == 2 and "Cannot access" not in shown


def test_dump_before_long_mode_is_refused(folder):
    with Machine(folder, "seconds=1", cpus=2, memory="64M", options=["-S"]) as machine:
        machine.dump(folder / "core")
    with pytest.raises(elfcore.EarlyCoreError, match="before the kernel entered long mode"):
        elfcore.inspect(folder / "core")
