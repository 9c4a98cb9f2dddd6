"""Running programs from several threads so that all of them can be ended at once."""

import os
import signal
import subprocess
import threading

LOCK = threading.Lock()
RUNNING = set()
OVER = threading.Event()


def run(words, timeout, **options):
    """What subprocess.run() gives; each in a session of its own, to be ended with all that it started."""
    with LOCK:
        if OVER.is_set():
            raise RuntimeError(f"{words[0]}: not begun, all is being ended")
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True, **options)
        RUNNING.add(process)
    try:
        said, complained = process.communicate(timeout=timeout)
    except BaseException:
        end(process)
        process.communicate()
        raise
    finally:
        with LOCK:
            RUNNING.discard(process)
    return subprocess.CompletedProcess(words, process.returncode, said, complained)


def end(process):
    """Unless it has ended: its number might be another's."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def end_all():
    """And let none begin."""
    with LOCK:
        OVER.set()
        for process in RUNNING:
            end(process)
