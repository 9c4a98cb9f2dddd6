"""`stampede sweep-one`: one run of a sweep. An engine starts it, on this or another machine."""
import argparse
import json
import os
import signal
import tempfile
from pathlib import Path

from ..process import die_with, leave_orderly
from ..sweep.engines import give_out
from ..sweep.work import WORKS, Attempt
from ..verdict.verdict import CODES
from .values import integer

NAME = "sweep-one"
HELP = "Run one seed of a sweep and print its result, for the engines of `sweep`"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `sweep-one`."""
    parser.add_argument("seed", type=integer(1, 2**64 - 1), help="which run of the sweep")
    parser.add_argument("words", nargs="*", metavar="-- OPTION", help="options of the run")
    parser.add_argument("--work", choices=WORKS, default="run")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--into", type=Path, metavar="DIR", help="where to keep the folder of a failure")
    where.add_argument("--embed", action="store_true",
                       help="put the files of a failure into the result")
    parser.add_argument("--result", type=Path, metavar="DIR",
                        help="write the result to DIR/SEED.json instead of standard output")


def execute(arguments: argparse.Namespace) -> int:
    """Run the seed. The exit code is 0 if there is a result, even a failure."""
    leave_orderly()
    die_with(os.getppid(), signal.SIGTERM)()  # if the engine is gone, nobody needs the result
    if arguments.into:
        return _run(arguments, arguments.into / f"seed-{arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="stampede-sweep-") as folder:
        return _run(arguments, Path(folder) / "run")


def _run(arguments: argparse.Namespace, folder: Path) -> int:
    attempt = Attempt(WORKS[arguments.work], arguments.words, arguments.seed, folder)
    try:
        attempt.process.wait()
    except BaseException:
        attempt.end()
        raise
    result = attempt.result()
    if result is None:
        return CODES["error"]
    text = json.dumps(give_out(result, folder if arguments.embed else None))
    if not arguments.result:
        print(text, flush=True)
        return 0
    fresh = arguments.result / f"{arguments.seed}.new"
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.rename(fresh.with_suffix(".json"))
    return 0
