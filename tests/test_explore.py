"""The explorer: it finds planted bugs under their titles, repeats and minimises them, and accepts sound allocators.
A seed gives the same schedule in the hosted program and in the kernel.
"""

import os
import re
import shlex
import signal
import subprocess
from functools import cache

import pytest
from fake_runs import wait_until
from guest import ENVIRONMENT, ROOT, boot, image, make
from support import STAMPEDE, stampede

from stampedelib.console import Detail
from stampedelib.explore import run as explore_run
from stampedelib.explore.explored import Explored, SavedProgram
from stampedelib.explore.options import ExploreOptions
from stampedelib.run.folder import claim
from stampedelib.usage import UsageError
from stampedelib.verdict.verdict import CODES

BUILT_IN = ("buddy", "buddy-scan", "buddy-percpu")
HOSTED = ROOT / "build/host/explore/stampede-explore"
KERNEL = ROOT / "build/gcc-order16-explore/stampede.elf"

# Allocator of tests/explore: possible titles, the most operations and cores of its minimised program.
PLANTED = {
    "depth1": ({"false-oom"}, 8, 3),
    "depth2": ({"free-list"}, 3, 2),
    "depth3": ({"overlap", "lost"}, 8, 3),
    "aba": ({"overlap", "lost", "free-list"}, 8, 3),
    "error-path": ({"deadlock"}, 4, 2),
    "lock-order": ({"deadlock"}, 4, 2),
    "no-lock": ({"race"}, 3, 2),
    "deferred-frees": ({"false-oom"}, 6, 2),
    "late-unmark": ({"free-list", "overlap"}, 8, 3),
    "undo-too-far": ({"overlap", "free-list"}, 8, 3),
}


@cache
def hosted(name=None):
    """The hosted explorer, with an allocator of tests/explore or tests/subjects as the first one, if given."""
    if name is None:
        make("-f", "arch/host/host.mk", str(HOSTED.relative_to(ROOT)))
        return HOSTED
    path = next(path for path in (f"tests/explore/{name}.c", f"tests/subjects/{name}.c") if (ROOT / path).is_file())
    make("-f", "arch/host/host.mk", f"build/host/explore/user/{name}", f"HOST_ALLOCATOR={path}")
    return ROOT / f"build/host/explore/user/{name}"


@cache
def kernel(*words):
    """Build the explorer's kernel. Returns its path."""
    make("-j2", "kernel", "EXPLORE=1", *words)
    name = words[0].split("/")[-1].removesuffix(".c") if words else ""
    if words and words[0].startswith("STACSOS="):
        name = f"stacsos2026-{words[0].split('/')[-2]}"
    return ROOT / f"build/gcc-order16-explore{'-' if name else ''}{name}/stampede.elf"


def explore(program, *options):
    """Run the explorer. Returns its exit code, its parsed log and the log's text."""
    done = subprocess.run([program, *options], capture_output=True, timeout=120, check=False)
    return done.returncode, Explored.parse(done.stdout), done.stdout.decode()


def result(text):
    """The figures of the result line."""
    line = re.search(r"^ok 1 explore # (.*)$", text, re.MULTILINE)
    assert line, text
    return dict(word.split("=") for word in line[1].split())


def rule(title):
    return title.split(":")[0]


# ---- sound allocators ----

@pytest.mark.parametrize("allocator", BUILT_IN)
@pytest.mark.parametrize("strategy", ("portfolio", "walk"))
def test_built_in_allocators_pass(allocator, strategy):
    count = 2000 if allocator == "buddy-percpu" else 15000
    code, _, text = explore(hosted(), f"allocator={allocator}", f"strategy={strategy}", f"schedules={count}")
    assert code == CODES["pass"], text
    figures = result(text)
    assert int(figures["schedules"]) >= count
    assert int(figures["interleaved"]) > 0.8 * count


def test_statics_are_reset_before_each_trial():
    code, _, text = explore(hosted("static-state"), "schedules=3000", "seed=1")
    assert code == CODES["pass"], text
    log = boot("schedules=200 seed=1", kernel("ALLOCATOR=tests/explore/static-state.c"), cpus=1)
    assert log.verdict == "pass", log.text


@pytest.mark.parametrize(("name", "schedules"), [("ticket", 300), ("queued", 1500), ("zeroing", 1500)])
def test_handmade_sound_allocators_pass(name, schedules):
    code, _, text = explore(hosted(name), f"schedules={schedules}", "seed=1")
    assert code == CODES["pass"], text


