"""The bundle that is kept of a failure, even if something goes wrong meanwhile. fake_qemu.py plays QEMU."""

import os
import re
import shlex
import signal
import subprocess

import pytest
from fake_runs import arguments, environment, is_running, record, wait_until
from support import STAMPEDE, TITLE, stampede

from stampedelib import private_folder
from stampedelib.commands.run import parse
from stampedelib.machine import elfcore
from stampedelib.machine.registers import read_cpus, summary
from stampedelib.machine.symbols import Symbols
from stampedelib.run.bundle import read_source
from stampedelib.run.folder import GuestNote, claim, find_guest
from stampedelib.run.plan import build_plan
from stampedelib.usage import UsageError
from stampedelib.verdict.verdict import CODES

WITHOUT_CORE = {"README", "serial.log", "verdict.json", "registers.txt", "qemu.txt", "source.txt",
                "stampede.elf", "session.gdb", "gdb", "no-core.txt"}


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """A function that runs the tool on the fake QEMU with the act `act` and keeps failures as bundles."""
    def run(act, *words, **more):
        words = words or ("--on-fail", "bundle")
        return stampede(*arguments(tmp_path, *words), env=environment(tmp_path, act, **more))

    return run


@pytest.fixture(name="bundle")
def fixture_bundle(tmp_path):
    return tmp_path / "out/bundle"


def names(folder):
    return {path.name for path in folder.iterdir()}


# The content of a bundle.

def test_bundle_holds_all_that_is_needed(run, bundle, tmp_path):
    done = run("held")
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert names(bundle) == WITHOUT_CORE - {"no-core.txt"} | {"core"}
    assert (bundle / "serial.log").read_bytes() == (tmp_path / "out/serial.log").read_bytes()
    assert (bundle / "verdict.json").read_text() == (tmp_path / "out/verdict.json").read_text()
    assert TITLE in (bundle / "session.gdb").read_text()
    qemu = (bundle / "qemu.txt").read_text()
    assert "version: 7.2.0 (fake)" in qemu and "fake_qemu.py -name stampede" in qemu
    assert "RIP=0000000000100004" in (bundle / "registers.txt").read_text()


def test_readme_says_how_to_open_and_to_repeat(run, bundle):
    run("held")
    lines = (bundle / "README").read_text().splitlines()
    assert len(lines) == 5
    assert lines[0].endswith(f"fail: {TITLE}")
    assert "gdb -q -nx -x session.gdb" in lines[1]
    assert f"{shlex.quote(str(STAMPEDE))} run " in lines[2] and "--seed 0x5eed" in lines[2]


def test_core_is_whole_and_sparse(run, bundle, tmp_path):
    run("held")
    core = elfcore.inspect(bundle / "core")
    assert (core.cpus, core.memory_bytes) == (1, 300_003)
    assert core.segments[0].virtual == core.segments[0].physical == 0x1000
    status = (bundle / "core").stat()
    assert (bundle / "core").read_bytes().endswith(b"\0" * 300_000 + b"end")
    assert status.st_blocks * 512 < status.st_size
    assert record(tmp_path)["bundle"]["core"]["file_bytes"] == status.st_size


def test_no_path_in_the_session_is_absolute(run, bundle):
    run("held")
    assert "/" not in (bundle / "session.gdb").read_text().replace("gdb/load.py", "")


def test_source_without_git(monkeypatch, tmp_path):
    assert len(read_source().revision.split(",")[0]) == 40
    monkeypatch.setattr("stampedelib.run.bundle.ROOT", tmp_path)
    assert read_source().revision == "unknown: no git repository"
    monkeypatch.setenv("PATH", "")
    assert read_source().revision == "unknown: no git repository"


# A failed dump loses nothing else.

@pytest.mark.parametrize("act, words, why", [
    ("held-32-bit", [], "long mode"),
    ("held-no-dump", [], "QEMU refuses: not today"),
    ("held-dump-dies", [], "QEMU is gone"),
    ("killed", [], "QEMU was gone when the failure was seen"),
    ("fail", [], "QEMU was gone when the failure was seen"),
    ("held", ["--bundle-limit", "256M"],
     "the guest has 512 MiB of memory, more than --bundle-limit 256M"),
])
def test_bundle_without_a_core(run, bundle, tmp_path, act, words, why):
    done = run(act, "--on-fail", "bundle", *words)
    assert done.returncode == CODES["crash" if act == "killed" else "fail"], done.stderr
    assert names(bundle) == WITHOUT_CORE
    assert why in (bundle / "no-core.txt").read_text()
    assert why in done.stdout and why in record(tmp_path)["bundle"]["no_core"]
    assert "open it" not in done.stdout
    opened = stampede("postmortem", bundle)
    assert opened.returncode == CODES["error"]
    assert why in opened.stderr and opened.stderr.count("\n") == 1


