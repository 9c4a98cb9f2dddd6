"""README.md and docs/: every command is run, or the table says why not. Links, paths, variables and options exist.

tests/docs_table.py says how each command is run. STAMPEDE_DOCS=all also runs the commands that take long or are
similar to another one. Everything runs in a copy of the tree, build/docs/stampede, which keeps its objects.
"""

import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
from contextlib import contextmanager

import pytest
from docs_table import TABLE, Left, Run, Together
from docs_text import PAGES, commands, read_page, spans, stable
from fake_runs import wait_until
from support import ROOT

FOLDER = ROOT / "build/docs"
TREE = FOLDER / "stampede"
ALL = os.environ.get("STAMPEDE_DOCS") == "all"
LIMIT_SECONDS = 900 if ALL else 180
NO_TREE = shutil.ignore_patterns("build", ".git", "__pycache__", ".pytest_cache")
STAND_INS = {
    "path/to/mine.c": "docs/example-allocator.c",
    "path/to/page-allocator-buddy.cpp": "tests/subjects/stacsos/sound/2026-alone/page-allocator-buddy.cpp",
    "page-allocator-buddy.cpp": "tests/subjects/stacsos/sound/2026-alone/page-allocator-buddy.cpp",
    "mine.rs": "docs/example_allocator.rs",
    "../mine.c": "docs/example-allocator.c",
}
OUTER_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "STAMPEDE_BUILD", "BUILD_DIR")
SHORT = {"CPUS": "4", "DURATION": "2", "HOURS": "0.002", "BOOT": "direct"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in OUTER_MAKE} | SHORT

GENERATED = ("docs/CLEAN.md", "docs/DEFECTS.md", "docs/MUTANTS.md", "docs/SOUND.md")
COLUMNS = 100
TOOLS = ("ci/soak", "ci/defects", "ci/mutate")
FOLDERS = "arch|boot|ci|docs|lib|mm|smp|stress|tests"
# The compiler's own headers, which user allocators may include (docs/ALLOCATORS.md).
STANDARD_HEADERS = {"assert.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",
                    "stdint.h", "stdnoreturn.h"}
# These stand for a name that the reader chooses.
PLACEHOLDERS = {"PAGE_BITS", "WHAT"}
# The folders in which a path may begin, those of #include among them.
ROOTS = (ROOT, *ROOT.glob("arch/*/include"))
# Paths in other projects that a page is about.
FOREIGN_PATHS = ("lib/alloc_page.c",)

COMMANDS = commands()
RUNS = [text for text, how in TABLE.items() if isinstance(how, Run)]


def unlisted(found, table):
    """The commands that are missing in the table. A command with parts left out ("...") need not be there."""
    return [str(command) for command in found if command.text not in table and not command.is_cut]


def test_every_command_is_run_or_listed():
    assert not unlisted(COMMANDS, TABLE), "tests/docs_table.py says how each command is run, or why not"


def test_every_entry_occurs():
    assert not set(TABLE) - {command.text for command in COMMANDS}


