"""The options of a run, created once, from the command line or by a tool that starts runs."""
from dataclasses import dataclass, field
from pathlib import Path

from ..machine.options import MachineOptions
from ..verdict.checks import Checks

FAILURE_ACTIONS = ("exit", "gdb", "bundle")


@dataclass(frozen=True)
class StressOptions:
    """Options for the kernel. words: options that are passed unchanged (`--args`)."""
    seconds: int | None = None
    ops: int | None = None
    seed: int | None = None
    allocator: str | None = None
    words: tuple[str, ...] = ()

    def names(self) -> set[str]:
        """The names of the options among the words."""
        return {word.split("=")[0] for word in self.words}

    def value(self, name: str) -> str | None:
        """The last value of an option in the words."""
        return dict(word.split("=", 1) for word in self.words if "=" in word).get(name)


@dataclass(frozen=True)
class RunOptions:
    """All options of a run.

    command: the command that started the run; the command that repeats it is made from it.
    on_fail: one of FAILURE_ACTIONS, or None for the default.
    """
    command: tuple[str, ...]
    machine: MachineOptions = field(default_factory=MachineOptions)
    stress: StressOptions = field(default_factory=StressOptions)
    log: Path | None = None
    timeout: int | None = None
    silence: int | None = None
    checks: Checks = field(default_factory=Checks)
    stages: tuple[str, ...] = ()
    junit: Path | None = None
    quiet: bool = False
    dry_run: bool = False
    on_fail: str | None = None
    bundle: Path | None = None
    bundle_limit_mib: int = 4096
    keep_going: bool = False
    debug: bool = False
