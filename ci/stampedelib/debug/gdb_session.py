"""The text of session.gdb: what gdb is to do before it gives a person the prompt.

For a dead machine all paths are relative, so that a bundle opens wherever it is: the kernel, the
core and the gdb scripts lie beside session.gdb, and gdb is started in that folder (open_command()).
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


def live(kernel: Path, socket: Path, scripts: Path = SCRIPTS) -> str:
    """Attach to a machine whose gdb stub listens on a Unix socket; it stands still from then on."""
    return f"""\
{QUIET}file {_path(kernel.resolve())}
source {_path(scripts.resolve() / 'load.py')}
target remote {_path(socket.absolute())}
stampede cpus
stampede lock
{_say('The machine stands still. "help stampede" lists the commands, "continue" lets it run, '
      '"quit" leaves it running.')}"""


def from_boot(kernel: Path, socket: Path, scripts: Path = SCRIPTS) -> str:
    """Attach to a machine that was started halted, and run it to the kernel's first C function."""
    return f"""\
{QUIET}file {_path(kernel.resolve())}
source {_path(scripts.resolve() / 'load.py')}
target remote {_path(socket.absolute())}
thbreak kernel_main
continue
{_say('The kernel begins. "help stampede" lists the commands, "continue" lets it run.')}"""


def backwards(kernel: Path, socket: Path, sources: Path, scripts: Path = SCRIPTS) -> str:
    """Attach to the replay of a trial and run it to where the rule is broken.

    The breakpoint goes once it is reached: with one left QEMU 7.2 does not come back from a second step backwards.
    """
    return f"""\
{QUIET}file {_path(kernel.resolve())}
directory {_path(sources)}
source {_path(scripts.resolve() / 'rewind.py')}
target remote {_path(socket.absolute())}
thbreak trial_broken
continue
{_say('The rule is broken here. "reverse-stepi" goes back an instruction, "rewind N" many, "rewind access" to the '
      'last access to the allocator; delete all breakpoints before. docs/DEBUGGING.md, "Backwards", says more.')}"""


def postmortem(kernel: str, core: str, title: str = "") -> str:
    """Open a dump: all backtraces, then cores and locks. Both names are of files in the bundle."""
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
    """Put the gdb scripts into the bundle; returns where they are."""
    return Path(shutil.copytree(SCRIPTS, bundle / SCRIPTS_IN_BUNDLE, dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("__pycache__")))


def open_command(session: Path) -> list[str]:
    """How to start gdb on a session.gdb; run it in the folder that this is in."""
    return ["gdb", "-q", "-nx", "-x", session.name]


def _path(path: Path | str) -> str:
    """As gdb reads it: to the end of the line, where core-file and target know no quotes."""
    text = str(path)
    if not re.fullmatch(r"[^\s\"'\\]+", text):
        raise UsageError(f"{text!r}: gdb takes no path with blanks, quotes or backslashes here")
    return text


def _say(text: str) -> str:
    """A command that prints the text, whatever is in it."""
    return f"python print({ascii(text)})\n"


def find_gdb() -> str:
    """gdb's path."""
    path = shutil.which("gdb")
    if not path:
        raise UsageError("gdb: no such program; install it with ci/install-deps gdb")
    return path