def test_lock_nodes_on_stacks_give_the_same_schedules_in_the_kernel():
    here = result(explore(hosted("queued"), "schedules=150", "seed=3")[2])
    log = boot("schedules=150 seed=3", kernel("ALLOCATOR=tests/explore/queued.c"), cpus=1)
    there = result(log.text.replace("\r", ""))
    assert (here["points"], here["hash"]) == (there["points"], there["hash"])


def test_a_lock_that_is_never_released_is_a_stall():
    """There is only one core, so the explorer itself would wait for ever."""
    code, explored, text = explore(hosted("lock-kept"), "program=1/0:a0,a0", "strategy=given")
    assert code == CODES["hang"] and rule(explored.title) == "stall", text
    assert (explored.figures["cores"], explored.figures["operations"]) == ("1", "2") and explored.program, text


def test_non_canonical_address_is_no_page_fault():
    code, explored, text = explore(hosted("no-address"), "schedules=10", "seed=1")
    assert code == CODES["crash"] and explored.title.startswith("trap: #GP on core 0 at rip 0x"), text


def test_inserting_pages_that_were_not_removed_is_refused():
    code, _, text = explore(hosted(), "program=16/0:m4.8,p0", "strategy=given")
    assert code == CODES["pass"], text
    code, _, text = explore(hosted(), "program=16/0:a0,p0", "strategy=given")
    assert code == CODES["error"] and "operation 1 of 0 puts back what no operation removes" in text, text


def test_minimising_leaves_no_needless_switch():
    """Two switches also break it, and neither can be removed alone. Minimising must find that one is enough."""
    code, explored, text = explore(hosted("depth2"), "schedules=3000", "seed=1")
    assert code == CODES["fail"], text
    figures = explored.figures
    assert (figures["cores"], figures["operations"], figures["switches"]) == ("2", "2", "1"), text


def test_giving_up_on_a_lock_is_no_deadlock():
    code, _, text = explore(hosted("try-lock"), "schedules=3000", "seed=1")
    assert code == CODES["pass"], text
    code, _, text = explore(hosted("try-lock"), "program=1/0:a0/i0:a0", "switches=0.0@32:i0")
    assert code == CODES["pass"], text


def test_a_declared_race_is_listed_but_not_reported():
    """The compiler inlines the counting function, so the declaration names the function that a report would name."""
    code, _, text = explore(hosted("benign"), "schedules=5000", "seed=2")
    assert code == CODES["pass"], text
    listed = '# benign function=allocate reason="a count for people, some of which may be lost"'
    assert listed in text
    log = boot("schedules=100 seed=2", kernel("ALLOCATOR=tests/explore/benign.c"), cpus=1)
    assert log.verdict == "pass" and listed in log.lines, log.text


@pytest.mark.parametrize("allocator", BUILT_IN)
def test_kernel_and_program_do_the_same(allocator):
    options = [f"allocator={allocator}", "seed=77", "schedules=150"]
    here = result(explore(hosted(), *options)[2])
    log = boot(" ".join(options), kernel(), cpus=1)
    there = result(log.text.replace("\r", ""))
    assert log.verdict == "pass" and log.is_whole(), log.text
    assert [here[key] for key in ("points", "interleaved", "hash")] == [
        there[key] for key in ("points", "interleaved", "hash")]
    other = result(explore(hosted(), *options[:1], "seed=78", options[2])[2])
    assert other["hash"] != here["hash"]


def test_stacsos_is_explored():
    reference = kernel("STACSOS=tests/subjects/stacsos/2026/page-allocator-buddy.cpp")
    log = boot("schedules=300 seed=5", reference, cpus=1)
    assert log.verdict == "pass", log.text


# ---- planted bugs ----

@pytest.mark.parametrize("name", PLANTED)
def test_planted_bug_is_found_minimised_and_repeated(name):
    titles, most_operations, most_cores = PLANTED[name]
    code, explored, text = explore(hosted(name), "seconds=60", "seed=1")
    assert code in (CODES["fail"], CODES["hang"]), text
    assert rule(explored.title) in titles, text
    assert int(explored.figures["operations"]) <= most_operations, text
    assert int(explored.figures["cores"]) <= most_cores, text
    assert explored.steps and "outlives" not in text
    trial = [f"program-seed={explored.found['program']}", f"schedule-seed={explored.found['schedule']}",
             "minimise=0"]
    found = re.search(r"^# found title=(.*)$", text, re.MULTILINE)[1]
    for _ in range(100):
        code, again, text = explore(hosted(name), *trial)
        assert (again.found["hash"], rule(again.title)) == (explored.found["hash"], rule(found)), text


