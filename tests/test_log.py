"""The log as a protocol: the reader of key=value, the versions, and docs/LOG.md, which has every line and key."""

import json
import random
import re

import pytest
from guest import boot, make, run
from support import FAILED, NONCE, ROOT, TITLE, body, closed, good, opening, stampede

from stampedelib.log import fields
from stampedelib.log.serial import DIAGNOSTICS, LATEST_FORMAT, parse
from stampedelib.log.statement import LeftOut, Statement
from stampedelib.verdict.judge import judge
from stampedelib.verdict.page import lines as page_lines

# ---- values ----


def write(values):
    """Write a value as the kernel does (format_value() in lib/printf.c)."""
    return " ".join(f"{key}={quoted(value)}" for key, value in values.items())


def quoted(value):
    if value and not set(value) & {" ", '"'}:
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


@pytest.mark.parametrize("text, values", [
    ("", {}),
    ("one=1 two=0x2", {"one": "1", "two": "0x2"}),
    ('cpu="QEMU Virtual CPU" virtual=1', {"cpu": "QEMU Virtual CPU", "virtual": "1"}),
    (r'why="a \"b\" \\" x=1', {"why": r'a "b" \\'[:-1], "x": "1"}),
    ('empty="" bare= last=1', {"empty": "", "bare": "", "last": "1"}),
    ("ops=5 (a long step=2)", {"ops": "5"}),
    ("a=1 and b=2", {"a": "1"}),
    ("overlap: pfn=1", {}),
    ("failures=2 title=race: a \"b\" c=d", {"failures": "2", "title": "race: a \"b\" c=d"}),
    ('why="cut in the mid', {"why": "cut in the mid"}),
    ('why="cut at a backslash\\', {"why": "cut at a backslash"}),
    ("expression=a==b", {"expression": "a==b"}),
    ("on-fail=exit one_in=3", {"on-fail": "exit", "one_in": "3"}),
    ("a=1  b=2", {"a": "1"}),
    ("Upper=1", {}),
])
def test_reader(text, values):
    assert fields.read(text) == values


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read_again(seed):
    draw = random.Random(seed)
    for _ in range(200):
        values = {f"{draw.choice('abc')}{number}": "".join(draw.choices('ab" \\=:,0(', k=draw.randrange(12)))
                  for number in range(draw.randrange(6))}
        assert fields.read(write(values)) == values
        assert fields.read(write(values) + " (and more=1)") == values


@pytest.mark.parametrize("seed", range(10))
def test_reader_takes_anything(seed):
    draw = random.Random(seed)
    for _ in range(500):
        text = "".join(draw.choices('ab=" \\-1x', k=draw.randrange(40)))
        assert all(isinstance(value, str) for value in fields.read(text).values())


def test_numbers():
    assert fields.read_numbers("ops=12 seconds=1.5 below=-3 hash=0x10 word=yes version=0.1.0") == {
        "ops": 12, "seconds": 1.5, "below": -3, "hash": "0x10", "word": "yes", "version": "0.1.0"}


# ---- versions ----


def numbered(raw_lines, version="log=2 "):
    """The log of these lines with a version in its banner."""
    lines = list(raw_lines)
    lines[1] = lines[1].replace("nonce=", f"{version}nonce=", 1)
    return closed(lines)


@pytest.mark.parametrize("version", ["", "log=1 ", "log=2 "])
def test_versions_that_are_judged(version):
    assert judge(numbered(body(), version), nonce=NONCE).word == "pass"
    assert judge(numbered(body("fail", TITLE, FAILED), version)).title == TITLE


@pytest.mark.parametrize("version", ["log=3 ", "log=4711 "])
@pytest.mark.parametrize("end", [{}, {"exit_code": 65}, {"ended_by": "silence"}])
def test_later_version_is_an_error(version, end):
    verdict = judge(numbered(body(), version), **end)
    number = version.strip().removeprefix("log=")
    assert (verdict.word, verdict.title) == ("error", f"log format {number}: this tool reads formats 1 to {LATEST_FORMAT}; use "
                                             "that of the kernel's version, 0.1.0")


@pytest.mark.parametrize("version", ["log=x ", "log=0 ", "log=-1 ", "log=2.0 ", 'log="2 3" ', "log= "])
def test_malformed_version_is_damage(version):
    verdict = judge(numbered(body(), version))
    assert verdict.word == "damaged" and "is no version of the format" in verdict.title


