"""The runner with a QEMU that fake_qemu.py plays: whatever QEMU does, the run has a verdict."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_runs import arguments, environment, is_running, record, wait_until
from support import EXIT_CODE, ROOT, STAMPEDE, stampede

from stampedelib.commands.run import parse
from stampedelib.machine.machine import choose_accelerator, kvm_trouble
from stampedelib.process import Limits
from stampedelib.run.plan import build_machine, limits
from stampedelib.usage import UsageError, check_writable
from stampedelib.verdict.verdict import CODES


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """A function that runs the tool on the fake QEMU with the act `act`."""
    def run(act, *words, **options):
        return stampede(*arguments(tmp_path, *words), env=environment(tmp_path, act), **options)

    return run


# How runs end.

@pytest.mark.parametrize("word", EXIT_CODE)
def test_kernels_verdict_is_the_exit_code(run, tmp_path, word):
    done = run(word)
    assert done.returncode == CODES[word], done.stdout + done.stderr
    assert f"{word.upper()} (exit code {CODES[word]})" in done.stdout
    assert record(tmp_path)["word"] == word
    assert record(tmp_path)["run"]["exit_code"] == EXIT_CODE[word]


@pytest.mark.parametrize("act, word, title", [
    ("triple-fault", "crash", "triple-fault, in phase selftest"),
    ("reset", "crash", "reset, in phase selftest"),
    ("internal-error", "crash", "stopped: internal-error, in phase selftest"),
    ("killed", "crash", "killed: QEMU died of SIGKILL, in phase selftest"),
    ("told-to-quit", "crash", "killed: QEMU was told to quit by a signal, in phase selftest"),
    ("exit-0", "crash", "guest-gone: exit code 0 is not the kernel's, in phase selftest"),
    ("complain", "error", "QEMU failed with exit code 1: qemu: no machine for you"),
    ("abort", "error", "QEMU failed with exit code 134"),
    ("other-run", "damaged", "is another run's"),
    ("cut", "damaged", "cut: "),
    ("halted", "pass", "all 3 phases passed"),
    ("flood", "damaged", "flood: the log grew without end"),
    ("switched-off", "pass", "all 3 phases passed"),
    ("held", "fail", "overlap: pfn 0x1a40 order 3"),
    ("held-pass", "damaged", "at odds: verdict pass, but held for a debugger"),
])
def test_ending(run, tmp_path, act, word, title):
    done = run(act)
    assert done.returncode == CODES[word], done.stdout + done.stderr
    assert title in record(tmp_path)["title"]


@pytest.mark.parametrize("act, words, title", [
    ("silent", ["--silence", 1, "--cpus", 1],
     "silence: no byte for 1 s, and deaf to NMI, in phase selftest"),
    ("no-nmi", ["--silence", 1],
     "silence: no byte for 1 s, and took no NMI: QEMU refuses: not today, in phase selftest"),
    ("tells", ["--silence", 1], "stall: core 3"),
    ("mute", ["--timeout", 1], "timeout: not done after 1 s, before the kernel's first line"),
    ("endless", ["--timeout", 1, "--silence", 5], "timeout: not done after 1 s, in phase selftest"),
])
def test_hang(run, tmp_path, act, words, title):
    done = run(act, *words, timeout=30)
    assert done.returncode == CODES["hang"], done.stdout + done.stderr
    assert record(tmp_path)["title"] == title


def test_time_limits_pause_while_a_debugger_stops_the_machine(run):
    done = run("paused", "--silence", 1)
    assert done.returncode == 0, done.stdout + done.stderr


def test_silence_is_reported_even_if_the_guest_then_reports(run, tmp_path):
    run("tells", "--silence", 1)
    assert record(tmp_path)["reasons"] == ["silence: no byte for 1 s; an NMI made the guest tell"]


def test_registers_of_a_guest_that_does_not_report_are_shown(run, tmp_path):
    done = run("no-nmi", "--silence", 1)
    assert "  CPU 0: 0x100004, interrupts off\n" in done.stdout
    assert "  CPU 1: 0x200000, interrupts on, asleep\n" in done.stdout
    assert "RIP=0000000000100004" in (tmp_path / "out/registers.txt").read_text()


def test_first_line_has_its_own_limit():
    bounds = Limits(start=120, silence=60, total=1000)
    assert bounds.reached(119, None, 0) is None
    assert bounds.reached(121, None, 0).detail == "no first line in 120 s"
    assert bounds.reached(121, 21, 0) is None


def test_qemus_own_complaint_is_shown(run):
    assert "QEMU: qemu: no machine for you" in run("complain").stdout


# QEMU never outlives the run.

def started(folder):
    """Start a run whose guest falls silent. Returns the tool's process and its QEMU's process ID."""
    tool = subprocess.Popen([STAMPEDE, *map(str, arguments(folder))], text=True,
                            env=environment(folder, "silent"), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)
    wait_until(lambda: "begin phase" in tool.stdout.readline())
    return tool, int((folder / "pid").read_text())


def test_host_gives_small_pages_to_a_guest_that_runs_on_tcg(tmp_path):
    tool, pid = started(tmp_path)
    status = Path(f"/proc/{pid}/status").read_text()
    tool.terminate()
    tool.communicate(timeout=20)
    assert "THP_enabled:\t0" in status


@pytest.mark.parametrize("number, code", [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129),
    (signal.SIGKILL, -signal.SIGKILL)])
def test_qemu_ends_with_the_tool(tmp_path, number, code):
    tool, pid = started(tmp_path)
    assert is_running(pid)
    tool.send_signal(number)
    _, errors = tool.communicate(timeout=20)
    assert tool.returncode == code
    assert "Traceback" not in errors
    wait_until(lambda: not is_running(pid))


def test_interrupted_run_leaves_no_verdict(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/verdict.json").write_text("an earlier run's")
    tool, _ = started(tmp_path)
    tool.terminate()
    tool.communicate(timeout=20)
    assert not (tmp_path / "out/verdict.json").exists()


# What is shown and kept.

def test_report_is_shown_without_firmware_noise(run, tmp_path):
    lines = run("pass").stdout.splitlines()
    assert lines[0].startswith("stampede: 8 CPUs, 512 MiB, BIOS, ISO, ")
    assert lines[1] == "KTAP version 1"
    assert not any("SeaBIOS" in line for line in lines)
    assert (tmp_path / "out/serial.log").read_bytes().startswith(b"SeaBIOS")


def test_quiet_shows_the_outcome_alone(run):
    assert run("pass", "--quiet").stdout.startswith("PASS (exit code 0)")


def test_repeat_command_has_the_seed_that_the_kernel_drew(run):
    assert run("pass").stdout.endswith("--seed 0x5eed\n")
    assert run("pass", "--seed", 7).stdout.endswith("--seed 7\n")


def test_progress_is_rewritten_in_place_on_a_terminal(tmp_path):
    try:
        terminal, end = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal to be had: {error}")
    tool = subprocess.Popen([STAMPEDE, *map(str, arguments(tmp_path))], stdout=end,
                            env=environment(tmp_path, "pass"))
    assert tool.wait(timeout=20) == 0
    os.close(end)
    text = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "\r\x1b[Kphase=mixed seconds=1.0" in text
    assert "# progress" not in text


def test_closed_output_pipe_does_not_crash_the_tool(tmp_path):
    tool = subprocess.Popen([STAMPEDE, *map(str, arguments(tmp_path))], stderr=subprocess.PIPE,
                            env=environment(tmp_path, "endless"), stdout=subprocess.PIPE)
    tool.stdout.close()
    _, errors = tool.communicate(timeout=20)
    assert tool.returncode == CODES["error"]
    assert b"Traceback" not in errors


# The options of QEMU and of the kernel.

def machine(folder, *words, nonce=0xAB):
    return build_machine(parse(list(map(str, arguments(folder, *words)))[1:]), nonce)


def command(folder, *words):
    return machine(folder, *words).command(["-serial", "stdio"])


def test_iso_gets_its_options_by_smbios(tmp_path):
    words = command(tmp_path, "--args", "orders=1,2 x=y", "--seed", 16)
    assert words[words.index("-smbios") + 1] == (
        "type=11,value=stampede:nonce=00000000000000ab seed=0x10 orders=1,,2 x=y")


def test_direct_boot_gets_its_options_by_append(tmp_path):
    words = command(tmp_path, "--boot", "direct", "--args", "orders=1,2", "--seconds", 3)
    assert words[words.index("-append") + 1] == "nonce=00000000000000ab seconds=3 orders=1,2"


def test_single_thread_implies_yields(tmp_path):
    single = ["--accel", "tcg", "--thread", "single"]
    assert machine(tmp_path, *single).arguments[-1] == "yield=64"
    assert machine(tmp_path, *single, "--args", "yield=8").arguments[1:] == ["yield=8"]
    assert machine(tmp_path, "--accel", "tcg").arguments[1:] == []
    assert "tcg,thread=single" in command(tmp_path, *single)


def test_uefi_adds_firmware(tmp_path):
    assert "-bios" not in command(tmp_path)
    assert "-bios" in command(tmp_path, "--firmware", "uefi")


@pytest.mark.parametrize("asked, trouble, name, why", [
    ("auto", None, "kvm", "it works here"),
    ("auto", "no vmx", "tcg", "no KVM: no vmx"),
    ("kvm", None, "kvm", "as asked"),
    ("tcg", None, "tcg", "as asked"),
])
def test_choice_of_accelerator(asked, trouble, name, why):
    chosen = choose_accelerator(asked, "multi", trouble)
    assert (chosen.name, chosen.why) == (name, why)


def test_kvm_is_refused_if_it_does_not_work():
    with pytest.raises(UsageError, match=r"--accel kvm: KVM does not work here \(no vmx\); use tcg or auto"):
        choose_accelerator("kvm", "multi", "no vmx")


def test_kvm_needs_a_device_and_a_cpu_that_has_it(tmp_path):
    device, cpuinfo = tmp_path / "kvm", tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t\t: fpu vmx sse\n")
    assert "No such file" in kvm_trouble(str(device), str(cpuinfo))
    device.touch()
    assert kvm_trouble(str(device), str(cpuinfo)) is None
    cpuinfo.write_text("flags\t\t: fpu sse\nvmx flags : none\n")
    assert "neither vmx nor svm" in kvm_trouble(str(device), str(cpuinfo))


def test_time_limits_grow_with_the_work(tmp_path):
    def bounds(*words):
        return limits(parse(list(map(str, arguments(tmp_path, *words)))[1:]))

    assert bounds("--seconds", 1).total > 900  # the limit on silence ends a hang much earlier
    assert bounds("--seconds", 1000).total > 2000
    assert bounds("--args", "seconds=1000").total > 2000
    assert bounds("--ops", 5).total > 3600
    assert bounds("--cpus", 255).silence > bounds("--cpus", 8).silence
    assert bounds("--timeout", 9, "--silence", 3) == Limits(308, 3, 9)


def test_checking_a_file_changes_nothing(tmp_path):
    path = tmp_path / "file"
    check_writable(None)
    check_writable(path)
    assert not path.exists()
    path.write_text("kept")
    check_writable(path)
    assert path.read_text() == "kept"
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot be written: Is a directory"):
        check_writable(tmp_path)


# Start and end of the tool itself.

@pytest.mark.parametrize("word", ("pass", "fail"))
def test_closed_streams_change_no_verdict(tmp_path, word):
    command = shlex.join(map(str, [STAMPEDE, *arguments(tmp_path)]))
    done = subprocess.run(["sh", "-c", f"{command} <&- >&- 2>&-"], env=environment(tmp_path, word), timeout=60)
    assert done.returncode == CODES[word]
    assert record(tmp_path)["word"] == word


def begun(module, folder):
    """Run the tool's start-up code with `module` from `folder` instead of the tool's own module."""
    code = f"import sys; sys.path[:0] = {[str(ROOT / 'ci'), str(folder)]}; from stampedelib.start import start; start({module!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_a_fault_of_the_tool_is_no_verdict(tmp_path):
    (tmp_path / "faulty.py").write_text("def main(argv):\n    return argv.nothing\n", encoding="utf-8")
    done = begun("faulty", tmp_path)
    assert done.returncode == CODES["error"] and "AttributeError" in done.stderr, done.stderr


def test_an_interrupt_while_it_loads_is_quiet(tmp_path):
    """Even if Python turns KeyboardInterrupt into another exception, as it does in __set_name__()."""
    (tmp_path / "slow.py").write_text("import signal\n\n\nclass Field:\n    def __set_name__(self, *_):\n"
                                      "        signal.raise_signal(signal.SIGINT)\n\n\n"
                                      "class Holder:\n    field = Field()\n", encoding="utf-8")
    done = begun("slow", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("tool", ("stampede", "soak", "defects", "mutate"))
def test_all_tools_use_this_start(tool):
    assert "\nstart(" in (ROOT / "ci" / tool).read_text(encoding="utf-8")


# Errors of use.

@pytest.mark.parametrize("words, names", [
    (["--cpus", 0], "--cpus: 0 is out of range (allowed: 1 to 255)"),
    (["--cpus", "many"], "--cpus: 'many' is not a whole number"),
    (["--memory", "1T"], "--memory: '1T' (allowed: 16M to 64G"),
    (["--memory", "8M"], "--memory: '8M'"),
    (["--seed", 2**64], "--seed"),
    (["--seed", 0], "--seed: 0 is out of range (allowed: 1 to 18446744073709551615)"),
    (["--seconds", 0], "--seconds"),
    (["--allocator", "my one"], "--allocator"),
    (["--accel", "hvf"], "--accel"),
    (["--args", "a=\u00e4"], "--args"),
    (["--args", "a=\"b\""], "--args"),
    (["--seed", 1, "--args", "seed=2"], "seed= is also given by --seed"),
    (["--iso", "/nonexistent"], "/nonexistent: no such file; build it with make"),
    (["--qemu", "/nonexistent"], "/nonexistent: no such program; install it with ci/install-deps"),
    (["--firmware", "uefi", "--boot", "direct"], "--firmware uefi"),
    (["--frobnicate"], "--frobnicate"),
    (["--junit", "/proc/x/y"], "/proc/x"),
    (["--log", "/dev/null/serial.log"], "/dev/null"),
])
def test_use_is_refused_in_one_line(run, words, names):
    done = run("pass", *words)
    assert (done.returncode, done.stdout) == (CODES["error"], "")
    assert names in done.stderr and done.stderr.count("\n") == 1


def test_missing_firmware_is_an_error_of_use(monkeypatch, tmp_path):
    monkeypatch.setattr("stampedelib.machine.machine.OVMF", ("/nonexistent.fd",))
    with pytest.raises(UsageError, match="/nonexistent.fd"):
        machine(tmp_path, "--firmware", "uefi")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["judge", "--help"]])
def test_help_names_the_exit_codes(words):
    done = stampede(*words)
    assert done.returncode == 0
    assert "0 pass, 1 fail" in " ".join(done.stdout.split())
