"""From a failure of the stress to the explorer, and backwards through a failure that the explorer found.

The failures are real. They occur in QEMU, in images with an allocator from tests/explore, tests/replay or
tests/subjects.
"""

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
from itertools import groupby
from pathlib import Path

import pytest
from fake_runs import wait_until
from guest import ENVIRONMENT, ROOT, make
from support import STAMPEDE, TITLE, body, closed, good, stampede

from stampedelib.explore import from_stress, stress_log
from stampedelib.explore.stress_log import Block, Event, Story
from stampedelib.run.next_steps import replay_command
from stampedelib.verdict.verdict import CODES

LIMIT_SECONDS = 240  # not part of any verdict: a loaded host is slow
HOSTED = ROOT / "build/host/explore"


@pytest.fixture(scope="module")
def explorer():
    make("-f", "arch/host/host.mk", "build/host/explore/stampede-explore")
    return HOSTED / "stampede-explore"


def fail_in_qemu(source, folder, seconds=20):
    """Run the stress on an allocator that fails it. Returns the log's path and the tool's output."""
    name = source.split("/")[-1].removesuffix(".c")
    make("kernel", f"ALLOCATOR={source}")
    make("-f", "arch/host/host.mk", f"build/host/explore/user/{name}", f"HOST_ALLOCATOR={source}")
    log = folder / "serial.log"
    done = stampede("run", "--boot", "direct", "--kernel", ROOT / f"build/gcc-order16-{name}/stampede.elf", "--cpus", 4,
                    "--memory", "128M", "--seconds", seconds, "--args", "phases=mixed", "--accel", "tcg", "--silence", 10,
                    "--log", log, timeout=LIMIT_SECONDS)
    assert done.returncode in (CODES["fail"], CODES["hang"]), done.stdout + done.stderr
    return log, done.stdout


def bring_back(log, name, seconds):
    return stampede("explore", "--from-log", log, "--program-file", HOSTED / "user" / name, "--seconds", seconds,
                    timeout=LIMIT_SECONDS)


def title_of(log):
    return re.search(r"^# title=(.*?)\r?$", log.read_text(), re.MULTILINE)[1]


def check_came_back(log, done):
    """Check that the explorer found the log's rule again and minimised it, and that its `repeat:` command works."""
    rule = title_of(log).split(":")[0]
    code = CODES["hang" if rule == "deadlock" else "fail"]
    assert done.returncode == code, done.stdout + done.stderr + log.read_text()
    assert f"==> {rule}: " in done.stdout
    cores, operations = map(int, re.search(r"(\d+) cores, (\d+) operations", done.stdout).groups())
    assert cores <= 3 and operations <= 8, done.stdout
    again = stampede(*shlex.split(re.search(r"^  repeat: (.*)$", done.stdout, re.MULTILINE)[1])[1:],
                     timeout=LIMIT_SECONDS)
    assert again.returncode == code and f"==> {rule}: " in again.stdout, again.stdout + again.stderr


# ---- from the stress to the explorer ----


@pytest.fixture(scope="module")
def broken_in_order(tmp_path_factory):
    return fail_in_qemu("tests/replay/order.c", tmp_path_factory.mktemp("order"))


def test_order_dependent_failure_comes_back_in_the_logs_order(broken_in_order):
    log, said = broken_in_order
    assert title_of(log).startswith("overlap: ")
    command = rf"make .*explore ALLOCATOR=tests/replay/order.c FROM_LOG=\S*{log.parent.name}/{log.name}"
    assert re.search(f"  replay: {command}", said), said
    done = bring_back(log, "order", 30)
    check_came_back(log, done)
    assert "came back in the order of the log" in done.stdout
    assert "0 other schedules searched" in done.stdout


def make_says(command):
    """Run a printed command. Returns its output."""
    done = subprocess.run(command, cwd=ROOT, shell=True, env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=LIMIT_SECONDS, check=False)
    return done.stdout + done.stderr


def test_replay_is_a_command_that_works(broken_in_order):
    """The printed command works as it is, even if its program is not built."""
    (HOSTED / "user/order").unlink(missing_ok=True)
    said = make_says(re.search(r"^  replay: (.*)$", broken_in_order[1], re.MULTILINE)[1])
    assert f"FAIL (exit code {CODES['fail']}): overlap: " in said, said


