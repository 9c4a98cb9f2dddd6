"""User allocators: how they are compiled and linked, what they may use, and what is refused."""

import json
import re
import shlex
import shutil
import subprocess

import pytest
from guest import ENVIRONMENT, boot
from support import ROOT, own_folder

EXAMPLE = (ROOT / "docs/example-allocator.c").read_text()
INIT = "    *pool = (struct pool){"


def make(*words, **more):
    """Run make, which may fail."""
    return subprocess.run(["make", "--no-print-directory", *map(str, words)], cwd=ROOT, env=ENVIRONMENT | more,
                          capture_output=True, text=True, timeout=300)


def said(done):
    return done.stdout + done.stderr


def example(head="", in_init="", name="example"):
    """The documented example, with additions at its top and in init()."""
    text = EXAMPLE.replace(INIT, f"    {in_init}\n{INIT}").replace('"example"', f'"{name}"')
    return f"{head}\n{text}"


def write(folder, **files):
    """Write each NAME_SUFFIX="text" to the file NAME.SUFFIX. Returns the folder."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(text)
    return folder


def kernel(name, *words):
    """Build the kernel. Returns the ELF's path."""
    done = make("kernel", *words)
    assert done.returncode == 0, said(done)
    path = next(word.split("=", 1)[1] for word in map(str, words) if word.startswith("ALLOCATOR="))
    return own_folder(f"gcc-order16-{name}", path) / "stampede.elf"


def explored(*words):
    """Run the hosted explorer for a second; it must pass. Returns its output."""
    done = make("explore", "HOSTED=1", "DURATION=1", *words)
    assert done.returncode == 0 and "PASS (exit code 0)" in done.stdout, said(done)
    return said(done)


def compiled(folder, *flags):
    """Objects of the user's own build, which only uses our headers."""
    subprocess.run(["gcc", "-c", "-O2", "-ffreestanding", "-fno-pie", "-mno-red-zone", "-mgeneral-regs-only",
                    "-fno-stack-protector", f"-I{ROOT}", f"-I{ROOT}/arch/x86_64/include", "-DSTAMPEDE_MAX_ORDER=16",
                    *flags, *(path.name for path in folder.glob("*.c"))], cwd=folder, check=True)
    return [path.name for path in folder.glob("*.o")]


# An allocator that needs every kind of setting: a header folder, a macro, a standard, another option.
NEEDY = example("""#include <shape.h>
_Static_assert(NUMBER == 3, "");
_Static_assert(__STDC_VERSION__ == 201710L, "");
_Static_assert((char)-1 > 0, "");
""")
SHAPE = "#pragma once\nstatic inline int warned_of(void) { int unused; return 1; }\n"
FRAGMENT = "USER_INCLUDES = headers\nUSER_DEFINES = NUMBER=3\nUSER_STD = gnu17 gnu++17\nUSER_FLAGS = -funsigned-char -Werror\n"
BY_HAND = "-I{folder}/headers -DNUMBER=3 -std=gnu17 -funsigned-char -Werror"


def needy(folder):
    write(folder, needy_c=NEEDY)
    write(folder / "headers", shape_h=SHAPE)
    return folder


def database(folder, file="needy.c"):
    command = f"cc -Iheaders -D NUMBER=3 -std=gnu17 -funsigned-char -Werror -O0 -c -o x.o {file}"
    path = folder / "compile_commands.json"
    path.write_text(json.dumps([{"directory": str(folder), "file": file, "command": command}]))
    return path


def settings(folder, way):
    """Give the settings in this way. Returns make's variables."""
    if way == "fragment":
        write(folder, stampede_mk=FRAGMENT)
        return []
    if way == "elsewhere":
        fragment = write(folder / "headers", other_mk=FRAGMENT.replace("headers", "."))
        return [f"USER_MK={fragment}/other.mk"]
    if way == "by hand":
        return [f"USER_CFLAGS={BY_HAND.format(folder=folder)}"]
    return [f"USER_COMPILE_COMMANDS={database(folder)}"]


WAYS = ("fragment", "elsewhere", "by hand", "compile commands")


def test_settings_are_needed(tmp_path):
    done = make("kernel", f"ALLOCATOR={needy(tmp_path / 'needy-none')}")
    assert done.returncode and "shape.h: No such file" in done.stderr, said(done)
    assert "needy.c: this is your file; the message above is the compiler's" in done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_own_settings(tmp_path, way):
    folder = needy(tmp_path / "needy")
    words = settings(folder, way)
    done = make("kernel", f"ALLOCATOR={folder}", *words)
    assert done.returncode == 0, said(done)
    assert "warning: unused variable" in done.stderr  # shown but no error, in a header, too, although -Werror is set
    assert make("kernel", f"ALLOCATOR={folder}", "EXPLORE=1", *words).returncode == 0


@pytest.mark.parametrize("way", WAYS)
def test_own_settings_hosted(tmp_path, way):
    folder = needy(tmp_path / "needy")
    explored(f"ALLOCATOR={folder}", *settings(folder, way))


