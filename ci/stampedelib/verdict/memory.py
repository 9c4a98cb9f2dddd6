"""Whether all memory arrived: that of the machine in the kernel's memory map, and that of the map with the allocator.

The kernel tells both in its log: `# memory-map`, a line for each range, then `# memory-use` and `# memory-taken`. A log
without them is not looked at.
"""
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..log.serial import Log, parse
from .verdict import GOOD, Verdict

Range = tuple[int, int]  # of addresses, the end exclusive

PAGE = 4096
LEGACY_HOLE = (0xA0000, 0x100000)  # video memory and BIOS: no RAM of anybody's
MOST_OF_BIOS, MOST_OF_UEFI = 4 << 20, 64 << 20  # bytes that firmware keeps; seen: 0.3 and 5.6 MiB
UNUSABLE = "acpi", "reserved"


def compare(verdict: Verdict, raw: bytes, ram: Sequence[Range], is_uefi: bool) -> Verdict:
    """The verdict with what is missing of the machine's RAM: a good one becomes an error."""
    complaints = list(missing(parse(raw), ram, is_uefi))
    if not complaints or verdict.word not in GOOD:
        return replace(verdict, reasons=[*verdict.reasons, *complaints])
    return replace(verdict, word="error", title=complaints[0],
                   reasons=[*complaints[1:], f"the kernel's own verdict: {verdict.word}: {verdict.title}",
                            *verdict.reasons])


def missing(log: Log, ram: Sequence[Range], is_uefi: bool) -> Iterator[str]:
    """What the kernel's memory map lacks of the machine's RAM."""
    ranges = map_of(log)
    if not ranges:
        return
    wanted = without(ram, [LEGACY_HOLE])
    for start, end in without(wanted, [(start, end) for start, end, _ in ranges]):
        yield (f"memory: the machine has RAM from {start:#x} to {end:#x} ({(end - start) // 1024} KiB) that is not in the "
               "kernel's memory map")
    usable = [(start, end) for start, end, kind in ranges if kind not in UNUSABLE]
    withheld = sum(end - start for start, end in without(wanted, usable))
    most = MOST_OF_UEFI if is_uefi else MOST_OF_BIOS
    if withheld > most:
        yield (f"memory: {withheld >> 10} KiB of the machine's RAM are not usable by the kernel's memory map; firmware keeps "
               f"{most >> 10} at most")


def at_odds(log: Log) -> Iterator[str]:
    """Where the kernel's account of its pages does not add up."""
    use = next(log.records("# memory-use "), None)
    if use is None:
        return
    taken: dict[str, str] = next(log.records("# memory-taken "), {})
    usable = int(use.pop("usable_pages", "0"))
    parts = sum(int(value) for key, value in (use | taken).items() if key.endswith("_pages"))
    if parts != usable:
        yield f"at odds: {usable} pages are usable, {parts} are accounted for"
    mapped = sum(max(0, end // PAGE + -start // PAGE) for start, end, kind in map_of(log) if kind == "usable")
    if mapped != usable:
        yield f"at odds: {usable} pages are usable, the memory map has {mapped}"


def map_of(log: Log) -> list[tuple[int, int, str]]:
    """Start, end and kind of each range."""
    return [(int(values["start"], 16), int(values["end"], 16), values["kind"])
            for values in log.records("# memory-map ")]


def without(ranges: Sequence[Range], holes: Sequence[Range]) -> list[Range]:
    """What is left of the ranges when the holes are cut out."""
    left = list(ranges)
    for hole_start, hole_end in holes:
        left = [piece for start, end in left
                for piece in ((start, min(end, hole_start)), (max(start, hole_end), end)) if piece[0] < piece[1]]
    return left
