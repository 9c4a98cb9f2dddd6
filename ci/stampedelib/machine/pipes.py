"""Pipes with room: a guest that nobody reads for a moment is not to wait, let alone give up."""
import fcntl
import os

PIPE_BYTES = 1 << 20  # what an ordinary user may have: /proc/sys/fs/pipe-max-size


def wide_pipe() -> tuple[int, int]:
    """The descriptors to read from and to write to."""
    read_end, write_end = os.pipe()
    try:
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass  # narrower, then
    return read_end, write_end
