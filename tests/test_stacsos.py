"""Unmodified StACSOS allocators: correct ones pass, wrong ones fail under their title, and misuse is reported."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from support import EXIT_CODE, ROOT, own_folder

from stampedelib.log.serial import parse
from stampedelib.run import stages
from stampedelib.verdict.verdict import Verdict

SUBJECTS = ROOT / "tests/subjects/stacsos"
GENERATIONS = ("2024", "2025", "2026")
WRONG = [pytest.param(patch, id=f"{patch.parent.name}-{patch.stem}")
         for patch in sorted(SUBJECTS.glob("*/*.patch"))]
SOUND = [pytest.param(folder, id=folder.name) for folder in sorted((SUBJECTS / "sound").iterdir())]
NAME = "page-allocator-buddy"
OPTIONS = "seed=1 seconds=2 phases=selftest,single,mixed,remote-free"
QEMU = ["qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-accel", "tcg,thread=multi", "-smp", "4",
        "-m", "96M", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4"]


def make(*words, env=None):
    return subprocess.run(["make", "-j2", "--no-print-directory", *map(str, words)], cwd=ROOT,
                          capture_output=True, text=True, timeout=300, env=env)


def kernel_of(source, *words):
    """Build the kernel with the allocator in the folder `source`. Returns its path."""
    done = make("kernel", f"STACSOS={source}", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    year = generation(source).stdout[:4]
    found = generation("--all", source).stdout.split()[2]
    return own_folder(f"gcc-order16-stacsos{year}-{Path(source).name}", found) / "stampede.elf"


def boot(kernel, options=OPTIONS):
    """Boot the kernel. Returns the exit code and the log. QEMU is killed after 60 s."""
    done = subprocess.run([*QEMU, "-kernel", kernel, "-append", options], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout


def generation(*words):
    return subprocess.run([ROOT / "ci/stacsos-generation", *map(str, words)], capture_output=True,
                          text=True, timeout=20)


def patched(patch, folder):
    """A copy of the generation's reference with the patch applied."""
    folder = folder / patch.stem
    shutil.copytree(patch.parent, folder, ignore=shutil.ignore_patterns("*.patch"))
    subprocess.run(["git", "apply", patch], cwd=folder, check=True, timeout=20)
    return folder


def expected_titles(patch):
    """The titles in the patch's first line: "Expected: TITLE" or "Expected: TITLE or TITLE"."""
    return patch.read_text().splitlines()[0].removeprefix("Expected: ").split(" or ")


def source_of(year, folder):
    """Copy a reference so that it can be changed. Returns the path of the .cpp file."""
    for suffix in (".cpp", ".h"):
        shutil.copy(SUBJECTS / year / f"{NAME}{suffix}", folder)
    return folder / f"{NAME}.cpp"


# Verdicts.

@pytest.mark.parametrize("year", GENERATIONS)
def test_reference_is_silent(year):
    code, log = boot(kernel_of(SUBJECTS / year))
    assert code == EXIT_CODE["pass"], log
    assert f"# allocator=stacsos-{year} " in log and "# title=" not in log
    assert re.search(r"^ok \d+ mixed # ops=", log, re.MULTILINE)


@pytest.mark.parametrize("folder", SOUND)
def test_other_sound_sources_pass(folder):
    """Builds that use more of the stand-ins than the references do, warnings in headers, an uncounted lock."""
    code, log = boot(kernel_of(folder), "seed=1 seconds=2 phases=selftest,single,mixed,irq")
    assert code == EXIT_CODE["pass"], log


@pytest.mark.parametrize("patch", WRONG)
def test_wrong_one_is_named(patch, tmp_path):
    code, log = boot(kernel_of(patched(patch, tmp_path)))
    assert code == EXIT_CODE["fail"], log
    title = re.search(r"^# title=([a-z-]+): ", log, re.MULTILINE)
    assert title and title[1] in expected_titles(patch), log