def test_file_that_is_not_in_the_compile_commands(tmp_path):
    folder = needy(tmp_path / "needy")
    done = make("kernel", f"ALLOCATOR={folder}", f"USER_COMPILE_COMMANDS={database(folder, 'near.c')}")
    assert done.returncode == 0 and f"compiled with the options of {folder}/near.c" in done.stderr, said(done)


@pytest.mark.parametrize("words, says", [
    (["USER_MK=none.mk"], "USER_MK=none.mk: there is no such file"),
    (["USER_COMPILE_COMMANDS=none.json"], "USER_COMPILE_COMMANDS=none.json: there is no such file"),
    (["USER_COMPILE_COMMANDS=Makefile"], "Makefile: not a compile_commands.json"),
    (["USER_INCLUDES=none"], "USER_INCLUDES: there is no folder none"),
    (["USER_SOURCES=none.c"], "USER_SOURCES: there is no file none.c"),
    (["USER_SOURCES=README.md"], "USER_SOURCES: README.md ends in none of .c, .cpp, .S, .o, .a and .rs"),
], ids=str)
def test_settings_that_are_wrong(words, says):
    done = make("kernel", "ALLOCATOR=docs/example-allocator.c", *words)
    assert done.returncode and says in done.stderr, said(done)
    assert "this is your file" not in done.stderr


SHIM = "#include <mm/environment.h>\nuint32_t seven(void);\n"


@pytest.mark.parametrize("hosted", [False, True], ids=("kernel", "hosted"))
def test_sources_that_lie_elsewhere(tmp_path, hosted):
    """Two files with the same name in different folders."""
    write(tmp_path / "core", mine_c="unsigned seven(void) { return 7; }\n")
    folder = write(tmp_path / "spread", mine_c=example(SHIM, "ASSERT(seven() == 7);"),
                   stampede_mk="USER_SOURCES = ../core/mine.c\n")
    if hosted:
        explored(f"ALLOCATOR={folder}")
    else:
        kernel("spread", f"ALLOCATOR={folder}")


# Calls the functions of a C library's headers, and those that the compiler calls for wide integers, at the first init.
LIBRARY = """
#include <assert.h>
#include <limits.h>
#include <mm/environment.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
BENIGN_RACE("one", "first of two");
BENIGN_RACE("two", "second of two");
static PER_CPU(unsigned, calls);
static _Atomic unsigned inits;
__attribute__((noinline)) static void try_all(uint64_t start, uint64_t end)
{
    char text[64];
    unsigned __int128 wide = (unsigned __int128)end << 70 | start;
    assert(start < end);
    assert((uint64_t)(wide / end >> 70) == 1 && wide % end == start % end);
    assert((__int128)-7 * (__int128)end / (__int128)end == -7);
    assert(__builtin_popcountll(end | 1) > 0 && __builtin_clzll(end) + __builtin_ctzll(end) < 64);
    sprintf(text, "%s-%d", "text", 7);
    assert(strcmp(strcat(text, "!"), "text-7!") == 0 && strrchr(text, 't') == text + 3 && strnlen(text, 3) == 3);
    assert(memchr(text, '-', 64) == text + 4 && snprintf(text, sizeof text, "%x", 255) == 2 && abs(-3) == 3);
    strncpy(text, "ab", 5);
    assert(!memcmp(text, "ab\\0\\0", 5));
    per_cpu(calls)++;
    if (atomic_fetch_add(&inits, 1) == 0 && per_cpu_of(calls, cpu_number()) == 1)
        printf("pages %u\\nlast line\\n", (unsigned)UINT8_MAX), puts("by puts");
}
"""


def test_library(tmp_path):
    folder = write(tmp_path / "library", library_c=example(LIBRARY, "try_all(start, end);"))
    log = boot("seconds=1 phases=single", kernel("library", f"ALLOCATOR={folder}"))
    assert log.verdict == "pass", log.text
    lines = [line for line in log.lines if line.startswith("# log: ")]
    assert lines[:3] == ["# log: pages 255", "# log: last line", "# log: by puts"], log.text


def test_library_hosted(tmp_path):
    folder = write(tmp_path / "library", library_c=example(LIBRARY, "try_all(start, end);"))
    explored(f"ALLOCATOR={folder}")


def test_undefined_symbol_is_reported_as_the_users(tmp_path):
    folder = write(tmp_path / "lacks", lacks_c=example("void elsewhere(void);\n", "elsewhere();"))
    done = make("kernel", f"ALLOCATOR={folder}")
    assert done.returncode and "undefined reference to `elsewhere'" in done.stderr, said(done)
    assert f"{folder}: the image cannot be linked with this; the message above is the linker's" in done.stderr


@pytest.mark.parametrize("call, title", [
    ("assert(start > end)", "panic: assertion failed: start > end at"),
    ("abort()", "panic: abort() was called"),
    ("exit(3)", "panic: exit(3) was called"),
], ids=("assert", "abort", "exit"))
def test_what_ends_the_run(tmp_path, call, title):
    folder = write(tmp_path / "ends", ends_c=example("#include <assert.h>\n#include <stdlib.h>\n", f"{call};"))
    log = boot("seconds=1 phases=single", kernel("ends", f"ALLOCATOR={folder}"))
    assert log.verdict == "fail" and log.title.startswith(title), log.text


