"""What `stampede explore` was told: made once, from the command line."""
from dataclasses import dataclass
from pathlib import Path

from ..console import Detail
from ..usage import BUILD_DIR
from ..vocabulary import EXPLORE_OPTIONS

KERNEL = BUILD_DIR / "gcc-order16-explore/stampede.elf"
HOSTED = BUILD_DIR / "host/explore/stampede-explore"
STRATEGIES = tuple(word for word in EXPLORE_OPTIONS["strategy"].allowed.split() if word != "given")
DEFAULT_SECONDS = int(EXPLORE_OPTIONS["seconds"].default)


@dataclass(frozen=True)
class ExploreOptions:
    """seed: of a search, and None or the schedule's, of one trial; program: its text, or the file that it is in;
    words: the explorer's options that are handed on as they are (`--args`).
    """
    command: tuple[str, ...]
    hosted: bool = False
    kernel: Path = KERNEL
    hosted_file: Path = HOSTED
    allocator: str | None = None
    seconds: int | None = None
    schedules: int | None = None
    seed: tuple[int, int | None] | None = None
    program: str | None = None
    strategy: str | None = None
    preemptions: int | None = None
    minimise: bool = True
    keep_going: bool = False
    save: Path | None = None
    full: bool = False
    gdb: bool = False
    from_log: Path | None = None
    record: Path | None = None
    replay: Path | None = None
    words: tuple[str, ...] = ()
    log: Path | None = None
    quiet: bool = False
    gdb_arguments: tuple[str, ...] = ()

    @property
    def elf(self) -> Path:
        """The explorer, as a program or as a kernel."""
        return self.hosted_file if self.hosted else self.kernel

    @property
    def detail(self) -> Detail:
        """How much of a run a person is to see."""
        return Detail.OUTCOME if self.quiet else Detail.ALL
