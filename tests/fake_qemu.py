#!/usr/bin/python3
"""Plays QEMU in the tests of the runner. STAMPEDE_FAKE names the act: the kind of run to imitate (ACTS)."""

import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time

from support import EXIT_CODE, PHASES, body, closed, good, opening

from stampedelib.vocabulary import PHASE_TITLES as KERNEL_PHASES

WORDS = " ".join(sys.argv)


class Serial:
    """The pipe that the runner passes for the serial port."""

    def __init__(self):
        self._pipe = int(re.search(r"id=serial,path=/proc/self/fd/(\d+)", WORDS)[1])

    def sendall(self, data):
        """Write it all."""
        while data:
            data = data[os.write(self._pipe, data):]


SERIAL = Serial()
MONITOR = socket.socket(fileno=int(re.search(r"id=qmp,fd=(\d+)", WORDS)[1]))
NONCE = int(re.search(r"nonce=([0-9a-f]{16})", WORDS)[1], 16)


def with_nonce(raw):
    """A log from `good` with this run's nonce."""
    lines = raw.decode().split("\r\n")[:-2]
    return closed([re.sub(r"nonce=\w+", f"nonce={NONCE:016x}", line) for line in lines], NONCE)


def event(name, **data):
    """Send a QMP event."""
    MONITOR.sendall(json.dumps({"event": name, "data": data}).encode() + b"\r\n")


def verdict(word):
    """A run that ends properly. Its log arrives in small pieces."""
    raw = b"SeaBIOS\x1b[2J\r\n" + with_nonce(good(word))
    for at in range(0, len(raw), 50):
        SERIAL.sendall(raw[at:at + 50])
    sys.exit(EXIT_CODE[word])


def start():
    """The first lines of a run."""
    SERIAL.sendall("".join(f"{line}\r\n" for line in opening(nonce=NONCE)).encode())
    SERIAL.sendall(f"# begin phase={PHASES[0]}\r\n".encode())


def reset(cpu_log):
    """A guest reset. `cpu_log` is what QEMU writes into its own log."""
    start()
    with open(sys.argv[sys.argv.index("-D") + 1], "w", encoding="ascii") as file:
        file.write(cpu_log)
    event("SHUTDOWN", guest=True, reason="guest-reset")
    sys.exit(0)


def internal_error():
    """KVM gives up: QEMU stops the machine, reports this when queried, and does not exit."""
    start()
    event("STOP")
    serve({"query-status": lambda _: {"status": "internal-error", "running": False}})