def test_integer_functions_agree_with_the_compilers_own(tmp_path):
    """Compares each function, renamed, with libgcc's on numbers of all widths. None may call itself."""
    names = re.findall(r"^\w+ (__\w+)\(.*\);$", (ROOT / "mm/adapters/integers.c").read_text(), re.MULTILINE)
    assert len(names) == 21
    ours = tmp_path / "ours.o"
    subprocess.run(["gcc", "-O2", "-ffreestanding", "-mgeneral-regs-only", "-c", ROOT / "mm/adapters/integers.c", "-o", ours],
                   check=True)
    disassembly = subprocess.run(["objdump", "-dr", ours], capture_output=True, text=True, check=True).stdout
    for function in disassembly.split("\n\n"):
        name = re.search(r"<(__\w+)>:", function)
        assert not name or not re.search(rf"R_X86_64_PLT32\s+{name[1]}\b", function), function
    subprocess.run(["objcopy", *(f"--redefine-sym={name}=our{name}" for name in names), ours], check=True)
    (tmp_path / "try.c").write_text(TRY)
    subprocess.run(["gcc", "-O1", tmp_path / "try.c", ours, "-o", tmp_path / "try"], check=True)
    subprocess.run([tmp_path / "try"], check=True)


TRY = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
typedef unsigned __int128 u;
typedef __int128 s;
#define WIDE(n) u __##n(u, u), our__##n(u, u);
#define NARROW(n, t) int __##n(t), our__##n(t);
WIDE(udivti3) WIDE(umodti3) WIDE(divti3) WIDE(modti3) WIDE(multi3)
NARROW(popcountdi2, uint64_t) NARROW(popcountti2, u) NARROW(paritydi2, uint64_t) NARROW(clzdi2, uint64_t)
NARROW(clzti2, u) NARROW(ctzdi2, uint64_t) NARROW(ctzti2, u) NARROW(ffsdi2, uint64_t) NARROW(ffsti2, u)
int our__popcountsi2(uint32_t), our__paritysi2(uint32_t), our__clzsi2(uint32_t), our__ctzsi2(uint32_t);
uint32_t our__bswapsi2(uint32_t);
uint64_t our__bswapdi2(uint64_t);
u our__udivmodti4(u, u, u *);
#define SAME(one, other) ((one) == (other) ? (void)0 : (printf("%s is not %s\\n", #one, #other), exit(1)))
static u draw(void)
{
    u value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 16 | (rand() & 0xffff);
    return rand() % 4 ? value >> rand() % 128 : value | ~(u)0 << rand() % 128;
}
int main(void)
{
    for (int i = 0; i < 200000; i++) {
        u a = draw(), b = draw(), rest;
        uint64_t d = a;
        uint32_t w = a;
        SAME(our__multi3(a, b), a * b);
        SAME(our__popcountdi2(d), __popcountdi2(d)), SAME(our__popcountti2(a), __popcountti2(a));
        SAME(our__paritydi2(d), __paritydi2(d)), SAME(our__ffsdi2(d), __ffsdi2(d)), SAME(our__ffsti2(a), __ffsti2(a));
        SAME(our__bswapdi2(d), __builtin_bswap64(d)), SAME(our__bswapsi2(w), __builtin_bswap32(w));
        SAME(our__popcountsi2(w), __builtin_popcount(w)), SAME(our__paritysi2(w), __builtin_parity(w));
        if (w)
            SAME(our__clzsi2(w), __builtin_clz(w)), SAME(our__ctzsi2(w), __builtin_ctz(w));
        if (d)
            SAME(our__clzdi2(d), __clzdi2(d)), SAME(our__ctzdi2(d), __ctzdi2(d));
        if (a)
            SAME(our__clzti2(a), __clzti2(a)), SAME(our__ctzti2(a), __ctzti2(a));
        if (!b)
            continue;
        SAME(our__udivti3(a, b), __udivti3(a, b)), SAME(our__umodti3(a, b), __umodti3(a, b));
        SAME(our__divti3(a, b), __divti3(a, b)), SAME(our__modti3(a, b), __modti3(a, b));
        SAME(our__udivmodti4(a, b, &rest), a / b), SAME(rest, a % b);
    }
    return 0;
}
"""


@pytest.mark.parametrize("words", [[], ["EXPLORE=1"], ["HOSTED=1"]], ids=("kernel", "explorer", "hosted"))
def test_variable_of_a_thread_is_refused(tmp_path, words):
    folder = write(tmp_path / "thread", thread_c=example("static __thread int cached;", "if (!cached) cached = 1;"))
    done = make("explore" if "HOSTED=1" in words else "kernel", f"ALLOCATOR={folder}", *words)
    assert done.returncode and re.search(r"thread.*: cached: a variable of a thread.*use PER_CPU", done.stderr), said(done)


@pytest.mark.parametrize("flag, says", [
    ("-fstack-protector-all", "compile with -fno-stack-protector"),
    ("-flto", "compiled with -flto, so there is no machine code to link"),
    ("-ftls-model=local-exec", "cached: a variable of a thread"),
])
def test_object_of_another_build_is_refused(tmp_path, flag, says):
    folder = write(tmp_path / "foreign", foreign_c=example("static __thread int cached;" if "tls" in flag else "",
                                                           "if (!cached) cached = 1;" if "tls" in flag else ""))
    compiled(folder, flag)
    done = make("kernel", f"ALLOCATOR={folder}/foreign.o")
    assert done.returncode and says in done.stderr, said(done)


def test_position_independent_object(tmp_path):
    folder = write(tmp_path / "independent", independent_c=example("extern int level;\nint level = 3;\nstatic int calls = 5;",
                                                                   "level += 2; calls += 2; ASSERT(calls == level + 2);"))
    compiled(folder, "-fPIC")
    log = boot("seconds=1 phases=mixed", kernel("independent", f"ALLOCATOR={folder}/independent.o"))
    assert log.verdict == "pass", log.text


def allocator_in(log):
    """The allocator of a run or an exploration."""
    return re.search(r"^# allocator=(\S+)", log.read_text(), re.MULTILINE)[1]


def archive(folder, name, *members):
    subprocess.run(["ar", "rcs", name, *members], cwd=folder, check=True)
    for member in members:
        (folder / member).unlink()


@pytest.mark.parametrize("how", ["file", "folder"])
def test_archive(tmp_path, how):
    """The registering member is linked although nobody calls it, with the member that it needs. The spare is not."""
    folder = write(tmp_path / "packed", mine_c=example(SHIM, "ASSERT(seven() == 7);"),
                   seven_c="unsigned seven(void) { return 7; }\n", spare_c="void missing(void); void never_needed(void) { missing(); }\n")
    archive(folder, "packed.a", *compiled(folder))
    for source in folder.glob("*.c"):
        source.unlink()
    elf = kernel("packed", f"ALLOCATOR={folder}{'/packed.a' if how == 'file' else ''}")
    names = subprocess.run(["nm", elf], capture_output=True, text=True, check=True).stdout
    assert "page_allocator_entry_example" in names and " t seven" in names and "never_needed" not in names
    assert boot("seconds=1 phases=single", elf).verdict == "pass"


def test_archive_without_an_allocator_helps_a_source(tmp_path):
    folder = write(tmp_path / "helped", seven_c="unsigned seven(void) { return 7; }\n")
    archive(folder, "core.a", *compiled(folder))
    (folder / "seven.c").unlink()
    write(folder, mine_c=example(SHIM, "ASSERT(seven() == 7);"))
    kernel("helped", f"ALLOCATOR={folder}")


def test_archive_that_registers_nothing(tmp_path):
    folder = write(tmp_path / "nothing", seven_c="unsigned seven(void) { return 7; }\n")
    archive(folder, "nothing.a", *compiled(folder))
    done = make("kernel", f"ALLOCATOR={folder}/nothing.a")
    assert done.returncode and "nothing.a: no allocator is registered" in done.stderr, said(done)


OWN_NAMES = """
#include <stddef.h>
#include <stdint.h>
void *memset(void *at, int value, size_t count) { for (char *p = at; count--;) *p++ = (char)value; return at; }
void panic(const char *text) { (void)text; for (;;); }
int printf(const char *format, ...) { return format[0]; }
uint64_t arena_held_pages(void *arena) { (void)arena; return 12345; }
void log_text(void) { printf("x"); }
"""


@pytest.mark.parametrize("hosted", [False, True], ids=("kernel", "hosted"))
def test_allocator_may_reuse_our_names(tmp_path, hosted):
    """An allocator defines functions with names of the kernel's and the C library's. The harness still calls its own."""
    folder = write(tmp_path / "names", kernel_c=OWN_NAMES, mine_c=example("void log_text(void);", "log_text();"))
    if hosted:
        explored(f"ALLOCATOR={folder}")
    else:
        log = boot("seconds=1 phases=single", kernel("names", f"ALLOCATOR={folder}"))
        assert log.verdict == "pass", log.text


def test_assembly(tmp_path):
    folder = write(tmp_path / "assembly", mine_c=example(SHIM, "ASSERT(seven() == 7);"),
                   seven_S="#define SEVEN 7\n.globl seven\nseven:\n    movl $SEVEN, %eax\n    ret\n")
    log = boot("seconds=1 phases=single", kernel("assembly", f"ALLOCATOR={folder}"))
    assert log.verdict == "pass", log.text


IN_CXX = """
#include <atomic>
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
extern "C" {
#include <mm/environment.h>
}
#include <shape.h>
struct pool { std::atomic<uint64_t> next, end; };
static pool &of(void *memory) { return *static_cast<pool *>(memory); }
static const struct page_allocator bump = {
    .name = "bump", .promises = 0, .pool_size = sizeof(pool),
    .init = [](void *memory, void *, pfn_t start, pfn_t end) {
        new (memory) pool;
        assert(start < end);
        std::printf("from %s\\n", "C++");
    },
    .insert_pages = [](void *memory, pfn_t start, uint64_t count) {
        of(memory).next = start;
        of(memory).end = start + count;
        return PAGE_OK;
    },
    .allocate_pages = [](void *memory, unsigned order) { return order ? INVALID_PFN : of(memory).next++; },
    .free_pages = [](void *, pfn_t, unsigned) { return PAGE_OK; },
};
PAGE_ALLOCATOR(bump);
"""


def test_cxx_with_headers_of_its_library(tmp_path):
    folder = write(tmp_path / "bumpcxx", bump_cpp=IN_CXX, shape_h=SHAPE,
                   stampede_mk="USER_STD = gnu++17 gnu11\nUSER_INCLUDES = .\nUSER_FLAGS = -Wall -Werror\n")
    done = make("kernel", f"ALLOCATOR={folder}")
    assert done.returncode == 0 and "warning: unused variable" in done.stderr, said(done)


def pair(folder):
    return write(folder, one_c=example(name="first"), two_c=example(name="second"))


def test_explorer_of_a_failure_is_compiled_in_the_same_way(tmp_path):
    """The command that a failure prints has the settings, blanks and quotes included. It finds the failure again."""
    text = (ROOT / "tests/replay/order.c").read_text().replace("#include", "#include <shape.h>\n#include", 1)
    folder = write(tmp_path / "again", again_c=f"_Static_assert(sizeof TEXT == 4, TEXT);\n{text}")
    write(folder / "headers", shape_h="")
    done = make("run", f"ALLOCATOR={folder}", "BOOT=direct", "CPUS=2", "DURATION=1", f"RUN_ARGS=--log {tmp_path}/serial.log",
                "ARGS=phases=mixed", f"USER_CFLAGS=-I{folder}/headers '-DTEXT=\"a b\"'")
    assert "FAIL (exit code 1): overlap" in done.stdout, said(done)
    command = shlex.split(re.search(r"make explore .*", done.stdout)[0])
    assert f"USER_CFLAGS=-I{folder}/headers '-DTEXT=\"a b\"'" in command
    again = make(*command[1:], "DURATION=5")
    assert "overlap: " in again.stdout, said(again)


@pytest.mark.parametrize("hosted", [False, True], ids=("kernel", "hosted"))
def test_one_of_two_allocators_must_be_chosen(tmp_path, hosted):
    log = tmp_path / "serial.log"
    words = ["explore", "HOSTED=1", "DURATION=1", f"EXPLORE_ARGS=--log {log}"] if hosted else \
        ["run", "DURATION=1", "BOOT=direct", "CPUS=2", "ARGS=phases=single", f"RUN_ARGS=--log {log}"]
    words.append(f"ALLOCATOR={pair(tmp_path / 'pair')}")
    done = make(*words)
    assert done.returncode and "pair: 2 allocators are registered, first and second; say which one" in done.stderr, said(done)
    done = make(*words, "ALLOCATOR_NAME=third")
    assert done.returncode and "ALLOCATOR_NAME=third: no such allocator is registered; choose from first and second" in done.stderr
    done = make(*words, "ALLOCATOR_NAME=second")
    assert done.returncode == 0 and allocator_in(log) == "second", said(done)


def test_soak_takes_no_second_allocator(tmp_path):
    words = ["soak", "HOURS=0", f"ALLOCATOR={pair(tmp_path / 'pair')}"]
    done = make(*words)
    assert done.returncode and "2 allocators are registered" in done.stderr, said(done)
    done = make(*words, "ALLOCATOR_NAME=second")
    assert done.returncode and "make soak tests the first allocator of the files" in done.stderr, said(done)


def test_two_allocators_of_one_file(tmp_path):
    """The kernel's option `allocator=` selects one of them."""
    both = example(name="first") + "\nstatic struct page_allocator other;\nPAGE_ALLOCATOR(other);\n"
    both = both.replace("static struct page_allocator other;", "static const struct page_allocator other = "
                        + re.search(r"struct page_allocator example = (\{.*?\n\};)", example(name="second"), re.DOTALL)[1])
    folder = write(tmp_path / "both", both_c=both)
    log = tmp_path / "serial.log"
    explored(f"ALLOCATOR={folder}", "ARGS=allocator=second", f"EXPLORE_ARGS=--log {log}")
    assert allocator_in(log) == "second"


