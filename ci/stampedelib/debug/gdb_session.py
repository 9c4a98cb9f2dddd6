"""The text of session.gdb, the commands that gdb runs before it shows its prompt.

In a bundle all paths are relative, so that it can be opened at any place. The kernel, the core and
the gdb scripts are beside session.gdb, and gdb starts in that folder (open_command()).
"""
import re
import shutil
from pathlib import Path

from ..usage import ROOT, UsageError

SCRIPTS = ROOT / "ci/gdb"
SCRIPTS_IN_BUNDLE = "gdb"
SESSION = "session.gdb"
QUIET = """\
set pagination off
set confirm off
set print thread-events off
set print frame-arguments scalars
"""


def _attach(kernel: Path, socket: Path, scripts: Path) -> str:
    return f"""\
{QUIET}file {_path(kernel.resolve())}
source {_path(scripts.resolve() / 'load.py')}
target remote {_path(socket.absolute())}
"""


def live(kernel: Path, socket: Path, scripts: Path = SCRIPTS) -> str:
    """Attach to a machine whose gdb stub listens on a Unix socket. This stops the machine."""
    return f"""\
{_attach(kernel, socket, scripts)}stampede cpus
stampede lock
{_say('The machine is stopped. "help stampede" lists the commands, "continue" lets it run, '
      '"quit" leaves it running.')}"""


def from_boot(kernel: Path, socket: Path, scripts: Path = SCRIPTS) -> str:
    """Attach to a machine that was started halted. Run it to the kernel's first C function."""
    return f"""\
{_attach(kernel, socket, scripts)}thbreak kernel_main
continue
{_say('The kernel starts. "help stampede" lists the commands, "continue" lets it run.')}"""


def backwards(kernel: Path, socket: Path, sources: Path, scripts: Path = SCRIPTS) -> str:
    """Attach to the replay of a trial. Run it to the point where the rule is broken.

    The breakpoint is temporary: with a breakpoint left, QEMU 7.2 hangs at the second step
    backwards.
    """
    return f"""\
{QUIET}file {_path(kernel.resolve())}
directory {_path(sources)}
source {_path(scripts.resolve() / 'rewind.py')}
target remote {_path(socket.absolute())}
thbreak trial_broken
continue
{_say('The rule is broken here. "reverse-stepi" goes back one instruction, "rewind N" goes back N, "rewind access" to the '
      'last access to the allocator; delete all breakpoints first. See docs/DEBUGGING.md, "Backwards".')}"""


def postmortem(kernel: str, core: str, title: str = "") -> str:
    """Open a dump; print all backtraces, then cores and locks.

    `kernel` and `core` are in the bundle.
    """
    lines = [
        QUIET.rstrip(),
        f"file {_path(kernel)}",
        f"source {SCRIPTS_IN_BUNDLE}/load.py",
        f"core-file {_path(core)}",
        "thread apply all -ascending -c backtrace",
        "stampede cpus",
        "stampede lock",
        *([_say(f"Title: {title}").rstrip()] if title else []),
        _say('"help stampede" lists the commands.').rstrip(),
    ]
    return "\n".join(lines) + "\n"


def copy_scripts(bundle: Path) -> Path:
    """Copy the gdb scripts into the bundle; their folder there."""
    return Path(shutil.copytree(SCRIPTS, bundle / SCRIPTS_IN_BUNDLE, dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("__pycache__")))


def open_command(session: Path) -> list[str]:
    """The command that starts gdb with a session.gdb. Run it in the folder of that file."""
    return ["gdb", "-q", "-nx", "-x", session.name]


def _path(path: Path | str) -> str:
    """A path for a gdb command. Raises UsageError for characters that would need quotes.

    core-file and target do not understand quotes.
    """
    text = str(path)
    if not re.fullmatch(r"[^\s\"'\\]+", text):
        raise UsageError(f"{text!r}: gdb cannot read a path with blanks, quotes or backslashes here")
    return text


def _say(text: str) -> str:
    """A gdb command that prints the text, with any characters."""
    return f"python print({ascii(text)})\n"


def find_gdb() -> str:
    """The path of gdb. Raises UsageError if it is not installed."""
    path = shutil.which("gdb")
    if not path:
        raise UsageError("gdb: no such program; install it with ci/install-deps gdb")
    return path