def test_early_core_is_dumped_again(run, bundle):
    run("held-early")
    assert elfcore.inspect(bundle / "core").cpus == 1
    assert not (bundle / "no-core.txt").exists()


def test_missing_kernel_is_reported(run, bundle, tmp_path):
    (tmp_path / "image").touch()
    done = run("held", "--on-fail", "bundle", "--boot", "iso", "--kernel", "/nonexistent.elf")
    assert "bundle lacks kernel" in done.stdout
    assert (bundle / "core").exists()
    assert "stampede.elf is missing" in stampede("postmortem", bundle).stderr


# When a bundle is made.

@pytest.mark.parametrize("words, more, expected", [
    ([], {}, "exit"),
    ([], {"CI": "true"}, "bundle"),
    ([], {"CI": "false"}, "exit"),
    (["--on-fail", "exit"], {"CI": "1"}, "exit"),
    (["--on-fail", "gdb"], {"CI": "1"}, "gdb"),
    (["--bundle", "b"], {}, "bundle"),
    (["--debug"], {}, "gdb"),
    (["--debug", "--on-fail", "bundle"], {}, "bundle"),
])
def test_choice_of_action_on_a_failure(monkeypatch, tmp_path, words, more, expected):
    monkeypatch.setenv("CI", more.get("CI", ""))
    plan = build_plan(parse(list(map(str, arguments(tmp_path, *words)))[1:]))
    assert plan.on_fail == expected
    assert ("on-fail=hold" in plan.machine.arguments) == (expected != "exit")


def test_pass_leaves_no_bundle_not_even_an_earlier_one(run, bundle):
    run("held")
    assert bundle.exists()
    assert run("pass").returncode == 0
    assert not bundle.exists()


def test_place_of_the_bundle_can_be_chosen(run, tmp_path):
    run("held", "--bundle", tmp_path / "new/place")
    assert (tmp_path / "new/place/core").exists()