def test_make_brings_back_a_folders_failure(broken_in_order, tmp_path):
    folder = tmp_path / "order-folder"
    folder.mkdir()
    shutil.copy(ROOT / "tests/replay/order.c", folder)
    said = make_says(f"make --no-print-directory explore ALLOCATOR={folder} FROM_LOG={broken_in_order[0]}")
    assert f"FAIL (exit code {CODES['fail']}): overlap: " in said, said
    assert "--program-file build/host/explore/user/order-folder" in said


@pytest.mark.parametrize("source", ["tests/explore/lock-order.c", "tests/replay/two-steps.c"])
def test_schedule_dependent_failure_comes_back(tmp_path, source):
    log, _ = fail_in_qemu(source, tmp_path)
    done = bring_back(log, Path(source).stem, 120)
    check_came_back(log, done)
    assert "came back under a schedule that was searched for" in done.stdout


def test_failure_that_needs_fifty_calls_does_not_come_back(tmp_path):
    log, _ = fail_in_qemu("tests/subjects/overlap.c", tmp_path)
    done = bring_back(log, "overlap", 3)
    assert done.returncode == CODES["inconclusive"], done.stdout + done.stderr
    assert f"INCONCLUSIVE (exit code 3): it did not come back: {title_of(log)}" in done.stdout
    tried = re.search(r"tried: (\d+) programs? made of it, (\d+) run in its order, (\d+) other", done.stdout)
    assert int(tried[1]) and int(tried[2]), done.stdout
    assert "==>" not in done.stdout


def test_another_failure_is_not_accepted(broken_in_order, tmp_path):
    """The log is changed to say "lost", but the allocator can only cause "overlap"."""
    text = broken_in_order[0].read_text().replace("overlap: pfn", "lost: pfn").replace("\r", "")
    log = tmp_path / "serial.log"
    log.write_bytes(closed(text[text.index("KTAP"):].splitlines()[:-1], int(re.search(r"nonce=(\w{16})", text)[1], 16)))
    done = bring_back(log, "order", 3)
    assert done.returncode == CODES["inconclusive"], done.stdout + done.stderr
    assert "did not come back: lost: " in done.stdout
    assert re.search(r"another failure, \d+ times: overlap: pfn", done.stdout), done.stdout


HISTORY = ["# history us=-2.000 core=1 call=allocate order=0 pfn=0x20 number=1",
           "# history us=-1.000 core=0 in=interrupt call=free order=0 pfn=0x20 number=1 owner=1"]
HISTORY_1 = ["# history -2.000 us core 1: allocate order 0 -> pfn 0x20, number 1",
             "# history -1.000 us core 0 in interrupt: free order 0 pfn 0x20, number 1 of core 1"]


def failed_log(title=TITLE, history=(), log="log=2 "):
    lines = body("fail", title, {"mixed": f"not ok {{}} {{}} # {title}"})
    lines[1] = lines[1].replace("nonce=", f"{log}nonce=")
    at = next(i for i, line in enumerate(lines) if line.startswith("not ok"))
    return closed([*lines[:at], *history, *lines[at:]])


@pytest.mark.parametrize("raw, complaint", [
    (good("pass"), "no failure to repeat: pass"),
    (good("inconclusive"), "no failure to repeat: inconclusive"),
    (failed_log(), "no line `# history`"),
    (failed_log("smp.bringup: core 3", HISTORY), "cannot repeat \"smp.bringup\""),
    (failed_log(history=HISTORY)[:-40], "this log cannot be trusted: cut: "),
    (failed_log(history=HISTORY).replace(b"0x20", b"0x21"), "this log cannot be trusted: "),
    (failed_log(history=HISTORY_1, log=""), "the history in log format 1 of an earlier kernel cannot be read"),
    (failed_log(history=["# history us=-1.0 core=x call=free"]), "a line does not follow docs/LOG.md"),
    (failed_log(history=HISTORY, log="log=3 "), "log format 3: this tool reads formats 1 to 2"),
    (b"", "this log cannot be trusted: empty"),
])
def test_other_logs_are_refused(explorer, tmp_path, raw, complaint):
    log = tmp_path / "serial.log"
    log.write_bytes(raw)
    done = stampede("explore", "--from-log", log, "--program-file", explorer)
    assert done.returncode == CODES["error"], done.stdout
    assert done.stderr.startswith(f"stampede: {log}: ") and complaint in done.stderr, done.stderr