@pytest.mark.parametrize("name", ("lock-order", "depth2"))
def test_planted_bug_is_found_in_the_kernel_too(name):
    """The kernel finds it under the same seeds and by the same schedule."""
    _, here, _ = explore(hosted(name), "schedules=3000", "seed=1")
    log = boot("schedules=3000 seed=1", kernel(f"ALLOCATOR=tests/explore/{name}.c"), cpus=1)
    there = Explored.parse(log.text.encode("latin-1"))
    assert log.is_whole(), log.text
    assert {key: here.found[key] for key in ("program", "schedule", "points", "hash")} == {
        key: there.found[key] for key in ("program", "schedule", "points", "hash")}
    assert (here.program, here.switches) == (there.program, there.switches)
    assert rule(here.title) == rule(there.title)


def test_late_trial_is_the_same_when_run_alone():
    """A trial leaves nothing behind for the next one: a late trial does the same when it runs alone."""
    _, first, text = explore(hosted("depth3"), "schedules=200000", "seed=9", "minimise=0", "interrupts=0")
    assert first.found, text
    assert int(first.found["schedules"]) > 100, text
    _, alone, text = explore(hosted("depth3"), f"program-seed={first.found['program']}", "interrupts=0",
                             f"schedule-seed={first.found['schedule']}", "minimise=0")
    assert [first.found[key] for key in ("points", "hash")] == [alone.found[key] for key in ("points", "hash")], text


def test_lock_order_names_the_cycle():
    _, explored, _ = explore(hosted("lock-order"), "seconds=60", "seed=2", "interrupts=0")
    assert re.fullmatch(r"deadlock: core \d waits for (first|second), held by core \d; core \d waits for "
                        r"(first|second), held by core \d", explored.title)


def test_race_names_both_sides():
    _, explored, text = explore(hosted("no-lock"), "seconds=60", "seed=2")
    assert explored.race[0].startswith("race at pool+0x"), text
    assert all(re.match(r"race (first|second): thread i?\d (read|write) at=0x[0-9a-f]+ allocate\+0x[0-9a-f]+ lock=none",
                        side) for side in explored.race[1:]), text
    _, _, text = explore(hosted("no-lock"), "seed=2", "schedules=3000", "races=0")
    assert "verdict=pass" in text


# Program, a strategy with the bug's depth, and the number of schedules to try.
@pytest.mark.parametrize(("name", "program", "strategy", "tries"), [
    ("depth1", "4/0:a0,f0.0/1:a0,f1.0,a0", "pct2", 2000),
    ("depth2", "8/0:a0/1:a0", "pct2", 20000),
    ("depth3", "4/0:a0,f0.0/1:a0,f1.0", "pct3", 60000),
])
def test_rate_is_within_the_bound(name, program, strategy, tries):
    """In trials of one program, at least one in n k^(d-1) fails: n threads, k points (Burckhardt et al., 2010)."""
    code, _, text = explore(hosted(name), f"program={program}", f"strategy={strategy}", f"schedules={tries}",
                            "keep-going=1", "seed=4")
    failures = int(re.search(rf"explored strategy={strategy} schedules=\d+ failures=(\d+)", text)[1])
    depth = int(name[-1])
    bound = re.search(r"bound depth=2 threads=(\d+) length=(\d+)", text)
    one_in = int(bound[1]) * int(bound[2]) ** (depth - 1)
    assert failures >= 1 and code == CODES["fail"], text
    if tries / one_in > 8:  # otherwise chance decides
        assert failures >= tries / one_in / 2, (failures, tries, one_in)


def test_sweep_is_complete_and_says_so():
    sound = explore(hosted(), "allocator=buddy", "strategy=sweep", "program=8/0:a0,f0.0/1:a0,a1",
                    "preemptions=1", "seconds=60")
    assert sound[0] == CODES["pass"] and re.search(r"# sweep .* preemptions=1 schedules=\d+ complete=yes", sound[2]), sound[2]
    none = explore(hosted("depth2"), "strategy=sweep", "program=8/0:a0/1:a0", "preemptions=0")
    assert none[0] == CODES["pass"] and "schedules=2 complete=yes" in none[2], none[2]
    one = explore(hosted("depth2"), "strategy=sweep", "program=8/0:a0/1:a0", "preemptions=1")
    assert one[0] == CODES["fail"] and one[1].figures["switches"] == "1", one[2]
    cut = explore(hosted(), "allocator=buddy", "strategy=sweep", "program=8/0:a0,a0/1:a0,a1", "preemptions=3",
                  "schedules=50")
    assert "complete=no" in cut[2]


