"""The vocabulary (*.def): Python reads the same tables as the C compiler, and unknown words do not compile."""

import shutil
import subprocess

import pytest
from guest import make
from support import ROOT

from stampedelib import vocabulary
from stampedelib.vocabulary import (EXPLORE_OPTIONS, PHASES, PROMISES, RULES, STRESS_OPTIONS,
                                    VERDICTS, TableError, constant, rows, rule_titles)

# Prints the tables as the preprocessor sees them. Each constant has the name that the kernel prints for it.
PROGRAM = r"""
#include <lib/fail.h>
#include <mm/page_allocator.h>
#include <stdio.h>
#include <stress/phases.h>
#include <stress/report.h>

int main(void)
{
#define RULE(name, title, verdict, promises, traits, ...) \
    row((const char *[]){"RULE_" #name, title, #verdict, #promises, #traits, __VA_ARGS__, rule_name(RULE_##name)}, 9);
#define PHASE(name, title, promises, needs, does) row((const char *[]){#name, title, #promises, #needs, does}, 5);
#define PROMISE(name, bit, ...) \
    row((const char *[]){"PROMISE_" #name, #bit, __VA_ARGS__, page_promise_name(PROMISE_##name)}, 7);
#define VERDICT(name, code, ...) row((const char *[]){#name, #code, __VA_ARGS__, verdict_name(VERDICT_##name)}, 5);
#include <TABLE>
}
"""
ROW = r"""
#include <stdio.h>
static void row(const char *const *texts, int count)
{
    for (int i = 0; i < count; i++)
        printf("%s%c", texts[i], i + 1 < count ? '\t' : '\n');
}
"""
FLAGS = ["-std=gnu11", "-w", "-I.", "-Iarch/x86_64/include", "-DSTAMPEDE_MAX_ORDER=16", '-DSTAMPEDE_VERSION="0"']


def compiled(tmp_path, text, compiler="gcc", name="a.c", words=("-c",)):
    source = tmp_path / name
    source.write_text(text)
    return subprocess.run([compiler, *FLAGS, *words, source, "-o", tmp_path / "a.out"], cwd=ROOT, capture_output=True,
                          text=True, timeout=60)