def test_failed_assertion_is_quoted(tmp_path):
    source = source_of("2025", tmp_path)
    source.write_text(source.read_text().replace("int from = order;", "int from = order;\n"
                                                 "    assert(order == 31);"))
    code, log = boot(kernel_of(tmp_path))
    assert code == EXIT_CODE["fail"]
    assert re.search(rf"^# title=panic: assert\(order == 31\) at {NAME}\.cpp:\d+$", log, re.MULTILINE)


def test_debugging_output_is_cut_off(tmp_path):
    source = source_of("2025", tmp_path)
    source.write_text(source.read_text().replace("int from = order;", "int from = order;\n"
                                                 '    dprintf("order %d\\n", order);'))
    code, log = boot(kernel_of(tmp_path), "seed=1 seconds=1 phases=single")
    assert code == EXIT_CODE["pass"], log
    assert log.count("# log: dprintf: order ") == 40
    assert log.count("# log: dprintf: what follows is not printed") == 1


# What the stand-in for StACSOS provides and tolerates.

def changed(year, folder, *changes):
    """Copy a reference with parts of its text replaced. Returns the folder."""
    source = source_of(year, folder)
    for path in (source, source.with_suffix(".h")):
        text = path.read_text()
        for old, new in changes:
            text = text.replace(old, new)
        path.write_text(text)
    return folder


def test_warning_in_the_header_is_shown_once_and_stops_nothing(tmp_path):
    folder = changed("2026", tmp_path, ("    void push(", "    bool known(int order) const { return order <= LAST_ORDER; }\n"
                                                         "    void push("))
    done = make("kernel", f"STACSOS={folder}")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"(\S+?):\d+:\d+: warning: ", done.stderr) == [str(folder / f"{NAME}.h")]


def test_bridges_have_no_warnings_of_their_own(tmp_path):
    for year in GENERATIONS:
        folder = changed(year, tmp_path, ("nothing", "nothing"))
        done = make("-e", "kernel", f"STACSOS={folder}",
                    env=os.environ | {"STACSOS_BRIDGE_FLAGS": "$(STACSOS_FLAGS) -Wextra -Werror"})
        assert done.returncode == 0 and "bridge_" in done.stdout, done.stdout + done.stderr


def test_class_that_does_not_fit_is_reported(tmp_path):
    folder = changed("2025", tmp_path, ("allocate_pages(int order", "allocate_some(int order"), (") override", ")"))
    done = make("kernel", f"STACSOS={folder}")
    assert done.returncode and "error:" in done.stderr
    assert f"{folder / NAME}.h: the class does not fit the interface of 2025" in done.stderr


def test_members_and_names_of_2024(tmp_path):
    """A solution that keeps the size in the descriptor and uses members and functions that only 2024 has."""
    folder = changed("2024", tmp_path, (
        "    free_list_[order] = &block;\n", "    free_list_[order] = &block;\n    block.free_block_size_ = pages_per_block(order);\n"),
        ("    page **slot", "    if (block.free_block_size_ != pages_per_block(order) || byte_swap(u16(1)) != 256)\n"
                           "        return false;\n    block.free_block_size_ = 0;\n    page **slot"),
        ("    free_list_[from] = next_of(block);\n", "    free_list_[from] = next_of(block);\n    block.free_block_size_ = 0;\n"),
        ("    static page *&next_of", "    static u64 pages_per_block(int order) { return 1ull << order; }\n    static page *&next_of"))
    code, log = boot(kernel_of(folder))
    assert code == EXIT_CODE["pass"], log


@pytest.mark.parametrize("does, outcome, says", [
    ("next_of(block) == &block", "pass", "# verdict=pass"),
    ("(next_of(block) = &block)", "crash", "# title=wild-access: core 0 wrote"),
], ids=("read", "written"))
def test_page_0_can_be_read_but_not_written(tmp_path, does, outcome, says):
    """In StACSOS, page 0 is mapped, so a read passes. A write is a wild access."""
    look = f'    if (block.pfn() == 0 && {does})\n        panic("page 0");\n    page **slot'
    code, log = boot(kernel_of(changed("2025", tmp_path, ("    page **slot", look))))
    assert code == EXIT_CODE[outcome] and says in log, log


