"""`stampede postmortem`: opens the bundle of a failed run in gdb and prints all backtraces."""
import argparse
import os
from pathlib import Path

from ..debug import gdb_session
from ..run import bundle
from ..usage import UsageError
from .gdb import add_gdb_arguments

NAME = "postmortem"
HELP = "Open a failure's bundle in gdb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `postmortem`."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of the bundle")
    add_gdb_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Replace this process by gdb, in the bundle: paths in its session are relative."""
    folder = arguments.bundle
    check(folder)
    gdb = gdb_session.find_gdb()
    os.chdir(folder)
    os.execv(gdb, [*gdb_session.open_command(Path(gdb_session.SESSION)), *arguments.gdb_arguments])


def check(folder: Path) -> None:
    """Raises UsageError for a folder that cannot be opened, with the reason."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such bundle")
    if not bundle.is_bundle(folder):
        raise UsageError(f"{folder}: not a bundle: its {bundle.README} is missing, or not that of a bundle")
    if not (folder / bundle.CORE).is_file():
        raise UsageError(f"{folder}: has no core: {_why(folder)}; see its "
                         f"{bundle.LOG} and {bundle.REGISTERS}")
    for name in (bundle.KERNEL, gdb_session.SESSION):
        if not (folder / name).is_file():
            raise UsageError(f"{folder}: {name} is missing")


def _why(folder: Path) -> str:
    try:
        return (folder / bundle.NO_CORE).read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown reason"
