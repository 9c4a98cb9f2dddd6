"""gdb sessions: on a live machine, on a bundle, on a replay."""
