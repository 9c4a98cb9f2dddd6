"""Provoked failures on the real image. Each has its verdict and title, all cores report it, and the bundle shows it.
The kernel's option `provoke=` causes them."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import namedtuple

import pytest
from fake_runs import wait_until
from gdb_support import KERNEL
from guest import make
from support import NONCE, ROOT, STAMPEDE, stampede

from stampedelib.commands.run import parse
from stampedelib.run.folder import find_guest
from stampedelib.run.plan import build_machine
from stampedelib.verdict.verdict import CODES

CPUS = 8
SECONDS = 120  # far more than any of these needs, even on a slow host

# A failure: its option, verdict and title (P: any pfn or address, N: any number). Then what gdb must show of the
# bundle: text of `stampede lock`, the failing core (None: the one that reports), functions in its backtrace.
Failure = namedtuple("Failure", "provoke word title locks core functions")
FAILURES = [
    Failure("overlap", "fail", "overlap: pfn P order N", [], None, ["arena_allocate"]),
    Failure("content", "fail", "content: pfn P order N", [], 1, ["arena_free"]),
    Failure("interrupt-relock", "fail", "lock-owner: spare taken again by its owner, core 1, .*",
            ["lock spare at P: held by core 1 "], 1, ["spinlock_irq_lock", "handler"]),
    Failure("lost-unlock", "fail", "lock-held: core 1 goes on with 1 locks held: spare",
            ["lock spare at P: held by core 1 "], 1, []),
    Failure("deadlock", "hang", "deadlock: core 1 waits for second of core 2, "
            "core 2 waits for first of core 1",
            ["lock first at P: held by core 1 ", "lock second at P: held by core 2 ",
             "deadlock: core 1 waits for second of core 2"], 1, ["provoke_deadlock"]),
    Failure("hang@3", "hang", "stall: core 3 makes no progress", [], 3, ["provoke_hang"]),
    Failure("null@5", "crash", "wild-access: core 5 read address 0x8 at rip P", [], 5,
            ["provoke_null"]),
    Failure("text-write", "crash", "wild-access: core 1 wrote address P at rip P", [], 1,
            ["provoke_text_write"]),
    Failure("stack@2", "crash", "stack: core 2 ran over the end of core 2's main stack at rip P",
            [], 2, ["recurse"]),
]
Run = namedtuple("Run", "code output record log bundle")


def pattern(text):
    """A regular expression for a title."""
    return text.replace("P", "0x[0-9a-f]+").replace("N", "[0-9]+")


@pytest.fixture(name="kernel", scope="module")
def fixture_kernel(tmp_path_factory):
    """A copy of the image, so that a build meanwhile changes nothing."""
    assert KERNEL.is_file(), f"{KERNEL}: no such file; make kernel"
    return shutil.copy(KERNEL, tmp_path_factory.mktemp("image") / "stampede.elf")


def words(kernel, folder, options, *more):
    """The words of a run's command line after `stampede`."""
    return [str(word) for word in (
        "run", "--boot", "direct", "--kernel", kernel, "--accel", "tcg", "--cpus", CPUS, "--memory",
        "128M", "--seconds", 3, "--log", folder / "serial.log", "--quiet", "--args",
        options if "phases=" in options else f"phases=mixed {options}", *more)]


def finished(folder, done):
    """A finished run and the files that it left."""
    record = json.loads((folder / "verdict.json").read_text())
    return Run(done.returncode, done.stdout, record,
               (folder / "serial.log").read_text(errors="replace"), folder / "bundle")


@pytest.fixture(name="fail", scope="module")
def fixture_fail(kernel, tmp_path_factory):
    """A function that runs the image to a failure and keeps the bundle. Each failure is run only once."""
    kept = {}

    def fail(provoke, *more):
        if provoke not in kept:
            folder = tmp_path_factory.mktemp("run")
            done = stampede(*words(kernel, folder, f"provoke={provoke}", "--on-fail", "bundle",
                                   *more), timeout=SECONDS)
            kept[provoke] = finished(folder, done)
        return kept[provoke]

    return fail


def opened(bundle, *commands):
    """Open a bundle in gdb. Returns all output, each core's row of `stampede cpus`, and each core's backtrace."""
    extra = [word for command in commands for word in ("-ex", command)]
    done = stampede("postmortem", bundle, "--", "-batch", *extra, timeout=SECONDS, cwd="/")
    text = done.stdout + done.stderr
    assert done.returncode == 0 and "Error" not in text, text
    threads = dict(re.findall(r"^Thread (\d+) \(.*\):\n((?:#.*\n)+)", text, re.MULTILINE))
    rows = {int(row.split()[0]): row for row in re.findall(r"^\d+ +\d+ +\d+ .*", text, re.MULTILINE)}
    return text, rows, {core: threads[row.split()[2]] for core, row in rows.items()}


