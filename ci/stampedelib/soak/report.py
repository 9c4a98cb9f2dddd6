"""Writes docs/CLEAN.md, a summary of a soak's record in Markdown."""
import re
from collections import Counter
from collections.abc import Callable, Iterable
from statistics import median

from ..console import counted
from ..log.fields import Value
from ..log.serial import printable
from ..usage import UsageError
from .matrix import MODES, PHASES
from .record import Run, still_alarms

MODE_NAMES = {"multi": "`thread=multi`", "single": "`thread=single`",
              "deterministic": "deterministic (`-icount shift=3,sleep=off`)"}
CPU_GROUPS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 63), (64, 64))
# In titles of log format 1.
LACKING_1 = re.compile(r"(\S+): inconclusive: (\w+)=(\d+), the floor is (\d+)")
COLUMNS = ("runs", "hours", "pass", "inconclusive", "false alarms")
INTRODUCTION = """\
# Clean hours

The built-in allocators are sound as far as we know. If a run nevertheless fails, hangs or crashes,
the kernel or a tool has a bug. That is a *false alarm*, and the soak stops. An *inconclusive* run
is not an alarm, but it is counted: no rule was broken, but the cores interleaved too little to call
it a pass.

`make soak HOURS=2` runs one configuration after the other. A seed draws them, and each run is
judged like any other. `ci/soak --report` makes this page from the records; nothing in it is written
by hand. Hours are those of the host's clock.
"""


def report(runs: list[Run]) -> str:
    """The whole page."""
    if not runs:
        raise UsageError("the record has no runs yet")
    parts = [INTRODUCTION, _totals(runs), _kernels(runs), _modes(runs), _cpus(runs), _memory(runs),
             _surroundings(runs), _phases(runs), _inconclusive(runs), _alarms(runs)]
    return "\n".join(parts)


def _totals(runs: list[Run]) -> str:
    words = Counter(run.verdict for run in runs)
    verdicts = ", ".join(f"{count} {word}" for word, count in words.most_common())
    operations = sum(_count(phase, "ops") for run in runs for phase in run.phases.values())
    cpus = [run.configuration.cpus for run in runs]
    qemu = " and ".join(sorted({run.qemu for run in runs}))
    return (f"From {min(run.started for run in runs)} to {max(run.started for run in runs)}:\n"
            f"**{counted(len(runs), 'run')}, {_hours(runs)} hours, {verdicts}; "
            f"{counted(sum(run.is_alarm for run in runs), 'false alarm')}.**\n"
            f"{operations / 1e6:.1f} million operations on {min(cpus)} to {max(cpus)} CPUs;\n"
            f"QEMU {qemu}; seed {' and '.join(sorted({str(run.soak_seed) for run in runs}))}.\n")


def _kernels(runs: list[Run]) -> str:
    # A run may end before it prints its version.
    versions = {run.kernel: run.version for run in runs if run.version}
    groups = dict.fromkeys((run.kernel, run.source) for run in runs)
    return _section("Kernels", ("version", "its sources' last commit", "SHA-256 of the image"), (
        ((versions.get(kernel, ""), source, f"{kernel}..."),
         [run for run in runs if (run.kernel, run.source) == (kernel, source)])
        for kernel, source in groups))


def _modes(runs: list[Run]) -> str:
    rows, allocators = [], sorted({run.configuration.allocator for run in runs})
    for mode in MODES:
        ours = _where(runs, lambda run: run.configuration.mode == mode)
        rows.append(((MODE_NAMES[mode], "all"), ours))
        rows += [(("", name), _where(ours, lambda run: run.configuration.allocator == name))
                 for name in allocators]
    return _section("Threads and allocators", ("CPUs run by", "allocator"), rows)


def _cpus(runs: list[Run]) -> str:
    return _section("CPUs", ("CPUs", "modes"), (
        ((str(low) if low == high else f"{low} to {high}", _mode_counts(some)), some)
        for low, high in CPU_GROUPS
        for some in [_where(runs, lambda run: low <= run.configuration.cpus <= high)]))


def _mode_counts(runs: list[Run]) -> str:
    counts = Counter(run.configuration.mode for run in runs)
    return ", ".join(f"{counts[mode]} {mode}" for mode in MODES)


def _memory(runs: list[Run]) -> str:
    sizes = sorted({run.configuration.memory_mib for run in runs})
    return _section("Memory", ("MiB",), (
        ((str(size),), _where(runs, lambda run: run.configuration.memory_mib == size))
        for size in sizes))


