"""Sweeps over seeds on the fake QEMU (fake_qemu.py): what is run, kept, reported and resumed."""

import json
import shutil
import signal
import subprocess
import time

import pytest
from fake_runs import FAKE, environment, is_running, wait_until
from support import ROOT, STAMPEDE, stampede

from stampedelib.sweep.store import shape, worst
from stampedelib.sweep.view import SweepView, duration
from stampedelib.sweep.work import Result
from stampedelib.verdict.verdict import CODES

OVERLAP = "overlap: pfn 0x{:x} order 3"


def words(folder, *options, seeds="1..6"):
    (folder / "image").touch()
    return ["sweep", "--seeds", seeds, "--folder", folder / "sweep", *options,
            "--", "--kernel", folder / "image", "--qemu", FAKE]


def settings(folder, acts=None):
    return environment(folder, "by-seed", STAMPEDE_FAKE_SEEDS=json.dumps(acts or {}))


def sweep(folder, *options, acts=None, seeds="1..6", more=()):
    return stampede(*words(folder, *options, seeds=seeds), *more, env=settings(folder, acts))


def results(folder):
    """Verdicts by seed."""
    lines = (folder / "sweep/results.jsonl").read_text().splitlines()
    return {record["seed"]: record["word"] for record in map(json.loads, lines)}