def functions(backtrace):
    return re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+)", backtrace, re.MULTILINE)


def reported_cores(log):
    """The cores that have their own line in the kernel's report."""
    return {int(core) for core in re.findall(
        r"^# core=(\d+) state=(?:reports|works|waits|rests)\b", log, re.MULTILINE)}


# Each failure has its verdict, and all cores report.

@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.provoke)
def test_verdict_title_and_freeze(fail, failure):
    run = fail(failure.provoke)
    assert run.code == CODES[failure.word], run.output
    assert (run.record["word"], run.record["run"]["ended_by"]) == (failure.word, "held")
    assert re.fullmatch(pattern(failure.title), run.record["title"])
    assert run.record["reasons"] == []
    assert reported_cores(run.log) == set(range(CPUS))
    assert "did not take the NMI" not in run.log


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.provoke)
def test_gdb_finds_all_cores_the_locks_and_the_failing_one_in_the_bundle(fail, failure):
    text, rows, backtraces = opened(fail(failure.provoke).bundle)
    assert set(rows) == set(range(CPUS))
    assert all("??" not in functions(backtrace)[:1] for backtrace in backtraces.values())
    for lock in failure.locks:
        assert re.search(f"^{pattern(lock)}", text, re.MULTILINE)
    core = failure.core
    if core is None:
        core = next(number for number, row in rows.items() if " reports " in row)
    assert set(failure.functions) <= set(functions(backtraces[core])), backtraces[core]


def test_the_failing_operation_is_in_the_history(fail):
    run = fail("overlap")
    core, pfn, order = re.search(r"overlap side=taker core=(\d+) pfn=(\w+) order=(\d+)",
                                 run.log).groups()
    text, _, _ = opened(run.bundle, f"stampede page {pfn}", f"stampede history {core}")
    operation = re.compile(rf"core={core} call=allocate order={order} pfn={pfn} number=\d+")
    assert len(operation.findall(text)) >= 2  # in the page's history and in the core's
    assert re.search(rf"^# history us=\S+ core={core} call=allocate order={order} pfn={pfn} number=\d+ "
                     "touches=this-block", run.log, re.MULTILINE)


def test_core_that_takes_no_nmi_is_named_and_is_in_the_bundle(fail):
    run = fail("deaf")
    assert run.code == CODES["fail"]
    assert re.search(r"^# freeze: core 1 \(APIC ID 1\) did not take the NMI", run.log, re.MULTILINE)
    assert reported_cores(run.log) == set(range(CPUS)) - {1}
    _, rows, backtraces = opened(run.bundle)
    assert set(rows) == set(range(CPUS))
    assert "provoke_deaf" in functions(backtraces[1])


def test_cores_that_are_all_stuck_are_made_to_report(fail):
    run = fail("hang-all", "--silence", 10)
    assert run.code == CODES["hang"]
    assert re.fullmatch("stall: core [0-7] makes no progress", run.record["title"])
    assert run.record["reasons"] == ["silence: no byte for 10 s; an NMI made the guest tell"]
    assert reported_cores(run.log) == set(range(CPUS))
    _, rows, backtraces = opened(run.bundle)
    assert all("provoke_hang" in functions(backtraces[core]) for core in rows)


@pytest.mark.parametrize("provoke, function", [
    ("triple-fault", "provoke_triple_fault"), ("reset", None)])
def test_machine_that_went_down_keeps_its_evidence(fail, provoke, function):
    run = fail(provoke)
    assert run.code == CODES["crash"]
    assert run.record["title"] == f"{provoke}, in phase mixed"
    text, rows, backtraces = opened(run.bundle)
    assert set(rows) == set(range(CPUS))
    if function:
        assert function in functions(backtraces[1])
        assert f"CPU 1: {function}+" in run.output


# If only core 0 works, the other cores do not report a failure, unless a core is stuck.

