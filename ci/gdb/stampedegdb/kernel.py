"""The kernel's structures: the run, the cores, their history, the failure."""
from functools import cached_property
from typing import NamedTuple

import gdb

from .guest import Memory, Record, Layout, enumeration
from .threads import Thread, threads_by_core

RFLAGS_INTERRUPTS = 1 << 9
NO_PFN = (1 << 64) - 1


class Operation(NamedTuple):
    """An entry of a core's history, or its running operation.

    `kind` is the name in enum operation without its prefix OPERATION_.
    """
    core: int
    in_interrupt: bool
    cycles: int
    kind: str
    pfn: int
    order: int
    serial: int
    holder: int

    @property
    def has_block(self) -> bool:
        """Whether the operation allocated or freed a block."""
        return self.kind in ("ALLOCATE", "FREE")

    def touches(self, start: int, end: int) -> bool:
        """Whether the operation's block and the pages [start, end) have a page in common."""
        return (self.has_block or self.kind == "BAD_FREE") and \
            self.pfn < end and start < self.pfn + (1 << self.order)


class Core:
    """A core of the machine (struct percpu), with its thread in gdb."""

    def __init__(self, record: Record, thread: Thread | None) -> None:
        self.record = record
        self.number = record["local.number"]
        self.apic_id = record["local.apic_id"]
        self.thread = thread
        self.waiting_for = record["waiting_for"]
        self.locks_held = record["locks_held"]

    @property
    def busy(self) -> bool:
        """Whether the watchdog counts the core as busy."""
        return bool(_static_value("stress/watchdog.c", "watches")[self.number]["busy"])

    @property
    def held(self) -> list[int]:
        """The addresses of the locks that it holds. The kernel stores only the first ones."""
        return self.record.array("held")[:self.locks_held]

    @cached_property
    def frame(self) -> Record | None:
        """The registers where it was stopped, if an NMI or an exception stopped it."""
        address = self.record["frozen_at"]
        memory = self.record.memory
        return Record(memory, memory.layout("struct trap_frame"), address) if address else None

    def interrupts(self) -> bool | None:
        """Its interrupt flag where it was stopped, else now. None if gdb cannot read it."""
        if self.frame:
            return bool(self.frame["rflags"] & RFLAGS_INTERRUPTS)
        flags = self.thread.register("eflags") if self.thread else None
        return None if flags is None else bool(flags & RFLAGS_INTERRUPTS)


class Worker:
    """A core of the stress (struct core): its own work, or that of its interrupt handlers."""

    def __init__(self, record: Record, kinds: dict[int, str]) -> None:
        self.record = record
        self.number = record["number"]
        self.in_interrupt = bool(record["in_interrupt"])
        self.steps = record["steps"]
        self._kinds = kinds

    def _operation(self, entry: Record) -> Operation:
        kind = self._kinds.get(entry["operation"], "?").removeprefix("OPERATION_")
        return Operation(self.number, self.in_interrupt, entry["cycles"], kind, entry["pfn"],
                         entry["order"], entry["serial"], entry["holder"])

    @cached_property
    def now(self) -> Operation | None:
        """The running operation."""
        operation = self._operation(self.record.inner("now", "struct history_entry"))
        return None if operation.kind == "NONE" else operation

    @cached_property
    def history(self) -> list[Operation]:
        """The last operations, the latest at the end."""
        entries = [self._operation(entry)
                   for entry in self.record.inner_all("history", "struct history_entry")]
        following = self.record["history_next"]
        if following < len(entries):
            return entries[:following]
        return entries[following % len(entries):] + entries[:following % len(entries)]


