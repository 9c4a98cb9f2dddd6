"""The soak ends at the first false alarm and resumes where it stopped. Its report adds up."""

import json
import re
import signal
import subprocess

import pytest
from fake_runs import FAKE, environment, is_running, wait_until
from guest import image, make
from support import ROOT

from stampedelib.commands.run import parse
from stampedelib.commands.soak import main
from stampedelib.soak import soak
from stampedelib.soak.matrix import ALLOCATORS, MODES, draw
from stampedelib.soak.record import read
from stampedelib.soak.report import report
from stampedelib.usage import UsageError
from stampedelib.verdict.verdict import CODES

# Plays the act in the first line of the file `acts` and removes the line, unless it is the last one.
QEMU = f"""#!/bin/sh
cd "$(dirname "$0")"
[ "$1" != --version ] || {{ echo 'QEMU emulator version 7.2.99 (fake)'; exit; }}
STAMPEDE_FAKE=$(head -n 1 acts)
[ "$(wc -l <acts)" -eq 1 ] || sed -i 1d acts
export STAMPEDE_FAKE
exec {FAKE} "$@"
"""


class Soak:
    """A folder with images, a fake QEMU and a soak's record."""

    def __init__(self, folder):
        self.folder = folder
        self.out = folder / "soak"
        for name in ("stampede.elf", "stampede.iso"):
            (folder / name).write_text(name)
        (folder / "qemu").write_text(QEMU)
        (folder / "qemu").chmod(0o755)

    def command(self, *acts, runs=1, words=()):
        """The soak's command on a fake QEMU that plays `acts`, one per run."""
        (self.folder / "acts").write_text("".join(f"{act}\n" for act in acts))
        return list(map(str, [
            ROOT / "ci/soak", "--folder", self.out, "--kernel", self.folder / "stampede.elf",
            "--qemu", self.folder / "qemu", "--load", 0, "--runs", runs, *words]))

    def run(self, *acts, runs=None, words=()):
        return subprocess.run(self.command(*acts, runs=runs or len(acts), words=words),
                              env=environment(self.folder, ""), capture_output=True, text=True,
                              timeout=60)

    @property
    def runs(self):
        return read(self.out / "runs.jsonl")

    @property
    def told(self):
        """(number, verdict) of each run."""
        return [(run.configuration.number, run.verdict) for run in self.runs]


@pytest.fixture(name="soaked")
def fixture_soaked(tmp_path):
    return Soak(tmp_path)


# What ends the soak, and what does not.

def test_passes_continue_the_soak_and_leave_a_line_each(soaked):
    done = soaked.run("pass", "pass", "pass", words=["--seed", 7])
    assert done.returncode == 0, done.stdout + done.stderr
    assert soaked.told == [(0, "pass"), (1, "pass"), (2, "pass")]
    first = soaked.runs[0]
    assert (first.soak_seed, first.qemu, first.version) == (7, "7.2.99 (fake)", "0.1.0")
    assert first.phases["mixed"] == {"ops": 123}
    assert sorted(path.name for path in soaked.out.iterdir()) == ["images", "runs.jsonl"]


@pytest.mark.parametrize("act, verdict", [
    ("fail", "fail"), ("hang", "hang"), ("crash", "crash"), ("error", "error"), ("cut", "damaged"),
    ("triple-fault", "crash"), ("complain", "error"), ("held", "fail")])
def test_false_alarm_ends_it_and_everything_is_kept(soaked, act, verdict):
    done = soaked.run("pass", act, "pass")
    assert done.returncode == soak.ALARM, done.stdout + done.stderr
    assert soaked.told == [(0, "pass"), (1, verdict)]
    assert (soaked.out / "run-1/serial.log").is_file()
    assert (soaked.out / "run-1/bundle").is_dir()
    assert json.loads((soaked.out / "run-1/verdict.json").read_text())["word"] == verdict
    assert "1 false alarm\n" in done.stdout


def test_keep_going_continues_and_reports_at_the_end(soaked):
    done = soaked.run("fail", "pass", "crash", "pass", words=["--keep-going"])
    assert done.returncode == soak.ALARM, done.stdout + done.stderr
    assert [verdict for _, verdict in soaked.told] == ["fail", "pass", "crash", "pass"]
    assert "2 false alarms" in done.stdout


def test_inconclusive_is_no_alarm_but_its_log_is_kept(soaked):
    done = soaked.run("inconclusive", "pass")
    assert done.returncode == 0, done.stdout + done.stderr
    assert soaked.told == [(0, "inconclusive"), (1, "pass")]
    assert (soaked.out / "run-0/serial.log").is_file()
    assert "1 inconclusive" in done.stdout


