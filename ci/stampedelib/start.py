"""How the tools of ci begin and end: what goes wrong outside of their own words is no verdict of theirs."""
import _signal  # type: ignore[import]  # what `signal` is made of: it alone is there at once
import importlib
import os
import sys

ERROR, INTERRUPTED = 2, 130


def start(module: str) -> None:
    """Run main() of `module` and exit. An interrupt while it is imported could come out as any exception: it ends all."""
    asked = _signal.getsignal(_signal.SIGINT)
    if asked != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _leave)
    try:
        _open_streams()
        main = importlib.import_module(module).main
        _signal.signal(_signal.SIGINT, asked)
        code = main(sys.argv)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # pylint: disable=broad-except
        import traceback  # pylint: disable=import-outside-toplevel
        traceback.print_exc()
        code = ERROR
    sys.exit(code)


def _leave(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)  # there is nothing yet to put in order


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
