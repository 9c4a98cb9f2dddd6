"""Runs of the tool on the fake QEMU (fake_qemu.py), for several tests."""

import json
import os
import time
from pathlib import Path

from support import ROOT

FAKE = ROOT / "tests/fake_qemu.py"


def arguments(folder, *words):
    """The arguments of a run that keeps everything in `folder`."""
    (folder / "image").touch()
    return ["run", "--iso", folder / "image", "--kernel", folder / "image", "--qemu", FAKE,
            "--log", folder / "out/serial.log", *words]


def environment(folder, act, **more):
    """The environment that tells the fake which act to play."""
    return os.environ | {"STAMPEDE_FAKE": act, "STAMPEDE_FAKE_PID": str(folder / "pid"),
                         "CI": ""} | more


def record(folder):
    """The verdict.json that the run wrote."""
    return json.loads((folder / "out/verdict.json").read_text())


def is_running(pid):
    """Whether the process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=60):
    """Wait until `condition` holds; fail on a timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