def test_failure_of_the_tool_itself_is_an_alarm(soaked, monkeypatch, capsys):
    monkeypatch.setattr(soak, "run", lambda plan: 1 // 0)
    assert main(soaked.command("pass")) == soak.ALARM
    assert soaked.runs[0].title == "the tool failed: ZeroDivisionError: integer division or modulo by zero"
    assert "Traceback" in capsys.readouterr().out


def test_real_wrong_allocator_ends_it(soaked, capsys):
    """On the real QEMU, the first of 50 runs ends the soak."""
    make("build", "ALLOCATOR=tests/subjects/overlap.c")
    seed = next(seed for seed in range(1000) if _is_quick(draw(seed, 0)))
    words = ["--own", "--kernel", ROOT / "build/gcc-order16-overlap/stampede.elf", "--qemu",
             "qemu-system-x86_64", "--runs", 50, "--seed", seed]
    assert main(soaked.command(words=words)) == soak.ALARM, capsys.readouterr().out
    run, = soaked.runs
    assert (run.verdict, run.title.split(":")[0], run.configuration.allocator) == (
        "fail", "overlap", "overlap")


def test_real_deterministic_run_passes(soaked):
    number = next(number for number in range(1000) if _is_quick(draw(1, number)))
    subject = soak.Subject(soaked.folder, image(), soaked.folder / "stampede.iso", "", "",
                           "qemu-system-x86_64", "")
    verdict = soak.run(soak.plan(subject, draw(1, number), soaked.folder / "out"))
    assert verdict.word == "pass", verdict


def _is_quick(drawn):
    return (drawn.mode == "deterministic" and drawn.boot == "direct" and drawn.phases != "all"
            and drawn.cpus in (2, 3, 4) and drawn.memory_mib <= 128 and not drawn.orders)


# Resuming.

def test_resumes_after_the_last_run_with_the_same_seed(soaked):
    soaked.run("pass", "inconclusive", words=["--seed", 7])
    soaked.run("pass")
    assert soaked.told == [(0, "pass"), (1, "inconclusive"), (2, "pass")]
    assert [run.configuration for run in soaked.runs] == [
        _as_told(draw(7, number)) for number in range(3)]


def _as_told(drawn):
    """The configuration with allocator=buddy, which the fake QEMU always reports."""
    return type(drawn)(**vars(drawn) | {"allocator": "buddy"})


def test_resumes_with_the_run_that_raised_the_alarm(soaked):
    soaked.run("pass", "fail")
    soaked.run("pass", "pass")
    assert soaked.told == [(0, "pass"), (1, "fail"), (1, "pass"), (2, "pass")]


def test_keep_going_skips_the_alarms_run_which_is_later_repeated(soaked):
    soaked.run("fail")
    soaked.run("pass", words=["--keep-going"])
    assert soaked.told == [(0, "fail"), (1, "pass")]
    assert "no, or an alarm again" in report(soaked.runs)
    soaked.run("pass", "pass", "pass")
    assert soaked.told[2:] == [(0, "pass"), (2, "pass"), (3, "pass")]
    assert "no, or an alarm again" not in report(soaked.runs)


def test_run_with_a_cut_record_is_repeated(soaked):
    soaked.run("pass", "pass")
    record = soaked.out / "runs.jsonl"
    record.write_bytes(record.read_bytes()[:-5])
    assert soaked.told == [(0, "pass")]
    soaked.run("pass")
    assert soaked.told == [(0, "pass"), (1, "pass")]


def test_interrupted_run_is_not_recorded_and_its_qemu_is_gone(soaked):
    process = subprocess.Popen(soaked.command("silent"), env=environment(soaked.folder, ""),
                               stdout=subprocess.DEVNULL)
    pid = soaked.folder / "pid"
    wait_until(lambda: pid.is_file() and pid.read_text().endswith("\n"))
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    assert soaked.told == []
    wait_until(lambda: not is_running(int(pid.read_text())))


def test_only_repeats_one_run_and_records_nothing(soaked):
    soaked.run("pass", words=["--seed", 7])
    done = soaked.run("fail", words=["--only", 5])
    assert done.returncode == soak.ALARM
    assert draw(7, 5).text() in done.stdout
    assert soaked.told == [(0, "pass")]


def test_build_meanwhile_does_not_disturb_it(soaked):
    wrapper = soaked.folder / "qemu"
    wrapper.write_text(QEMU.replace("exec", "echo other >stampede.elf; rm -f stampede.iso; exec"))
    done = soaked.run("pass", "pass")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {run.kernel for run in soaked.runs} == {soaked.runs[0].kernel}
    assert (soaked.out / "images/stampede.elf").read_text() == "stampede.elf"


# Bad input.

@pytest.mark.parametrize("words, named", [
    (["--hours", "0"], "--hours: '0'"),
    (["--hours", "nan"], "--hours: 'nan'"),
    (["--hours", "two"], "--hours: 'two'"),
    (["--runs", "0"], "--runs: 0"),
    (["--load", "65"], "--load: 65"),
    (["--seed", "-1"], "--seed: '-1'"),
    (["--only", "x"], "--only: 'x'"),
    (["--kernel", "/nonexistent.elf"], "/nonexistent.elf: no such file"),
    (["--kernel", ROOT / "README.md"], f"README.iso: no such file; it goes with --kernel {ROOT}/README.md"),
    (["--kernel", ROOT], f"{ROOT}: a folder, not a file"),
    (["--qemu", "/nonexistent"], "/nonexistent: no such program"),
    (["--report", "/nonexistent.jsonl"], "/nonexistent.jsonl: no such file"),
    (["--frob"], "--frob"),
])
def test_nonsense_is_named(soaked, words, named):
    done = soaked.run("pass", words=words)
    assert done.returncode == CODES["error"], done.stdout + done.stderr
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_other_seed_than_the_records_is_refused(soaked):
    soaked.run("pass", words=["--seed", 7])
    done = soaked.run("pass", words=["--seed", 8])
    assert done.returncode == CODES["error"]
    assert "--seed 8: the soak in" in done.stderr and "has seed 7" in done.stderr


def test_second_soak_in_the_same_folder_is_refused(soaked):
    soaked.out.mkdir()
    with soak.Record(soaked.out / "runs.jsonl"):
        done = soaked.run("pass")
    assert done.returncode == CODES["error"]
    assert "another soak is writing it" in done.stderr


@pytest.mark.parametrize("spoil, said", [
    (lambda line: b"frob", "line 2 is not a run of a soak: Expecting value"),
    (lambda line: line.replace(b'"verdict"', b'"verdikt"'), "line 2 has no 'verdict'"),
    (lambda line: line.replace(b'"cpus"', b'"cpu"'), "line 2 is not a run of a soak: "),
    (lambda line: line.replace(b'"phases": {', b'"phases": 1, "x": {'), "phases has the wrong type"),
    (lambda line: b"[]", "line 2 is not a run of a soak: "),
])
def test_malformed_record_is_named(soaked, spoil, said):
    soaked.run("pass", "pass")
    path = soaked.out / "runs.jsonl"
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, spoil(second), b""]))
    with pytest.raises(UsageError, match=said):
        read(path)
    assert str(path) in soaked.run("pass").stderr