# Rust.

RUSTC = shutil.which("rustc")
rust = pytest.mark.skipif(not RUSTC, reason="rustc is missing: ci/install-deps rust installs it")
RUST = (ROOT / "docs/example_allocator.rs").read_text()


@rust
def test_rust_example():
    log = boot("seconds=2", kernel("example_allocator", "ALLOCATOR=docs/example_allocator.rs"))
    assert log.verdict == "pass" and log.field("# allocator=", "promises").startswith("smp-safe,irq-safe"), log.text
    assert "# allocator=rust-example " in log.text


@rust
@pytest.mark.parametrize("line, title", [
    ("let held = [1u8; 4]; if held[(start as usize + 9) | 4] > 0 { return; }", "panic: Rust panicked at "),
    ("None::<u8>.or(if start > end { Some(1) } else { None }).unwrap();", "panic: Rust panicked at "),
    ("if start < end { panic!(\"pages {}\", end - start); }", "panic: Rust panicked at "),
], ids=("index", "unwrap", "panic"))
def test_rust_panic_ends_the_run(tmp_path, line, title):
    where = "metadata: *mut c_void, start: Pfn, end: Pfn) {\n"
    source = tmp_path / "panics.rs"
    source.write_text(RUST.replace(where, where + line + "\n"))
    log = boot("seconds=1 phases=single", kernel("panics", f"ALLOCATOR={source}"))
    assert log.verdict == "fail" and log.title.startswith(title) and log.title.rsplit(":")[-1].isdigit(), log.text