def repeat_of(done):
    return next(line for line in done.stdout.splitlines() if line.startswith("  repeat: ")).removeprefix("  repeat: ")


def test_a_repeat_of_a_repeat_is_the_same(tmp_path):
    make("-f", "arch/host/host.mk", "build/host/explore/user/order", "HOST_ALLOCATOR=tests/replay/order.c")
    (tmp_path / "serial.log").write_bytes(failed_log(history=[
        "# history us=-4.000 core=0 call=allocate order=1 pfn=0x40 number=1",
        "# history us=-3.000 core=1 call=allocate order=0 pfn=0x20 number=1",
        "# history us=-2.000 core=0 call=free order=1 pfn=0x40 number=1 owner=0",
        "# history us=-1.000 core=1 call=allocate order=0 pfn=0x20 number=2"]))
    done = stampede("explore", "--from-log", tmp_path / "serial.log", "--program-file", HOSTED / "user/order",
                    "--allocator", "order", timeout=LIMIT_SECONDS)
    first = repeat_of(done)
    for _ in range(2):
        done = stampede(*shlex.split(first)[1:], "--log", tmp_path / "log")
        assert done.returncode == CODES["fail"] and "==> overlap: " in done.stdout, done.stdout + done.stderr
        assert repeat_of(done) == first


def test_killed_explorer_does_not_count_as_tried(tmp_path):
    explorer = tmp_path / "killed"
    explorer.write_text("#!/bin/sh\necho KTAP version 1\nkill -KILL $$\n", encoding="utf-8")
    explorer.chmod(0o755)
    (tmp_path / "serial.log").write_bytes(failed_log(history=HISTORY))
    done = stampede("explore", "--from-log", tmp_path / "serial.log", "--program-file", explorer, "--seconds", 1)
    assert done.returncode == CODES["error"], done.stdout + done.stderr
    assert "the explorer did not finish program " in done.stderr and "exit code -9" in done.stderr


def test_a_signal_leaves_no_folder(tmp_path):
    folder, explorer = tmp_path / "temporary", tmp_path / "waiting"
    folder.mkdir()
    explorer.write_text("#!/bin/sh\necho KTAP version 1\nexec sleep 600\n", encoding="utf-8")
    explorer.chmod(0o755)
    (tmp_path / "serial.log").write_bytes(failed_log(history=HISTORY))
    with subprocess.Popen([STAMPEDE, "explore", "--from-log", tmp_path / "serial.log", "--program-file", explorer],
                          env=os.environ | {"TMPDIR": str(folder)}, stdout=subprocess.PIPE) as process:
        wait_until(lambda: any(log.read_bytes() for log in folder.glob("stampede-replay-*/serial.log")))
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not list(folder.iterdir())


def test_what_is_missing_is_named(explorer, tmp_path):
    done = stampede("explore", "--from-log", tmp_path / "none.log")
    assert done.returncode == CODES["error"] and "none.log: no such file" in done.stderr
    log = tmp_path / "serial.log"
    log.write_bytes(failed_log(history=HISTORY))
    done = stampede("explore", "--from-log", log, "--program-file", explorer, "--allocator", "nobodys")
    assert done.returncode == CODES["error"] and "nobodys" in done.stderr, done.stderr
    done = stampede("explore", "--from-log", log, "--seed", "1:2")
    assert done.returncode == CODES["error"] and "--from-log makes the programs from the log" in done.stderr


def test_story_of_a_log():
    story = stress_log.read(failed_log(history=[
        "# core=1 state=reports interrupts=off locks=0",
        "# core=2 state=waits interrupts=off locks=0 call=allocate order=3", "# core=2 in=interrupt call=allocate order=1",
        *HISTORY, "# history us=+0.100 core=2 call=bad-free order=2 pfn=0x40"]), "log")
    block = Block(1, 1, 0x20, 0)
    assert story.events == [
        Event(1, False, "allocate", 0, block), Event(0, True, "free", 0, block),
        Event(2, False, "bad-free", 2, Block(2, 0, 0x40, 2), after=True),
        Event(2, False, "allocating", 3), Event(2, True, "allocating", 1)]
    assert story.cores == [1, 2, 0]