# The matrix.

def test_draw_depends_on_seed_and_number_alone():
    assert [draw(7, number) for number in range(50)] == [draw(7, number) for number in range(50)]
    assert draw(7, 0) != draw(8, 0) and draw(7, 0).seed != draw(7, 1).seed


def test_matrix_reaches_everything():
    drawn = [draw(1, number) for number in range(3000)]
    assert {(one.mode, one.allocator) for one in drawn} == {
        (mode, allocator) for mode in MODES for allocator in ALLOCATORS}
    assert {one.cpus for one in drawn} >= {*range(1, 33), 64}
    assert max(one.cpus for one in drawn) == 64
    assert {(one.boot, one.load) for one in drawn} == {
        (boot, load) for boot in ("direct", "iso", "uefi") for load in (False, True)}
    assert all("mixed" in one.phases or one.phases == "all" for one in drawn)


def test_every_configuration_is_a_command_of_the_tool():
    for number in range(300):
        words = draw(1, number).words()
        options = parse(words)
        assert options.machine == draw(1, number).machine()
        assert options.stress == draw(1, number).stress()


def test_mode_is_what_qemu_is_told(soaked):
    subject = soak.Subject(soaked.folder, soaked.folder / "stampede.elf",
                           soaked.folder / "stampede.iso", "", "", str(FAKE), "")
    options = {"multi": "tcg,thread=multi -cpu max -", "single": "tcg,thread=single -cpu max -",
               "deterministic": "tcg,thread=single -cpu max -icount shift=3,sleep=off"}
    for number in range(60):
        drawn = draw(1, number)
        if drawn.boot == "uefi":
            continue
        machine = soak.plan(subject, drawn, soaked.folder / "out").machine
        command = " ".join(machine.command([]))
        assert f"-accel {options[drawn.mode]}" in command
        assert ("-icount" in command) == (drawn.mode == "deterministic")
        assert f"yield={drawn.yields}" in command and command.count("yield=") == 1