class Kernel:
    """The kernel's state.

    Create a new one for each command: the machine may have run in between.
    """

    def __init__(self) -> None:
        self.memory = Memory()
        self.run = self.static("boot/stress.c", "run")
        self.failure = self.static("stress/failure.c", "failure")
        self.hz = int(_static_value("arch/x86_64/clock.c", "cycles_per_second"))

    def static(self, file: str, name: str) -> Record:
        """The structure `name` defined at file scope in `file`."""
        value = _static_value(file, name)
        return Record(self.memory, Layout(value.type), int(value.address))

    def record(self, name: str, address: int) -> Record:
        """The structure of type `name` at `address`."""
        return Record(self.memory, self.memory.layout(name), address)

    @cached_property
    def cores(self) -> list[Core]:
        """All cores that came up, by number."""
        count = int(_global_value("percpu_count"))
        table = int(_global_value("percpu_table").address)
        addresses = [self.memory.integer(table + 8 * index) for index in range(count)]
        threads = threads_by_core(set(addresses))
        return [Core(self.record("struct percpu", address), threads.get(address))
                for address in addresses if address]

    @cached_property
    def workers(self) -> list[Worker]:
        """The cores' own work, then that of their interrupt handlers.

        Empty before the run starts.
        """
        size = self.memory.layout("struct core").size
        kinds = enumeration("enum operation")
        return [Worker(self.record("struct core", self.run[member] + index * size), kinds)
                for member in ("cores", "interrupt_cores") if self.run[member]
                for index in range(self.run["core_count"])]

    def workers_of(self, number: int) -> list[Worker]:
        """A core's own work and that of its interrupt handlers. Empty before the run starts."""
        return [worker for worker in self.workers if worker.number == number]

    @property
    def phase(self) -> str:
        """The name of the running phase, or ""."""
        address = self.run["phase"]
        if not address:
            return ""
        return self.record("struct phase_row", self.record("struct phase", address)["row"]).string("name")

    @property
    def has_arena(self) -> bool:
        """Whether the kernel has set up the arena."""
        return self._any_arena["pool"] != 0

    @property
    def arena(self) -> Record:
        """The arena of the running phase. Raises gdb.GdbError before it is set up."""
        if not self.has_arena:
            raise gdb.GdbError("the kernel has not yet given its memory to the allocator")
        return self._any_arena

    @cached_property
    def _any_arena(self) -> Record:
        """The arena, perhaps not set up yet. The selftest has its own."""
        if self.phase == "selftest":
            return self.static("stress/phase_selftest.c", "arena")
        return self.run.inner("arena", "struct arena")

    @property
    def allocator(self) -> Record:
        """The allocator under test (struct page_allocator)."""
        return self.record("struct page_allocator", self.arena["allocator"])

    @property
    def reporter(self) -> int | None:
        """The core that reports the failure, if there is one."""
        return self.failure["owner"] - 1 if self.failure["owner"] else None

    @cached_property
    def title(self) -> str:
        """The failure's title, or ""."""
        return self.failure.text("title") if self.failure["owner"] else ""

    @cached_property
    def moment(self) -> int:
        """The reference for times, in cycles: the failure, else the latest time noted by a core."""
        if self.failure["owner"] and self.failure["failed_at"]:
            return self.failure["failed_at"]
        noted = [operation.cycles for worker in self.workers for operation in worker.history[-1:]]
        noted += [worker.now.cycles for worker in self.workers if worker.now]
        noted += [core.record["waiting_since"] for core in self.cores if core.waiting_for]
        return max(noted, default=0)

    def microseconds_since(self, cycles: int) -> float:
        """Microseconds from `cycles` to the moment. Negative if `cycles` is later."""
        return (self.moment - cycles) * 1e6 / self.hz

    @cached_property
    def history(self) -> list[Operation]:
        """The last operations of all cores, in the order of time."""
        operations = [operation for worker in self.workers for operation in worker.history]
        return sorted(operations, key=lambda operation: operation.cycles)

    @cached_property
    def current(self) -> list[Operation]:
        """The running operations, by core. A handler's comes before the one that it interrupted."""
        operations = [worker.now for worker in self.workers if worker.now]
        return sorted(operations, key=lambda each: (each.core, not each.in_interrupt))


def _static_value(file: str, name: str) -> gdb.Value:
    try:
        return gdb.parse_and_eval(f"'{file}'::{name}")
    except gdb.MemoryError:
        raise
    except gdb.error as error:
        raise gdb.GdbError(f"this is not Stampede's kernel with its symbols: {error}") from None


def _global_value(name: str) -> gdb.Value:
    symbol = gdb.lookup_global_symbol(name)
    if symbol is None:
        raise gdb.GdbError(f"this is not Stampede's kernel with its symbols: no {name}")
    return symbol.value()