def _surroundings(runs: list[Run]) -> str:
    rows = [((f"boot: {boot}",), _where(runs, lambda run: run.configuration.boot == boot))
            for boot in ("direct", "iso", "uefi")]
    rows += [((f"busy processes that the soak started: {'yes' if load else 'no'}",),
              _where(runs, lambda run: run.configuration.load == load)) for load in (False, True)]
    loads = [run.host_load for run in runs]
    return (_section("Boot, and load on the host", ("what",), rows) +
            f"\nThe load average of the host at the start of a run: {min(loads):.1f} to {max(loads):.1f}, "
            f"median {median(loads):.1f}.\n")


def _phases(runs: list[Run]) -> str:
    lines = ["## Phases", "", "| phase | runs | thousands of operations | locks passed to another core |",
             "| --- | --- | --- | --- |"]
    for name in PHASES:
        some = [run.phases[name] for run in runs if name in run.phases]
        operations, handoffs = (sum(_count(phase, key) for phase in some) for key in ("ops", "handoffs"))
        lines.append(f"| {name} | {len(some)} | {operations // 1000} | {handoffs} |")
    return "\n".join(lines) + "\n"


def _inconclusive(runs: list[Run]) -> str:
    some = _where(runs, lambda run: run.verdict == "inconclusive")
    if not some:
        return "## Inconclusive\n\nNone.\n"
    lines = ["## Inconclusive", "",
             "| seed:run | configuration | options | too little of (seen/floor) |",
             "| --- | --- | --- | --- |"]
    for run in some:
        lacking = ", ".join(f"{phase} {what} {seen}/{floor}" for phase, what, seen, floor in _lacking(run))
        lines.append(f"| {run.name} | {run.configuration.text()} | "
                     f"`{_options(run)}` | {lacking} |")
    return "\n".join(lines) + "\n"


def _lacking(run: Run) -> list[tuple[str, str, str, str]]:
    """The phases below their floor: name, what was too little, how much it was, the floor."""
    return LACKING_1.findall(run.title) + [
        (name, what, str(seen), str(values["floor"])) for name, values in run.phases.items() if "floor" in values
        for what, seen in values.items() if what != "floor"]


def _count(values: dict[str, Value], key: str) -> int:
    """A value as a number, else 0. Records of log format 1 have values as text."""
    text = str(values.get(key, 0))
    return int(text) if text.isdecimal() else 0


def _alarms(runs: list[Run]) -> str:
    some = _where(runs, lambda run: run.is_alarm)
    if not some:
        return "## False alarms\n\nNone.\n"
    lines = ["## False alarms", "", "The commit that ended an alarm says what caused it (`git log`).", "",
             "| seed:run | kernel | configuration | verdict | run again |",
             "| --- | --- | --- | --- | --- |"]
    lines += [f"| {run.name} | {run.kernel} of {run.source} | "
              f"{run.configuration.text()}, `{_options(run)}` | "
              f"{run.verdict}: {printable(run.title)} | "
              f"{_again(run, runs)} |" for run in some]
    return "\n".join(lines) + "\n"


def _again(alarm: Run, runs: list[Run]) -> str:
    if alarm in still_alarms(runs):
        return "no, or an alarm again"
    same = any(run.configuration == alarm.configuration and not run.is_alarm
               for run in runs[runs.index(alarm) + 1:])
    return "silent" if same else "silent, but drawn otherwise since: not the same run"


def _options(run: Run) -> str:
    return " ".join(run.configuration.kernel_options())


def _where(runs: list[Run], belongs: Callable[[Run], bool]) -> list[Run]:
    return [run for run in runs if belongs(run)]


def _section(title: str, names: tuple[str, ...],
             rows: Iterable[tuple[tuple[str, ...], list[Run]]]) -> str:
    """A table with the counts of the runs of each row. Rows without runs are shown, too."""
    columns = (*names, *COLUMNS)
    lines = [f"## {title}", "", f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    lines += [f"| {' | '.join((*cells, *_counts(runs)))} |" for cells, runs in rows]
    return "\n".join(lines) + "\n"


def _counts(runs: list[Run]) -> tuple[str, ...]:
    words = Counter(run.verdict for run in runs)
    return (str(len(runs)), _hours(runs), str(words["pass"]), str(words["inconclusive"]),
            str(sum(run.is_alarm for run in runs)))


def _hours(runs: list[Run]) -> str:
    return f"{sum(run.seconds for run in runs) / 3600:.2f}"
