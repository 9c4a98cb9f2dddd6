"""`stampede explore --from-log`: tries to repeat a failure of the stress in the explorer."""
import dataclasses
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..console import Console, counted
from ..log.serial import parse, printable
from ..usage import UsageError, existing_file
from ..verdict.verdict import CODES, Verdict
from . import from_stress, stress_log
from .explored import Explored
from .from_stress import Candidate
from .options import ExploreOptions
from .stress_log import Story
from .trace import tell
from .words import repeat

SECONDS = 15
SEARCHES_HOSTED, SEARCHES_IN_QEMU = 500, 3000  # schedules for each program in the first round
MORE = 4  # each round has this many times the schedules of the round before

Run = Callable[[list[str], Path], Verdict]  # runs the explorer: its options, its log


@dataclass
class Tried:
    """What has been tried so far."""
    programs: set[str] = field(default_factory=set)
    given: int = 0
    searched: int = 0
    others: dict[str, int] = field(default_factory=dict)

    def add(self, candidate: Candidate, explored: Explored, searching: bool) -> None:
        """Count one run of the explorer."""
        self.programs.add(candidate.program)
        if searching:
            self.searched += explored.schedules
        else:
            self.given += 1
        for title, count in explored.others.items():
            self.others[title] = self.others.get(title, 0) + count

    def text(self) -> str:
        """The counts in words."""
        return (f"{counted(len(self.programs), 'program')} made of it, {self.given} run in its order, "
                f"{self.searched} other schedules searched")


@dataclass(frozen=True)
class Found:
    """The failure, repeated in the explorer."""
    candidate: Candidate
    explored: Explored
    verdict: Verdict
    searched: bool


class Search:
    """Runs the explorer until the rule is broken again or the time is over."""

    def __init__(self, story: Story, run: Run, words: Sequence[str], seconds: int, searches: int) -> None:
        self.tried = Tried()
        self._story = story
        self._run = run
        self._words = [f"allocator={story.allocator}", f"rule={story.rule}", "races=0", *words]
        self._begin = time.monotonic()
        self._seconds = seconds
        self._searches = searches

    def look(self) -> Found | None:
        """Search for the failure.

        First run every program in the order of the log, for at most half of the time. Then run them
        under other schedules.
        """
        programs = from_stress.candidates(self._story)
        for candidate in programs:
            if self._is_over(0.5):
                break
            if found := self._try(candidate, [f"switches={candidate.switches}"], searching=False):
                return found
        searches = self._searches
        while True:
            for candidate in programs:
                if self._is_over(1):
                    return None
                words = [f"schedules={searches}", f"seed={secrets.randbits(63) or 1:#x}"]
                if found := self._try(candidate, words, searching=True):
                    return found
            searches *= MORE

    def _is_over(self, share: float) -> bool:
        return bool(self.tried.programs) and time.monotonic() - self._begin > share * self._seconds

    def _try(self, candidate: Candidate, words: list[str], searching: bool) -> Found | None:
        with tempfile.TemporaryDirectory(prefix="stampede-replay-") as folder:
            log = Path(folder) / "serial.log"
            verdict = self._run([*self._words, *words, f"program={candidate.program}"], log)
            raw = log.read_bytes()
        explored = Explored.parse(raw)
        if not parse(raw).closing:  # something other than a failure ended it
            raise UsageError(f"the explorer did not finish program {candidate.program}: {verdict.title}")
        if verdict.word in ("error", "damaged"):
            raise UsageError(f"the explorer, with allocator {self._story.allocator}: {verdict.title}")
        self.tried.add(candidate, explored, searching)
        if explored.program and (explored.title or "").split(":")[0] == self._story.rule:
            return Found(candidate, explored, verdict, searching)
        return None


def bring_back(options: ExploreOptions, log: Path, run: Run, elf: Path) -> int:
    """Search and report. `elf` is the explorer. Raises UsageError.

    Returns the exit code of the failure, or 3 if the failure was not repeated.
    """
    path = existing_file(log, "--from-log needs the log of a run of the stress")
    story = stress_log.read(path.read_bytes(), str(path))
    if options.allocator:
        story = dataclasses.replace(story, allocator=options.allocator)
    console = Console(options.detail)
    if not options.quiet:
        console.say(printable(f"stampede: {story.title}"))
        console.say(f"  allocator {story.allocator}, {counted(len(story.events), 'operation')} of "
                    f"{counted(len(story.cores), 'core')} in the log")
    searches = SEARCHES_HOSTED if options.hosted else SEARCHES_IN_QEMU
    search = Search(story, run, options.words, options.seconds or SECONDS, searches)
    found = search.look()
    if found:
        _tell_found(options, console, search.tried, found, elf)
        console.say(f"  repeat: {repeat(options, found.explored)}")
    else:
        _tell_none(console, search.tried, story)
    return found.verdict.code if found else CODES["inconclusive"]


def _tell_found(options: ExploreOptions, console: Console, tried: Tried, found: Found, elf: Path) -> None:
    if not options.quiet:
        for line in tell(found.explored, elf, full=options.full):
            console.say(line)
    console.say(printable(found.verdict.text()))
    how = "under a schedule that was searched for" if found.searched else "in the order of the log"
    console.say(f"  it came back {how}: {found.candidate.text()}")
    console.say(f"  tried: {tried.text()}")
    _tell_others(console, tried)
    saved = found.explored.saved()
    if options.save:
        saved.write(options.save)
        console.say(f"  saved: {options.save}")


def _tell_none(console: Console, tried: Tried, story: Story) -> None:
    console.say(printable(f"INCONCLUSIVE (exit code {CODES['inconclusive']}): it did not come back: {story.title}"))
    console.say(f"  tried: {tried.text()}")
    _tell_others(console, tried)
    console.say("  this does not disprove the failure: its cause may be older than the log, or need more operations "
                "than a program can have; --seconds N searches longer")


def _tell_others(console: Console, tried: Tried) -> None:
    """Print the most frequent failures by other rules."""
    for title, count in sorted(tried.others.items(), key=lambda item: -item[1])[:4]:
        console.say(printable(f"  another failure, {count} times: {title}"))
