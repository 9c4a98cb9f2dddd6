"""The deterministic machine: equal seeds give equal logs, different seeds give different interleavings."""

import re
import shlex
import subprocess

import pytest
from fake_runs import arguments, environment
from guest import image, make
from support import ROOT, stampede

from stampedelib.commands.run import parse
from stampedelib.run.plan import build_machine
from stampedelib.usage import UsageError
from stampedelib.verdict.verdict import CODES

SUBJECT = "false-oom-transient"  # fails only if a core allocates while another has emptied the lists
SMALL = ("--memory", "128M", "--ops", 1000)


@pytest.fixture(scope="module")
def kernel():
    return image()


def run(folder, kernel, *words, cpus=4):
    """Run the tool deterministically. Returns the finished process and the log's bytes."""
    log = folder / "serial.log"
    done = stampede("run", "--schedule", "deterministic", "--kernel", kernel, "--cpus", cpus,
                    "--log", log, *words, timeout=600)
    return done, log.read_bytes()


def hashes(raw):
    """The hash of the order of hand-overs, by phase."""
    return dict(re.findall(rb"# handoff-order phase=(\S+) .*hash=([0-9a-f]{16})", raw))


def test_two_runs_are_equal_byte_for_byte_and_another_seed_is_not(tmp_path, kernel):
    first, log = run(tmp_path / "1", kernel, *SMALL, "--seed", 11)
    assert first.returncode == 0, first.stdout + first.stderr  # every phase reached its floor
    assert "(deterministic: time counts instructions" in first.stdout.splitlines()[0]
    again, repeated = run(tmp_path / "2", kernel, *SMALL, "--seed", 11)
    assert again.returncode == 0 and repeated == log
    other, different = run(tmp_path / "3", kernel, *SMALL, "--seed", 12)
    assert other.returncode == 0
    mine, its = hashes(log), hashes(different)
    assert len(mine) == 7 and mine.keys() == its.keys()
    assert not set(mine.values()) & set(its.values())


def test_seconds_are_virtual_time(tmp_path, kernel):
    words = ["--memory", "64M", "--seconds", 1, "--seed", 3, "--args", "phases=mixed,irq"]
    (done, log), (_, again) = (run(tmp_path / name, kernel, *words) for name in "ab")
    assert done.returncode == 0 and log == again
    assert len(hashes(log)) == 2


def test_eight_cores(tmp_path, kernel):
    words = [*SMALL, "--seed", 5, "--args", "phases=mixed,remote-free,irq,hotplug,bad-free"]
    (done, log), (_, again) = (run(tmp_path / name, kernel, *words, cpus=8) for name in "ab")
    assert done.returncode == 0, done.stdout + done.stderr
    assert log == again


@pytest.mark.parametrize("args", ["preempt=0", "yield=0"])
def test_yields_and_preemption_each_interleave_by_the_seed(tmp_path, kernel, args):
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _, log = run(tmp_path / name, kernel, "--memory", "64M", "--ops", 300, "--seed", seed,
                     "--args", f"floor=0 phases=mixed {args}", cpus=2)
        found.append(hashes(log)[b"mixed"])
    assert found[0] == found[1] != found[2]


def test_sweep_finds_a_rare_failure_and_its_seed_repeats_it(tmp_path):
    make("kernel", f"ALLOCATOR=tests/subjects/{SUBJECT}.c")
    kernel = ROOT / f"build/gcc-order16-{SUBJECT}/stampede.elf"
    done = stampede("sweep", "--seeds", "1..40", "--folder", tmp_path / "sweep", "--", "--kernel",
                    kernel, "--cpus", 4, "--memory", "64M", "--ops", 40, "--args",
                    "phases=mixed floor=0", timeout=600)
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert "fail: false-oom: order # on core #" in done.stdout
    seed, repeat = re.search(r"seed (\d+): false-oom.*\n +repeat: (.*)", done.stdout).groups()
    again = subprocess.run([*shlex.split(repeat), "--log", tmp_path / "again/serial.log"], cwd=ROOT,
                           capture_output=True, text=True, timeout=600)
    assert again.returncode == CODES["fail"], again.stdout + again.stderr
    assert (tmp_path / "again/serial.log").read_bytes() == \
        (tmp_path / f"sweep/failures/seed-{seed}/serial.log").read_bytes()


def test_failure_has_the_same_log(tmp_path, kernel):
    words = ["--memory", "64M", "--ops", 1000, "--seed", 2, "--args", "phases=mixed provoke=overlap"]
    done, log = run(tmp_path / "a", kernel, *words)
    assert done.returncode == CODES["fail"] and b"# history " in log
    kept, again = run(tmp_path / "b", kernel, *words, "--on-fail", "bundle")
    assert kept.returncode == CODES["fail"] and again == log
    assert (tmp_path / "b/bundle/core").exists()


# The machine's options.

def machine(folder, *words):
    return build_machine(parse(list(map(str, arguments(folder, *words)))[1:]), 1)


def test_command_counts_instructions_on_one_thread(tmp_path):
    chosen = machine(tmp_path, "--schedule", "deterministic", "--cpus", 4)
    text = " ".join(chosen.command([]))
    assert "-accel tcg,thread=single -cpu max -icount shift=3,sleep=off " in text
    assert "-rtc base=2000-01-01,clock=vm" in text and "-kernel" in text
    assert chosen.arguments[1:] == ["yield=16", "preempt=100", "on-fail=hold"]
    assert "-icount" not in machine(tmp_path).command([])


def test_given_yields_are_kept(tmp_path):
    words = ["--schedule", "deterministic", "--cpus", 2]
    chosen = machine(tmp_path, *words, "--args", "yield=3")
    assert chosen.arguments[1:] == ["preempt=50", "on-fail=hold", "yield=3"]


@pytest.mark.parametrize("words, names", [
    (["--accel", "kvm"], "--schedule deterministic: --accel kvm counts no instructions"),
    (["--thread", "multi"], "--schedule deterministic: --thread multi lets the host interleave"),
    (["--boot", "iso"], "--schedule deterministic: --boot iso reads a disc in the host's time"),
    (["--firmware", "uefi"], "--firmware uefi"),
])
def test_what_would_not_be_deterministic_is_refused(tmp_path, words, names):
    with pytest.raises(UsageError, match=names):
        machine(tmp_path, "--schedule", "deterministic", *words)


def test_tool_draws_and_reports_the_seed(tmp_path):
    found = set()
    for _turn in range(2):
        done = stampede(*arguments(tmp_path, "--schedule", "deterministic"),
                        env=environment(tmp_path, "pass"))
        found.add(re.search(r"repeat: .* --seed (\d+)$", done.stdout)[1])
    assert len(found) == 2


def test_nonce_depends_on_the_options(tmp_path):
    def nonce(*words):
        done = stampede(*arguments(tmp_path, *words, "--dry-run"), env=environment(tmp_path, "pass"))
        return re.search(r"nonce=(\w+)", done.stdout)[1]

    mine = ["--schedule", "deterministic", "--seed", 1]
    assert nonce(*mine) == nonce(*mine)
    assert len({nonce(*mine), nonce(*mine, "--cpus", 2), nonce(*mine, "--args", "yield=1"),
                nonce("--seed", 1), nonce("--seed", 1)}) == 5