def test_commands_are_found_in_each_form(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("""
Say `make frob` or, over
two lines, `ci/stampede
frob --all`; `make` alone is a name.

```
$ make run FROB=1   # a comment
FAIL (exit code 1): frob: pfn 0x12
(gdb) frob
  repeat: ci/stampede run --frob
```
```
make one  \\
    two
text of no command
git clone ... && cd frob
```
```
flags="-a"
rustc $flags x
```
Of `make shown`:

```
ok 1 single # ops=1
```
""")
    found = commands([page])
    assert [command.text for command in found] == [
        "make run FROB=1", "ci/stampede run --frob", "make one two", "git clone ... && cd frob",
        'flags="-a"\nrustc $flags x', "make frob", "ci/stampede frob --all", "make shown"]
    assert found[-1].output == ["ok 1 single # ops=1"]
    assert found[0].output == ["FAIL (exit code 1): frob: pfn 0x12", "  repeat: ci/stampede run --frob"]
    assert found[0].typed == ["frob"]
    assert found[0].line == 7 and found[2].line == 13
    assert len(unlisted(found, {"make frob": None})) == 6
    assert stable(found[0].output[0]) == "FAIL (exit code #): frob: pfn #"


# Running them.

@pytest.fixture(scope="module", name="tree")
def fixture_tree():
    """A copy of the tree with the files that the pages assume. Objects of the previous run are kept."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        TREE.mkdir(exist_ok=True)
        for old in TREE.iterdir():
            if old.name != "build":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        for kept in ("last", "sweep", "soak", "recording"):
            shutil.rmtree(TREE / "build" / kept, ignore_errors=True)
        shutil.copytree(ROOT, TREE, ignore=NO_TREE, dirs_exist_ok=True)
        for name, source in STAND_INS.items():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / source, TREE / name)
        execute("make -j2 kernel")
        yield TREE


def environment(text, more=()):
    """The environment of a command. `make run` gets floor=0, because in a short run the cores may hardly meet."""
    return ENVIRONMENT | ({"ARGS": "floor=0"} if text.startswith("make run") else {}) | dict(more)


@contextmanager
def started(text, **options):
    """A running command in its own session. All of the session's processes are killed at the end."""
    with subprocess.Popen(["bash", "-c", text], cwd=TREE, text=True, errors="replace", stderr=subprocess.STDOUT,
                          start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def execute(text, typed="", more=()):
    """Run a command. Returns its exit code and its output."""
    with started(text, env=environment(text, more), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate(typed, timeout=LIMIT_SECONDS)
    return process.returncode, output


def check_shown(text, output):
    """Check that the output has the lines that the pages show below the command, except varying ones."""
    said = {stable(line) for line in output.splitlines()}
    for command in COMMANDS:
        if command.text == text:
            missing = [line for line in command.output if stable(line) and stable(line) not in said]
            assert not missing, f"{command}: shown, but not said: {missing}\n{output}"


@pytest.mark.parametrize("text", RUNS, ids=lambda text: text.splitlines()[0])
def test_command(tree, text):
    how = TABLE[text]
    if how.slow and not ALL:
        pytest.skip("only with STAMPEDE_DOCS=all")
    if how.needs and not shutil.which(how.needs):
        pytest.skip(f"{how.needs} is not installed")
    for before in how.after:
        execute(before, more=how.environment)
    typed = how.typed or "\n".join(line for command in COMMANDS if command.text == text for line in command.typed)
    code, output = execute(how.instead.replace("{}", text), typed, how.environment)
    assert code == how.code, output
    assert re.search(how.says, output, re.M), output
    if not how.varies:
        check_shown(text, output)


def test_gdb_on_a_held_machine(tree):
    text = "make run ON_FAIL=gdb ARGS=provoke=deadlock"
    log = FOLDER / "held.txt"
    with log.open("w") as file, started(text, env=environment(text), stdin=subprocess.DEVNULL, stdout=file) as run:
        wait_until(lambda: "Ctrl-C here ends it" in log.read_text(), seconds=LIMIT_SECONDS)
        code, output = execute('ci/stampede gdb -- -batch -ex "stampede lock"')
        assert code == 0 and "deadlock: core 1 waits for second of core 2" in output, output
        code, output = execute("make gdb", "kill\n")
        assert code == 0 and "The machine is stopped" in output, output
        assert run.wait(LIMIT_SECONDS) == 2
    check_shown(text, log.read_text())


def test_gdb_on_a_halted_machine(tree):
    log = FOLDER / "debug.txt"
    with log.open("w") as file, started("make debug", env=ENVIRONMENT | {"ARGS": "floor=0"}, stdin=subprocess.DEVNULL,
                                        stdout=file) as run:
        wait_until(lambda: "halted before its first instruction" in log.read_text(), seconds=LIMIT_SECONDS)
        code, output = execute("make gdb", "quit\n")
        assert code == 0 and "kernel_main" in output, output
        assert run.wait(LIMIT_SECONDS) == 0, log.read_text()


def test_tests_that_run_several_exist():
    assert all(how.test in globals() for how in TABLE.values() if isinstance(how, Together))
    assert all(how.why for how in TABLE.values() if isinstance(how, Left))


# Names in the pages.

def named(pattern, text):
    return sorted({match[0] for match in re.finditer(pattern, text)})


def anchors(path):
    """The anchors of a page: its headings, as GitHub writes them."""
    heads = [line.lstrip("# ") for _, line in read_page(path).prose if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links(path):
    text = "\n".join(line for _, line in read_page(path).prose)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = path.parent / name if name else path
            assert target.exists(), f"{path.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{path.name}: {link}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_paths(path):
    """Paths in the pages exist. Capitals and "..." stand for any name."""
    names = named(rf"(?<![\w./<-])(?:{FOLDERS})/[\w./*-]*[\w*]", path.read_text())
    lacking = [name for name in names if name not in FOREIGN_PATHS
               and not any(any(root.glob(re.sub(r"\b[A-Z]{3,}\b(?!\.md)|\.\.\.", "*", name))) for root in ROOTS)]
    assert not lacking


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_without_a_folder(path):
    """A file name without a folder is the name of a file somewhere in the tree."""
    files = {entry.name for entry in tracked()} | {name.split("/")[-1] for name in STAND_INS}
    mentioned = {text for _, text in spans(read_page(path)) if re.fullmatch(r"[\w-]+\.(c|h|S|py|md|mk|ld|pml)", text)}
    assert not mentioned - files - {"stampede.mk"} - STANDARD_HEADERS


def tracked():
    """The files of the tree except build results."""
    return [entry for name in FOLDERS.split("|") for entry in (ROOT / name).rglob("*")] + list(ROOT.iterdir())


def makefiles():
    return "\n".join(entry.read_text() for entry in tracked() if entry.name == "Makefile" or entry.suffix == ".mk")


def code_of(path):
    """All code of a page: its spans and the lines of its blocks."""
    page = read_page(path)
    return [text for _, text in spans(page)] + [line for block in page.blocks for _, line in block]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_variables(path):
    """In NAME=value, NAME is a variable of the makefiles or an environment variable that a test reads."""
    known = set(re.findall(r"\b[A-Z][A-Z_]+\b", makefiles()))
    tests = "\n".join(entry.read_text() for entry in (ROOT / "tests").glob("*.py"))
    known |= set(re.findall(r"environ.get\(\"(\w+)\"", tests))
    given = {name for text in code_of(path) for name in re.findall(r"(?<![\w-])([A-Z][A-Z_]+) ?=(?!=)", text)}
    assert not given - known - PLACEHOLDERS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_targets(path):
    targets = set(re.findall(r"^([a-z][\w-]*)(?: [\w -]*)?:", makefiles(), re.M))
    asked = {shlex.split(command.text)[1] for command in COMMANDS
             if command.page == os.path.relpath(path, ROOT) and re.match(r"make [a-z]", command.text)}
    assert not asked - targets


def options_of(*words):
    """The options in a tool's help."""
    done = subprocess.run([*words, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return set(re.findall(r"--[a-z][a-z-]*", done.stdout))


@pytest.fixture(scope="module", name="options")
def fixture_options():
    """The options of each command of ci/stampede and of the other tools."""
    help_text = subprocess.run(["ci/stampede", "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^    ([a-z][a-z-]*)", help_text, re.M)
    options = {f"ci/stampede {name}": options_of("ci/stampede", name) for name in names}
    return options | {tool: options_of(tool) for tool in TOOLS if (ROOT / tool).exists()}


def test_options_of_commands(options):
    """Options in a command exist. After `--`, they are options of `run`."""
    wrong = []
    for command in COMMANDS:
        for tool, known in options.items():
            if command.text.startswith(tool + " "):
                own, _, rest = command.text.removeprefix(tool).partition(" -- ")
                if tool.endswith("gdb"):
                    rest = ""
                own = re.sub(r"'[^']*'", "", own)
                for given, names in ((own, known), (rest, options["ci/stampede run"])):
                    wrong += [f"{command}: {name}" for name in re.findall(r"(?<!\S)--[a-z][a-z-]*", given)
                              if name not in names]
    assert not wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_options_alone(path, options):
    """An option without its command is an option of some command."""
    known = set().union(*options.values())
    given = {match[0] for _, text in spans(read_page(path)) if (match := re.match(r"--[a-z][a-z-]*", text))}
    assert not given - known


@pytest.mark.parametrize("path", [path for path in PAGES if os.path.relpath(path, ROOT) not in GENERATED],
                         ids=lambda path: path.name)
def test_lines_are_short(path):
    """Except rows of tables, terminal output and links that cannot be folded."""
    long = [f"{number}: {line[:60]}..." for number, line in read_page(path).prose
            if len(line) > COLUMNS and not line.startswith("|") and " " in line[:COLUMNS].strip()]
    assert not long
