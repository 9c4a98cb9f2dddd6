#!/usr/bin/python3
"""Plays QEMU for the tests of the runner: STAMPEDE_FAKE says what kind of run to act."""

import json
import os
import re
import signal
import socket
import sys
import time

from support import EXIT_CODE, PHASES, body, closed, good, opening

WORDS = " ".join(sys.argv)


def channel(name):
    """The socket that the runner handed over for `name`."""
    return socket.socket(fileno=int(re.search(rf"id={name},fd=(\d+)", WORDS)[1]))


SERIAL, MONITOR = channel("serial"), channel("qmp")
NONCE = int(re.search(r"nonce=([0-9a-f]{16})", WORDS)[1], 16)


def with_nonce(raw):
    """A log of `good` as this run's."""
    lines = raw.decode().split("\r\n")[:-2]
    return closed([re.sub(r"nonce=\w+", f"nonce={NONCE:016x}", line) for line in lines], NONCE)


def event(name, **data):
    """Send a QMP event."""
    MONITOR.sendall(json.dumps({"event": name, "data": data}).encode() + b"\r\n")


def verdict(word):
    """A run that ends as it should, its log coming in small pieces."""
    raw = b"SeaBIOS\x1b[2J\r\n" + with_nonce(good(word))
    for at in range(0, len(raw), 50):
        SERIAL.sendall(raw[at:at + 50])
    sys.exit(EXIT_CODE[word])


def start():
    """The first lines of a run."""
    SERIAL.sendall("".join(f"{line}\r\n" for line in opening(nonce=NONCE)).encode())
    SERIAL.sendall(f"# begin phase={PHASES[0]}\r\n".encode())


def reset(cpu_log):
    """A guest reset, with what QEMU logs of it."""
    start()
    with open(sys.argv[sys.argv.index("-D") + 1], "w", encoding="ascii") as file:
        file.write(cpu_log)
    event("SHUTDOWN", guest=True, reason="guest-reset")
    sys.exit(0)


def internal_error():
    """KVM gave up: QEMU stops the machine, says so when asked, and stays."""
    start()
    event("STOP")
    MONITOR.recv(4096)
    MONITOR.recv(4096)
    MONITOR.sendall(b'{"return": {"status": "internal-error", "running": false}}\r\n')
    time.sleep(60)


def silent():
    """Starts, and says no more; writes its process id for the test to look for."""
    with open(os.environ["STAMPEDE_FAKE_PID"], "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    start()
    time.sleep(60)


def endless():
    """Writes for ever, lines or none."""
    start()
    while True:
        SERIAL.sendall(b"# progress phase=mixed\r\n" * 100)
        time.sleep(0.01)


def flood():
    """Writes for ever and fast, without a line's end."""
    while True:
        SERIAL.sendall(b"x" * 1_000_000)


def complain():
    """QEMU refusing its options."""
    print("qemu: no machine for you", file=sys.stderr)
    sys.exit(1)


def halted():
    """A guest that cannot leave."""
    SERIAL.sendall(with_nonce(good()) + b"# halted: switch the machine off\r\n")
    time.sleep(60)


def told_to_quit():
    """QEMU ends in good order by SIGTERM."""
    start()
    event("SHUTDOWN", guest=False, reason="host-signal")
    sys.exit(0)


def cut():
    """The kernel's exit code after half a log."""
    SERIAL.sendall(with_nonce(good())[:-40])
    sys.exit(65)


ACTS = {
    **{word: lambda word=word: verdict(word) for word in EXIT_CODE},
    "triple-fault": lambda: reset("CPU Reset (CPU 0)\nTriple fault\n"),
    "reset": lambda: reset("CPU Reset (CPU 0)\n"),
    "internal-error": internal_error,
    "silent": silent,
    "mute": lambda: time.sleep(60),
    "endless": endless,
    "flood": flood,
    "complain": complain,
    "abort": lambda: os.kill(os.getpid(), signal.SIGABRT),
    "killed": lambda: (start(), os.kill(os.getpid(), signal.SIGKILL)),
    "told-to-quit": told_to_quit,
    "exit-0": lambda: (start(), sys.exit(0)),
    "other-run": lambda: (SERIAL.sendall(good()), sys.exit(65)),
    "cut": cut,
    "halted": halted,
}

if __name__ == "__main__":
    ACTS[os.environ["STAMPEDE_FAKE"]]()
