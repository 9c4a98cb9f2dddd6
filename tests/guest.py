"""For the tests of the image itself: build it, boot it in QEMU with no loader, read its log."""

import os
import re
import subprocess
import zlib
from dataclasses import dataclass
from functools import cache

from support import ROOT

from stampedelib.log.serial import parse

# This limit is never a verdict. It only ends the test of a machine that hangs; a loaded host is slow.
LIMIT_SECONDS = 120

# Without make's own variables: a make started here must not be a sub-make of one that runs the tests.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


@dataclass(frozen=True)
class Log:
    """How a program or a guest ended, and all its output."""
    code: int
    text: str

    @property
    def lines(self):
        """The lines from the kernel's first one on."""
        start = self.text.find("KTAP version 1")
        return self.text[start:].replace("\r", "").splitlines() if start >= 0 else []

    @property
    def title(self):
        """The failure's title, or None."""
        return self.value("# title=")

    @property
    def rule(self):
        return self.title and self.title.split(":")[0]

    @property
    def verdict(self):
        return self.value("# verdict=")

    def value(self, start):
        """What follows `start` in the only line that begins with it; None if there is no such line."""
        found = self.all(start)
        assert len(found) < 2, self.text
        return found[0] if found else None

    def all(self, start):
        return [line.removeprefix(start) for line in self.lines if line.startswith(start)]

    def records(self, start):
        """The values of each line that begins with `start`."""
        return list(parse(self.text.encode("latin-1")).records(start))

    def field(self, start, name):
        """The value of name=... in the first line that begins with `start` and has it."""
        return next(values[name] for values in self.records(start) if name in values)

    def is_whole(self):
        """Whether the closing line is there and matches the log (docs/LOG.md)."""
        *body, last = self.lines or [""]
        end = re.fullmatch(r"# end nonce=\w+ lines=(\d+) crc=0x(\w+)", last)
        crc = zlib.crc32("".join(f"{line}\n" for line in body).encode())
        return bool(end) and int(end[1]) == len(body) and int(end[2], 16) == crc


def make(*words):
    done = subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, env=ENVIRONMENT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def image(compiler="gcc", max_order=16):
    """The path of the kernel, built if needed."""
    make("-j2", "kernel", f"CC={compiler}", f"MAX_ORDER={max_order}")
    return ROOT / f"build/{compiler}-order{max_order}/stampede.elf"


def run(command):
    """Run a program to its end, or kill it after LIMIT_SECONDS and fail."""
    done = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = done.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        done.kill()
        output, _ = done.communicate()
        raise AssertionError(f"no end in {LIMIT_SECONDS} s: {output.decode('latin-1')}") from None
    return Log(done.returncode, output.decode("latin-1"))


def boot(options="", kernel=None, cpus=4, memory="128M", thread="multi", machine="q35",
         serial="stdio", more=()):
    """Boot the image with these options on its command line."""
    return run(["qemu-system-x86_64", "-M", machine, "-cpu", "max", "-accel",
                f"tcg,thread={thread}", "-smp", cpus, "-m", memory, "-nodefaults", "-display",
                "none", "-no-reboot", "-serial", serial, "-device",
                "isa-debug-exit,iobase=0xf4,iosize=0x4", "-kernel", kernel or image(), "-append",
                options, *more])
