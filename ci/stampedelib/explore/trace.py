"""A trace as text: a column for each thread, a row for each source line, then the broken rule."""
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..usage import ROOT
from .explored import Explored

LAST_ROWS = 4  # rows to show before another thread runs; none of an operation that ends before that
NARROWEST = 38
OPERATIONS = {"a": "allocate order {}", "f": "free the block of {}", "x": "free with a wrong order {}",
              "m": "remove pages {}", "p": "put back what operation {} removed", "c": "count free pages{}"}
FRAME = re.compile(r"(.+):(\d+)(?: \(discriminator \d+\))?")


@dataclass(frozen=True)
class Row:
    """What one thread did on one source line without a switch."""
    thread: str
    text: str


def tell(explored: Explored, elf: Path, full: bool = False) -> list[str]:
    """The lines to print about a failure."""
    figures = explored.figures
    lines = [f"  program {explored.program}",
             f"  {figures.get('cores')} cores, {figures.get('operations')} operations, "
             f"{figures.get('switches')} switches; page 0 is pfn {figures.get('first_pfn')}"]
    threads = sorted({step.thread for step in explored.steps}, key=lambda name: (name[0] == "i", name))
    if threads:
        width = max(NARROWEST, (shutil.get_terminal_size((120, 24)).columns - 2) // len(threads) - 1)
        lines += ["  " + "|".join(f"{_thread(thread):<{width}}" for thread in threads)]
        lines += ["  " + "+".join("-" * width for _ in threads)]
        for row in _rows(explored, elf, full):
            at = threads.index(row.thread)
            cells = [""] * at + [row.text[:width]] + [""] * (len(threads) - at - 1)
            lines.append("  " + "|".join(f"{cell:<{width}}" for cell in cells).rstrip())
    lines += [f"  {line}" for line in explored.race]
    return [*lines, f"  ==> {explored.title}"]


def _thread(name: str) -> str:
    return f"interrupt on core {name[1:]}" if name[0] == "i" else f"core {name}"


def _rows(explored: Explored, elf: Path, full: bool) -> Iterator[Row]:
    lines = source_lines(elf, sorted({step.address for step in explored.steps}))
    names = operation_names(explored)
    begun: set[tuple[str, int]] = set()
    for thread, turn in groupby(explored.steps, key=lambda step: step.thread):
        pieces = [(operation, list(steps))
                  for operation, steps in groupby(turn, key=lambda step: step.operation)]
        for number, (operation, steps) in enumerate(pieces, 1):
            if (thread, operation) not in begun:
                begun.add((thread, operation))
                yield Row(thread, names.get((thread, operation), f"operation {operation}"))
            rows = [f"  {text}" for text, _ in groupby(steps, key=lambda step: lines[step.address])]
            shown = len(rows) if full else LAST_ROWS if number == len(pieces) else 0
            hidden = len(rows) - shown
            if hidden > 1:
                yield Row(thread, f"   ... {hidden} lines")
                rows = rows[hidden:]
            yield from (Row(thread, text) for text in rows)


def operation_names(explored: Explored) -> dict[tuple[str, int], str]:
    """Each operation in words, with its result."""
    names = {}
    for part in (explored.program or "").split("/")[1:]:
        thread, _, operations = part.partition(":")
        for index, text in enumerate(operations.split(",")):
            words = OPERATIONS.get(text[0], text).format(text[1:])
            outcome = explored.outcomes.get((thread, index))
            names[thread, index] = f"{words} -> {outcome}" if outcome else words
    return names


def source_lines(elf: Path, addresses: list[int]) -> dict[int, str]:
    """"buddy.c:24 text" for each address. For inlined helpers in headers it is the calling line."""
    command = ["addr2line", "-a", "-i", "-e", str(elf), *map(hex, addresses)]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {address: hex(address) for address in addresses}
    frames: dict[int, list[str]] = {}
    current: list[str] = []
    for line in output.splitlines():
        if line.startswith("0x"):
            current = frames[int(line, 16)] = []
        else:
            current.append(line)
    return {address: _describe(frames.get(address, []), address) for address in addresses}


def _describe(frames: list[str], address: int) -> str:
    known = [match for match in map(FRAME.fullmatch, frames) if match]
    chosen = next((match for match in known if not match[1].endswith(".h")), known[0] if known else None)
    if not chosen:
        return hex(address)
    path = Path(chosen[1])
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(chosen[1].removeprefix("./"))
    return f"{shown.name}:{chosen[2]} {_text(ROOT / shown, int(chosen[2]))}"


def _text(path: Path, number: int) -> str:
    try:
        return path.read_text(encoding="utf-8").splitlines()[number - 1].strip()
    except (OSError, IndexError):
        return ""
