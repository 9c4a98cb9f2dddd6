"""The image boots by its PVH note on machines of all sizes and reports clearly what it cannot do."""

import re

import pytest
from guest import boot, image
from support import EXIT_CODE

# A short run, bounded by operations: for tests of what comes before and after the stress.
SHORT = "ops=400 phases=mixed floor=0"
# If QEMU provides no ACPI tables, q35's own firmware brings its own. qboot does not.
WITHOUT_ACPI = {"machine": "q35,acpi=off", "more": ["-bios", "qboot.rom"]}


def check(log, verdict="pass"):
    """Check that the guest ended by itself with this verdict and that its log is complete."""
    assert (log.code, log.verdict) == (EXIT_CODE[verdict], verdict), log.text
    assert log.is_whole(), log.text
    return log


def check_error(log, rule, part):
    """Check that the guest ended before any phase, with an error of use or of the machine."""
    check(log, "error")
    assert log.rule == rule and part in log.title, log.text
    assert not log.all("# begin phase="), log.text


# Cores.

@pytest.mark.parametrize("cpus", [1, 2, 8])
def test_all_phases_pass(cpus):
    log = check(boot("seconds=3", cpus=cpus))
    assert log.field("# smp ", "cores") == str(cpus)
    smp = "kept" if cpus > 1 else 'not-tested why="one core"'
    assert log.all("# promise=smp-safe outcome=") == [smp], log.text


def test_without_evidence_no_promise_is_called_kept():
    log = check(boot("floor=0 ops=30 phases=mixed", cpus=2))
    for said, why in (("promise=smp-safe", "the cores hardly met in the allocator"),
                      ("promise=irq-safe", "no interrupt handler allocated or freed"),
                      ("rule=selftest", "selftest did not run")):
        assert log.all(f"# {said} outcome=") == [f'not-tested why="{why}"'], log.text
    assert log.value("1..") == str(len(log.all("ok "))), log.text
    assert not any("SKIP" in line for line in log.lines), log.text


def test_64_cores():
    log = check(boot(SHORT, cpus=64, memory="256M"))
    assert log.field("# smp ", "cores") == "64"


def test_fewer_cores_than_there_are():
    log = check(boot(f"cpus=3 {SHORT}", cpus=4))
    assert log.field("# smp ", "cores") == "3"


def test_one_thread_reaches_the_floor_if_cores_yield():
    check(boot("ops=30000 phases=mixed yield=64", thread="single"))


def test_one_thread_is_inconclusive_if_cores_do_not_yield():
    log = check(boot("ops=500 phases=mixed yield=0", thread="single"), "inconclusive")
    assert " mixed # SKIP inconclusive: overlapped=" in log.text


# Memory.

@pytest.mark.parametrize("memory, usable_mib", [("64M", 63), ("512M", 511), ("4G", 4095)])
def test_memory(memory, usable_mib):
    log = check(boot(SHORT, memory=memory))
    check_memory(log, usable_mib)


def test_64_gib():
    """The run only touches the page array, so the host needs no more memory than that."""
    log = check(boot(SHORT, memory="64G", machine="q35,memory-backend=r0",
                     more=["-object", "memory-backend-ram,id=r0,size=64G,reserve=off"]))
    check_memory(log, 65535)


def check_memory(log, usable_mib):
    assert log.field("# memory ", "usable_mib") == str(usable_mib)
    # The allocator gets all memory except at most 3 % (page array, the oracle's bookkeeping) and the image.
    assert int(log.field("# memory ", "inserted_pages")) > (usable_mib * 0.97 - 8) * 256
    assert int(log.field("# memory ", "page_array_bytes")) <= 16
    print("setup_ms", log.field("# memory ", "setup_ms"))


def test_bookkeeping_of_fragmented_memory_is_not_slow():
    """No core is reported as stuck. Virtual time counts instructions, so the host's speed does not matter."""
    check(boot("ops=100 phases=fragment orders=1 sample=65536 yield=32 watchdog=1 seed=1", cpus=8,
               memory="1G", thread="single", more=["-icount", "shift=3,sleep=off"]))


def test_long_steps_report_progress():
    """All of memory is written and checked. A core needs seconds (of virtual time) between two reports of progress."""
    log = check(boot("ops=2500 seconds=600 phases=exhaust sample=1 yield=32 seed=1", cpus=8, memory="256M",
                     thread="single", more=["-icount", "shift=3,sleep=off"]))
    assert any(line.endswith(" (a long step)") for line in log.all("# progress phase=exhaust ")), log.text


@pytest.mark.parametrize("memory, cpus", [("2M", 4), ("4M", 64)])
def test_too_little_memory(memory, cpus):
    check_error(boot(SHORT, memory=memory, cpus=cpus), "memory", "give the machine more")


# The same seed makes each core repeat its choices.

def test_seed_repeats_each_cores_choices():
    def sequences(seed):
        log = check(boot(f"ops=2000 phases=mixed,remote-free floor=0 seed={seed}"))
        found = log.all("# sequence ")
        assert len(found) == 2 and all("steps=1000" in line for line in found), log.text
        return found

    first = sequences(7)
    assert sequences(7) == first
    assert not set(sequences(8)) & set(first)