def test_blocks_from_before_the_window_are_allocated_first():
    old = [Block(core, number, 16 * number, 0) for core in (0, 1) for number in (1, 2)]
    events = [Event(0, False, "free", 0, old[2]), Event(1, False, "free", 0, old[0]), Event(1, False, "refused", 9)]
    story = Story("overlap: x", "buddy", events, [0, 1], [old[1]])
    first = from_stress.candidates(story)[0]
    assert first.program == "16/1:a0,f0.0,a4/0:a0,a0,f1.0"
    assert first.switches == "0.0@1:1,1.1@0:0,0.2@0:0,0.3@1:1" or first.switches.startswith("0.0@1:1,1.1@0:0")


def drawn_story(seed):
    """A story of random allocations and frees by four cores and their interrupts."""
    draw, events, held = random.Random(seed), [], []
    for number in range(60):
        core, interrupt = draw.randrange(4), draw.random() < 0.3
        if held and draw.random() < 0.5:
            block = held.pop(draw.randrange(len(held)))
            events.append(Event(core, interrupt, "free", block.order, block))
        else:
            block = Block(core, number, 16 * number, draw.choice([0, 0, 1, 2]))
            held.append(block)
            events.append(Event(core, interrupt, "allocate", block.order, block))
    return Story("overlap: x", "buddy", events, [0, 1, 2, 3], [])


@pytest.mark.parametrize("seed", range(6))
def test_operations_run_whole_and_in_the_order_of_the_log(explorer, tmp_path, seed):
    for candidate in from_stress.candidates(drawn_story(seed))[:12:3]:
        log = tmp_path / "explored.log"
        done = stampede("explore", "--hosted", "--program-file", explorer, "--quiet", "--log", log, "--program",
                        candidate.program, "--args", f"switches={candidate.switches}")
        assert done.returncode == CODES["pass"], done.stdout + done.stderr
        runs = [step for step, _ in groupby(re.findall(r"# trace thread=(\S+) operation=(\d+) ", log.read_text()))]
        assert len(runs) == len(set(runs)) > 5, "an operation was interrupted"
        maker = from_stress.Maker(drawn_story(seed), list(range(candidate.cores)), candidate.window)
        assert maker.program(candidate.pages, dict(from_stress.ARENAS)[candidate.pages]) == candidate.program
        wanted = maker.steps()
        runs = [" ".join(step) for step in runs]
        assert runs == [step for step in wanted if step in runs]  # a free of a refused block is no step


