"""What a person can do after a run: read its log, repeat it, bring its failure back in the explorer."""
import os
import shlex
from pathlib import Path

from ..usage import BUILD_DIR, ROOT
from ..verdict.verdict import Verdict
from ..vocabulary import rule_titles
from .plan import Plan


def tool() -> str:
    """The command, as typed from here."""
    return shlex.quote(short(ROOT / "ci/stampede"))


def short(path: Path) -> str:
    """The path from here, or from the root where that is shorter."""
    return min(os.path.relpath(path), str(path.absolute()), key=len)


def next_steps(plan: Plan, log: Path, verdict: Verdict) -> list[str]:
    """Where the log is, and the commands that bring the outcome back."""
    found = [f"log: {short(log)}", f"repeat: {plan.repeat(verdict)}"]
    if command := replay_command(tool(), short(log), log.read_bytes(), plan.kernel, verdict.title):
        found.append(f"replay: {command}")
    return found


def replay_command(stampede: str, log: str, raw: bytes, kernel: Path, title: str) -> str | None:
    """How to try, for the outcome of a run; None where there is no failure that could come back.

    `stampede`, the command, is quoted. Make knows which explorer has the allocator of its image, and makes it if
    need be; of an image from elsewhere the built-in allocators can be tried.
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
