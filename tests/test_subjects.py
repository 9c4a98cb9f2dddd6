"""For each rule of the oracle there is an allocator that breaks it. The stress must find it under the rule's name.

The allocators are in tests/subjects; each file says what is wrong with it. The rule "residue" has none. If the
allocator coalesces, the walk reports "free-list", "uncoalesced" or "lost" before the free blocks can differ from
those at the start. tests/unit/walker.c tests that rule.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from guest import ROOT, boot, image, make, run
from support import EXIT_CODE, own_folder

from stampedelib.verdict.verdict import CODES

# Subject: its rule, the phases that may find it first when all run (None: it fails before any phase), and a phase
# with all cores that also finds it, if there is one.
SUBJECTS = {
    "address-limit": ("overlap", None, None),
    "bad-free": ("bad-free", "bad-free", "bad-free"),
    "bitmap-index-aligned": ("misaligned", None, None),
    "content": ("content", "single", "mixed"),
    "false-oom": ("false-oom", "single", "mixed"),
    "false-oom-transient": ("false-oom", "single-irq mixed", "mixed"),
    "free-count": ("free-list", "single", "mixed"),
    "free-list": ("free-list", "single", "mixed"),
    "free-refused": ("free-refused", "single", "mixed"),
    "hang-insert": ("stall", None, None),
    "insert-refused": ("insert-refused", None, None),
    "irq-left-off": ("irq-state", "selftest", "exhaust"),
    "irq-on-inside": ("irq-state", "single", "mixed"),
    "lock-held": ("lock-held", "selftest", "exhaust"),
    "lock-interrupted": ("lock-owner", "single-irq irq", "irq"),
    "lock-not-taken": ("lock-owner", "single", "mixed"),
    "lock-released-twice": ("lock-owner", "selftest", "exhaust"),
    "lock-taken-twice": ("lock-owner", "single", "mixed"),
    "lost": ("lost", "single", "mixed"),
    "lost-remainder": ("lost", None, None),
    "misaligned": ("misaligned", "single", "mixed"),
    "misplaced": ("misplaced", "single-placed", "placed"),
    "outside": ("outside", "single", "mixed"),
    "outside-end": ("outside", "single", "mixed"),
    "overlap": ("overlap", "single", "mixed"),
    "overlap-inside": ("overlap", "single", "mixed"),
    "remove-held": ("remove-held", "hotplug", "hotplug"),
    "remove-runs-on": ("lost", "selftest", "hotplug"),
    "search-jumps": ("stall", "selftest", None),
    "search-restarts": ("stall", "selftest", None),
    "selftest": ("selftest", "selftest", None),
    "stall": ("stall", "selftest", None),
    "standstill": ("stall", "mixed", "mixed"),
    "tree-a-level-short": ("wild-access", None, None),
    "uncoalesced": ("uncoalesced", "selftest", "mixed"),
    "undo-too-far": ("overlap", "single-irq mixed remote-free irq exhaust", "mixed"),
}
# These fail only if cores, or a core and an interrupt, meet in one place, so their runs are bounded by time. The
# others fail after a number of operations, even on a loaded host.
BY_CHANCE = ("false-oom-transient", "lock-interrupted", "undo-too-far")
CROWDED = [name for name, (_, _, phase) in SUBJECTS.items() if phase]


def build_image(name):
    make("kernel", f"ALLOCATOR=tests/subjects/{name}.c")


@pytest.fixture(scope="module")
def subjects():
    """Build all images and hosted programs. Returns a function from a subject's name to its image."""
    image()
    make("-j2", "-f", "tests/tests.mk", "hosted-subjects")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build_image, ["sound", *SUBJECTS]))
    return lambda name: own_folder(f"gcc-order16-{name}", f"tests/subjects/{name}.c") / "stampede.elf"


def bound(name):
    """The option that bounds the run. The subject must fail long before that."""
    return "seconds=10" if name in BY_CHANCE else "ops=10000"


def verdict_of(rule):
    return {"stall": "hang", "wild-access": "crash"}.get(rule, "fail")


def check(log, rule, phases):
    """Check that only this rule was broken, in one of these phases (None: before any phase)."""
    assert log.is_whole(), log.text
    assert log.rule == rule, log.text
    assert log.verdict == verdict_of(rule), log.text
    begun = log.all("# begin phase=")
    if phases is None:
        assert not begun and log.all("Bail out! ") == [log.title], log.text
    else:
        assert begun[-1] in phases.split(), log.text
        assert log.all("not ok ") == [f"{len(begun)} {begun[-1]} # {log.title}"], log.text


def test_there_is_a_row_for_every_subject():
    files = {path.stem for path in (ROOT / "tests/subjects").glob("*.c")}
    assert files == {"sound", *SUBJECTS}


@pytest.mark.parametrize("name", SUBJECTS)
def test_subject_is_found(subjects, name):
    rule, phases, _ = SUBJECTS[name]
    log = boot(f"{bound(name)} watchdog=1", subjects(name))
    assert log.code == EXIT_CODE[verdict_of(rule)], log.text
    check(log, rule, phases)


@pytest.mark.parametrize("name", CROWDED)
def test_subject_is_found_by_all_cores(subjects, name):
    rule, _, phase = SUBJECTS[name]
    log = boot(f"{bound(name)} phases={phase} watchdog=1", subjects(name))
    assert log.code == EXIT_CODE[verdict_of(rule)], log.text
    check(log, rule, phase)


def test_a_hang_before_the_phases_is_reported_with_its_call(subjects):
    log = boot("watchdog=1", subjects("hang-insert"), cpus=2)
    assert log.title == "stall: core 0 makes no progress, in insert_pages", log.text
    assert any((values["state"], values.get("call")) == ("works", "insert_pages") and values["blamed"] == "stall"
               for values in log.records("# core=0 ")), log.text


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name != "hang-insert"])  # the hosted program has no watchdog during set-up
def test_subject_is_found_by_the_hosted_program(subjects, name):
    rule, phases, _ = SUBJECTS[name]
    log = run([f"build/host/plain/subjects/{name}", bound(name), "watchdog=1"])
    assert log.code == CODES[verdict_of(rule)], log.text
    check(log, rule, phases)


def test_the_holder_of_a_page_inside_a_block_is_named(subjects):
    log = run(["build/host/plain/subjects/overlap-inside", "seconds=10"])
    taker, holder = log.records("# overlap side=")
    first, order = int(holder["pfn"], 16), int(holder["order"])
    assert first < int(taker["held"], 16) < first + (1 << order), log.text


def test_sound_subject_passes(subjects):
    log = boot("seconds=3", subjects("sound"))
    assert (log.code, log.verdict, log.title) == (EXIT_CODE["pass"], "pass", None), log.text
    assert log.is_whole()
