"""Adds the `stampede` commands and the pretty-printers to gdb: `source ci/gdb/load.py`."""
import os
import sys

sys.dont_write_bytecode = True  # the folder may be part of a bundle or belong to another user
sys.path.insert(0, os.path.dirname(os.path.realpath(os.path.expanduser(__file__))))
for name in [name for name in sys.modules if name.split(".")[0] == "stampedegdb"]:
    del sys.modules[name]  # if sourced again, load the files as they are now

from stampedegdb import commands, printers  # noqa: E402

commands.register()
printers.register()
