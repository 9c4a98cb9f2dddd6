"""Which source a run was made from, as far as git tells."""
import subprocess
from dataclasses import dataclass

from ..usage import ROOT

GIT_SECONDS = 20
LONGEST_DIFF = 4 << 20


@dataclass(frozen=True)
class Source:
    """revision: one line; diff: what differs from it, empty if nothing does."""
    revision: str
    diff: str


def read_source() -> Source:
    """The state of this tree now. Never raises: no git and no repository are an answer."""
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