# ---- the tool ----

def test_trace_has_a_column_per_core(tmp_path):
    done = stampede("explore", "--hosted", "--program-file", hosted("lock-order"), "--seed", "1", "--log",
                    tmp_path / "log", "--save", tmp_path / "saved", "--args", "interrupts=0")
    assert done.returncode == CODES["hang"], done.stdout + done.stderr
    lines = done.stdout.splitlines()
    heads = next(line for line in lines if "core 0" in line and "|core 1" in line)
    assert any(line.startswith("  allocate order 0") for line in lines), done.stdout
    assert any(re.match(r" +\|  (lock-order|spinlock)\.c:\d+ \S", line) for line in lines), (heads, done.stdout)
    assert any(line.startswith("  ==> deadlock:") for line in lines)
    repeat = next(line for line in lines if line.startswith("  repeat: "))
    assert "--seed 0x" in repeat

    saved = SavedProgram.read(tmp_path / "saved")
    assert saved.switches and saved.allocator == "lock-order" and saved.title.startswith("deadlock:")
    again = stampede("explore", "--hosted", "--program-file", hosted("lock-order"), "--program", tmp_path / "saved",
                     "--log", tmp_path / "log")
    assert again.returncode == CODES["hang"] and "==> deadlock:" in again.stdout
    sound = stampede("explore", "--hosted", "--program-file", hosted(), "--program", tmp_path / "saved",
                     "--allocator", "buddy", "--schedules", "500", "--log", tmp_path / "log")
    assert sound.returncode == CODES["pass"], sound.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "tests/explore").glob("*.program")), ids=lambda path: path.stem)
def test_saved_programs_pass_now(path, tmp_path):
    """Programs that once failed now pass, under their old schedule and under a thousand others."""
    done = stampede("explore", "--hosted", "--program-file", hosted(), "--program", path, "--allocator", "buddy",
                    "--schedules", "1000", "--log", tmp_path / "log")
    assert done.returncode == CODES["pass"], done.stdout


def test_tool_explores_in_qemu(tmp_path):
    done = stampede("explore", "--kernel", kernel(), "--allocator", "buddy", "--schedules", "200", "--log",
                    tmp_path / "log", timeout=120)
    assert done.returncode == CODES["pass"], done.stdout + done.stderr
    assert "ok 1 explore # programs=" in done.stdout


@pytest.fixture(name="waiting")
def fixture_waiting(tmp_path):
    """A fake hosted explorer that prints its first line and then nothing until it is killed."""
    program = tmp_path / "waiting"
    program.write_text("#!/bin/sh\necho KTAP version 1\nexec sleep 600\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_log_is_locked_while_the_explorer_runs(waiting, tmp_path):
    """A second run or exploration with the same log file is refused, and the log is unchanged."""
    log = tmp_path / "log"
    words = ["explore", "--hosted", "--program-file", waiting, "--log", log]
    with subprocess.Popen([STAMPEDE, *words], stdout=subprocess.PIPE, text=True) as first:
        try:
            wait_until(lambda: log.exists() and log.read_bytes())
            second = stampede(*words)
            assert second.returncode == CODES["error"] and "another run is writing it" in second.stderr, second.stderr
            assert log.read_bytes() == b"KTAP version 1\n"
        finally:
            first.send_signal(signal.SIGINT)


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGHUP))
def test_a_signal_leaves_nothing_behind(waiting, tmp_path, number):
    """Neither the explorer's process nor the tool's folders are left."""
    folder = tmp_path / "t"
    folder.mkdir()
    with subprocess.Popen([STAMPEDE, "explore", "--hosted", "--program-file", waiting, "--log", tmp_path / "log"],
                          env=os.environ | {"TMPDIR": str(folder), "XDG_RUNTIME_DIR": ""}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        wait_until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_bytes())
        assert list(folder.iterdir())
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    assert not list(folder.iterdir())