PAIRS = [  # a line in version 1, the same in version 2
    ("# promise smp-safe: kept", "# promise=smp-safe outcome=kept"),
    ("# promise irq-safe: not tested: one core", '# promise=irq-safe outcome=not-tested why="one core"'),
    ("# promise frees-parts: not made", "# promise=frees-parts outcome=not-made"),
    ("# promise broken: true-oom", "# promise=true-oom outcome=broken"),
    ("# rule lost: not tested: no walk: none at all", '# rule=lost outcome=not-tested why="no walk: none at all"'),
    ("# phase hotplug left out: it needs remove_pages", '# phase=hotplug outcome=left-out why="it needs remove_pages"'),
    ('# selftest failed: "one page": insert 5: refused', '# selftest failed="one page" text="insert 5: refused"'),
    ('# selftest left out: "half removed, orders 2 to 9": it needs remove_pages',
     '# selftest left-out="half removed" orders=2-9 why="it needs remove_pages"'),
    ('# selftest left out: the rest of "one": as it may', '# selftest left-out="one" part=rest why="as it may"'),
    ("# look first at: the links", '# look-first-at="the links"'),
]


@pytest.mark.parametrize("verdict, title, results", [("pass", None, None), ("fail", TITLE, FAILED)])
def test_both_versions_give_the_same_page(verdict, title, results):
    old, new = (judge(numbered(body(verdict, title, results, [pair[at] for pair in PAIRS]), version))
                for at, version in enumerate(("", "log=2 ")))
    assert page_lines(old) == page_lines(new) and len(page_lines(new)) > 9
    assert (old.promises, old.rules_not_tested, old.phases_left_out) == (
        new.promises, new.rules_not_tested, new.phases_left_out)
    assert new.promises[1] == Statement("irq-safe", "not tested", "one core")
    assert new.selftest_left_out[0] == LeftOut("half removed", "it needs remove_pages", 8)


@pytest.mark.parametrize("at, version", [(0, "log=2 "), (1, "")])
def test_lines_of_the_other_version_are_ignored(at, version):
    verdict = judge(numbered(body(more=[pair[at] for pair in PAIRS]), version))
    assert (verdict.word, verdict.promises, verdict.selftest_left_out, verdict.advice) == ("pass", [], [], None)


@pytest.mark.parametrize("cores, place", [
    (["# core=0 state=reports locks=0 call=insert_pages from=0x100 to=0x200"], "in insert_pages (pages 0x100 to 0x200)"),
    (["# core=0 state=works interrupts=on locks=0 call=allocate order=3", "# core=0 in=interrupt call=free order=0 pfn=0x1"],
     "in allocate_pages (order 3)"),
    (["# core=0 state=works locks=0 call=free order=1 pfn=0x8 number=1 owner=0",
      "# core=1 state=reports locks=0 call=init from=0x1 to=0x2"], "in init (pages 0x1 to 0x2)"),
    (["# core=0 state=reports locks=0 call=first-walk"], "in: the first walk, when all memory had been inserted"),
])
def test_place_of_a_failure_before_the_first_phase(cores, place):
    title = "trap: x"
    lines = [*opening(plan=0)[:-1], f"# FAILURE {title}", *cores, "1..0", f"Bail out! {title}", f"# title={title}",
             "# verdict=crash"]
    assert judge(numbered(lines)).place == f"before the first phase, {place}"


# ---- verdict.json ----


def test_numbers_of_a_phase_are_in_the_record(tmp_path):
    lines = body("inconclusive", results={
        "single": "ok {} {} # ops=4123456 ms=12 share=0.5 hash=0x1f",
        "mixed": "ok {} {} # SKIP inconclusive: overlapped=3 floor=20 (give it more time)"})
    (tmp_path / "log").write_bytes(numbered([line.replace("memory_mib=511", 'cpu="QEMU \\"Virtual\\" CPU"') for line in lines]))
    record = json.loads(stampede("judge", tmp_path / "log", "--json", "-").stdout)
    assert [phase["values"] for phase in record["phases"]] == [
        {"ops": 123}, {"ops": 4123456, "ms": 12, "share": 0.5, "hash": "0x1f"}, {"overlapped": 3, "floor": 20}]
    assert record["machine"] == {"cpus": "8", "cpu": 'QEMU "Virtual" CPU'}
    assert record["title"] == "mixed: inconclusive: overlapped=3 floor=20 (give it more time)"


# ---- docs/LOG.md ----


def documented():
    """The tables under "The lines": a line's beginning and its keys; None for a line without keys, for people."""
    text = (ROOT / "docs/LOG.md").read_text(encoding="utf-8")
    found, keys = {}, None
    for line in text[text.index("## The lines"):text.index("## What was tested")].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and cells[0] not in ("line", "---"):
            for name in re.findall("`([^`]+)`", cells[0]):
                keys = found.setdefault(name, set())
            keys.update(re.findall("`([^`]+)`", cells[1]))
        elif len(cells) == 2 and cells[0] not in ("line", "---"):
            found |= dict.fromkeys(re.findall("`([^`]+)`", cells[0]))
    return found


DOCUMENTED = documented()