@rust
def test_rust_crate_of_several_files(tmp_path):
    """A folder with lib.rs. A warning is no error, log output appears, and a changed module is compiled again."""
    more = "use stampede::log;\npub fn tell() {\n    let unused = 1;\n    log(\"from\", 7);\n}\n"
    folder = write(tmp_path / "crate", more_rs=more,
                   lib_rs=RUST.replace("const ABSENT", "mod more;\nconst ABSENT", 1)
                   .replace("let lock = SpinlockIrq::new", "more::tell();\n    let lock = SpinlockIrq::new"))
    done = make("kernel", f"ALLOCATOR={folder}")
    assert done.returncode == 0 and "warning: unused variable" in done.stderr, said(done)
    assert "target feature" not in done.stderr
    write(folder, more_rs=more.replace("7", "8"))
    log = boot("seconds=1 phases=single", kernel("crate", f"ALLOCATOR={folder}"))
    assert log.verdict == "pass" and "# log: from 8" in log.lines, log.text


@rust
def test_rust_that_does_not_compile(tmp_path):
    folder = write(tmp_path / "wrong", lib_rs=RUST.replace("PAGE_OK", "PAGE_FINE"))
    done = make("kernel", f"ALLOCATOR={folder}")
    assert done.returncode and "cannot find value `PAGE_FINE`" in done.stderr and \
        "lib.rs: this is your file; the message above is the compiler's" in done.stderr, said(done)