def test_drawn_seed_is_reported():
    seeds = {boot(SHORT).field("# options ", "seed") for _ in range(2)}
    assert len(seeds) == 2 and "0" not in seeds


# Failures.

@pytest.mark.parametrize("name, verdict, title", [
    ("null", "crash", r"wild-access: core 1 read address 0x8 at rip 0x\w+"),
    ("text-write", "crash", r"wild-access: core 1 wrote address 0x\w+ at rip 0x\w+"),
    ("data-execute", "crash", r"wild-access: core 1 executed address (0x\w+) at rip \1"),
    ("stack", "crash", r"stack: core 1 ran over the end of core 1's main stack at rip 0x\w+"),
    ("invalid-opcode", "crash", r"trap: #UD on core 1 at rip 0x\w+, error 0x0"),
    ("null@3", "crash", r"wild-access: core 3 read address 0x8 at rip 0x\w+"),
    ("null@0", "crash", r"wild-access: core 0 read address 0x8 at rip 0x\w+"),
    ("hang", "hang", r"stall: core 1 makes no progress"),
    ("deadlock", "hang", r"deadlock: core 1 waits for second of core 2, "
                         r"core 2 waits for first of core 1"),
    ("overlap", "fail", r"overlap: pfn 0x\w+ order \d+"),
    ("content", "fail", r"content: pfn 0x\w+ order 0"),
    ("relock", "fail", r"lock-owner: spare taken again by its owner, core 1, .*"),
    ("unlock-twice", "fail", r"lock-owner: spare released twice: free, and core 1 .*"),
    ("lost-unlock", "fail", r"lock-held: core 1 goes on with 1 locks held: spare"),
    ("interrupt-relock", "fail", r"lock-owner: spare taken again by its owner, core 1, .*"),
])
def test_provoked_failure_is_reported(name, verdict, title):
    # Either of the two cores may detect and report the deadlock.
    log = check(boot(f"provoke={name} phases=mixed ops=100000 watchdog=1"), verdict)
    assert re.fullmatch(title, in_order(log.title)), log.text
    assert log.all("not ok ") == [f"1 mixed # {log.title}"], log.text
    assert log.all("# core="), log.text


def in_order(title):
    """A deadlock's title with its parts sorted by core; other titles unchanged."""
    rule, _, text = title.partition(": ")
    return f"deadlock: {', '.join(sorted(text.split(', ')))}" if rule == "deadlock" else title


def test_core_that_takes_no_nmi_is_named():
    log = check(boot("provoke=deaf phases=mixed ops=100000"), "fail")
    assert log.rule == "content", log.text
    deaf = r"core 1 \(APIC ID 1\) did not take the NMI within "
    assert any(re.match(deaf, line) for line in log.all("# freeze: ")), log.text


def test_core_that_does_not_start_is_named():
    log = boot("provoke=bringup@2 seconds=1")
    check_error(log, "smp.bringup", "core 2 (APIC ID 2) did not start")


# Errors of use and of the machine.

@pytest.mark.parametrize("options, part", [
    ("frob=1", "unknown option frob=1; known: seed "),
    ("seconds", "option seconds: no value"),
    ("seconds=", "option seconds=: not a number; allowed 1 to 604800"),
    ("seconds=1h", "option seconds=1h: not a number"),
    ("seconds=0", "option seconds=0: out of range; allowed 1 to 604800"),
    ("cpus=256", "option cpus=256: out of range; allowed 0 to 255"),
    ("cpus=5", "option cpus=5: there are 4"),
    ("nonce=xyz", "option nonce=xyz: not a hex number"),
    ("orders=0,0", "option orders=0,0: no list of weights"),
    ("exit=maybe", "option exit=maybe: no such choice; allowed auto halt power-off"),
    ("phases=mixed,none", 'option phases: no phase "none"; there are: all selftest '),
    ("allocator=none", 'option allocator: no allocator "none"'),
    ("provoke=none", 'option provoke: no failure "none"; those above'),
    ("provoke=null@4", 'option provoke: no core "4"; there are 0 to 3'),
    ("seed=1 seed=1", "option seed: given twice"),
])
def test_option_error(options, part):
    check_error(boot(options), "usage", part)


def test_without_acpi_no_other_core_is_found():
    check_error(boot(SHORT, **WITHOUT_ACPI), "acpi", "(RSDP); cpus=1 would run")


def test_without_acpi_one_core_runs():
    log = check(boot(f"cpus=1 {SHORT}", **WITHOUT_ACPI))
    assert log.field("# clock ", "source") == "pit"


def test_runs_without_a_reference_timer():
    log = check(boot(f"cpus=1 {SHORT}", machine="microvm,acpi=off,pit=off"))
    assert log.field("# clock ", "source") == "none"


def test_ends_without_a_serial_port():
    log = boot(SHORT, serial="none")
    assert (log.code, log.text) == (EXIT_CODE["pass"], "")


# Builds.

@pytest.mark.parametrize("compiler, max_order", [("clang", 16), ("gcc", 10), ("gcc", 18)])
def test_build(compiler, max_order):
    log = check(boot("seconds=2", image(compiler, max_order), memory="256M"))
    weights = log.field("# options ", "orders")
    assert len(weights.split(",")) == 21  # one for each order that an allocator can declare