def test_a_program_that_says_nothing_is_ended(tmp_path, monkeypatch):
    program = tmp_path / "silent"
    program.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(explore_run, "SILENT_SECONDS", 1)
    options = ExploreOptions(("stampede",), hosted=True, hosted_file=program)
    with claim(tmp_path / "log") as folder:
        verdict = explore_run.run_explorer(options, [], folder, Detail.NOTHING)
    assert (verdict.word, "silence: no line for 1 s" in verdict.title) == ("hang", True), verdict


def test_schedule_seed_0_means_no_preemption(tmp_path):
    """A failure of that schedule is repeated with it."""
    done = stampede("explore", "--hosted", "--program-file", hosted("no-address"), "--seed", "5:0",
                    "--log", tmp_path / "log")
    assert done.returncode == CODES["crash"] and "--seed 0x5:0x0" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(("words", "complaint"), [
    (["--seed", "x"], "'x' is not a whole number"),
    (["--seed", "0"], "0 is out of range (allowed: 1 to"),
    (["--seed", "0:2"], "0 is out of range (allowed: 1 to"),
    (["--seed", "1:"], "'' is not a whole number"),
    (["--seed", "1:2", "--program", "8/0:a0"], "--seed P:S and --program both name a program"),
    (["--program", "nowhere"], "nowhere: no such file"),
    (["--strategy", "luck"], "invalid choice: 'luck'"),
    (["--preemptions", "9"], "9 is out of range"),
    (["--schedules", "0"], "0 is out of range"),
    (["--gdb"], "--gdb: needs --hosted"),
    (["--save", "/nonexistent/x", "--kernel", "nowhere.elf"], "/nonexistent/x: cannot be written: No such file"),
    (["--kernel", "nowhere.elf"], "nowhere.elf: no such file; build it with make kernel EXPLORE=1"),
    (["--hosted", "--program-file", "nowhere"], "nowhere: no such file"),
    (["--hosted", "--program-file", "/tmp"], "/tmp: a folder, not a file; build it with"),
])
def test_nonsense_is_named(words, complaint, tmp_path):
    done = stampede("explore", "--log", tmp_path / "log", *words)
    assert done.returncode == CODES["error"]
    assert complaint in done.stderr, done.stderr


@pytest.mark.parametrize(("option", "complaint"), [
    ("program=8/0:z", "character 'z'"),
    ("program=8/0:a99", "program: wrong at character"),
    ("switches=0.0@1:1", "switches= needs program="),
    ("schedule-seed=7", "schedule-seed= needs program-seed= or program="),
    ("strategy=luck", "no such choice"),
    ("allocator=none", 'no allocator "none"'),
])
def test_programs_refuse_nonsense(option, complaint):
    code, explored, text = explore(hosted(), option)
    assert code == CODES["error"] and explored.title.startswith("usage:") and complaint in text, text


def test_a_sweep_refuses_a_schedule_seed():
    """The explorer once read a table that did not exist, and never ended."""
    code, explored, text = explore(hosted(), "strategy=sweep", "program-seed=1", "schedule-seed=2")
    assert code == CODES["error"] and "takes no schedule-seed=" in explored.title, text


@pytest.mark.parametrize("words", (["--program", "8/0:a0,a0/1:a0"],
                                   ["--strategy", "sweep", "--program", "8/0:a0/1:a0"]))
def test_printed_repeat_command_repeats_the_failure(words, tmp_path):
    """The printed command repeats the failure. For a given program, too, it does not search for another one."""
    log = tmp_path / "log"
    done = stampede("explore", "--hosted", "--program-file", hosted("depth2"), "--log", log, *words)
    assert done.returncode == CODES["fail"], done.stdout
    repeat = next(line for line in done.stdout.splitlines() if line.startswith("  repeat: "))
    again = stampede(*shlex.split(repeat.removeprefix("  repeat: "))[1:], "--log", log)
    assert again.returncode == CODES["fail"] and "# found" in log.read_text(encoding="latin-1"), again.stdout
    assert "schedules=2 " in re.search("# found program=0x.*", log.read_text(encoding="latin-1"))[0]


def test_a_repeat_of_a_repeat_is_the_same(tmp_path):
    """Also for a program from a file that names the allocator, and with additional options."""
    (tmp_path / "saved").write_text("# allocator: depth2\nprogram 8/0:a0,a0/1:a0\n", encoding="utf-8")
    words = ["explore", "--hosted", "--program-file", hosted("depth2"), "--program", tmp_path / "saved",
             "--args", "races=0", "--seed", 5]
    repeats = []
    for _ in range(3):
        done = stampede(*words, "--log", tmp_path / "log")
        assert done.returncode == CODES["fail"], done.stdout + done.stderr
        line = next(line for line in done.stdout.splitlines() if line.startswith("  repeat: "))
        repeats.append(line.removeprefix("  repeat: "))
        words = shlex.split(repeats[-1])[1:]
    assert "--allocator depth2" in repeats[0] and "races=0 strategy=given switches=" in repeats[0]
    assert repeats[0] == repeats[1] == repeats[2]