@rust
def test_rust_that_registers_nothing(tmp_path):
    folder = write(tmp_path / "none", lib_rs=RUST.replace("page_allocator!(EXAMPLE);", ""))
    done = make("kernel", f"ALLOCATOR={folder}")
    assert done.returncode and "no allocator is registered" in done.stderr, said(done)


def test_missing_rustc():
    done = make("kernel", "ALLOCATOR=docs/example_allocator.rs", "RUSTC=no-such-rustc")
    assert done.returncode and "no-such-rustc is missing, which compiles docs/example_allocator.rs: ci/install-deps rust" \
        in done.stderr, said(done)


FLAGS = ["-I.", "-Iarch/x86_64/include", "-DSTAMPEDE_MAX_ORDER=16"]
MEMBER = re.compile(r"    pub (\w+): ")


def bindings(*flags):
    return subprocess.run(["ci/rust-bindings", "gcc", *flags, *FLAGS], cwd=ROOT, capture_output=True, text=True)


@rust
def test_members_are_where_c_has_them(tmp_path):
    """Compares the offsets of struct members in C and in Rust, each printed by a running program."""
    made = bindings().stdout
    structs = {"PageAllocator": "page_allocator", "SpinlockIrq": "spinlock_irq"}
    fields = [(rust_name, name) for rust_name in structs
              for name in MEMBER.findall(made.split(f"pub struct {rust_name} {{")[1].split("\n}")[0])]
    assert len(fields) > 30
    lines = "".join(f"{{ let it = {struct}::NONE; println!(\"{{}}\", std::ptr::addr_of!(it.{name}) as usize - "
                    f"std::ptr::addr_of!(it) as usize); }}\n" for struct, name in fields)
    (tmp_path / "layout.rs").write_text("#![allow(dead_code)]\nuse core::ffi::c_void;\ntype Pfn = u64;\ntype PageError = u32;\ntype Rule = u32;\n"
                                        "type PageVisitFree = Option<unsafe extern \"C\" fn(*mut c_void, Pfn, u32) -> bool>;\n"
                                        f"{made}\nfn main() {{\n{lines}}}\n")
    subprocess.run([RUSTC, "--edition=2021", "-o", tmp_path / "in-rust", tmp_path / "layout.rs"], check=True)
    calls = "".join(f'printf("%zu\\n", offsetof(struct {structs[struct]}, {name}));' for struct, name in fields)
    (tmp_path / "layout.c").write_text("#include <mm/page_allocator.h>\n#include <smp/spinlock.h>\n#include <stdio.h>\n"
                                       f"int main(void) {{ {calls} }}\n")
    subprocess.run(["gcc", *FLAGS, "-o", tmp_path / "in-c", tmp_path / "layout.c"], cwd=ROOT, check=True)
    ours, theirs = (subprocess.run([tmp_path / name], capture_output=True, text=True, check=True).stdout
                    for name in ("in-rust", "in-c"))
    assert ours == theirs and len(ours.split()) == len(fields)


