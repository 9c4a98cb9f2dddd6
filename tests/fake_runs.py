"""Runs of the tool on the QEMU that fake_qemu.py plays, for several tests."""

import json
import os
import time
from pathlib import Path

from support import ROOT

FAKE = ROOT / "tests/fake_qemu.py"


def arguments(folder, *words):
    """Those of a run that keeps everything in `folder`."""
    (folder / "image").touch()
    return ["run", "--iso", folder / "image", "--kernel", folder / "image", "--qemu", FAKE,
            "--log", folder / "out/serial.log", *words]


def environment(folder, act, **more):
    """What tells the fake how to act."""
    return os.environ | {"STAMPEDE_FAKE": act, "STAMPEDE_FAKE_PID": str(folder / "pid"),
                         "CI": ""} | more


def record(folder):
    """The verdict that the run wrote."""
    return json.loads((folder / "out/verdict.json").read_text())


def is_running(pid):
    """Whether the process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=60):
    """Wait for `condition` to hold, and fail if it does not come to."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