# Whose lock.

def test_existing_locks_are_used():
    words = {year: generation("--all", SUBJECTS / year).stdout.split()[1] for year in GENERATIONS}
    assert words == {"2024": "adapter", "2025": "student", "2026": "student"}


def test_lock_in_a_comment_is_none(tmp_path):
    source = source_of("2024", tmp_path)
    source.write_text(source.read_text() + '// unique_irq_lock\n/* spinlock */ const char *s = "spinlock";\n')
    assert generation("--all", source).stdout.split()[:2] == ["2024", "adapter"]


KEPT = ("kept", "")


def promises(log):
    """The outcome and the reason of each promise in the log."""
    return {promise.name: (promise.outcome, promise.why) for promise in parse(log.encode()).promises}


@pytest.mark.parametrize("year, says", [
    ("2024", ("not tested", "no lock in this file: every call was made under the adapter's")), ("2025", KEPT)])
def test_promise_kept_by_the_adapters_lock_is_not_tested(year, says):
    code, log = boot(kernel_of(SUBJECTS / year), "seed=1 seconds=2 phases=single,mixed,irq")
    assert code == EXIT_CODE["pass"], log
    assert [promises(log)[name] for name in ("smp-safe", "irq-safe", "coalesces")] == [says, says, KEPT]


def test_unguarded_calls_show_the_missing_lock():
    code, log = boot(kernel_of(SUBJECTS / "2024"), "seed=1 seconds=10 allocator=stacsos-2024-unguarded")
    assert code in (EXIT_CODE["fail"], EXIT_CODE["crash"], EXIT_CODE["hang"]), log
    assert re.search(r"^not ok \d+ (single-irq|mixed|remote-free|irq|exhaust) ", log, re.MULTILINE), log


# Stages after a pass.

REFUSES = ("void page_allocator_buddy::insert_free_pages(page &range_start, u64 page_count)\n{\n    unique_irq_lock lock(lock_);\n", """
bool page_allocator_buddy::is_free(u64 pfn) const
{
    for (int order = 0; order <= LastOrder; order++)
        for (page *block = free_list_[order]; block; block = next_of(*block))
            if (block->pfn() == (pfn & ~((1ull << order) - 1)))
                return true;
    return false;
}

void page_allocator_buddy::insert_free_pages(page &range_start, u64 page_count)
{
    unique_irq_lock lock(lock_);
    if (is_free(range_start.pfn()))
        return;
"""), ("base.pfn() % (1ull << order) == 0);\n", "base.pfn() % (1ull << order) == 0);\n    if (is_free(base.pfn()))\n        return;\n"
       ), ("    void push(", "    bool is_free(u64 pfn) const;\n    void push(")


def staged(source, folder, *words, stages=(), seconds=2):
    """Run the tool with stages. Returns its exit code, its output, and stages.json by allocator."""
    done = subprocess.run([ROOT / "ci/stampede", "run", "--kernel", kernel_of(source), "--boot", "direct", "--cpus", "4",
                           "--memory", "96M", "--seconds", str(seconds), "--seed", "1", "--log", folder / "log/serial.log",
                           *[word for stage in stages for word in ("--stage", stage)], *words],
                          capture_output=True, text=True, timeout=300)
    record = folder / "log/stages.json"
    found = json.loads(record.read_text()) if record.exists() else []
    return done.returncode, done.stdout, {one["allocator"]: one for one in found}


