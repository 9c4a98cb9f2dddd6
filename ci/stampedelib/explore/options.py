"""The options of `stampede explore`, created once from the command line."""
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
    """All options of one command.

    seed: that of a search with None, or that of a program with that of a schedule, for one trial.
    program: the program as text, or the name of its file.
    words: options that are passed to the explorer unchanged (`--args`).
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
        """The ELF file of the explorer: the hosted program or the kernel."""
        return self.hosted_file if self.hosted else self.kernel

    @property
    def detail(self) -> Detail:
        """How much of a run to show."""
        return Detail.OUTCOME if self.quiet else Detail.ALL
