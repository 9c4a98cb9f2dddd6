"""The command line of ci/stampede: runs a subcommand. An error of use is one line and exit code 2.

A subcommand is a module with NAME, HELP, add_arguments(parser) and execute(arguments) -> exit code,
listed in COMMANDS.
"""
import argparse
import errno
import os
import sys
from collections.abc import Callable

from ..usage import UsageError
from ..verdict.verdict import CODES
from . import explore, gdb, judge, postmortem, run, sweep, sweep_one
from .values import Parser

COMMANDS = (run, explore, judge, sweep, sweep_one, gdb, postmortem)
FULL_DISK = ("the disk for the log and the verdict is full; make room, or choose another place with --log FILE or "
             "make BUILD_DIR=FOLDER")
EXIT_CODES = "exit code: the verdict: " + ", ".join(f"{CODES[word]} {word}" for word in CODES)


def build_parser() -> Parser:
    """The parser with every subcommand."""
    parser = Parser(prog="stampede", allow_abbrev=False, epilog=EXIT_CODES,
                    description="Boot the Stampede kernel, read its serial log, print the verdict.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for module in COMMANDS:
        command = commands.add_parser(module.NAME, help=module.HELP, description=module.HELP + ".",
                                      allow_abbrev=False, epilog=EXIT_CODES)
        module.add_arguments(command)
        command.set_defaults(execute=module.execute)
    return parser


def main(argv: list[str]) -> int:
    """Run one command; returns the exit code."""
    arguments = build_parser().parse_args(argv[1:], argparse.Namespace(argv=argv))
    try:
        execute: Callable[[argparse.Namespace], int] = arguments.execute
        return execute(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CODES["error"]
    except (UsageError, OSError) as error:
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        print(f"stampede: {FULL_DISK if full else error}", file=sys.stderr)
        return CODES["error"]
    except KeyboardInterrupt:
        print("stampede: interrupted, no verdict", file=sys.stderr)
        return 130