def test_second_stage_says_what_a_missing_lock_does(tmp_path):
    code, words, found = staged(SUBJECTS / "2024", tmp_path, "--args", "phases=mixed,remote-free,irq", stages=["unguarded"],
                                seconds=10)
    assert code == 0 and "\nPASS (exit code 0): all 3 phases passed\n" in words, words
    assert found["stacsos-2024-unguarded"]["outcome"] == "found", words
    after = words[words.index("\nsecond stage, without the adapter's lock: 10 s\n"):]
    assert "\n  found: " in after and "\n  likely cause: no lock in this file" in after and "FAIL" not in after
    repeat = re.search(r"^  repeat: (.*)$", after, re.MULTILINE)[1]
    again = subprocess.run([*shlex.split(repeat), "--log", tmp_path / "again/serial.log"], cwd=ROOT, capture_output=True,
                           text=True, timeout=120)
    assert again.returncode and "# allocator=stacsos-2024-unguarded " in again.stdout, again.stdout


def test_stages_wait_for_a_pass(tmp_path):
    folder = patched(SUBJECTS / "2024/never-merges.patch", tmp_path)
    code, words, found = staged(folder, tmp_path, "--args", "phases=selftest", stages=["unguarded", "hardening"])
    assert code == 1 and not found
    assert "stage unguarded: not run, because the first run failed" in words
    assert "stage hardening: not run, because the first run failed" in words


def test_hardening_reports_what_is_refused(tmp_path):
    """A solution that searches its lists before it accepts a free or an insertion, and asserts orders."""
    code, words, found = staged(changed("2025", tmp_path, *REFUSES), tmp_path, stages=["hardening"])
    assert code == 0, words
    outcomes = {name.removeprefix("stacsos-2025-"): one["outcome"] for name, one in found.items()}
    assert outcomes == {"double-free": "refused", "inner-free": "refused", "wrong-order": "accepted",
                        "misaligned": "stopped", "bad-order": "stopped", "foreign": "accepted",
                        "double-insert": "refused", "inner-insert": "refused"}, words
    assert re.search(r"^  a misaligned free +refused, by a check of its own: panic: assert\(order >= 0", words, re.MULTILINE)
    assert re.search(r"^  a free of pages never inserted +accepted, then outside: ", words, re.MULTILINE)


@pytest.mark.parametrize("year", GENERATIONS)
def test_hardening_reaches_the_code_of_each_year(year, tmp_path):
    code, words, found = staged(SUBJECTS / year, tmp_path, "--args", "phases=selftest", stages=["hardening"])
    assert code == 0 and len(found) == 8, words
    assert not [one for one in found.values() if one["outcome"] == "not tried"], words
    assert found[f"stacsos-{year}-double-free"]["outcome"] == "accepted", words


@pytest.mark.parametrize("word, title, outcome, says", [
    ("pass", "all 5 phases passed", "nothing found", "that proves nothing"),
    ("inconclusive", "mixed: handoffs=1", "nothing found", "that proves nothing"),
    ("hang", "stall: core 1", "found", "likely cause: no lock in this file"),
    ("damaged", "cut: no closing line", "not run", "it did not run: cut"),
])
def test_words_of_the_second_stage(word, title, outcome, says):
    found, lines = stages._unguarded_words(Verdict(word, title), 7)
    assert found == outcome and says in "\n".join(lines)


# What is not promised.

SLOPPY = ("        order++;\n    }\n    push", "        order++;\n        if (order == 3)\n            break;\n    }\n    push")


def test_promise_to_merge_can_be_withdrawn(tmp_path):
    """Blocks never merge beyond order 3. There is no other bug."""
    folder = changed("2025", tmp_path, SLOPPY)
    code, log = boot(kernel_of(folder))
    assert code == EXIT_CODE["fail"] and "# title=uncoalesced: " in log, log
    for words in (["STACSOS_PROMISES=-coalesces -true-oom"], []):
        if not words:
            source = folder / f"{NAME}.cpp"
            source.write_text("// STACSOS_PROMISES: -coalesces -true-oom\n" + source.read_text())
        code, log = boot(kernel_of(folder, *words), "seed=1 seconds=2 phases=single,mixed,remote-free")
        assert code == EXIT_CODE["pass"], log
        assert (promises(log)["coalesces"], promises(log)["true-oom"]) == (("not made", ""), ("not made", ""))


