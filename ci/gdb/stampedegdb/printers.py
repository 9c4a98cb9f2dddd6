"""Pretty-printers: the kernel's main structures in one line. `print/r` shows every member."""
from collections.abc import Callable

import gdb
import gdb.printing

from .kernel import Core, Kernel, Worker
from .lists import NO_LINK
from .locks import Lock
from .words import operation_text, symbol_text
from .guest import Layout, Memory, Record, enumeration, rule_title


def _record(value: gdb.Value) -> Record:
    return Record(Memory(), Layout(value.type), int(value.address))


def _page(value: gdb.Value) -> str:
    state = enumeration("enum page_state").get(int(value["state"]), f"state {int(value['state'])}")
    name = state.removeprefix("PAGE_")
    links = [f"{link} " + ("none" if int(value[link]) == NO_LINK else f"{int(value[link]):#x}")
             for link in ("next", "prev")]
    if name == "FREE_HEAD":
        return f"{name} order {int(value['order'])}, {', '.join(links)}"
    return f"{name} order {int(value['order'])}" if name in ("HELD_HEAD", "CACHED") else name


def _spinlock(value: gdb.Value) -> str:
    record = _record(value)
    name = record.string("name") or "without a name"
    if not record["word"]:
        return f"lock {name}: free"
    taken_at = symbol_text(record["owner_at"], True)
    return f"lock {name}: core {record['word'] - 1}, taken at {taken_at}"


def _percpu(value: gdb.Value) -> str:
    kernel = Kernel()
    core = Core(_record(value), None)
    words = [f"core {core.number} (APIC ID {core.apic_id})"]
    words += [word for word, member in (("not online", "online"),) if not core.record[member]]
    words += [word for word, holds in (("frozen", core.record["frozen"]), ("busy", core.busy)) if holds]
    words += [f"holds {Lock(kernel, address).name}" for address in core.held]
    if core.waiting_for:
        words.append(f"waits for {Lock(kernel, core.waiting_for).name}")
    return ", ".join(words)


def _core(value: gdb.Value) -> str:
    core = Worker(_record(value), enumeration("enum operation"))
    counts = {name: core.record[f"counts.{name}"]
              for name in ("allocations", "frees", "out_of_memory")}
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    who = f"core {core.number}" + (" in interrupt" if core.in_interrupt else "")
    return f"{who}: {core.steps} steps, {counted}; now: {operation_text(core.now)}"


def _history_entry(value: gdb.Value) -> str:
    kinds = enumeration("enum operation")
    kind = kinds.get(int(value["operation"]), "?").removeprefix("OPERATION_")
    if kind == "NONE":
        return "nothing"
    return (f"at {int(value['cycles'])}: {kind} pfn {int(value['pfn']):#x} "
            f"order {int(value['order'])} number {int(value['serial'])} "
            f"holder {int(value['holder'])}")


def _arena(value: gdb.Value) -> str:
    record = _record(value)
    if not record["pool"]:
        return "arena: empty"
    allocator = Record(record.memory, record.memory.layout("struct page_allocator"),
                       record["allocator"])
    return (f"arena: allocator {allocator.string('name')}, pages {record['start']:#x} to "
            f"{record['end'] - 1:#x}, {record['inserted_pages']} inserted")


def _buddy_pool(value: gdb.Value) -> str:
    record = _record(value)
    counts = enumerate(record.array("count"))
    lists = " ".join(f"{order}:{count}" for order, count in counts if count)
    return (f"buddy: {record['free_pages']} of {record['inserted_pages']} pages free, "
            f"blocks by order {lists or 'none'}; {_spinlock(value['lock'])}")


def _walk_finding(value: gdb.Value) -> str:
    record = _record(value)
    rule = enumeration("enum rule")[int(record["rule"])].removeprefix("RULE_")
    if rule == "NONE":
        return f"sound: {record['free_pages']} pages in {record['free_blocks']} free blocks"
    return f"{rule_title(rule)}: {record.text('message')}"


PRINTERS = {"page": _page, "spinlock_irq": _spinlock, "percpu": _percpu, "core": _core,
            "history_entry": _history_entry, "arena": _arena, "buddy_pool": _buddy_pool,
            "walk_finding": _walk_finding}


class _Printer:
    """The interface that gdb expects: an object with to_string()."""

    def __init__(self, value: gdb.Value, text: Callable[[gdb.Value], str]) -> None:
        self._value = value
        self._text = text

    def to_string(self) -> str:
        """The summary. If memory cannot be read, gdb shows the error."""
        return self._text(self._value)


def register() -> None:
    """Make the printers known to gdb. They replace those of an earlier load."""
    collection = gdb.printing.RegexpCollectionPrettyPrinter("stampede")
    for name, text in PRINTERS.items():
        collection.add_printer(name, f"^{name}$", lambda value, text=text: _Printer(value, text))
    gdb.printing.register_pretty_printer(None, collection, replace=True)
