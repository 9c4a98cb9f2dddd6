"""How the tools in ci/ start and exit. An uncaught exception must not look like a verdict."""
import _signal  # type: ignore[import]  # the built-in part of `signal`: importing it reads no file
import importlib
import os
import sys

ERROR, INTERRUPTED = 2, 130


def start(module: str) -> None:
    """Run main() of `module` and exit.

    An interrupt during the import could turn into any exception, so there it ends the process at
    once.
    """
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
    os._exit(INTERRUPTED)  # nothing was started that would have to be ended


def _open_streams() -> None:
    """Open a standard stream that the caller closed. Else the next opened file would become it."""
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
