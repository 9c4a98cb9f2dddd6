"""The bundle: a folder with everything to examine a failure later and on another machine.

The small files are written first, so that a failing dump loses nothing else. Paths in the bundle
are relative, so that `postmortem` can open it at any place.
"""
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..debug import gdb_session
from ..machine.dump import Dump, DumpError, dump_memory
from ..machine.guest import Guest
from ..machine.monitor import MonitorError
from ..machine.registers import State, summary, take_state
from ..usage import ROOT, UsageError
from ..verdict.verdict import Verdict

KERNEL, CORE, LOG = "stampede.elf", "core", "serial.log"
NO_CORE, README, RECORD, REGISTERS = "no-core.txt", "README", "verdict.json", "registers.txt"
QEMU, SOURCE = "qemu.txt", "source.txt"
GIT_SECONDS = 20
LONGEST_DIFF = 4 << 20
FIRST_LINE = "A failed run of Stampede, kept."


@dataclass(frozen=True)
class Case:
    """A failed run, for its bundle. limit_mib: no core is written for more guest memory."""
    verdict: Verdict
    record: dict[str, Any]
    log: Path
    kernel: Path
    repeat: str
    memory_mib: int
    limit_mib: int


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written. no_core: why it has no core. troubles: what else is missing."""
    folder: Path
    core: Dump | None
    no_core: str
    troubles: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The values for JSON."""
        core = self.core
        return {"folder": str(self.folder), "no_core": self.no_core, "troubles": self.troubles,
                "core": core and {"file_bytes": core.file_bytes, "disk_bytes": core.disk_bytes,
                                  "cpus": core.cpus, "seconds": round(core.seconds, 3)}}


def make_room(folder: Path) -> None:
    """Remove an earlier bundle. Raises UsageError for a folder with other content."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not is_bundle(folder)):
        raise UsageError(f"--bundle: {folder} exists and is not a bundle; name another folder")
    shutil.rmtree(folder)


def is_bundle(folder: Path) -> bool:
    """Whether write() created this folder."""
    try:
        return (folder / README).read_text(encoding="utf-8").startswith(FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return False


def write(folder: Path, case: Case, guest: Guest) -> Bundle:
    """Write the bundle of a guest that is stopped or has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / README).write_text(_readme(case), encoding="utf-8")
    troubles: list[str] = []

    def attempt(what: str, step: Callable[[], object]) -> None:
        try:
            step()
        except (OSError, shutil.Error, UsageError) as error:
            troubles.append(f"{what}: {error}")

    attempt("log", lambda: shutil.copyfile(case.log, folder / LOG))
    attempt("kernel", lambda: shutil.copyfile(case.kernel, folder / KERNEL))
    attempt("QEMU", lambda: _write_qemu(folder, guest))
    attempt("source", lambda: _write_source(folder))
    attempt("gdb scripts", lambda: gdb_session.copy_scripts(folder))
    attempt("gdb session", lambda: _write_session(folder, case))
    attempt("registers", lambda: _write_registers(folder, case, guest))
    core, no_core = _write_core(folder, case, guest)
    bundle = Bundle(folder, core, no_core, troubles)
    attempt("verdict", lambda: _write_record(folder, case, bundle))
    return bundle


def _write_record(folder: Path, case: Case, bundle: Bundle) -> None:
    record = case.record | {"bundle": bundle.as_dict()}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _readme(case: Case) -> str:
    """The README of the bundle."""
    seed = case.verdict.options.get("seed", "unknown")
    lines = [
        f"{FIRST_LINE} {case.verdict.word}: {case.verdict.title}",
        f"To examine it, in this folder: gdb -q -nx -x {gdb_session.SESSION}"
        "    (or in Stampede's tree: ci/stampede postmortem FOLDER)",
        f"To repeat it: {case.repeat}    (seed {seed})",
        f"{CORE}: memory and registers ({NO_CORE} says why if it is missing); "
        f"{LOG}, {RECORD}, {REGISTERS}, {QEMU}: the run;",
        f"{KERNEL}: the image that ran, with symbols; {SOURCE}: the revision and the changes to "
        f"it; {gdb_session.SCRIPTS_IN_BUNDLE}/: the `stampede` commands.",
    ]
    return "".join(f"{line}\n" for line in lines)


def _write_qemu(folder: Path, guest: Guest) -> None:
    try:
        version = guest.monitor.version()
    except MonitorError as error:
        version = f"unknown: {error}"
    lines = [f"version: {version}", f"command: {shlex.join(guest.command)}",
             *(f"said: {line}" for line in guest.complaint())]
    (folder / QEMU).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_source(folder: Path) -> None:
    source = read_source()
    text = f"revision {source.revision}\n{source.diff}"
    (folder / SOURCE).write_text(text, encoding="utf-8")


def _write_session(folder: Path, case: Case) -> None:
    text = gdb_session.postmortem(KERNEL, CORE, f"{case.verdict.word}: {case.verdict.title}")
    (folder / gdb_session.SESSION).write_text(text, encoding="utf-8")


def _write_registers(folder: Path, case: Case, guest: Guest) -> None:
    write_registers(folder / REGISTERS, take_state(guest, case.kernel))


def write_registers(path: Path, state: State) -> None:
    """Write the state of the CPUs, first in words and then as QEMU's text."""
    head = "".join(f"{line}\n" for line in summary(state.cpus))
    path.write_text(f"{head}\n{state.text}", encoding="utf-8")


def _write_core(folder: Path, case: Case, guest: Guest) -> tuple[Dump | None, str]:
    """Write the core; without one, the reason."""
    try:
        if not guest.is_running():
            raise DumpError("QEMU was gone when the failure was seen")
        if case.memory_mib > case.limit_mib:
            raise DumpError(f"the guest has {case.memory_mib} MiB of memory, more than "
                            f"--bundle-limit {case.limit_mib}M")
        return dump_memory(guest.monitor, folder / CORE), ""
    except DumpError as error:
        (folder / NO_CORE).write_text(f"{error}\n", encoding="utf-8")
        return None, str(error)


# ---- the source ----


@dataclass(frozen=True)
class Source:
    """The source of the kernel. revision: one line; diff: the changes to it, or ""."""
    revision: str
    diff: str


def read_source() -> Source:
    """The current state of this tree. If git or the repository is missing, the revision says so."""
    revision = _git("rev-parse", "HEAD")
    if revision is None:
        return Source("unknown: no git repository", "")
    changes = _git("status", "--short") or ""
    diff = _git("diff", "--no-color", "--no-ext-diff", "HEAD") or ""
    if len(diff) > LONGEST_DIFF:
        diff = diff[:LONGEST_DIFF] + "\n(cut off here)\n"
    return Source(revision.strip() + (", with changes" if changes else ""), changes + diff)


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "--no-optional-locks", *words], cwd=ROOT, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
