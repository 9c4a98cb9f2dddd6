"""What to do after a run: read its log, repeat it, try to repeat its failure in the explorer."""
import os
import shlex
from pathlib import Path

from ..usage import BUILD_DIR, ROOT
from ..verdict.verdict import Verdict
from ..vocabulary import rule_titles
from .plan import Plan


def tool() -> str:
    """The command ci/stampede, relative to the working directory."""
    return shlex.quote(short(ROOT / "ci/stampede"))


def short(path: Path) -> str:
    """The path relative to the working directory, or the absolute path if that is shorter."""
    return min(os.path.relpath(path), str(path.absolute()), key=len)


def next_steps(plan: Plan, log: Path, verdict: Verdict) -> list[str]:
    """The place of the log, and the commands that repeat the outcome."""
    found = [f"log: {short(log)}", f"repeat: {plan.repeat(verdict)}"]
    if command := replay_command(tool(), short(log), log.read_bytes(), plan.kernel, verdict.title):
        found.append(f"replay: {command}")
    return found


def replay_command(stampede: str, log: str, raw: bytes, kernel: Path, title: str) -> str | None:
    """The command that tries to repeat a failure in the explorer. None if there is no such failure.

    `stampede` is the quoted command. For an image built by make, the command is a make: it builds
    the explorer with the same allocator. For other images only the built-in allocators can be
    tried.
    """
    if title.split(":")[0] not in rule_titles("REPLAYED") or b"\n# history us=" not in raw:
        return None
    made_with = kernel.absolute().with_name("made-with")
    if made_with.parent.parent != BUILD_DIR or not made_with.is_file():
        return f"{stampede} explore --from-log {shlex.quote(log)}"
    here = Path.cwd() == ROOT
    words = ["make", *([] if here else ["-C", str(ROOT)]), "explore",
             *([] if BUILD_DIR == ROOT / "build" else [f"BUILD_DIR={BUILD_DIR}"]),
             *made_with.read_text(encoding="utf-8").splitlines(),
             f"FROM_LOG={log if here else os.path.abspath(log)}"]
    return " ".join(shlex.quote(word) for word in words if word)