@pytest.mark.parametrize("change, says", [
    (("    unsigned promises;", "    long double promises;"), "a type that ci/rust-bindings does not know: long double"),
    (("    unsigned promises;", "    unsigned promises[3];"), "a member that ci/rust-bindings does not know: unsigned promises[3]"),
], ids=("type", "array"))
def test_contract_that_has_no_binding_is_refused(tmp_path, change, says):
    """Constructs that a later contract may have and that the script cannot translate."""
    (tmp_path / "mm").mkdir()
    text = (ROOT / "mm/page_allocator.h").read_text()
    assert change[0] in text
    (tmp_path / "mm/page_allocator.h").write_text(text.replace(*change))
    done = bindings(f"-I{tmp_path}")
    assert done.returncode == 1 and says in done.stderr, done.stdout + done.stderr


@rust
def test_sizes_are_compared(tmp_path):
    """A C struct that is larger than the sum of its members, as by an attribute that the script does not read."""
    made = bindings().stdout.replace("size_of::<PageAllocator>() == ", "size_of::<PageAllocator>() == 1")
    (tmp_path / "size.rs").write_text("#![allow(dead_code)]\nuse core::ffi::c_void;\ntype Pfn = u64;\ntype PageError = u32;\ntype Rule = u32;\n"
                                      "type PageVisitFree = Option<unsafe extern \"C\" fn(*mut c_void, Pfn, u32) -> bool>;\n"
                                      f"{made}\nfn main() {{}}\n")
    done = subprocess.run([RUSTC, "--edition=2021", "-o", tmp_path / "size", tmp_path / "size.rs"], capture_output=True, text=True)
    assert done.returncode and "size_of::<PageAllocator>()" in done.stderr, done.stderr


# What is refused, and the messages when the host lacks something.