def test_command_of_a_failed_run_is_for_the_same_allocator(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    raw = failed_log(history=HISTORY)
    make("kernel")
    make("kernel", "ALLOCATOR=tests/replay/order.c")
    image = Path("build/gcc-order16/stampede.elf")
    mine = Path("build/gcc-order16-order/stampede.elf")
    assert replay_command("x", "my log", raw, image, TITLE) == "make explore 'FROM_LOG=my log'"
    assert replay_command("x", "serial.log", raw, mine, TITLE) == (
        "make explore ALLOCATOR=tests/replay/order.c FROM_LOG=serial.log")
    assert replay_command("x", "my log", raw, tmp_path / "stampede.elf", TITLE) == "x explore --from-log 'my log'"
    assert replay_command("x", "serial.log", raw, image, "smp.bringup: core 3") is None
    assert replay_command("x", "serial.log", failed_log(), image, TITLE) is None
    monkeypatch.chdir(tmp_path)
    assert replay_command("x", "serial.log", raw, ROOT / mine, TITLE) == (
        f"make -C {ROOT} explore ALLOCATOR=tests/replay/order.c FROM_LOG={tmp_path}/serial.log")


# ---- backwards ----


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A planted failure, found by the hosted explorer and recorded in QEMU."""
    make("kernel", "EXPLORE=1", "ALLOCATOR=tests/explore/lock-order.c")
    make("-f", "arch/host/host.mk", "build/host/explore/user/lock-order", "HOST_ALLOCATOR=tests/explore/lock-order.c")
    found = stampede("explore", "--hosted", "--program-file", HOSTED / "user/lock-order", "--seed", 1, "--quiet",
                     timeout=LIMIT_SECONDS)
    seeds = re.search(r"--seed (0x\w+:0x\w+)", found.stdout)[1]
    folder = tmp_path_factory.mktemp("recording")
    done = stampede("explore", "--kernel", ROOT / "build/gcc-order16-explore-lock-order/stampede.elf", "--seed", seeds,
                    "--record", folder, timeout=LIMIT_SECONDS)
    assert done.returncode == CODES["hang"], done.stdout + done.stderr
    assert "HANG (exit code 4): deadlock: " in done.stdout and "--gdb" in done.stdout
    return folder


def test_replay_says_the_same_byte_for_byte(recording):
    done = stampede("explore", "--replay", recording, timeout=LIMIT_SECONDS)
    assert done.returncode == CODES["hang"], done.stdout + done.stderr
    assert "deadlock: " in done.stdout and "the log is the same, byte for byte" in done.stdout


def back(recording, *commands, timeout=LIMIT_SECONDS):
    """Run gdb on the replay. Returns the finished process and each printed place."""
    words = [word for command in commands for word in ("-ex", command)]
    done = stampede("explore", "--replay", recording, "--gdb", "--", "-batch", *words, stdin=subprocess.DEVNULL,
                    timeout=timeout)
    return done, [int(pc, 16) for pc in re.findall(r"^at (0x\w+)", done.stdout, re.MULTILINE)]


PLACE = 'printf "at %#lx\\n", $pc'
ATTEMPTS = 4  # QEMU 7.2 sometimes does not report to gdb that a step backwards is done (docs/DEBUGGING.md)


def test_steps_backwards_from_the_broken_rule(recording):
    for attempt in range(ATTEMPTS):
        try:
            done, places = back(recording, "bt", PLACE, *["reverse-stepi", PLACE] * 4, *["stepi", PLACE] * 2,
                                timeout=45 * (attempt + 1))
            break
        except subprocess.TimeoutExpired:
            continue
    else:
        pytest.fail(f"reverse-stepi did not come back in {ATTEMPTS} attempts")
    assert "trial_broken (title=" in done.stdout and "deadlock: " in done.stdout, done.stdout + done.stderr
    assert re.search(r"#\d+ .*fail_deadlock \(", done.stdout), done.stdout
    assert len(places) == 7, done.stdout + done.stderr
    assert len(set(places[:5])) == 5, "each step backwards must reach another instruction"
    assert places[5:] == [places[3], places[2]], "steps forwards must pass the same instructions"
    assert re.search(r"\bcaught \(rule=", done.stdout), "the caller's frame must be shown"


def test_rewinds_as_steps_backwards_do(recording):
    done, places = back(recording, PLACE, *["rewind 1", PLACE] * 2, "stepi", PLACE, "stepi", PLACE)
    assert len(places) == 5 and len(set(places)) == 3, done.stdout + done.stderr
    assert places[3:] == [places[1], places[0]]


def test_rewinds_to_the_last_access(recording):
    """The last access before a deadlock is a waiting core's read of the lock."""
    done, _ = back(recording, "rewind 50", "rewind access", "thbreak trial_broken", "rewind 1")
    first, second = map(int, re.findall(r"^instruction (\d+)$", done.stdout, re.MULTILINE))
    assert second < first, done.stdout + done.stderr
    shown = done.stdout[done.stdout.index(f"instruction {second}"):]
    assert re.search(r"^#0 +simulator_access \(", shown, re.MULTILINE), shown
    assert re.search(r"^#\d .*spinlock\.c:\d+$", shown, re.MULTILINE), shown
    assert "rewind: with breakpoints QEMU cannot go back from here" in done.stderr


def test_recording_is_checked(recording, tmp_path):
    done = stampede("explore", "--replay", tmp_path)
    assert done.returncode == CODES["error"] and "recording.json: no such file" in done.stderr
    (tmp_path / "mine").write_text("mine")
    done = stampede("explore", "--seed", "1:2", "--record", tmp_path, "--kernel", recording / "stampede.elf")
    assert done.returncode == CODES["error"] and "neither empty nor a recording" in done.stderr
    done = stampede("explore", "--record", tmp_path / "new")
    assert done.returncode == CODES["error"] and "--record: needs one trial" in done.stderr
    done = stampede("explore", "--gdb")
    assert done.returncode == CODES["error"] and "--gdb: needs --hosted or --replay" in done.stderr