def ran(folder):
    """The seeds for which QEMU was started, in order."""
    try:
        return [int(line.split()[0]) for line in (folder / "pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


# Failures found.

def test_all_pass(tmp_path):
    done = sweep(tmp_path, "--jobs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(tmp_path) == {seed: "pass" for seed in range(1, 7)}
    assert "6 of 6 runs: 6 pass\nPASS (exit code 0)\n" in done.stdout
    assert not list((tmp_path / "sweep/failures").iterdir())


def test_stops_at_the_first_failure_and_resumes_when_restarted(tmp_path):
    acts = {2: OVERLAP.format(16), 4: OVERLAP.format(32)}
    done = sweep(tmp_path, "--jobs", 1, acts=acts)
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert ran(tmp_path) == [1, 2] and "stopped at the first failure" in done.stdout
    assert done.stdout.endswith("FAIL (exit code 1)\n")
    done = sweep(tmp_path, "--jobs", 1, acts=acts)
    assert ran(tmp_path) == [1, 2, 3, 4] and "2x fail: overlap: pfn # order #" in done.stdout
    assert sweep(tmp_path, "--jobs", 1, acts=acts).returncode == CODES["fail"]
    assert ran(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_each_kind_of_failure_is_reported_once_and_each_one_kept(tmp_path):
    acts = {1: OVERLAP.format(16), 3: OVERLAP.format(99), 5: OVERLAP.format(7),
            4: "lost: 3 pages, the first is 0x44"}
    done = sweep(tmp_path, "--jobs", 2, "--keep-going", acts=acts)
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    table = done.stdout[done.stdout.index("6 of 6 runs"):]
    assert table.startswith("6 of 6 runs: 2 pass, 4 fail\n2 kinds of failure:\n"
                            "  3x fail: overlap: pfn # order #\n"
                            "     seeds 1, 3, 5; seed 1: overlap: pfn 0x10 order 3\n"), table
    assert "  1x fail: lost: # pages, the first is #\n     seed 4; seed 4: lost" in table
    assert table.count("repeat: ") == 2
    kept = tmp_path / "sweep/failures"
    assert sorted(path.name for path in kept.iterdir()) == [f"seed-{n}" for n in (1, 3, 4, 5)]
    assert "pfn 0x63 order 3" in (kept / "seed-3/serial.log").read_text()
    assert json.loads((kept / "seed-3/verdict.json").read_text())["word"] == "fail"


def test_printed_command_repeats_the_failure(tmp_path):
    done = sweep(tmp_path, acts={3: OVERLAP.format(5)})
    command = next(line for line in done.stdout.splitlines() if "repeat: " in line)
    command = command.partition("repeat: ")[2]
    again = subprocess.run(f"{command} --log {tmp_path}/again/serial.log", shell=True, cwd=ROOT,
                           capture_output=True, text=True, timeout=60,
                           env=settings(tmp_path, {3: OVERLAP.format(5)}))
    assert again.returncode == CODES["fail"], again.stdout + again.stderr
    assert (tmp_path / "again/serial.log").read_bytes() == \
        (tmp_path / "sweep/failures/seed-3/serial.log").read_bytes()


@pytest.mark.parametrize("acts, word", [
    ({1: "inconclusive"}, "inconclusive"),
    ({1: "inconclusive", 2: "fail"}, "fail"),
    ({1: "fail", 2: "complain"}, "fail"),
    ({1: "complain", 2: "inconclusive"}, "error"),
    ({1: "cut", 2: "fail"}, "damaged"),
    ({1: "killed", 2: "hang", 3: "fail"}, "crash"),
])
def test_exit_code_is_the_worst_verdict(tmp_path, acts, word):
    done = sweep(tmp_path, "--keep-going", "--jobs", 3, acts=acts, seeds="1..3")
    assert done.returncode == CODES[word], done.stdout + done.stderr
    assert done.stdout.endswith(f"{word.upper()} (exit code {CODES[word]})\n")


def test_free_schedule_if_it_is_asked_for(tmp_path):
    (tmp_path / "iso").touch()
    done = sweep(tmp_path, more=["--schedule", "free", "--iso", tmp_path / "iso"], seeds="1..1",
                 acts={1: "fail"})
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    record = json.loads((tmp_path / "sweep/failures/seed-1/verdict.json").read_text())
    assert "-icount" not in record["run"]["qemu_command"] and "-cdrom" in record["run"]["qemu_command"]


def test_worst_of_nothing_is_no_pass():
    assert worst([]) == "inconclusive"


def test_shape_of_a_title_has_the_rule_but_no_numbers():
    def of(word, title):
        return shape(Result(1, word, title, 0, ""))

    assert of("fail", "overlap: pfn 0x1a order 3") == of("fail", "overlap: pfn 0x2b order 11")
    assert of("fail", "lost: pfn 0x1a") != of("fail", "overlap: pfn 0x1a")
    assert of("fail", "x: 1") != of("hang", "x: 1")
    assert of("fail", "bad-free: kind2 pfn 1") != of("fail", "bad-free: kind3 pfn 1")


# Results that survive an interruption.

def start(folder, acts, *options):
    return subprocess.Popen([STAMPEDE, *map(str, words(folder, *options))], text=True,
                            env=settings(folder, acts), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize("number, code", [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_interrupted_sweep_keeps_whole_results_and_resumes(tmp_path, number, code):
    tool = start(tmp_path, {3: "mute"}, "--jobs", "1")
    wait_until(lambda: ran(tmp_path) == [1, 2, 3])
    tool.send_signal(number)
    output, errors = tool.communicate(timeout=30)
    assert tool.returncode == code, output + errors
    assert "Traceback" not in errors and "PASS" not in output
    assert ("interrupted; the same command resumes" in output) == (code > 0)
    pids = [int(line.split()[1]) for line in (tmp_path / "pid").read_text().splitlines()]
    wait_until(lambda: not any(map(is_running, pids)))
    assert results(tmp_path) == {1: "pass", 2: "pass"}
    done = sweep(tmp_path, "--jobs", 1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 6 done before" in done.stdout and ran(tmp_path) == [1, 2, 3, 3, 4, 5, 6]
    assert not list((tmp_path / "sweep/failures").iterdir())


def test_cut_line_does_not_count(tmp_path):
    sweep(tmp_path, seeds="1..2")
    path = tmp_path / "sweep/results.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    done = sweep(tmp_path, seeds="1..2")
    assert done.returncode == 0 and "1 of 2 done before" in done.stdout, done.stdout + done.stderr
    assert sorted(results(tmp_path)) == [1, 2]


def test_more_seeds_of_the_same_sweep(tmp_path):
    sweep(tmp_path, seeds="1..2")
    done = sweep(tmp_path, seeds="2..4")
    assert "1 of 3 done before" in done.stdout and "3 of 3 runs: 3 pass" in done.stdout
    assert sorted(ran(tmp_path)) == [1, 2, 3, 4]


def test_finished_sweep_prints_its_table_again(tmp_path):
    first = sweep(tmp_path, "--keep-going", acts={2: OVERLAP.format(4)})
    again = sweep(tmp_path, "--keep-going")
    assert again.returncode == first.returncode == CODES["fail"]
    assert len(ran(tmp_path)) == 6
    assert again.stdout.partition("runs: ")[2] == first.stdout.partition("runs: ")[2]


def test_fresh_forgets(tmp_path):
    sweep(tmp_path, acts={1: OVERLAP.format(4)}, seeds="1..1")
    done = sweep(tmp_path, "--fresh", seeds="1..1")
    assert done.returncode == 0 and not (tmp_path / "sweep/failures/seed-1").exists()


def test_folder_of_other_options_or_another_image_is_refused(tmp_path):
    sweep(tmp_path, seeds="1..1")
    done = sweep(tmp_path, seeds="1..1", more=["--cpus", "2"])
    assert done.returncode == CODES["error"] and "another words" not in done.stderr
    assert "a sweep with other options is in there" in done.stderr
    (tmp_path / "image").write_text("rebuilt")
    done = sweep(tmp_path, seeds="1..1")
    assert done.returncode == CODES["error"] and "of another image is in there" in done.stderr


def test_default_folder_is_the_same_for_the_same_sweep(tmp_path):
    (tmp_path / "image").write_text(str(time.time()))  # a unique image, so that no earlier run's folder is found
    given = [word for word in words(tmp_path, seeds="1..1")]
    at = given.index("--folder")
    del given[at:at + 2]
    folders = []
    try:
        for _turn in range(2):
            done = stampede(*given, env=settings(tmp_path))
            assert done.returncode == 0, done.stdout + done.stderr
            folders.append(done.stdout.splitlines()[0].rpartition("; ")[2])
        assert folders[0] == folders[1] and ran(tmp_path) == [1]
    finally:
        for folder in set(folders):
            shutil.rmtree(folder)


def test_two_sweeps_do_not_share_a_folder(tmp_path):
    tool = start(tmp_path, {1: "mute"}, "--jobs", "1")
    wait_until(lambda: ran(tmp_path) == [1])
    done = sweep(tmp_path)
    tool.terminate()
    tool.communicate(timeout=30)
    assert done.returncode == CODES["error"] and "another sweep is using it" in done.stderr


# Progress.

def test_progress_and_expected_end():
    view = SweepView(10, [Result(1, "pass", "", 1, ""), Result(2, "fail", "x: 1", 1, "")], True)
    view._start -= 8
    view.add(Result(3, "pass", "", 1, ""))
    view.add(Result(4, "fail", "x: 2", 1, ""))
    text = view.text(view._start + 8)
    assert text.startswith("sweep: 4 of 10 runs, 2 failed in 1 way, 0.25 a second, ends about ")
    assert text.endswith("(in 24 s)")


@pytest.mark.parametrize("seconds, text", [(9.6, "10 s"), (61, "1 min 01 s"), (7320, "2 h 02 min")])
def test_duration(seconds, text):
    assert duration(seconds) == text


# Errors of use.

@pytest.mark.parametrize("options, more, names", [
    (["--seeds", "5..1"], [], "5..1: the first seed is larger than the last"),
    (["--seeds", "0..1"], [], "0..1: seeds are 1 to 18446744073709551615"),
    (["--seeds", "many"], [], "'many' (allowed: FIRST..LAST"),
    (["--seeds", "1..99999999999"], [], "more than 1000000 seeds"),
    (["--jobs", 0], [], "--jobs: 0 is out of range"),
    (["--engine", "cluster"], [], "'cluster' (choose from 'local', 'parallel', 'slurm')"),
    (["--work", "prayer"], [], "'prayer'"),
    (["--sshlogin", "host"], [], "--sshlogin is for --engine parallel"),
    (["--slurm-options", "-p x"], [], "--slurm-options is for --engine slurm"),
    ([], ["--seed", 4], "--seed cannot be an option for the runs of a sweep"),
    ([], ["--log", "x"], "--log cannot be an option for the runs of a sweep"),
    ([], ["--args", "seed=4"], "a sweep sets seed="),
    ([], ["--on-fail", "gdb"], "--on-fail gdb would wait forever"),
    ([], ["--cpus", 0], "--cpus: 0 is out of range"),
    ([], ["--frobnicate"], "--frobnicate"),
    ([], ["--accel", "kvm"], "--accel kvm counts no instructions"),
    ([], ["--kernel", "/nonexistent"], "/nonexistent: no such file"),
])
def test_use_is_refused_in_one_line(tmp_path, options, more, names):
    done = sweep(tmp_path, *options, more=more)
    assert (done.returncode, done.stdout) == (CODES["error"], ""), done.stdout
    assert names in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not ran(tmp_path)


def test_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep/letters").touch()
    for option in ([], ["--fresh"]):
        done = sweep(tmp_path, *option)
        assert done.returncode == CODES["error"] and "not the folder of a sweep" in done.stderr
    assert (tmp_path / "sweep/letters").exists()