@pytest.mark.parametrize("words, says", [
    (["run", "CPU=4"], "CPU is no variable of this Makefile: did you mean CPUS?"),
    (["kernel", "ALOCATOR=x.c", "CPUS=4"], "ALOCATOR is no variable of this Makefile: did you mean ALLOCATOR?"),
    (["explore", "Q=1"], "Q is no variable of this Makefile"),
    (["kernel", "CFLAGS=-O0"], "CFLAGS is no variable of this Makefile: did you mean USER_CFLAGS?"),
    (["run", "max_order=12"], "max_order is no variable of this Makefile: did you mean MAX_ORDER?"),
    (["mutants", "ARGS=--help"], "make mutants does not read ARGS, which is for make run, make debug, make explore; "
     "did you mean MUTATE_ARGS?"),
    (["soak", "CPUS=4"], "make soak does not read CPUS, which is for make run, make debug"),
    (["build", "kernel", "HOURS=1"], "make build kernel does not read HOURS, which is for make soak"),
    (["run", "CPUS=0"], "CPUS=0: it is 1 to 255"),
    (["run", "CPUS=256"], "CPUS=256: it is 1 to 255"),
    (["run", "CPUS=abc"], "CPUS=abc: it is 1 to 255"),
    (["kernel", "MAX_ORDER=9"], "MAX_ORDER=9: it is 10 to 18"),
    (["kernel", "MAX_ORDER=19"], "MAX_ORDER=19: it is 10 to 18"),
    (["kernel", "MAX_ORDER="], "MAX_ORDER=: it is 10 to 18"),
    (["run", "ACCEL=kvn"], "ACCEL=kvn: it is auto, kvm or tcg"),
    (["run", "BOOT=usb"], "BOOT=usb: it is iso or direct"),
    (["run", "ON_FAIL=stay"], "ON_FAIL=stay: it is exit, gdb or bundle"),
    (["run", "BOOT=direct", "MEMORY=3"], "'3' (allowed: 16M to 64G"),
    (["run", "BOOT=direct", "DURATION=long"], "'long' is not a whole number"),
    (["kernel", "ALLOCATOR=none.c"], "ALLOCATOR=none.c: there is no such file"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_variable_or_value_is_refused(words, says):
    done = make(*words)
    assert done.returncode and says in done.stderr, said(done)
    assert "verdict" not in done.stdout


@pytest.mark.parametrize("words", [["kernel", "MAX_ORDER=18"], ["kernel", "V=1"], ["kernel", "CURDIR=."], ["kernel", "EXPLORE=1"],
                                   ["kernel", "CC=clang"], ["kernel", "STACSOS_LOCK=student"], ["kernel", "run", "CPUS=1"],
                                   ["help", "CPUS=255"], ["mutants", "MUTATE_ARGS=x"], ["hosted", "CPUS=1"]], ids=" ".join)
def test_variable_is_known(words):
    done = make("-n", *words)
    assert done.returncode == 0, said(done)


def test_every_variable_that_help_lists_is_known():
    names = re.findall(r"^  ([A-Z_]{3,}) ", make("help").stdout.split("Variables")[1], re.MULTILINE)
    assert {"CPUS", "BUILD_DIR", "USER_COMPILE_COMMANDS", "ALLOCATOR_NAME"} <= set(names)
    assert make("help", *(f"{name}={value}" for name, value in ((name, DEFAULTS.get(name, "")) for name in names))).returncode == 0


DEFAULTS = {"CPUS": "8", "MAX_ORDER": "16", "ACCEL": "auto", "THREAD": "multi", "SCHEDULE": "free", "FIRMWARE": "bios",
            "BOOT": "iso", "BUILD_DIR": "build"}


def test_help_fits_a_terminal():
    lines = make("help").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    columns = {line.index(text) for name, text in (("CPUS", "number of"), ("EXPLORE_ARGS", "more options"), ("USER_COMPILE_COMMANDS", "a compile_"))
               for line in lines if line.startswith(f"  {name} ")}
    assert len(columns) == 1, columns


def test_variable_of_the_environment_is_not_refused():
    done = make("-n", "kernel", CPU="4", NO_SUCH_VARIABLE="x")
    assert done.returncode == 0, said(done)


def test_missing_grub_mkrescue(tmp_path):
    for folder in ("/usr/bin", "/bin"):
        for path in (ROOT / folder).iterdir():
            if path.name != "grub-mkrescue" and not (tmp_path / path.name).exists():
                (tmp_path / path.name).symlink_to(path)
    done = make("iso", "-W", "boot/grub.cfg", PATH=str(tmp_path))
    says = "grub-mkrescue is missing, which makes the ISO image: ci/install-deps run installs it; BOOT=direct needs no image"
    assert done.returncode and says in done.stderr, said(done)


def isolated(script):
    """Run a shell script in its own mount namespace, where it may mount anything."""
    done = subprocess.run(["unshare", "-m", "bash", "-c", f"set -e; {script}"], cwd=ROOT, env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=300)
    return done


MOUNTS = subprocess.run(["unshare", "-m", "bash", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0
mounts = pytest.mark.skipif(not MOUNTS, reason="no rights to mount")


@mounts
@pytest.mark.parametrize("size, target", [("1M", "kernel"), ("3M", "kernel ALLOCATOR=docs/example-allocator.c"), ("12M", "iso")])
def test_full_disk_while_building(tmp_path, size, target):
    done = isolated(f"mount -t tmpfs -o size={size} none {tmp_path}; make BUILD_DIR={tmp_path}/small {target}")
    assert done.returncode and re.search(r"the disk of \S+ is full, or nearly: \d+ KiB are free", done.stderr), said(done)
    assert "this is your file" not in done.stderr


@mounts
def test_full_disk_while_the_log_is_written(tmp_path):
    elf = kernel("example-allocator", "ALLOCATOR=docs/example-allocator.c")
    done = isolated(f"mount -t tmpfs -o size=64k none {tmp_path}; head -c 99k /dev/zero >{tmp_path}/fill || true; "
                    f"STAMPEDE_BUILD={tmp_path} ci/stampede run --boot direct --kernel {elf} --seconds 1 --cpus 2")
    assert done.returncode == 2 and "stampede: the disk for the log" in done.stderr, said(done)


READ_ONLY = "mount --bind {root} {mine}; mount -o remount,ro,bind {mine}; cd {mine}"


@mounts
@pytest.mark.parametrize("command", ["make kernel", "make run BOOT=direct", "make explore HOSTED=1",
                                     "ci/stampede run --boot direct --kernel {elf}"])
def test_read_only_checkout_says_so(tmp_path, command):
    elf = kernel("example-allocator", "ALLOCATOR=docs/example-allocator.c")
    done = isolated(READ_ONLY.format(root=ROOT, mine=tmp_path) + "; " + command.format(elf=elf))
    assert done.returncode and "BUILD_DIR=" in done.stderr and "read-only" in done.stderr.lower(), said(done)


@mounts
def test_read_only_checkout_builds_elsewhere(tmp_path):
    """Runs and explorations write all their files to BUILD_DIR. The checkout is read-only."""
    (mine := tmp_path / "mine").mkdir()
    out = tmp_path / "user/out"  # the build itself also has a folder named `user`
    words = f"ALLOCATOR=docs/example-allocator.c DURATION=1 BUILD_DIR={out}"
    done = isolated(READ_ONLY.format(root=ROOT, mine=mine) +
                    f"; make -j2 run BOOT=direct CPUS=2 ARGS=phases=single {words} && make -j2 explore HOSTED=1 {words}"
                    f" EXPLORE_ARGS='--log {out}/explored.log'")
    assert done.returncode == 0 and done.stdout.count("PASS (exit code 0)") == 2, said(done)
    for file in ("last/verdict.json", "last/serial.log", "gcc-order16-example-allocator/stampede.elf",
                 "host/explore/user/example-allocator", "explored.log"):
        assert (out / file).is_file(), file
    data = subprocess.run(["nm", out / "gcc-order16-example-allocator/stampede.elf"], capture_output=True, text=True,
                          check=True).stdout
    address = {line.split()[2]: line.split()[0] for line in data.splitlines() if len(line.split()) == 3}
    assert address["user_data_start"] == address["user_data_end"] and address["user_bss_start"] == address["user_bss_end"]


def test_clean_removes_only_a_build(tmp_path):
    (tmp_path / "thesis.tex").touch()
    done = make("clean", f"BUILD_DIR={tmp_path}")
    assert done.returncode and "no build of this Makefile" in said(done) and (tmp_path / "thesis.tex").exists()
    (made := tmp_path / "made").mkdir()
    (made / ".stampede").touch()
    assert make("clean", f"BUILD_DIR={made}").returncode == 0 and not made.exists()
