"""Runs the explorer once, as a hosted program or as a kernel in QEMU."""
import dataclasses
import secrets
import shlex
from pathlib import Path

from ..console import Console, Detail
from ..log.serial import Follower, printable
from ..machine.options import MachineOptions
from ..process import Limits, Program
from ..run.folder import RunFolder
from ..run.options import RunOptions, StressOptions
from ..run.plan import build_plan
from ..run.runner import run
from ..usage import existing_file
from ..verdict.judge import judge
from ..verdict.verdict import KERNEL_EXIT_CODES, Verdict
from .options import ExploreOptions

LIMIT_SECONDS = 3600
MEMORY_MIB = 128
SILENT_SECONDS = 120  # far more than the longest time between two lines
MAKE_IMAGE = "build it with make kernel EXPLORE=1, with ALLOCATOR=, STACSOS= or MAX_ORDER= if needed"
SHOWN = ("# progress", "# explored", "# bound", "# sweep", "# benign", "# explore: ", "ok ", "not ok ")


def explorer(options: ExploreOptions) -> Path:
    """The file of the explorer. Raises UsageError if it does not exist."""
    if options.hosted:
        return existing_file(options.hosted_file, "build it with make -f arch/host/host.mk build/host/explore/stampede-explore")
    return existing_file(options.kernel, MAKE_IMAGE)


def run_explorer(options: ExploreOptions, words: list[str], folder: RunFolder, detail: Detail) -> Verdict:
    """Run the explorer with these options, show its output, judge it. Raises UsageError."""
    return (_run_hosted if options.hosted else _run_in_qemu)(options, words, folder, detail)


def _run_hosted(options: ExploreOptions, words: list[str], folder: RunFolder, detail: Detail) -> Verdict:
    """Run it on this host.

    Its exit code is the verdict's. That of the kernel is 0x41 + 2 * code.
    """
    console = Console(detail)
    nonce = secrets.randbits(64) or 1
    follower = Follower()

    def take(data: bytes) -> None:
        folder.capture.write(data)
        folder.capture.flush()
        for line in follower.feed(data):
            _show(console, line)

    command = [str(explorer(options).resolve()), f"nonce={nonce:016x}", *words]
    with Program(command, take=take, own_errors=True) as program:
        ending = program.run(Limits(silence=SILENT_SECONDS))
    code = ending.exit_code
    kernels = None if code is None else 0x41 + 2 * code
    why = f"no line for {SILENT_SECONDS} s" if ending.kind == "silence" else ending.detail
    verdict = judge(folder.log.read_bytes(), kernels if kernels in KERNEL_EXIT_CODES else code,
                    "exit" if ending.kind == "killed" else ending.kind, nonce, why)
    console.say(printable(verdict.text()))
    return verdict


def _run_in_qemu(options: ExploreOptions, words: list[str], folder: RunFolder, detail: Detail) -> Verdict:
    """Run it as a kernel in QEMU, on one virtual CPU."""
    machine = MachineOptions("direct", kernel=explorer(options), cpus=1, memory_mib=MEMORY_MIB, accel="tcg")
    plan = build_plan(RunOptions(options.command, machine, StressOptions(words=tuple(words)), on_fail="exit",
                                 quiet=True, timeout=LIMIT_SECONDS))
    plan = dataclasses.replace(plan, repeat=lambda _: shlex.join(options.command),
                               detail=Detail.OUTCOME if detail is Detail.ALL else detail)
    verdict = run(plan, folder)
    console = Console(detail)
    for line in folder.log.read_text(encoding="latin-1").replace("\r", "").splitlines():
        if not line.startswith("# progress"):
            _show(console, line)
    return verdict


def _show(console: Console, line: str) -> None:
    """Show a line during the run, if it should be seen then. The trace comes at the end."""
    if line.startswith(SHOWN):
        console.show(line)