def test_promises_of_a_comment_are_found(tmp_path):
    source = source_of("2024", tmp_path)
    source.write_text(source.read_text() + "/* STACSOS_PROMISES: -coalesces -smallest-fit (they wait) */\n")
    assert generation("--all", source).stdout.split()[4] == "-coalesces,-smallest-fit"


# Which generation.

@pytest.mark.parametrize("year", GENERATIONS)
@pytest.mark.parametrize("path", [f"{NAME}.cpp", "."])
def test_generation_is_found(year, path):
    assert generation(SUBJECTS / year / path).stdout == f"{year}\n"


@pytest.mark.parametrize("text, year", [
    ("void page_allocator_buddy::insert_pages(page &p, u64 n) {}", "2024"),
    ("void page_allocator_buddy::remove_pages( stacsos::kernel::mem::page& p, u64 n) {}", "2024"),
    ("void page_allocator_buddy::insert_free_pages(page&p, u64 n) {}", "2025"),
    ("void page_allocator_buddy::insert_free_pages(pfn_t p, u64 n) {}", "2026"),
    ("// insert_pages(page &p)\nvoid f::insert_free_pages(page &p, u64 n) {}", "2025"),
    ('char c = \'"\'; void f::insert_free_pages(page &p, u64 n) {} char d = \'"\';', "2025"),
])
def test_generation_is_recognised_by_its_features(tmp_path, text, year):
    (tmp_path / f"{NAME}.cpp").write_text(text)
    assert generation(tmp_path).stdout == f"{year}\n"


