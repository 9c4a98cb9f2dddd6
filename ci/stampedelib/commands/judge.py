"""`stampede judge`: gives the verdict on a log, kept from a run or captured from a real machine."""
import argparse
import json
import sys
from pathlib import Path

from ..log.serial import printable
from ..usage import existing_file
from ..verdict import checks, junit, page
from ..verdict.judge import ENDINGS, judge
from ..verdict.verdict import Verdict
from .values import add_checks, integer, nonce

NAME = "judge"
HELP = "Judge a serial log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `judge`."""
    parser.add_argument("log", metavar="LOG", help="the captured serial log; - reads standard input")
    parser.add_argument("--exit-code", type=integer(0, 255), metavar="N",
                        help="exit code of QEMU (omit it for a real machine)")
    parser.add_argument("--nonce", type=nonce, metavar="HEX", help="the nonce that this run was given")
    parser.add_argument("--ended-by", choices=tuple(ENDINGS), help="how the run ended, as the host saw it")
    add_checks(parser)
    parser.add_argument("--json", metavar="FILE",
                        help="also write the verdict here; - is standard output")
    parser.add_argument("--junit", type=Path, metavar="FILE",
                        help="also write the verdict as JUnit XML")


def execute(arguments: argparse.Namespace) -> int:
    """Judge the log and print the verdict; its exit code."""
    raw = _read(arguments.log)
    verdict = judge(raw, arguments.exit_code, arguments.ended_by, arguments.nonce)
    verdict = checks.Checks(arguments.expect, arguments.forbid).apply(verdict, raw)
    if arguments.junit:
        junit.write(arguments.junit, verdict, raw)
    if arguments.json:
        _write_json(arguments.json, verdict)
    if arguments.json != "-":
        print(verdict.text())
        for line in [*page.tried_lines(verdict), *page.selftest_lines(verdict)]:
            print(printable(line))
    return verdict.code


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    return existing_file(Path(name), "give the serial log to judge").read_bytes()


def _write_json(name: str, verdict: Verdict) -> None:
    text = json.dumps(verdict.as_dict(), indent=2) + "\n"
    if name == "-":
        sys.stdout.write(text)
    else:
        Path(name).write_text(text, encoding="utf-8")
