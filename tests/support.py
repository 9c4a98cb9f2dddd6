"""Shared by several tests: the path to the tool, and made-up serial logs."""

import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMPEDE = ROOT / "ci/stampede"
NONCE = 0x7D2C81F0A6B35E94
PHASES = ("selftest", "single", "mixed")
EXIT_CODE = {"pass": 65, "fail": 67, "error": 69, "inconclusive": 71, "hang": 73, "crash": 75}

sys.path.insert(0, str(ROOT / "ci"))

# In CI the tool does more by default. Here only the tests decide what it does.
os.environ.pop("CI", None)

# A background job ignores SIGINT, and so do its children. Some tests send SIGINT, so it is enabled here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def own_folder(base, path):
    """The folder in which make builds `path`: build/`base`, or another one if a different path has that already."""
    done = subprocess.run(["ci/own-folder", f"build/{base}", str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    return ROOT / done.stdout.strip()


def stampede(*words, timeout=60, **options):
    """Run the tool. Returns standard output and standard error as text."""
    return subprocess.run([STAMPEDE, *map(str, words)], capture_output=True, text=True,
                          timeout=timeout, **options)


def closed(body, nonce=NONCE, count=None):
    """The bytes of a log with these lines and a matching closing line."""
    crc = zlib.crc32("".join(f"{line}\n" for line in body).encode())
    end = f"# end nonce={nonce:016x} lines={len(body) if count is None else count} crc={crc:#010x}"
    return "".join(f"{line}\r\n" for line in [*body, end]).encode()


def opening(plan=len(PHASES), nonce=NONCE):
    """The lines before any phase."""
    return [
        "KTAP version 1",
        f"# stampede version=0.1.0 nonce={nonce:016x} boot=pvh",
        "# allocator=buddy promises=smp,irq,coalesces",
        "# options seed=0x5eed seconds=15 ops=0",
        "# machine cpus=8 memory_mib=511",
        f"1..{plan}",
    ]


def phase(index, name, result="ok {} {} # ops=123"):
    """The lines of one phase."""
    return [f"# begin phase={name}", f"# progress phase={name} seconds=1.0 ops=8",
            result.format(index, name)]


def body(verdict="pass", title=None, results=None, more=()):
    """All lines except the closing one. `results` replaces result lines by phase name; `more` precedes the totals."""
    lines = opening()
    for index, name in enumerate(PHASES, 1):
        lines += phase(index, name, (results or {}).get(name, "ok {} {} # ops=123"))
    words = [line for line in lines if line.startswith(("ok ", "not ok "))]
    inconclusive = sum("# SKIP inconclusive:" in line for line in words)
    skip = sum("# SKIP" in line for line in words) - inconclusive
    failed = sum(line.startswith("not ") for line in words)
    passed = len(words) - failed - skip - inconclusive
    lines += more
    lines.append(f"# totals pass={passed} fail={failed} skip={skip} inconclusive={inconclusive}")
    if title:
        lines.append(f"# title={title}")
    return [*lines, f"# verdict={verdict}"]


TITLE = "overlap: pfn 0x1a40 order 3"
FAILED = {"mixed": f"not ok {{}} {{}} # {TITLE}"}
UNDER_FLOOR = {"mixed": "ok {} {} # SKIP inconclusive: 3 hand-offs of 100"}
ENDED_EARLY = [*opening(plan=0), "Bail out! option.unknown: frob"]


def without_options(word="error"):
    """The lines of a kernel that gave up before it read its options, and so does not know its nonce."""
    title = "boot: tag 6 is cut off"
    return ["KTAP version 1", f"# stampede version=0.1.0 nonce={0:016x} boot=multiboot2", "1..0",
            f"Bail out! {title}", f"# title={title}", f"# verdict={word}"]


def good(verdict="pass"):
    """An intact log with this verdict, which must be one that the kernel itself can reach."""
    lines = {
        "pass": lambda: body(),
        "fail": lambda: body("fail", TITLE, FAILED),
        "inconclusive": lambda: body("inconclusive", results=UNDER_FLOOR),
        "error": lambda: [*ENDED_EARLY, "# title=option.unknown: frob", "# verdict=error"],
        "hang": lambda: body("hang", "stall: core 3", {"mixed": "not ok {} {} # stall: core 3"}),
        "crash": lambda: body("crash", "trap: #PF", {"mixed": "not ok {} {} # trap: #PF"}),
    }
    return closed(lines[verdict]())