def test_a_program_without_operations_is_accepted(tmp_path):
    done = stampede("explore", "--hosted", "--program-file", hosted(), "--program", "1", "--schedules", "1", "--log",
                    tmp_path / "log")
    assert done.returncode == CODES["pass"], done.stdout + done.stderr
    assert "# options program=1\n" in (tmp_path / "log").read_text(encoding="latin-1")


def test_counted_failures_are_reported_without_a_trace(tmp_path):
    done = stampede("explore", "--hosted", "--program-file", hosted("depth2"), "--schedules", "500", "--keep-going",
                    "--log", tmp_path / "log")
    assert done.returncode == CODES["fail"] and "None" not in done.stdout and "repeat: " in done.stdout, done.stdout


def make_hosted(*words):
    """Run `make explore HOSTED=1` with these variables."""
    return subprocess.run(["make", "--no-print-directory", "explore", "HOSTED=1", "DURATION=1", *words], cwd=ROOT,
                          env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)


def test_source_that_registers_nothing_is_refused(tmp_path):
    source = tmp_path / "registers-nothing.c"
    source.write_text("")
    done = make_hosted(f"ALLOCATOR={source}")
    says = f"{source}: no allocator is registered: PAGE_ALLOCATOR(...) is missing (docs/ALLOCATORS.md)"
    assert done.returncode and says in done.stderr.splitlines(), done.stdout + done.stderr


@pytest.mark.parametrize("order", ("18", "12"))
def test_hosted_has_one_order(order):
    done = make_hosted(f"MAX_ORDER={order}")
    assert done.returncode and f"HOSTED=1 is for MAX_ORDER=16, not {order}" in done.stderr, done.stdout + done.stderr


def test_stress_does_not_contain_the_explorer():
    log = boot("schedules=5", image())
    assert log.verdict == "error" and "schedules=5: is for the explorer (make explore" in log.title, log.text


@pytest.mark.parametrize("word", ("yield=5", "phases=nonsense", "floor=7", "provoke=overlap", "ops=9", "cpus=2"))
def test_options_of_the_stress_are_refused(word):
    code, _, text = explore(hosted(), "schedules=5", word)
    assert code == CODES["error"] and f"# ERROR usage: option {word}: is for the stress (make run" in text, text


@pytest.mark.parametrize("where", ("hosted", "kernel"))
def test_the_command_reports_a_refused_option(tmp_path, where):
    image_words = ("--hosted",) if where == "hosted" and hosted() else ("--kernel", str(kernel()))
    done = stampede("explore", *image_words, "--schedules", "5", "--log", str(tmp_path / "log"), "--args", "yield=5")
    assert done.returncode == CODES["error"], done.stdout + done.stderr
    assert "option yield=5: is for the stress (make run, ci/stampede run)" in done.stdout, done.stdout


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "saved"
    path.write_text("program 8/0:a0\nswitch 0.0@1:1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"saved:2: 'switch 0.0@1:1' is not `program"):
        SavedProgram.read(path)
    path.write_bytes(b"program 8/0:a0\xff\n")
    with pytest.raises(UsageError, match=r"saved: not UTF-8 text: byte 14"):
        SavedProgram.read(path)
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no line `program TEXT`"):
        SavedProgram.read(path)


def test_gdb_stops_where_the_rule_breaks():
    """A single failing trial can be debugged like any program: gdb stops in the function that broke the rule."""
    _, explored, _ = explore(hosted("depth3"), "seconds=60", "seed=1", "minimise=0", "interrupts=0")
    done = subprocess.run(
        ["gdb", "-q", "-batch", "-ex", "break trial_broken", "-ex", "run", "-ex", "backtrace", "--args",
         hosted("depth3"), f"program-seed={explored.found['program']}", "interrupts=0",
         f"schedule-seed={explored.found['schedule']}"], capture_output=True, text=True, timeout=60, check=False)
    assert re.search(r"#0 +trial_broken \(title=0x\w+ .*\"(overlap|lost|free-list)", done.stdout), done.stdout
    assert STAMPEDE.exists()