def row_of(line):
    """The row of docs/LOG.md for a line (the longest that fits, or None), and the line with numbers replaced."""
    shape = re.sub(r"^(not )?ok \d+ \S+ #", r"\1ok I NAME #", re.sub(r"^#   core \d+ #\d+", "#   core N #K", line))
    fitting = [name for name in DOCUMENTED if shape == name or shape.startswith(name if name[-1] == "=" else f"{name} ")]
    return max(fitting, key=len, default=None), shape


def check_documented(text):
    """Check that docs/LOG.md has each line and key of a log. Returns the rows that occurred."""
    log = parse(text.encode("latin-1"))
    met = set()
    for line in log.lines:
        if line == "KTAP version 1" or line.startswith(("1..", "Bail out! ")):
            continue
        row, shape = row_of(line)
        assert row, f"not in docs/LOG.md: {line}"
        met.add(row)
        if DOCUMENTED[row] is None or row == "not ok I NAME #":
            continue
        name = row.split()[-1] if row.endswith("=") else ""
        values = fields.read(name + shape.removeprefix(row).removeprefix("" if name else " "))
        unknown = set() if "*" in DOCUMENTED[row] else values.keys() - DOCUMENTED[row]
        assert not unknown, f"{unknown} of {row} not in docs/LOG.md: {line}"
        assert values or row.startswith("ok "), f"no values: {line}"
    return met


def test_what_the_reader_knows_is_documented():
    for prefix in DIAGNOSTICS:
        line, _, key = prefix.rstrip().rpartition(" ")
        assert prefix.rstrip() in DOCUMENTED or (key.endswith("=") and key[:-1] in DOCUMENTED[line]), prefix


HOST = "build/host"
PROGRAMS = [f"{HOST}/plain/stampede-host", f"{HOST}/plain/selftest/models", f"{HOST}/explore/stampede-explore",
            f"{HOST}/explore/user/depth2"]


@pytest.fixture(name="hosted", scope="module")
def fixture_hosted():
    make("-f", "tests/tests.mk", *PROGRAMS[:2])
    make("-f", "arch/host/host.mk", PROGRAMS[2])
    make("-f", "arch/host/host.mk", PROGRAMS[3], "HOST_ALLOCATOR=tests/explore/depth2.c")


@pytest.mark.parametrize("words, rows", [
    ([PROGRAMS[0], "cpus=2", "ops=3000"], ["# locks", "# handoff-order", "# sequence", "# totals"]),
    ([PROGRAMS[0], "cpus=2", "ops=20", "phases=mixed"], ["ok I NAME # SKIP inconclusive:"]),
    ([PROGRAMS[0], "cpus=3", "phases=mixed", "provoke=overlap"], ["# overlap", "# history", "# core=", "# look-first-at="]),
    ([PROGRAMS[0], "cpus=3", "phases=mixed", "provoke=content"], ["# content", "# history"]),
    ([PROGRAMS[0], "cpus=3", "phases=mixed", "provoke=deadlock", "watchdog=1"], ["# lock=", "# report"]),
    ([PROGRAMS[0], "provoke=nobodys"], ["# provoke=", "# ERROR"]),
    ([PROGRAMS[1], "allocator=wrong-lock", "phases=selftest", "cpus=2", "watchdog=1"],
     ["# selftest failed=", "# selftest left-out=", "# selftest vectors=", "# cores=", "#   core N #K"]),
    ([PROGRAMS[1], "allocator=no-promise", "cpus=2", "ops=100"], ["# phase=", "# rule=", "# selftest:"]),
    ([PROGRAMS[2], "schedules=300", "seed=1"], ["# explored", "# bound", "ok I NAME #"]),
    ([PROGRAMS[2], "strategy=sweep", "program=8/0:a0/1:a0", "preemptions=0"], ["# sweep"]),
    ([PROGRAMS[3], "seed=1"], ["# found", "# minimise", "# minimised", "# trace", "# outcome", "# FAILURE", "not ok I NAME #"]),
])
def test_lines_of_runs_are_documented(hosted, words, rows):
    log = run([ROOT / words[0], *words[1:]])
    assert log.is_whole(), log.text
    met = check_documented(log.text)
    assert set(rows) <= met, (set(rows) - met, log.text)
    assert all(len(line) <= 240 for line in log.lines)


def test_lines_of_the_kernel_are_documented():
    for options in ("ops=500", "phases=mixed ops=100000 provoke=null@1"):
        log = boot(options, cpus=2)
        met = check_documented(log.text)
        assert {"# machine", "# clock", "# apic", "# smp", "# memory"} <= met, log.text
    assert {"# rip", "# history", "# look-first-at="} <= met, log.text


def test_logs_of_the_tests_are_documented():
    """These logs have version 1, but only lines that both versions have."""
    for word in ("pass", "fail", "hang", "crash", "error"):
        check_documented(re.sub(r"cpus=8 memory_mib=511", "virtual=1", good(word).decode("latin-1")))