@pytest.mark.parametrize("text, says", [
    ("int main() {}", "say STACSOS_GENERATION="),
    ("void insert_pages(page &p); void insert_free_pages(page &p);", "of 2025 and insert_pages() or"),
    (None, f"there is no {NAME}.cpp"),
])
def test_generation_that_cannot_be_recognised(tmp_path, text, says):
    if text:
        (tmp_path / f"{NAME}.cpp").write_text(text)
    done = generation(tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and says in done.stderr


def test_checkout_of_the_whole_system(tmp_path):
    source = tmp_path / f"kernel/src/mem/{NAME}.cpp"
    header = tmp_path / f"kernel/inc/stacsos/kernel/mem/{NAME}.h"
    for path in (source, header):
        path.parent.mkdir(parents=True)
        shutil.copy(SUBJECTS / "2025" / path.name, path)
    assert generation("--all", tmp_path).stdout.split() == ["2025", "student", str(source), str(header), "none"]


# What make says.

def test_error_in_the_users_file_names_the_file(tmp_path):
    source = source_of("2025", tmp_path)
    source.write_text(source.read_text() + "\nint broken = ;\n")
    done = make("kernel", f"STACSOS={tmp_path}")
    line = source.read_text().count("\n")
    assert done.returncode
    assert f"{source}:{line}:" in done.stderr and "error:" in done.stderr
    assert f"{source}: this is your file; the message above is the compiler's" in done.stderr


@pytest.mark.parametrize("words, says", [
    (["STACSOS=/nonexistent"], f"/nonexistent: there is no {NAME}.cpp"),
    (["STACSOS=mm/buddy.c"], "say STACSOS_GENERATION=2024, 2025 or 2026"),
    ([f"STACSOS={SUBJECTS}/2025", "MAX_ORDER=12"], "STACSOS= is for MAX_ORDER=16"),
    ([f"STACSOS={SUBJECTS}/2025", "ALLOCATOR=buddy"], "say ALLOCATOR= or STACSOS=, not both"),
    ([f"STACSOS={SUBJECTS}/2025", "STACSOS_LOCK=none"], "STACSOS_LOCK is adapter or student"),
    ([f"STACSOS={SUBJECTS}/2025", "STACSOS_PROMISES=coalesces"], "what can be taken back is -coalesces"),
    ([f"STACSOS={SUBJECTS}/2025", "STACSOS_PROMISES=-smp-safe"], "what can be taken back is -coalesces"),
    ([f"STACSOS={SUBJECTS}/2025", "STACSOS_GENERATION=1999"], "invalid choice: '1999'"),
    (["ALLOCATOR=/nonexistent/mine.c"], "/nonexistent/mine.c: there is no such file"),
    (["ALLOCATOR=docs/LOG.md"], "docs/LOG.md: there is no such file, or nothing in it ends in .c, .cpp, .S, .o or .a"),
    (["ALLOCATOR=of mine/mine.c"], "ALLOCATOR=of mine/mine.c: one path, without blanks"),
    (["STACSOS=of mine/2025"], "STACSOS=of mine/2025: one path, without blanks"),
])
def test_misuse_is_reported(words, says):
    done = make("kernel", *words)
    assert done.returncode and says in done.stderr


# ALLOCATOR=: the same kinds of sources, for allocators that use the contract directly.

EXAMPLE = ROOT / "docs/example-allocator.c"
IN_CXX = """
extern "C" {
#include <mm/environment.h>
}
struct pool { struct spinlock_irq lock; pfn_t end, next; };
static struct pool &of(void *memory) { return *static_cast<struct pool *>(memory); }
static const struct page_allocator bump = {
    .name = "bump", .promises = 0, .pool_size = sizeof(struct pool), .metadata_size = nullptr,
    .init = [](void *memory, void *, pfn_t, pfn_t) { of(memory) = {}; of(memory).lock.name = "bump"; },
    .insert_pages = [](void *memory, pfn_t start, uint64_t count) {
        of(memory).next = start;
        of(memory).end = start + count;
        return PAGE_OK;
    },
    .allocate_pages = [](void *memory, unsigned order) {
        irq_flags_t flags = spinlock_irq_lock(&of(memory).lock);
        pfn_t pfn = INVALID_PFN;
        if (order == 0 && of(memory).next < of(memory).end)
            pfn = of(memory).next++;
        spinlock_irq_unlock(&of(memory).lock, flags);
        return pfn;
    },
    .free_pages = [](void *, pfn_t, unsigned) { return PAGE_OK; },
};
PAGE_ALLOCATOR(bump);
"""


def linked(path):
    """The symbols of the kernel that was built with the file."""
    kernel = own_folder(f"gcc-order16-{Path(path).stem}", path) / "stampede.elf"
    return subprocess.run(["nm", kernel], capture_output=True, text=True, check=True).stdout


def several_files(folder):
    """The example in two files."""
    folder.mkdir()
    text = EXAMPLE.read_text()
    start = text.index("static size_t example_metadata_size")
    end = text.index("static void example_init")
    (folder / "size.c").write_text("#include <mm/environment.h>\nsize_t example_metadata_size(pfn_t, "
                                   "pfn_t);\n" + text[start:end].removeprefix("static "))
    (folder / "rest.c").write_text(text[:start] + "size_t example_metadata_size(pfn_t start, pfn_t end);"
                                   "\n" + text[end:])
    return folder


def test_allocator_of_several_files(tmp_path):
    done = make("kernel", f"ALLOCATOR={several_files(tmp_path / 'several')}")
    assert done.returncode == 0, done.stderr
    assert " t example_metadata_size" in linked(tmp_path / "several")


def test_hosted_allocator_of_several_files(tmp_path):
    folder = several_files(tmp_path / "several.d")
    (folder / "size.o").write_bytes(b"the user's own build's")
    done = make("explore", "HOSTED=1", f"ALLOCATOR={folder}/", "DURATION=1")
    assert done.returncode == 0 and "PASS (exit code 0)" in done.stdout, done.stdout + done.stderr
    names = subprocess.run(["nm", ROOT / "build/host/explore/user/several"], capture_output=True, text=True,
                           check=True).stdout
    assert " t example_metadata_size" in names and "page_allocator_entry_example" in names


def test_allocator_that_cannot_be_hosted_is_refused(tmp_path):
    folder = several_files(tmp_path / "several")
    (folder / "more.cpp").write_text("")
    done = make("explore", "HOSTED=1", f"ALLOCATOR={folder}")
    assert done.returncode and "HOSTED=1 is for allocators of C files" in done.stderr, done.stdout + done.stderr


def test_compiled_allocator(tmp_path):
    source = tmp_path / "ready.c"
    shutil.copy(EXAMPLE, source)
    assert make("kernel", f"ALLOCATOR={source}").returncode == 0
    ready = tmp_path / "ready.o"
    shutil.copy(own_folder("gcc-order16-ready", source) / "user/ready.c.o", ready)
    source.unlink()
    assert make("kernel", f"ALLOCATOR={ready}").returncode == 0
    assert "page_allocator_entry_example" in linked(ready)


def test_allocator_in_cxx(tmp_path):
    source = tmp_path / "bump.cpp"
    source.write_text(IN_CXX)
    done = make("kernel", f"ALLOCATOR={source}")
    assert done.returncode == 0, done.stderr
    assert "page_allocator_entry_bump" in linked(source)


UNREGISTERED = EXAMPLE.read_text().replace("PAGE_ALLOCATOR(example);", "const void *of_others = &example;")


@pytest.mark.parametrize("files", [
    {"empty.c": ""},
    {"unregistered.c": UNREGISTERED},
    {"unregistered.cpp": IN_CXX.replace("PAGE_ALLOCATOR(bump);", "const void *of_others = &bump;")},
    {"unregistered1.c": "int one;\n", "unregistered2.c": UNREGISTERED},
], ids=" ".join)
@pytest.mark.parametrize("words", [(), ("EXPLORE=1",)], ids=("stress", "explorer"))
def test_source_that_registers_nothing_is_refused(tmp_path, files, words):
    folder = tmp_path / "unregistered-folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    done = make("kernel", f"ALLOCATOR={folder / name if len(files) == 1 else folder}", *words)
    names = " ".join(str(folder / name) for name in files)
    says = f"{names}: no allocator is registered: PAGE_ALLOCATOR(...) is missing (docs/ALLOCATORS.md)"
    assert done.returncode and says in done.stderr.splitlines(), done.stdout + done.stderr
    name = folder.name if len(files) > 1 else Path(name).stem
    assert not (ROOT / f"build/gcc-order16{'-explore' if words else ''}-{name}/stampede.elf").exists()


def test_checkout_in_a_path_with_blanks(tmp_path):
    """A file of the kernel, of ALLOCATOR= and of STACSOS= each compiles, and the recipe can be read back."""
    tree = tmp_path / "with blanks and 'quotes'"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git"))
    shutil.copy(EXAMPLE, tree / "mine.c")
    user = "user/mine.c.o"
    stacsos = f"user/{NAME}.o"
    for words in (["build/gcc-order16/lib/crc32.o"],
                  [f"build/gcc-order16-mine/{user}", "ALLOCATOR=mine.c"],
                  [f"build/gcc-order16-stacsos2025-2025/{stacsos}", "STACSOS=tests/subjects/stacsos/2025"]):
        done = make("-C", tree, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert str(tree).encode() not in (tree / words[0]).read_bytes()
    recipe = make("-C", tree, "-s", "kernel-recipe").stdout.splitlines()[0]
    assert f"-ffile-prefix-map={tree}=." in shlex.split(recipe)


def test_two_files_of_one_name(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "mine.c"
        path.write_text(EXAMPLE.read_text().replace('.name = "example"', f'.name = "{name}"'))
        assert make("kernel", f"ALLOCATOR={path}").returncode == 0
        kernel = own_folder("gcc-order16-mine", path) / "stampede.elf"
        assert f"\0{name}\0".encode() in kernel.read_bytes()
