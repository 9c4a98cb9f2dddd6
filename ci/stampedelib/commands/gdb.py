"""`stampede gdb`: attach gdb to a guest that runs, is kept after a failure, or waits for gdb."""
import argparse
import os
import stat
import tempfile
from pathlib import Path

from ..debug import gdb_session
from ..run.folder import find_guest
from ..usage import BUILD_DIR, UsageError, existing_file

NAME = "gdb"
HELP = "Attach gdb to a running or held guest"
KERNEL = BUILD_DIR / "gcc-order16/stampede.elf"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `gdb`."""
    parser.add_argument("--log", type=Path, metavar="PATH",
                        help="log or folder of the run (default: the latest of build/last, build/last-2, ...)")
    parser.add_argument("--socket", type=Path, metavar="PATH",
                        help="socket of the guest's gdb stub (default: what the run says)")
    parser.add_argument("--kernel", type=Path, metavar="FILE",
                        help="the ELF with the symbols (default: what the run says)")
    add_gdb_arguments(parser)


def add_gdb_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that are passed to gdb."""
    parser.add_argument("gdb_arguments", nargs="*", metavar="-- ARG",
                        help="more arguments for gdb, such as -- -batch -ex 'stampede lock'")


def execute(arguments: argparse.Namespace) -> int:
    """Replace this process by gdb."""
    gdb = gdb_session.find_gdb()
    if arguments.socket:
        kernel, socket, halted = arguments.kernel or KERNEL, arguments.socket, False
    else:
        note = find_guest(arguments.log)
        kernel, socket = arguments.kernel or Path(note.kernel), Path(note.socket)
        halted = note.state == "halted"
        print(f"stampede: QEMU {note.pid}, {note.state}, log {note.log}",
              flush=True)
    if not socket.exists() or not stat.S_ISSOCK(socket.stat().st_mode):
        raise UsageError(f"--socket: {socket} is not a socket")
    existing_file(kernel, "name the image that runs with --kernel")
    session = gdb_session.from_boot if halted else gdb_session.live
    os.execv(gdb, ["gdb", "-q", "-nx", "-x", f"/dev/fd/{_kept(session(kernel, socket))}",
                   *arguments.gdb_arguments])


def _kept(text: str) -> int:
    """The descriptor of an unnamed file with this text, which gdb inherits."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        descriptor = os.dup(file.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    return descriptor
