"""Other load for the host, beside a run: processes that are busy and do nothing."""
import subprocess
import sys

# Ends with its standard input, and so with whoever started it, however that ends.
PROGRAM = """
import os, sys, threading, zlib
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
data = bytes(4 << 20)
while True:
    zlib.crc32(data)
"""


class Busy:
    """So many busy processes while the block runs."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Busy":
        for _ in range(self._count):
            self._processes.append(subprocess.Popen(
                [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, start_new_session=True))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            assert process.stdin
            process.stdin.close()