def silent(**answers):
    """The guest starts and then falls silent. The fake writes its process ID for the test to look for."""
    with open(os.environ["STAMPEDE_FAKE_PID"], "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    start()
    serve(answers)


def tell(_):
    """The rest of the log after an NMI."""
    SERIAL.sendall(with_nonce(good("hang")).partition(b"begin phase=selftest\r\n")[2])
    sys.exit(EXIT_CODE["hang"])


def endless():
    """The guest writes lines for ever. An NMI ends it without any output."""
    threading.Thread(target=serve, args=({"inject-nmi": lambda _: os._exit(73)},)).start()
    start()
    while True:
        SERIAL.sendall(b"# progress phase=mixed\r\n" * 100)
        time.sleep(0.01)


def flood():
    """The guest writes for ever, fast, and without line ends."""
    while True:
        SERIAL.sendall(b"x" * 1_000_000)


def held(word="fail", **answers):
    """A guest that failed and stays for a debugger."""
    SERIAL.sendall(with_nonce(good(word)) + b"# held: all cores stopped for a debugger\r\n")
    serve(answers)


def paused():
    """A debugger stops the machine for longer than it may be silent."""
    start()
    event("STOP")
    time.sleep(2.5)
    event("RESUME")
    SERIAL.sendall(with_nonce(good()).partition(b"begin phase=selftest\r\n")[2])
    sys.exit(EXIT_CODE["pass"])


def switched_off():
    """QEMU newer than 7: isa-debug-exit only stops the machine; QEMU exits with its code after `quit`."""
    SERIAL.sendall(with_nonce(good()))
    event("SHUTDOWN", guest=True, reason="guest-shutdown")
    serve({"quit": lambda _: sys.exit(EXIT_CODE["pass"])})


# The monitor.

REGISTERS = """\r
CPU#0\r
RAX=0000000000000000 RBX=0000000000000000\r
RIP=0000000000100004 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\r
EFER=0000000000000500\r
\r
CPU#1\r
RIP=0000000000200000 RFL=00000202 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\r
EFER=0000000000000500\r
"""


class Refusal(Exception):
    """The monitor answers with an error."""


def refuse(_):
    """Refuse any command."""
    raise Refusal("not today")


def serve(answers):
    """Answer commands until the monitor is closed: by the entry in `answers`, or else as QEMU would."""
    known = {"getfd": lambda message: None, "dump-guest-memory": lambda _: dump(core(336)),
             "human-monitor-command": lambda _: REGISTERS,
             "query-version": lambda _: {"qemu": {"major": 7, "minor": 2, "micro": 0},
                                         "package": "fake"},
             "query-status": lambda _: {"status": "running"}, **answers}
    pending = b""
    while True:
        data, descriptors, _, _ = socket.recv_fds(MONITOR, 4096, 1)
        if not data:
            return
        FILES.extend(descriptors)
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            answer(json.loads(line), known)


def answer(message, known):
    """Answer one command."""
    try:
        reply = {"return": known.get(message["execute"], lambda _: None)(message) or {}}
    except Refusal as refusal:
        reply = {"error": {"class": "GenericError", "desc": str(refusal)}}
    if "id" in message:
        reply["id"] = message["id"]
    MONITOR.sendall(json.dumps(reply).encode() + b"\r\n")


FILES = []  # the descriptors received by getfd


def dump(content):
    """Write to the file received last."""
    with os.fdopen(FILES.pop(), "wb") as file:
        file.write(content)


def core(note_size, memory=b"\0" * 300_000 + b"end"):
    """An ELF core with a note for one CPU and a little memory."""
    note = struct.pack("<III8s", 5, note_size, 1, b"CORE") + bytes(note_size)
    start = 64 + 2 * 56
    headers = struct.pack("<IIQQQQQQ", 4, 0, start, 0, 0, len(note), len(note), 0)
    headers += struct.pack("<IIQQQQQQ", 1, 0, start + len(note), 0, 0x1000, len(memory),
                           len(memory), 0)
    return struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 4, 62, 1, 0, 64, 0, 0, 64,
                       56, 2, 64, 0, 0) + headers + note + memory


def early(times):
    """Dumps with 32-bit notes `times` times, then good ones."""
    sizes = iter([144] * times + [336])
    return lambda _: dump(core(next(sizes)))


def die(_):
    """QEMU dies in the middle of a dump."""
    os.write(FILES.pop(), core(336)[:1000])
    os.kill(os.getpid(), signal.SIGKILL)


def complain():
    """QEMU refusing its options."""
    print("qemu: no machine for you", file=sys.stderr)
    sys.exit(1)


def halted():
    """A guest that cannot switch the machine off."""
    SERIAL.sendall(with_nonce(good()) + b"# halted: switch the machine off\r\n")
    time.sleep(60)


def told_to_quit():
    """SIGTERM ends QEMU in good order."""
    start()
    event("SHUTDOWN", guest=False, reason="host-signal")
    sys.exit(0)


def cut():
    """The kernel's exit code after half a log."""
    SERIAL.sendall(with_nonce(good())[:-40])
    sys.exit(65)


def titled(title):
    """A failure with this title."""
    failed = {"mixed": f"not ok {{}} {{}} # {title}"}
    SERIAL.sendall(with_nonce(closed(body("fail", title, failed))))
    sys.exit(EXIT_CODE["fail"])


