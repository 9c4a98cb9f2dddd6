"""The command `stampede` and its subcommands.

A subcommand is a module with NAME, HELP and lines(kernel, argument), which returns lines to print.
"""
from types import ModuleType

import gdb

from . import check, cpus, freelists, history, lock, page
from .kernel import Kernel

MODULES = (cpus, freelists, page, lock, history, check)


class Stampede(gdb.Command):
    """Examine Stampede's kernel, live or in a dump.

The machine must be stopped. For details of a command, see for example `help stampede cpus`."""

    def __init__(self) -> None:
        super().__init__("stampede", gdb.COMMAND_DATA, gdb.COMPLETE_COMMAND, True)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """gdb calls this if the first word of `argument` is not a subcommand."""
        if argument:
            names = ", ".join(module.NAME for module in MODULES)
            raise gdb.GdbError(f'no command "stampede {argument}"; there are: {names}')
        gdb.execute("help stampede")


class Subcommand(gdb.Command):
    """One module of MODULES."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.__doc__ = module.HELP
        super().__init__(f"stampede {module.NAME}", gdb.COMMAND_DATA, gdb.COMPLETE_SYMBOL)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Print the lines. An error of gdb becomes an error message of one line."""
        self.dont_repeat()
        try:
            for line in self._module.lines(Kernel(), argument.strip()):
                gdb.write(line + "\n")
        except gdb.GdbError:
            raise
        except gdb.error as error:
            raise gdb.GdbError(f"stampede {self._module.NAME}: {error}") from None


def register() -> None:
    """Make the commands known to gdb."""
    Stampede()
    for module in MODULES:
        Subcommand(module)
