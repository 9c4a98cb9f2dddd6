"""`stampede explore --record` and `--replay`: one trial in QEMU's record/replay, to step backwards.

Two limits of QEMU 7.2 matter here (docs/DEBUGGING.md, "Backwards"):
- A step backwards loads the snapshot of the start and runs forwards from there. No breakpoint may
  be left, or the next step never ends.
- A machine that is stopped in a replay ignores SIGTERM.
"""
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..machine.machine import Accelerator, Machine, find_qemu
from ..private_folder import PrivateFolder
from ..process import die_with
from ..usage import ROOT, UsageError, existing_file
from ..verdict.judge import judge
from ..verdict.verdict import Verdict
from . import gdb_session

MEMORY_MIB = 128
LIMIT_SECONDS = 600
SHIFT = 7  # an instruction takes 2^7 ns: so a wait takes fewer instructions than with shift=3
STATE, RECORDING, LOG, IMAGE, NOTE = "start.qcow2", "events.bin", "serial.log", "stampede.elf", "recording.json"


@dataclass(frozen=True)
class Recording:
    """A folder with everything that a replay needs."""
    folder: Path
    nonce: int
    words: list[str]

    def command(self, mode: str, channels: list[str]) -> list[str]:
        """The command for QEMU, to be run in the folder. `mode` is record or replay."""
        accelerator = Accelerator("tcg", "single", "one CPU, which counts instructions")
        machine = Machine(find_qemu(None), accelerator, 1, MEMORY_MIB, "direct", Path(IMAGE), None,
                          [f"nonce={self.nonce:016x}", *self.words])
        return machine.command([
            "-icount", f"shift={SHIFT},rr={mode},rrfile={RECORDING},rrsnapshot=start",
            "-drive", f"file={STATE},if=none,id=start", "-monitor", "none", *channels])


def record(folder: Path, kernel: Path, words: list[str]) -> tuple[Verdict, Recording]:
    """Run the trial once and record it. Raises UsageError."""
    existing_file(kernel, "build it with make kernel EXPLORE=1")
    _make_room(folder)
    recording = Recording(folder, secrets.randbits(64) or 1, words)
    shutil.copy(kernel, folder / IMAGE)
    _make_state(folder / STATE)
    code = _run(recording.command("record", ["-serial", f"file:{LOG}"]), folder)
    (folder / NOTE).write_text(json.dumps({"nonce": recording.nonce, "words": words}) + "\n", encoding="utf-8")
    return judge((folder / LOG).read_bytes(), code, "exit", recording.nonce), recording


def load(folder: Path) -> Recording:
    """Read a recording. Raises UsageError if there is none or it is incomplete."""
    note = existing_file(folder / NOTE, "--record DIR makes one")
    try:
        values = json.loads(note.read_text(encoding="utf-8"))
        recording = Recording(folder, int(values["nonce"]), list(map(str, values["words"])))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{note}: not written by --record: {error}") from error
    for name in (STATE, RECORDING, LOG, IMAGE):
        existing_file(folder / name, "the recording is incomplete")
    return recording


def replay(recording: Recording) -> Verdict:
    """Run the recording again. Raises UsageError if the log differs in a byte."""
    with tempfile.TemporaryDirectory(prefix="stampede-replay-") as folder:
        log = Path(folder) / LOG
        code = _run(recording.command("replay", ["-serial", f"file:{log}"]), recording.folder)
        raw = log.read_bytes()
    if raw != (recording.folder / LOG).read_bytes():
        raise UsageError(f"{recording.folder}: the replay differs from {LOG}: is this another version of QEMU?")
    return judge(raw, code, "exit", recording.nonce)


def debug(recording: Recording, more: list[str]) -> int:
    """Run gdb on the replay, stopped where the rule is broken; gdb's exit code.

    more: more arguments for gdb.
    """
    gdb = gdb_session.find_gdb()
    private = PrivateFolder()
    socket, session = private.path / "gdb", private.path / gdb_session.SESSION
    command = recording.command("replay", [
        "-serial", f"file:{private.path / LOG}", "-S",
        "-chardev", f"socket,id=gdb,path={socket},server=on,wait=off", "-gdb", "chardev:gdb"])
    session.write_text(gdb_session.backwards(recording.folder / IMAGE, socket, ROOT), encoding="utf-8")
    with subprocess.Popen(command, cwd=recording.folder, stdin=subprocess.DEVNULL, start_new_session=True,
                          preexec_fn=die_with(os.getpid())) as machine:
        try:
            _wait_for(socket, machine)
            return subprocess.run([gdb, "-q", "-nx", "-x", str(session), *more], check=False).returncode
        finally:
            machine.kill()
            private.close()


def _wait_for(socket: Path, machine: subprocess.Popen[bytes]) -> None:
    while not socket.exists():
        try:
            code = machine.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise UsageError(f"QEMU ended with exit code {code} before gdb could attach")


def _make_room(folder: Path) -> None:
    """Create the folder, or remove an earlier recording from it.

    Raises UsageError for other content.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--record: {folder} is a file")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / NOTE).exists():
        raise UsageError(f"--record: {folder} is neither empty nor a recording")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (STATE, RECORDING, LOG, IMAGE, NOTE):
        (folder / name).unlink(missing_ok=True)


def _make_state(path: Path) -> None:
    """Create an empty disk image, in which QEMU stores the snapshot for steps backwards."""
    if not shutil.which("qemu-img"):
        raise UsageError("qemu-img: no such program; install it with ci/install-deps gdb")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "64M"], check=True)


def _run(command: list[str], folder: Path) -> int:
    """Run QEMU to its end; its exit code. Raises UsageError after LIMIT_SECONDS."""
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True,
                          preexec_fn=die_with(os.getpid())) as process:
        try:
            return process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise UsageError(f"QEMU did not end within {LIMIT_SECONDS} s") from error
        finally:
            process.kill()