@pytest.mark.parametrize("subject, phases, shown, resting", [
    ("selftest", "selftest", {0}, ["cores=1-7 state=rests"]),
    ("insert-refused", "all", {0}, ["cores=1-7 state=rests"]),  # before the first phase
    ("misaligned", "single", {0}, ["cores=1-7 state=rests"]),
    ("misaligned", "mixed", set(range(CPUS)), []),
    ("stall", "selftest", set(range(CPUS)), []),
])
def test_idle_cores_share_one_line(tmp_path, subject, phases, shown, resting):
    make("kernel", f"ALLOCATOR=tests/subjects/{subject}.c")
    done = stampede(*words(ROOT / f"build/gcc-order16-{subject}/stampede.elf", tmp_path,
                           f"phases={phases} watchdog=1", "--on-fail", "exit"), timeout=SECONDS)
    run = finished(tmp_path, done)
    assert run.code in (CODES["fail"], CODES["hang"]), run.output
    assert reported_cores(run.log) == shown, run.log
    assert re.findall(r"^# (cores=[0-9,-]+ state=rests)$", run.log, re.MULTILINE) == resting
    assert {int(core) for core in re.findall(r"^#   core (\d+) #0", run.log, re.MULTILINE)} == shown


# Runs that end without a failure of the kernel.

def test_reboot_loop_of_a_machine_that_nothing_stops(kernel, tmp_path):
    log = tmp_path / "serial.log"
    command = build_machine(parse(words(kernel, tmp_path, "provoke=reset")[1:]), NONCE).command(["-serial", f"file:{log}"])
    command.remove("-no-reboot")
    qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: log.exists() and log.read_bytes().count(b"KTAP version 1") >= 3, SECONDS)
    finally:
        qemu.kill()
        qemu.wait()
    done = stampede("judge", log, "--nonce", f"{NONCE:x}")
    assert done.returncode == CODES["crash"]
    assert re.match(r"CRASH \(exit code 5\): reset: line \d+: the machine started again",
                    done.stdout)


def started(kernel, folder, options, *more):
    """Start a run and do not wait for it."""
    return subprocess.Popen([STAMPEDE, *words(kernel, folder, options, *more)],
                            stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_guest_that_is_killed(kernel, tmp_path):
    tool = started(kernel, tmp_path, "", "--seconds", 600, "--on-fail", "bundle")
    log = tmp_path / "serial.log"
    try:
        wait_until(lambda: tool.poll() is not None or log.exists()
                   and b"# begin phase=mixed" in log.read_bytes(), SECONDS)
        os.kill(find_guest(tmp_path).pid, signal.SIGKILL)
        output, _ = tool.communicate(timeout=SECONDS)
    finally:
        tool.kill()
    assert tool.returncode == CODES["crash"]
    assert "killed: QEMU died of SIGKILL, in phase mixed" in output
    assert "no core: QEMU was gone when the failure was seen" in output
    assert (tmp_path / "bundle/serial.log").read_bytes() == log.read_bytes()


# Interactive use of gdb.

def gdb(folder, *commands):
    """Attach gdb to the run in `folder`. Returns gdb's output."""
    extra = [word for command in commands for word in ("-ex", command)]
    done = stampede("gdb", "--log", folder, "--", "-batch", *extra, timeout=SECONDS)
    return done.stdout + done.stderr


def test_held_guest_is_attached_to_again_and_again(kernel, tmp_path):
    tool = started(kernel, tmp_path, "provoke=deadlock", "--on-fail", "gdb")
    try:
        shown = ""
        while "Ctrl-C here" not in shown:
            shown += (line := tool.stdout.readline())
            assert line, shown
        assert re.search(rf"gdb --log \S*{tmp_path.name}\b", shown)
        for _ in range(2):
            assert "lock first at" in gdb(tmp_path, "stampede lock")
        gdb(tmp_path, "kill")
        assert tool.wait(timeout=SECONDS) == CODES["hang"]
    finally:
        tool.kill()
        tool.wait()
        tool.stdout.close()


def test_debugging_from_the_first_instruction(kernel, tmp_path):
    tool = started(kernel, tmp_path, "ops=1000", "--debug", "--cpus", 2)
    try:
        line = tool.stdout.readline()
        assert "halted before its first instruction; attach: " in line
        assert (tmp_path / "serial.log").read_bytes() == b""
        assert "kernel_main" in gdb(tmp_path, "backtrace 1")  # gdb leaves the guest running
        wait_until(lambda: b"KTAP" in (tmp_path / "serial.log").read_bytes(), SECONDS)
        output, _ = tool.communicate(timeout=SECONDS)
        assert tool.returncode in (CODES["pass"], CODES["inconclusive"]), output
    finally:
        tool.kill()
        tool.wait()
        tool.stdout.close()
