"""`ci/soak`: runs the kernel without bugs for hours in many configurations.

A failure is a bug of Stampede.
"""
import argparse
import sys
from pathlib import Path

from ..machine.options import BUILD
from ..process import leave_orderly
from ..soak.record import Run, read
from ..soak.report import report
from ..soak.soak import FOLDER, RECORD, SoakOptions, repeat_one, soak
from ..usage import UsageError, existing_file
from ..verdict.verdict import CODES
from .values import Parser, integer

LONGEST_HOURS = 1000


def hours(text: str) -> float:
    """A time in hours, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= LONGEST_HOURS:
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: more than 0, to {LONGEST_HOURS})")
    return value


def build_parser() -> Parser:
    """The parser of the command line."""
    made = Parser(prog="soak", allow_abbrev=False, description=__doc__,
                  epilog="exit code: 0 no false alarm, 1 a false alarm, 2 error")
    made.add_argument("--hours", type=hours, default=2, metavar="H", help="how long to run (default 2)")
    made.add_argument("--runs", type=integer(1), metavar="N", help="largest number of runs")
    made.add_argument("--seed", type=integer(0, 2**64 - 1), metavar="N",
                      help="seed of the configurations (default: the record's, or drawn)")
    made.add_argument("--load", type=integer(0, 64), default=2, metavar="N",
                      help="number of busy processes beside every second run (default 2)")
    made.add_argument("--keep-going", action="store_true", help="do not stop at a false alarm")
    made.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR",
                      help=f"record ({RECORD}), images and logs (default build/soak)")
    made.add_argument("--kernel", type=Path, default=BUILD / "stampede.elf", metavar="FILE",
                      help="the ELF to test, with its ISO beside it; both are copied (default: that of "
                           "build/gcc-order16)")
    made.add_argument("--qemu", metavar="PROGRAM", help="default $STAMPEDE_QEMU or qemu-system-x86_64")
    made.add_argument("--own", action="store_true",
                      help="test the first allocator of the image, not the built-in ones; an alarm may then be a "
                           "bug of that allocator")
    made.add_argument("--only", type=integer(0), metavar="NUMBER",
                      help="repeat this run of the recorded soak, and record nothing")
    made.add_argument("--report", type=Path, nargs="+", action="extend", metavar="FILE",
                      help="print docs/CLEAN.md for these records of one or more soaks, and do nothing else")
    return made


def main(argv: list[str]) -> int:
    """Run a soak or print the report; returns the exit code."""
    arguments = build_parser().parse_args(argv[1:])
    leave_orderly()
    try:
        if arguments.report:
            print(report(_read_all(arguments.report)), end="")
            return 0
        options = SoakOptions(arguments.folder, arguments.kernel, arguments.hours, arguments.runs, arguments.seed,
                              arguments.load, arguments.keep_going, arguments.qemu, arguments.own)
        return soak(options) if arguments.only is None else repeat_one(options, arguments.only)
    except (UsageError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return CODES["error"]
    except KeyboardInterrupt:
        print("soak: interrupted; the current run is not recorded", file=sys.stderr)
        return 130


def _read_all(paths: list[Path]) -> list[Run]:
    """The runs of all records, in the order of their start. Raises UsageError."""
    runs = [run for path in paths for run in read(existing_file(path, "run a soak first"))]
    if len({(run.name, run.started) for run in runs}) < len(runs):
        raise UsageError("--report: a run is in these records twice")
    return sorted(runs, key=lambda run: run.started)