def test_repeat_is_a_command_that_can_be_pasted(soaked):
    done = soaked.run("fail", words=["--seed", 7])
    assert done.returncode == 1, done.stdout + done.stderr
    log = (soaked.out / "run-0/serial.log").read_bytes()
    command = re.search(r"repeat: (.*)", done.stdout)[1]
    (soaked.folder / "acts").write_text("fail\n")
    again = subprocess.run(command, shell=True, env=environment(soaked.folder, ""), capture_output=True, text=True,
                           timeout=60, check=False)
    assert again.returncode == CODES["fail"] and "FAIL (exit code 1)" in again.stdout, again.stdout + again.stderr
    assert (soaked.out / "run-0/serial.log").read_bytes() == log


def test_busy_processes_end_with_the_block():
    with soak.Busy(2) as busy:
        pids = [process.pid for process in busy._processes]
        assert all(map(is_running, pids))
    assert not any(map(is_running, pids))


# The report.

def test_report_adds_up(soaked):
    soaked.run("pass", "inconclusive", "pass", "fail", words=["--seed", 7])
    runs = soaked.runs
    text = report(runs)
    assert "**4 runs, " in text and "2 pass, 1 inconclusive, 1 fail; 1 false alarm.**" in text
    assert f"| 0.1.0 | {runs[0].source} | {runs[0].kernel}... | 4 | " in text
    for title, column in (("Kernels", 3), ("CPUs", 2), ("Memory", 1)):
        counts = [_cells(line)[column:] for line in _rows(text, title)]
        assert [sum(int(row[at]) for row in counts) for at in (0, 2, 3, 4)] == [4, 2, 1, 1]
    assert sum(int(_cells(line)[2]) for line in _rows(text, "Threads and allocators")) == 2 * 4
    inconclusive, = _rows(text, "Inconclusive")
    assert _cells(inconclusive)[0] == "7:1" and f"`{_options(draw(7, 1))}`" in inconclusive
    alarm, = _rows(text, "False alarms")
    assert _cells(alarm)[0] == "7:3" and "fail: overlap: pfn 0x1a40 order 3" in alarm


def _options(drawn):
    return " ".join(drawn.kernel_options())


def _rows(text, title):
    """The rows of the first table of a section, without its heading."""
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def _cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_report_names_floors_that_were_not_reached(soaked):
    soaked.run("inconclusive")
    run = soaked.runs[0]
    phases = {"single": {"ops": 12}, "mixed": {"contended": 3, "floor": 10}, "irq": {"handoffs": 7, "floor": 200}}
    of_log_format_1 = {"title": "mixed: inconclusive: contended=3, the floor is 10; "
                                "irq: inconclusive: handoffs=7, the floor is 200"}
    for fields in ({"phases": phases}, of_log_format_1):
        row, = _rows(report([type(run)(**vars(run) | fields)]), "Inconclusive")
        assert _cells(row)[-1] == "mixed contended 3/10, irq handoffs 7/200"


def test_report_of_one_record(soaked):
    soaked.run("pass", "pass")
    done = soaked.run("pass", words=["--report", soaked.out / "runs.jsonl"])
    assert done.returncode == 0 and done.stdout == report(soaked.runs)
    assert "## False alarms\n\nNone.\n" in done.stdout


def test_report_of_two_soaks_side_by_side(soaked, tmp_path):
    soaked.run("pass", "fail", words=["--seed", 7])
    other = tmp_path / "other.jsonl"
    other.write_text((soaked.out / "runs.jsonl").read_text().replace('"soak_seed": 7', '"soak_seed": 8')
                     .replace('"verdict": "fail"', '"verdict": "pass"'))
    done = soaked.run("pass", words=["--report", soaked.out / "runs.jsonl", other])
    assert "**4 runs, " in done.stdout and "; seed 7 and 8." in done.stdout
    alarm, = _rows(done.stdout, "False alarms")  # run 1 of the other soak passed, but it is a different run
    assert _cells(alarm)[0] == "7:1" and _cells(alarm)[-1] == "no, or an alarm again"
    twice = soaked.run("pass", words=["--report", other, other])
    assert twice.returncode == 2 and "soak: --report: a run is in these records twice" in twice.stderr


def test_report_of_nothing_is_refused():
    with pytest.raises(UsageError, match="no runs yet"):
        report([])