def by_seed():
    """An act for each seed, from STAMPEDE_FAKE_SEEDS: a key of ACTS or a failure's title. Other seeds pass."""
    seed = int(re.search(r"seed=(0x[0-9a-f]+)", WORDS)[1], 16)
    with open(os.environ["STAMPEDE_FAKE_PID"], "a", encoding="ascii") as file:
        file.write(f"{seed} {os.getpid()}\n")
    act = json.loads(os.environ["STAMPEDE_FAKE_SEEDS"]).get(str(seed), "pass")
    if act in ACTS:
        ACTS[act]()
    titled(act)


def by_phase():
    """Runs the requested phases until one fails. STAMPEDE_FAKE_PHASES maps a phase to its end.

    A title fails the phase, a key of ACTS ends the guest in it. The title of "setup" fails before the first phase,
    but not with memory=none; if there is also a key "later", only where phases= is given. With a key "stuck", a
    failed boot reports all requested phases as not run, so later boots make no progress.
    """
    asked = re.search(r"phases=([a-z,-]+)", WORDS)
    names = asked[1].replace(",,", ",").split(",") if asked else list(KERNEL_PHASES)
    acts = json.loads(os.environ["STAMPEDE_FAKE_PHASES"])
    lines = opening(plan=2 * len(names) if "stuck" in acts else len(names), nonce=NONCE)
    if asked:
        lines = [f"{line} phases={asked[1]}" if line.startswith("# options ") else line for line in lines]
    if "setup" in acts and (asked or "later" not in acts) and "memory=none" not in WORDS:
        ends(fails_before(lines[:-1], acts["setup"]))
    for index, name in enumerate(names, 1):
        lines.append(f"# begin phase={name}")
        if acts.get(name) in ACTS:
            SERIAL.sendall("".join(f"{line}\r\n" for line in lines).encode())
            event("SHUTDOWN", guest=True, reason="guest-reset")
            sys.exit(0)
        if name in acts:
            ends(fails_in(lines, index, name, acts[name], names if "stuck" in acts else names[index:]))
        lines.append(f"ok {index} {name} # ops=1")
    lines += ["# promise smp-safe: kept", "# verdict=pass"]
    SERIAL.sendall(closed(lines, NONCE))
    sys.exit(EXIT_CODE["pass"])


def fails_before(lines, title):
    """The log of a kernel whose allocator failed during set-up."""
    return [*lines, f"# FAILURE {title}", "# core 0 reports, 0 locks held; in: insert pages 0x100 to 0x200",
            "1..0", f"Bail out! {title}", f"# title={title}", "# verdict=fail"]


def fails_in(lines, index, name, title, left):
    """The log of a kernel that failed in this phase; the phases `left` were not run."""
    rest = [f"ok {number} {other} # SKIP not run after the failure of phase {index}"
            for number, other in enumerate(left, index + 1)]
    return [*lines, f"# FAILURE {title}", f"not ok {index} {name} # {title}", *rest, "# promise smp-safe: broken",
            f"# title={title}", "# verdict=fail"]


def ends(lines):
    """The end of a kernel that failed."""
    SERIAL.sendall(closed(lines, NONCE))
    sys.exit(EXIT_CODE["fail"])


ACTS = {
    "by-phase": by_phase,
    "by-seed": by_seed,
    **{word: lambda word=word: verdict(word) for word in EXIT_CODE},
    "triple-fault": lambda: reset("CPU Reset (CPU 0)\nTriple fault\n"),
    "reset": lambda: reset("CPU Reset (CPU 0)\n"),
    "internal-error": internal_error,
    "silent": silent,
    "tells": lambda: silent(**{"inject-nmi": tell}),
    "no-nmi": lambda: silent(**{"inject-nmi": refuse}),
    "held": held,
    "held-pass": lambda: held("pass"),
    "held-no-dump": lambda: held(**{"dump-guest-memory": refuse}),
    "held-early": lambda: held(**{"dump-guest-memory": early(1)}),
    "held-32-bit": lambda: held(**{"dump-guest-memory": early(9)}),
    "held-dump-dies": lambda: held(**{"dump-guest-memory": die}),
    "paused": paused,
    "switched-off": switched_off,
    "mute": lambda: serve({}),
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