def printed(tmp_path, table):
    """The rows of a table, printed by a C program with the kernel's own functions for names."""
    parts = {"lib/rules.def": ["lib/rules.c"], "mm/promises.def": ["mm/page_allocator.c", "lib/printf.c"],
             "stress/verdicts.def": ["names.c"], "stress/phases.def": []}[table]
    names = tmp_path / "names.c"  # only this function, because the rest of its file needs more of the kernel
    report = (ROOT / "stress/report.c").read_text()
    start = report.index("const char *verdict_name")
    names.write_text("#include <stress/report.h>\n" + report[start:report.index("\n}\n", start)] + "\n}\n")
    sources = [names if part == "names.c" else part for part in parts]
    linked = ["-Wl,--gc-sections", "-ffunction-sections", "-fno-builtin", *sources]
    if table == "mm/promises.def":  # the linker's list of registered allocators is empty here
        linked.append("-Wl,--defsym=__start_page_allocators=0,--defsym=__stop_page_allocators=0")
    done = compiled(tmp_path, ROW + PROGRAM.replace("TABLE", table), words=linked)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([tmp_path / "a.out"], capture_output=True, text=True, timeout=10, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def ored(names):
    return " | ".join(names) or "0"


def test_rules_are_those_of_the_compiler(tmp_path):
    assert printed(tmp_path, "lib/rules.def") == [
        [rule.name, rule.title, rule.verdict, ored(rule.promises), ored(rule.traits), rule.holds, rule.where, rule.advice,
         rule.title] for rule in RULES]


def test_phases_are_those_of_the_compiler(tmp_path):
    assert printed(tmp_path, "stress/phases.def") == [
        [phase.name, phase.title, ored(phase.promises), ored(phase.needs), phase.does] for phase in PHASES]


def test_promises_are_those_of_the_compiler(tmp_path):
    assert printed(tmp_path, "mm/promises.def") == [
        [promise.name, str(promise.bit), promise.title, promise.says, promise.switches_on, promise.wrong, promise.title]
        for promise in PROMISES]


def test_verdicts_are_those_of_the_compiler(tmp_path):
    assert printed(tmp_path, "stress/verdicts.def") == [
        [verdict.name, str(verdict.code), verdict.word, verdict.when, verdict.word] for verdict in VERDICTS]


PROGRAMS = {"stress": (STRESS_OPTIONS, "build/host/plain/stampede-host"),
            "explore": (EXPLORE_OPTIONS, "build/host/explore/stampede-explore")}


def said_by(program, *words):
    """The output of a hosted program."""
    return subprocess.run([ROOT / program, *words], capture_output=True, text=True, timeout=30, check=False).stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_options_are_those_of_the_program(name):
    options, program = PROGRAMS[name]
    make("-f", "arch/host/host.mk", program)
    lines = [line for line in said_by(program, "--help").splitlines() if line.startswith("  ") and not line.startswith("  --")]
    assert lines == [f"  {option.name}={option.default}: {option.help}" for option in options.values()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_ranges_are_those_of_the_program(name):
    options, program = PROGRAMS[name]
    make("-f", "arch/host/host.mk", program)
    for option in options.values():
        if option.kind == "NUMBER":
            assert f"allowed {option.least} to {option.most}\n" in said_by(program, f"{option.name}={option.most + 1}")
        if option.kind == "CHOICE":
            assert f"allowed {option.allowed}\n" in said_by(program, f"{option.name}=none-such")
    assert STRESS_OPTIONS["cpus"].most == vocabulary.MOST_CPUS


def test_tables_only_use_each_others_words():
    verdicts, promises = ({row.name for row in table} for table in (VERDICTS, PROMISES))
    assert {rule.verdict for rule in RULES} <= verdicts
    assert {name for row in (*RULES, *PHASES) for name in row.promises} <= promises
    for table in (RULES, PHASES, PROMISES):
        assert len({row.title for row in table}) == len({row.name for row in table}) == len(table)


def test_promise_numbers_are_distinct():
    assert sorted(promise.bit for promise in PROMISES) == list(range(len(PROMISES)))


def test_titles_by_trait():
    assert "overlap" in rule_titles("TORN") and "misaligned" not in rule_titles("TORN")
    assert rule_titles("EVERY_CORE") == ("stall", "deadlock", "trap")


def test_sizes():
    assert (vocabulary.MOST_CPUS, vocabulary.LONGEST_LINE) == (255, 240)
    assert next(option.most for option in vocabulary.OPTIONS if option.name == "cpus") == vocabulary.MOST_CPUS
    with pytest.raises(TableError, match="lib/sizes.h: no number NONE_SUCH"):
        constant("lib/sizes.h", "NONE_SUCH")


# Unknown rules.

@pytest.mark.parametrize("compiler, name, text, says", [
    ("gcc", "a.c", 'fail("panic", "%d", 1);', "enum rule"),
    ("clang", "a.c", 'fail("panic", "%d", 1);', "FAIL_NEEDS_A_RULE_AND_NOT_A_TEXT"),
    ("g++", "a.cpp", 'fail("panic", "%d", 1);', "rule"),
    ("gcc", "a.c", 'fail(RULE_OVERLAPP, "%d", 1);', "RULE_OVERLAP"),
    ("clang", "a.c", 'fail(RULE_OVERLAPP, "%d", 1);', "RULE_OVERLAP"),
    ("g++", "a.cpp", 'fail(RULE_OVERLAPP, "%d", 1);', "RULE_OVERLAP"),
])
def test_unknown_rule_does_not_compile(tmp_path, compiler, name, text, says):
    cxx = name.endswith("pp")
    words = ("-c", "-std=gnu++20", "-D_Noreturn=[[noreturn]]") if cxx else ("-c",)
    opened = 'extern "C" {\n#include <lib/fail.h>\n}\n' if cxx else "#include <mm/environment.h>\n"
    done = compiled(tmp_path, f"{opened}void f(void)\n{{\n    {text}\n}}\n", compiler, name, words)
    assert done.returncode == 1 and "error" in done.stderr and says in done.stderr, done.stderr
    good = compiled(tmp_path, f'{opened}void f(void)\n{{\n    fail(RULE_PANIC, "%d", 1);\n}}\n', compiler, name, words)
    assert good.returncode == 0, good.stderr


# Malformed tables.

@pytest.mark.parametrize("text, says", [
    ('RULE(A, "a" 1)', "cannot be read"),
    ('RULE(A, "a")', r"RULE\(\) with 3 columns is expected, not RULE\(A, 'a'\)"),
    ('RULES(A, "a", 1)', r"RULE\(\) with 3 columns is expected, not RULES"),
    ("A", r"RULE\(\) with 3 columns is expected, not A"),
    ('RULE(A, "a", B + C)', "column 3 cannot be read"),
    ('RULE("A", "a", 0)', "column 1 cannot be read"),
    ("RULE(A, 1, 0)", "column 2 cannot be read"),
])
def test_table_that_cannot_be_read_is_refused(tmp_path, text, says):
    path = tmp_path / "a.def"
    path.write_text(f"/* RULE(x, y) */\n{text}\n#undef RULE\n")
    with pytest.raises(TableError, match=says):
        rows(path, "RULE", "nso")


def test_row(tmp_path):
    path = tmp_path / "a.def"
    path.write_text('/* a,\n * "b" */\nRULE(A, "a, \\"b\\") "\n     "c", B | C)\n\n#undef RULE\n')
    assert rows(path, "RULE", "nso") == [["A", 'a, "b") c', ("B", "C")]]


# The tables of docs/.

def tool(*words):
    return subprocess.run([ROOT / "ci/vocabulary", *words], capture_output=True, text=True, timeout=30)


def test_pages_say_what_the_tables_say():
    done = tool("--check")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_stale_page_is_named_and_updated(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = tmp_path / "docs/LOG.md"
    text = page.read_text()
    page.write_text(text.replace("| 4 | hang |", "| 5 | hang |"))
    done = tool("--check", tmp_path)
    assert done.returncode == 1 and done.stdout.splitlines() == [
        "docs/LOG.md: a table differs from the .def files: run ci/vocabulary --write"]
    assert tool("--write", tmp_path).returncode == 0
    assert page.read_text() == text and tool("--check", tmp_path).returncode == 0


def test_page_without_a_place_is_named(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs/LOG.md").write_text("nothing\n")
    done = tool("--check", tmp_path)
    assert done.returncode == 1 and "LOG.md: needs exactly one place for the table of verdicts" in done.stderr


@pytest.mark.parametrize("words", [(), ("--frob",), ("--check", "a", "b")])
def test_wrong_use(words):
    done = tool(*words)
    assert done.returncode == 1 and done.stderr.startswith("usage: ")
