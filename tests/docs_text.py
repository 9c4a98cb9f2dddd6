"""Reads README.md and docs/*.md: the commands, the output shown beside them, links, paths and names."""

import os
import re
from dataclasses import dataclass, field

from support import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A program with at least one argument is a command; `make` or `ci/stampede` alone is a name.
PROGRAM = re.compile(r"(?:make|gdb|gcc|rustc|rustup|git|dd|tar|bear|cmake|export"
                     r"|ci/[\w/-]*\w|tests/\w+\.py|build/host/[\w/-]*\w) ")
ASSIGNMENT = re.compile(r"(?:export )?\w+=")
# Other lines of output that do not vary. The list of kept promises does vary: a slow host tests fewer.
SAME = re.compile(r"  (promises not made|phases left out|selftest vectors|program)\b|# allocator=|# phase [\w-]+ left")
# A command that the tool prints for its user to run.
PRINTED = re.compile(r"\s*(?:repeat|replay): (.*)")
SPAN = re.compile(r"(`+)(.+?)\1", re.S)


@dataclass
class Command:
    """A command at one place in the documentation."""

    text: str
    page: str
    line: int
    output: list = field(default_factory=list)  # the lines that are shown below it
    typed: list = field(default_factory=list)   # the commands typed at gdb's prompt

    @property
    def is_cut(self):
        """Whether it has parts left out ("...") and so only shows the command's form."""
        return "..." in self.text

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


@dataclass
class Page:
    """A page, split into prose and fenced blocks; both keep their line numbers."""

    name: str
    prose: list    # (number, line)
    blocks: list   # lists of (number, line)


def read_page(path):
    """The page at `path`."""
    page = Page(os.path.relpath(path, ROOT), [], [])
    block = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            if block is None:
                block = []
                page.blocks.append(block)
            else:
                block = None
        elif block is None:
            page.prose.append((number, line))
        else:
            block.append((number, line))
    return page


def spans(page):
    """The inline code of a page: (number, text)."""
    text = "\n".join(line for _, line in page.prose)
    numbers = [number for number, _ in page.prose]
    for match in SPAN.finditer(text):
        yield numbers[text.count("\n", 0, match.start())], " ".join(match[2].split())


def without_comment(line):
    """The command in a line, without the comment behind it."""
    return re.sub(r"\s+# .*", "", line).strip()


def joined(block):
    """The lines of a block. A line that ends in a backslash is joined with the next one."""
    lines = []
    for number, line in block:
        if lines and lines[-1][1].endswith("\\"):
            lines[-1] = (lines[-1][0], lines[-1][1][:-1].rstrip() + " " + line.strip())
        else:
            lines.append((number, line))
    return lines


def prompted(page, lines):
    """The commands of a block that shows a terminal: the lines after "$ ", each with the output below it."""
    commands = []
    for number, line in lines:
        if line.startswith("$ "):
            commands.append(Command(without_comment(line[2:]), page.name, number))
        elif commands and line.startswith("(gdb) "):
            commands[-1].typed.append(without_comment(line[6:]))
        elif commands:
            commands[-1].output.append(line)
    return commands


def block_commands(page, block):
    """The commands of a fenced block. A block that sets shell variables is one command."""
    lines = joined(block)
    if any(line.startswith("$ ") for _, line in lines):
        return prompted(page, lines)
    if any(ASSIGNMENT.match(line) for _, line in lines) and any(PROGRAM.match(line) for _, line in lines):
        return [Command("\n".join(without_comment(line) for _, line in lines), page.name, lines[0][0])]
    return [Command(without_comment(line), page.name, number) for number, line in lines if PROGRAM.match(line)]


def introduced(page, block):
    """The command that the paragraph before the block names, if that names exactly one and ends in a colon; or None."""
    prose = dict(page.prose)
    number = block[0][0] - 2
    if not prose.get(number):
        number -= 1
    last = number
    while prose.get(number):
        number -= 1
    named = [text for _, text in spans(Page(page.name, [(n, prose[n]) for n in range(number + 1, last + 1)], []))
             if PROGRAM.match(text)]
    return named[0] if len(named) == 1 and prose.get(last, "").endswith(":") else None


def printed(page, block):
    """The commands that the shown output suggests, after "repeat:" and "replay:"."""
    return [Command(match[1].strip(), page.name, number, [line for _, line in block])
            for number, line in block if (match := PRINTED.match(line))]


def commands(pages=PAGES):
    """Every command of the documentation, in the order of the pages."""
    found = []
    for page in map(read_page, pages):
        shown = {}
        for block in page.blocks:
            own = block_commands(page, block)
            found += own + printed(page, block)
            if block and not own and (name := introduced(page, block)):
                shown[name] = [line for _, line in block]
        found += [Command(text, page.name, number, shown.get(text, [])) for number, text in spans(page)
                  if PROGRAM.match(text)]
    return found


def stable(line):
    """The part of an output line that does not vary, or None: verdict, result, promise, explorer's finding."""
    if re.match(r"[A-Z]+ \(exit code \d\)", line):
        return re.sub(r"\b(0x[0-9a-f]+|\d+)\b", "#", line)
    if match := re.match(r"(not )?ok \d+ [\w-]+", line):
        return match[0]
    if match := re.search(r"repeat: ci/stampede explore .*(--seed \S+)", line):
        return match[1]
    if SAME.match(line) and "..." not in line:
        return line.rstrip()
    return None
