"""How the tools of ci begin and end: what goes wrong outside of their own words is no verdict of theirs."""
import importlib
import os
import sys
import traceback
from typing import NoReturn

ERROR, INTERRUPTED = 2, 130


def start(module: str) -> NoReturn:
    """Run main() of `module`, whose import can be interrupted too, and exit."""
    try:
        _open_streams()
        code = importlib.import_module(module).main(sys.argv)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        code = ERROR
    sys.exit(code)


def _open_streams() -> None:
    """Where the caller closed one: else the next file opened would be taken for it."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            _point_to_null(descriptor)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))


def _point_to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.set_inheritable(descriptor, True)
    if null != descriptor:
        os.close(null)
