"""For the tests of gdb's commands: the real image in QEMU, and gdb in batch mode."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from support import ROOT

KERNEL = Path(os.environ.get("STAMPEDE_KERNEL", ROOT / "build/gcc-order16/stampede.elf"))
LOAD = ROOT / "ci/gdb/load.py"
BOOT_SECONDS = 90
GDB_SECONDS = 60


class Machine:
    """A QEMU that runs the kernel, with gdb stub and QMP on Unix sockets. It is killed when the block ends.

    The kernel is copied to `folder`, so that a build meanwhile changes nothing.
    """

    def __init__(self, folder, arguments, cpus=8, memory="128M", options=()):
        self.folder = folder
        self.kernel = folder / "stampede.elf"
        self.gdb_socket = folder / "gdb.sock"
        self.log = folder / "serial.log"
        assert KERNEL.is_file(), f"{KERNEL}: no such file; make kernel"
        shutil.copy(KERNEL, self.kernel)
        self._qmp_socket = folder / "qmp.sock"
        self._command = [
            "qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-accel", "tcg,thread=multi",
            "-smp", str(cpus), "-m", memory, "-nodefaults", "-display", "none", "-no-reboot",
            "-no-shutdown", "-serial", f"file:{self.log}",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4", "-kernel", str(self.kernel),
            "-append", arguments, *options,
            "-chardev", f"socket,path={self.gdb_socket},server=on,wait=off,id=gdb",
            "-gdb", "chardev:gdb",
            "-chardev", f"socket,path={self._qmp_socket},server=on,wait=off,id=qmp",
            "-mon", "chardev=qmp,mode=control",
        ]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        self._wait(self._qmp_socket.exists, "QMP's socket")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def wait_for(self, text):
        """Wait until the kernel has printed `text`."""
        self._wait(lambda: text in self.text(), text)
        return self

    def text(self):
        """The kernel's output so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def gdb(self, *commands):
        """Attach gdb, load the tree's commands, run these. Returns their output. The machine then continues."""
        return run_gdb(["-ex", f"file {self.kernel}", "-ex", f"source {LOAD}",
                        "-ex", f"target remote {self.gdb_socket}"], commands)

    def dump(self, path):
        """Stop the machine for good and write guest memory to an ELF core."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(BOOT_SECONDS)
            channel.connect(str(self._qmp_socket))
            lines = channel.makefile("rw")
            for command, arguments in (("qmp_capabilities", {}), ("stop", {}),
                                       ("dump-guest-memory",
                                        {"paging": False, "protocol": f"file:{path}"})):
                lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                lines.flush()
                answer = {}
                while not {"return", "error"} & set(answer):
                    answer = json.loads(lines.readline())
                assert "error" not in answer, answer

    def _wait(self, condition, name):
        deadline = time.monotonic() + BOOT_SECONDS
        while not condition():
            assert self._process.poll() is None, f"QEMU left before {name}: {self.text()[-500:]}"
            assert time.monotonic() < deadline, f"no {name}: {self.text()[-500:]}"
            time.sleep(0.05)


def run_gdb(words, commands, folder=None):
    """Run gdb in batch mode. Returns standard output followed by standard error."""
    done = subprocess.run(
        ["gdb", "-nx", "-q", "-batch", "-ex", "set pagination off", *words,
         *(word for command in commands for word in ("-ex", command))],
        capture_output=True, text=True, timeout=GDB_SECONDS, cwd=folder, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr
