"""The kernel's stress as an ordinary program: no sanitizer reports, and the same verdicts as in the kernel."""

import pytest
from guest import make, run

from stampedelib.verdict.verdict import CODES

# Threads on few host processors seldom meet. So they yield at every lock, and the floor is low.
OPTIONS = ("yield=1", "floor=10")


@pytest.fixture(scope="module", autouse=True)
def built():
    make("-j2", "-f", "tests/tests.mk", "hosted-tests")


def hosted(variant, *options):
    return run([f"build/host/{variant}/stampede-host", *options])


@pytest.mark.parametrize("variant, allocator, cpus, seconds", [
    ("plain", "buddy", 1, 2), ("plain", "buddy", 4, 3), ("asan", "buddy", 4, 4),
    ("tsan", "buddy", 4, 6), ("tsan", "buddy", 3, 3),
    ("tsan", "buddy-percpu", 4, 4), ("tsan", "buddy-scan", 4, 4)])
def test_all_phases_pass_in_silence(variant, allocator, cpus, seconds):
    log = hosted(variant, f"allocator={allocator}", f"cpus={cpus}", f"seconds={seconds}", *OPTIONS)
    assert log.verdict == "pass" and log.code == CODES["pass"], log.text
    assert log.is_whole(), log.text  # a sanitizer's report would break the log
    assert log.value("1..") == str(len(log.all("ok "))), log.text


def test_preemption_leaves_time_for_work():
    log = hosted("plain", "cpus=4", "seconds=2", "preempt=200", *OPTIONS)
    assert log.verdict == "pass" and log.code == CODES["pass"], log.text


@pytest.mark.parametrize("mib", [1, 16, 600])
def test_memory_of_any_size(mib):
    log = hosted("asan", f"--mib={mib}", "ops=2000", "phases=single,mixed,fragment", *OPTIONS)
    assert log.verdict == "pass", log.text


@pytest.mark.parametrize("name, verdict, rule", [
    ("null", "crash", "wild-access"),
    ("text-write", "crash", "wild-access"),
    ("data-execute", "crash", "wild-access"),
    ("stack", "crash", "stack"),
    ("invalid-opcode", "crash", "trap"),
    ("hang", "hang", "stall"),
    ("deadlock", "hang", "deadlock"),
    ("overlap", "fail", "overlap"),
    ("content", "fail", "content"),
    ("relock", "fail", "lock-owner"),
    ("unlock-twice", "fail", "lock-owner"),
    ("lost-unlock", "fail", "lock-held"),
    ("interrupt-relock", "fail", "lock-owner"),
])
def test_provoked_failure_is_reported(name, verdict, rule):
    log = hosted("plain", "phases=mixed", "ops=100000", "watchdog=1", f"provoke={name}")
    assert (log.code, log.verdict, log.rule) == (CODES[verdict], verdict, rule), log.text
    assert log.is_whole(), log.text


def test_backtrace_names_functions():
    log = hosted("plain", "phases=mixed", "ops=100000", "provoke=null@2")
    assert any("round_mixed" in line for line in log.all("#   core 2 #")), log.text


@pytest.mark.parametrize("option", ["seconds=0", "phases=none", "allocator=none", "--mib=0"])
def test_error_of_use(option):
    log = hosted("plain", option)
    assert (log.code, log.rule) == (CODES["error"], "usage"), log.text
    assert option.split("=")[0] in log.title