def test_folder_that_is_no_bundle_is_not_overwritten(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/README").write_text("my own")
    done = run("held", "--bundle", tmp_path / "mine")
    assert done.returncode == CODES["error"]
    assert "exists and is not a bundle" in done.stderr
    assert names(tmp_path / "mine") == {"README"}


def test_default_is_to_keep_no_bundle(run, bundle, tmp_path):
    done = run("fail", "--quiet")
    assert done.returncode == CODES["fail"]
    assert not bundle.exists() and not (tmp_path / "out/registers.txt").exists()


# Opening.

@pytest.mark.parametrize("words, names", [
    (["postmortem", "/nonexistent"], "/nonexistent: no such bundle"),
    (["postmortem", "."], "not a bundle: its README is missing, or not that of a bundle"),
    (["postmortem"], "BUNDLE"),
    (["gdb", "--log", "/nonexistent/serial.log"], "no guest is running"),
    (["gdb", "--socket", "/nonexistent"], "/nonexistent is not a socket"),
    (["run", "--bundle", "x", "--on-fail", "gdb"], "--bundle: --on-fail gdb saves no bundle"),
    (["run", "--on-fail", "shout"], "--on-fail"),
])
def test_use_is_refused_in_one_line(tmp_path, words, names):
    done = stampede(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (CODES["error"], "")
    assert names in done.stderr and done.stderr.count("\n") == 1


def test_gdb_that_is_not_installed(tmp_path):
    (tmp_path / "python3").symlink_to("/usr/bin/python3")
    done = stampede("gdb", env=os.environ | {"PATH": str(tmp_path)})
    assert done.stderr == "stampede: gdb: no such program; install it with ci/install-deps gdb\n"


# Holding.

@pytest.fixture(name="held")
def fixture_held(tmp_path):
    """A run that holds its guest for gdb."""
    tool = subprocess.Popen([STAMPEDE, *map(str, arguments(tmp_path, "--on-fail", "gdb"))],
                            env=environment(tmp_path, "held"), stdout=subprocess.PIPE, text=True,
                            start_new_session=True)
    shown = []
    while "Ctrl-C here ends it" not in "".join(shown[-1:]):
        shown.append(tool.stdout.readline())
        assert shown[-1], "".join(shown)
    yield tool, "".join(shown)
    tool.kill()
    tool.wait()
    tool.stdout.close()


def test_held_guest_is_announced_and_ends_by_interrupt(held, tmp_path):
    tool, shown = held
    note = find_guest(tmp_path / "out")
    assert (note.state, note.is_alive()) == ("held", True)
    assert f"FAIL (exit code 1): {TITLE}" in shown
    assert re.search(rf"gdb --log \S*{tmp_path.name}/out\b", shown)
    assert record(tmp_path)["word"] == "fail"
    tool.send_signal(signal.SIGINT)
    tool.wait(timeout=60)
    assert tool.returncode == CODES["fail"]
    wait_until(lambda: not is_running(note.pid))
    assert not (tmp_path / "out/guest.json").exists()
    assert not os.path.exists(os.path.dirname(note.socket))


def test_held_guest_ends_when_qemu_does(held, tmp_path):
    tool, _ = held
    os.kill(find_guest(tmp_path / "out").pid, signal.SIGKILL)
    tool.wait(timeout=60)
    assert tool.returncode == CODES["fail"]


def test_note_of_a_run_that_was_killed_is_stale(held, tmp_path):
    tool, _ = held
    note = find_guest(tmp_path / "out")
    tool.kill()
    tool.wait()
    wait_until(lambda: not note.is_alive())
    with pytest.raises(UsageError, match="its run has ended"):
        find_guest(tmp_path / "out")
    private = os.path.dirname(note.socket)
    os.utime(private, (0, 0))  # too old for a folder that is just being created and not locked yet
    with claim(tmp_path / "out/serial.log") as folder:
        assert not os.path.exists(private)
        os.utime(folder.socket.parent, (0, 0))
        with claim(tmp_path / "other/serial.log"):
            assert folder.socket.parent.exists()


def test_process_id_alone_is_no_live_guest():
    assert not GuestNote(os.getpid(), "/nonexistent/socket", "k", "l", "held", 0).is_alive()


# Runs at the same time.

def test_runs_at_the_same_time_have_folders_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setattr("stampedelib.run.folder.BUILD_DIR", tmp_path / "build")
    with claim(None) as first, claim(None) as second:
        assert first.log == tmp_path / "build/last/serial.log"
        assert second.log == tmp_path / "build/last-2/serial.log"
        with pytest.raises(UsageError, match="another run is writing it"):
            claim(first.log)
        second.announce(os.getpid(), tmp_path, "held")
        first.announce(os.getpid(), tmp_path, "running")
        monkeypatch.setattr(GuestNote, "is_alive", lambda _: True)
        assert find_guest(None).log == str(first.log)  # the latest
        assert find_guest(second.log).log == str(second.log)
    with claim(None) as third:
        assert third.log == first.log


def test_socket_path_is_short_even_if_tmpdir_is_long(monkeypatch, tmp_path):
    (long := tmp_path / ("x" * 100)).mkdir()
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(long))
    monkeypatch.setattr("tempfile.tempdir", None)
    with claim(tmp_path / "log") as folder:
        assert len(str(folder.socket)) <= private_folder.LONGEST_SOCKET_PATH
        assert folder.socket.parent.stat().st_mode & 0o77 == 0


# Registers.

def test_cores_in_the_same_state_share_a_line():
    lines = "\n".join(f"CPU#{number}\nRIP=000000000000{place:04x} RFL=00000202 [-] CPL=0 HLT=0\n"
                      "EFER=0000000000000500" for number, place in enumerate((16, 32, 32)))
    cpus = read_cpus(lines + "\nCPU#3\nEIP=0000fff0 EFL=00000002 [-] CPL=0 HLT=1\n",
                     Symbols(STAMPEDE))
    assert summary(cpus) == ["CPU 0: 0x10, interrupts on",
                             "CPU 3: 0xfff0, interrupts off, asleep, not in 64-bit mode",
                             "CPU 1, 2: 0x20, interrupts on"]
    assert read_cpus("", Symbols(STAMPEDE)) == []
