"""The first steps of a new user: the ISO with GRUB under BIOS and UEFI, by the tool and by make."""

import json
import os
import re
import subprocess

import pytest
from guest import ENVIRONMENT
from support import ROOT, stampede
from stampedelib.machine.machine import kvm_trouble

ARGS = "phases=selftest,mixed orders=1,0,2"
OPS = "ops=20000"  # enough for every core to reach the failure, even on a busy host


def make(*words, timeout=600):
    return subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def image():
    done = make("build")
    assert done.returncode == 0, done.stdout + done.stderr


def run(folder, *words):
    """Run the tool. Returns the finished process, the written verdict and the log."""
    log = folder / "serial.log"
    done = stampede("run", "--seconds", 2, "--cpus", 4, "--log", log, *words, timeout=300)
    return done, json.loads((folder / "verdict.json").read_text()), log.read_text(errors="replace")


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_iso_passes_and_takes_options(image, tmp_path, firmware):
    done, verdict, log = run(tmp_path, "--firmware", firmware, "--args", ARGS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdict["word"] == "pass"
    assert "boot=multiboot2" in log and 'loader="GRUB' in log
    assert "orders=1,0,2" in log and "ok 2 mixed" in log


@pytest.mark.skipif(kvm_trouble() is not None, reason=f"no KVM: {kvm_trouble()}")
@pytest.mark.parametrize("boot", ["iso", "direct"])
def test_kvm_passes(image, tmp_path, boot):
    done, _, _ = run(tmp_path, "--accel", "kvm", "--boot", boot)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not os.environ.get("STAMPEDE_SLOW"), reason="slow: set STAMPEDE_SLOW=1")
def test_255_cores(image, tmp_path):
    done, _, log = run(tmp_path, "--boot", "direct", "--cpus", 255, "--memory", "1G", "--args",
                       "phases=mixed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# smp cores=255" in log


def test_failure_on_the_iso_has_its_verdict(image, tmp_path):
    done, verdict, _ = run(tmp_path, "--on-fail", "exit", "--args",
                           f"provoke=content phases=mixed {OPS}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "  fail         mixed        content: pfn " in done.stdout
    assert "  look first at what is done without the lock, several cores being at work; then who writes into pages" in done.stdout
    assert verdict["title"].startswith("content: pfn ")


def test_keep_going_runs_the_remaining_phases(image, tmp_path):
    done, _, _ = run(tmp_path, "--boot", "direct", "--on-fail", "exit", "--keep-going", "--args",
                     f"phases=mixed,remote-free,irq provoke=lost-unlock {OPS}")
    assert done.returncode == 1, done.stdout + done.stderr
    for boot, name in (("then-1", "remote-free"), ("then-2", "irq")):
        verdict = json.loads((tmp_path / boot / "verdict.json").read_text())
        assert verdict["title"].startswith("lock-held: ")
        assert verdict["phases"][0]["name"] == name
    assert not (tmp_path / "then-3").exists()
    assert "3 boots, 1 failure:\n" in done.stdout
    assert re.search(r"^  fail +mixed, remote-free, irq +3 +1, 2, 3 +lock-held: ", done.stdout, re.MULTILINE)
    assert len(re.findall(r"\(exit code \d\)", done.stdout)) == 1


@pytest.mark.parametrize("end", ["halt", "power-off"])
@pytest.mark.parametrize("provoke, code", [("", 0), (f"provoke=content {OPS}", 1)])
def test_machine_that_does_not_leave_by_the_debug_port(image, tmp_path, end, provoke, code):
    """Real machines have no debug port either: the log alone gives the verdict."""
    done, verdict, _ = run(tmp_path, "--boot", "direct", "--on-fail", "exit", "--args",
                           f"exit={end} phases=mixed {provoke}")
    assert done.returncode == code, done.stdout + done.stderr
    assert verdict["word"] == ("fail" if code else "pass")


def test_second_build_does_nothing():
    make("build")
    done = make("build")
    assert (done.returncode, done.stdout) == (0, "")


def test_help_lists_targets_and_variables():
    done = make("help")
    assert done.returncode == 0
    for word in ("make run", "make test", "CPUS", "SEED", "ALLOCATOR", "FIRMWARE", "ON_FAIL"):
        assert word in done.stdout


def test_make_run_passes_its_variables_on(image):
    done = make("run", "BOOT=direct", "CPUS=2", "MEMORY=128M", "DURATION=1", "SEED=7",
                "ALLOCATOR=buddy-scan", "ARGS=phases=mixed sample=1")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("cores=2", "usable_mib=127", "seed=7", "allocator=buddy-scan", "sample=1",
                 "  pass         mixed ", "  promises kept: smp-safe", "promises not made: refuses-bad-free"):
        assert word in done.stdout


def test_make_run_with_a_user_allocator(image):
    done = make("run", "BOOT=direct", "CPUS=4", "MEMORY=64M", "DURATION=2",
                "ALLOCATOR=docs/example-allocator.c")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# allocator=example" in done.stdout


def test_make_refuses_nonsense():
    done = make("run", "CPUS=0")
    assert done.returncode == 2 and "CPUS=0: it is 1 to 255" in done.stderr
