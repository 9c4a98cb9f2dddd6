"""The checks find the mistakes that they are for, and the tree has none. Also the script that installs tools."""

import os
import shutil
import subprocess
import time

import pytest
from support import ROOT

ALONE = "#pragma once\n"


def check(name, folder=None):
    words = [ROOT / "ci" / name, *([folder] if folder else [])]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def plant(folder, path, text):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


@pytest.mark.parametrize("name", ["check-arrows", "check-headers"])
def test_this_tree_is_clean(name):
    done = check(name)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# Arrows.

@pytest.mark.parametrize("path, line, names", [
    ("lib/a.c", "#include <mm/page.h>", "lib may include only lib"),
    ("lib/a.c", "#include <arch/cpu.h>", "lib may include only lib"),
    ("mm/a.c", "#include <smp/percpu.h>", "smp/spinlock.h"),
    ("mm/adapters/a.cpp", "#include <stress/run.h>", "mm may include only"),
    ("mm/a.h", "#  include <boot/bootinfo.h>", "mm may include only"),
    ("smp/a.c", "#include <mm/page.h>", "smp may include only"),
    ("stress/a.c", "#include <boot/bootinfo.h>", "stress may include only"),
    ("arch/x86_64/a.S", "#include <mm/page.h>", "arch may include only"),
    ("arch/x86_64/include/arch/a.h", "#include <smp/percpu.h>", "arch may include only"),
    ("boot/a.c", "#include <tests/unit/unit.h>", "boot may include only"),
    ("boot/a.c", "#include <arch/host/host.h>", "only programs of this host"),
    ("stress/a.c", "#include <stress/prove/view.h>", "only programs of this host"),
    ("arch/host/a.c", "#include <stress/run.h>", "arch may include only"),
    ("stress/a.c", "#include <arch/msr.h>", "no part of the machine contract"),
    ("boot/host/a.c", "#include <arch/paging.h>", "no part of the machine contract"),
    ("stress/a.c", "#include <sys/mman.h>", "no freestanding header"),
    ("lib/a.c", "#include <stdio.h>", "no freestanding header"),
    ("lib/a.c", '#include "b.h"', "write <folder/b.h>"),
    ("lib/a.c", '#include "../mm/page.h"', "write <folder/page.h>"),
    ("lib/a.c", "#include HEADER", "cannot be read"),
    ("lib/a.c", "#ifdef DEBUG", "#ifdef in a .c file"),
    ("lib/a.c", " # if 1", "#if in a .c file"),
])
def test_planted_line_is_found(tmp_path, path, line, names):
    plant(tmp_path, path, f"/* A file. */\n#pragma once\n{line}\n")
    done = check("check-arrows", tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{path}:3: ") and names in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("path, line", [
    ("mm/a.c", "#include <smp/spinlock.h>"),
    ("mm/a.c", "#include <mm/page.h>"),
    ("mm/a.h", "#if MAX_ORDER > 10"),
    ("boot/a.c", "#include <stress/run.h>"),
    ("stress/a.c", "#include <mm/page.h>"),
    ("lib/a.c", "#include <stdint.h>"),
    ("lib/a.c", "/* #include <mm/page.h> */"),
    ("arch/x86_64/a.c", "#include <lib/string.h>"),
    ("arch/host/a.c", "#include <smp/percpu.h>"),
    ("boot/a.c", "#include <arch/paging.h>"),
    ("smp/bringup.c", "#include <arch/msr.h>"),
    ("arch/host/a.c", "#include <sys/mman.h>"),
    ("boot/host/a.c", "#include <arch/host/host.h>"),
    ("stress/prove/a.c", "#include <stdio.h>"),
    ("tests/a.c", "#include <boot/bootinfo.h>"),
])
def test_allowed_line_is_not_found(tmp_path, path, line):
    plant(tmp_path, path, f"/* A file. */\n#pragma once\n{line}\n")
    done = check("check-arrows", tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["apic", "new"])
def test_port_has_only_what_is_in_the_contract(tmp_path, name):
    plant(tmp_path, "arch/x86_64/include/arch/apic.h", ALONE)
    plant(tmp_path, f"arch/host/include/arch/{name}.h", ALONE)
    done = check("check-arrows", tmp_path)
    assert done.returncode == 1 and f"<arch/{name}.h> is no header of the machine contract" in done.stdout


def test_local_header_is_allowed(tmp_path):
    plant(tmp_path, "lib/b.h", ALONE)
    plant(tmp_path, "lib/a.c", '#include "b.h"\n')
    assert check("check-arrows", tmp_path).returncode == 0


# Arrows between folders, by calls.

def built(folder, sources):
    """A tree with these files and their objects."""
    for path, text in sources.items():
        plant(folder, path, text)
        (folder / "build" / path).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", "-o", (folder / "build" / path).with_suffix(".o"), folder / path],
                       check=True, timeout=60)


def check_calls(folder):
    done = subprocess.run([ROOT / "ci/check-arrows", folder, "--calls", folder / "build"],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize("caller, callee", [
    ("lib/a.c", "stress/b.c"), ("lib/a.c", "arch/x86_64/b.c"), ("arch/x86_64/a.c", "smp/b.c"),
    ("arch/x86_64/a.c", "stress/b.c"), ("smp/a.c", "mm/b.c"), ("mm/a.c", "smp/barrier.c"),
    ("stress/a.c", "boot/b.c"),
])
def test_planted_call_is_found(tmp_path, caller, callee):
    built(tmp_path, {caller: "void f(void); void g(void) { f(); }\n", callee: "void f(void) {}\n"})
    code, output = check_calls(tmp_path)
    assert code == 1
    assert output == f"{caller}: takes f from {callee}: {caller.split('/')[0]} may not look there\n"


@pytest.mark.parametrize("caller, callee", [
    ("lib/a.c", "lib/b.c"), ("arch/x86_64/a.c", "lib/b.c"), ("mm/a.c", "smp/spinlock.c"),
    ("stress/a.c", "mm/b.c"), ("boot/a.c", "stress/b.c"),
])
def test_allowed_call_is_not_found(tmp_path, caller, callee):
    built(tmp_path, {caller: "void f(void); void h(void); void g(void) { f(); h(); }\n",
                     callee: "void f(void) {}\n"})
    assert check_calls(tmp_path) == (0, "")


def test_variable_of_another_folder_is_found(tmp_path):
    built(tmp_path, {"mm/a.c": "extern int there; int g(void) { return there; }\n",
                     "boot/b.c": "int there = 1;\n"})
    assert check_calls(tmp_path)[0] == 1


def test_compilers_calls_and_instrumentation_are_allowed(tmp_path):
    built(tmp_path, {"lib/a.c": "void *memset(void *, int, unsigned long); void __tsan_read1(void *);\n"
                                "void g(void *to) { __tsan_read1(memset(to, 0, 999)); }\n",
                     "arch/x86_64/b.c": "void *memset(void *to, int a, unsigned long b) { return to; }\n",
                     "stress/explore/c.c": "void __tsan_read1(void *at) {}\n"})
    assert check_calls(tmp_path) == (0, "")


def test_object_of_a_deleted_source_is_ignored(tmp_path):
    built(tmp_path, {"lib/a.c": "void f(void); void g(void) { f(); }\n", "stress/b.c": "void f(void) {}\n"})
    (tmp_path / "stress/b.c").unlink()
    assert check_calls(tmp_path) == (0, "")


def test_folder_without_objects_is_no_proof(tmp_path):
    (tmp_path / "build").mkdir()
    code, output = check_calls(tmp_path)
    assert code == 1 and output.endswith("build: no objects\n")


@pytest.mark.parametrize("text", ["", "int a;\n", "#include <stdint.h>\n#pragma once\n",
                                  "#ifndef A\n#define A\n#endif\n"])
def test_header_without_pragma_once(tmp_path, text):
    plant(tmp_path, "lib/a.h", f"/*\n * A header.\n */\n// Really.\n\n{text}")
    assert "lib/a.h:1: no #pragma once" in check("check-arrows", tmp_path).stdout


# Headers.

@pytest.mark.parametrize("text", [
    f"{ALONE}uint32_t needs_stdint(void);\n",
    f"{ALONE}#include <mm/absent.h>\n",
    f"{ALONE}static inline int unused_argument(int a) {{ return 0; }}\n",
    "struct twice { int a; };\n",
])
def test_header_that_does_not_stand_alone(tmp_path, text):
    plant(tmp_path, "lib/good.h", ALONE)
    plant(tmp_path, "mm/broken.h", text)
    done = check("check-headers", tmp_path)
    assert done.returncode == 1
    assert "mm/broken.h" in done.stdout and "lib/good.h" not in done.stdout


def test_headers_that_stand_alone(tmp_path):
    plant(tmp_path, "arch/x86_64/include/arch/cpu.h", f"{ALONE}#include <stdint.h>\n")
    plant(tmp_path, "mm/page.h", f"{ALONE}#include <arch/cpu.h>\nuint32_t size(void);\n")
    done = check("check-headers", tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


# The script that installs the tools, on machines that are imitated by scripts.

@pytest.fixture(name="machine")
def fixture_machine(tmp_path):
    """A PATH with basic tools and fake scripts only. Its apt-get records its arguments."""
    for tool in ("sort", "grep", "env", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def script(name, text):
        path = tmp_path / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    script("id", "echo 0")
    script("apt-get", f'echo "$@" >>{tmp_path}/asked')
    script("dpkg-query", "echo gcc installed; echo make config-files")
    return script


def install(tmp_path, *purposes):
    return subprocess.run(["/bin/sh", ROOT / "ci/install-deps", *purposes], capture_output=True,
                          text=True, timeout=20, env={"PATH": str(tmp_path)})


def asked(tmp_path):
    path = tmp_path / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_root_installs_what_is_missing(machine, tmp_path):
    assert install(tmp_path, "run").returncode == 0
    assert len(asked(tmp_path)) == 1
    words = asked(tmp_path)[0].split()
    assert {"install", "--no-install-recommends", "make", "ovmf"} <= set(words)
    assert not {"gcc", "cppcheck", "update"} & set(words)


def test_rustc_of_any_origin_is_accepted(machine, tmp_path):
    assert install(tmp_path, "rust").returncode == 0
    assert asked(tmp_path)[0].split()[-1] == "rustc"
    (tmp_path / "asked").unlink()
    machine("rustc", "")
    assert install(tmp_path, "rust").returncode == 0 and not asked(tmp_path)


def test_package_lists_are_fetched_only_when_needed(machine, tmp_path):
    machine("apt-get", f'echo "$@" >>{tmp_path}/asked; grep -q update {tmp_path}/asked')
    assert install(tmp_path, "run").returncode == 0
    assert ["install" in line for line in asked(tmp_path)] == [True, False, True]


def test_failure_to_install_is_an_error(machine, tmp_path):
    machine("apt-get", "exit 100")
    done = install(tmp_path, "run")
    assert done.returncode == 2
    assert "could not install" in done.stderr


def test_user_without_sudo_gets_the_command_to_run(machine, tmp_path):
    machine("id", "echo 1000")
    done = install(tmp_path, "check")
    assert done.returncode == 2 and not asked(tmp_path)
    assert "sudo apt-get install -y --no-install-recommends " in done.stderr.splitlines()[1]


def test_user_with_sudo_uses_it(machine, tmp_path):
    machine("id", "echo 1000")
    machine("sudo", 'shift; "$@"')
    machine("true", "")
    assert install(tmp_path, "run").returncode == 0
    assert len(asked(tmp_path)) == 1


def test_nothing_missing_is_fast_and_silent(machine, tmp_path):
    machine("dpkg-query", 'shift 3; for package; do echo "$package installed"; done')
    start = time.monotonic()
    done = install(tmp_path)
    assert (done.returncode, done.stdout + done.stderr, asked(tmp_path)) == (0, "", [])
    assert time.monotonic() - start < 1


def test_other_systems_need_programs(machine, tmp_path):
    (tmp_path / "apt-get").unlink()
    for program in ("gcc", "make", "python3", "grub-mkrescue", "xorriso", "mformat"):
        machine(program, "")
    done = install(tmp_path, "run")
    assert done.returncode == 2
    assert done.stderr.endswith("please install: qemu-system-x86_64 \n")
    machine("qemu-system-x86_64", "")
    assert install(tmp_path, "run").returncode == 0


def test_unknown_purpose_is_refused(tmp_path):
    done = install(tmp_path, "frob")
    assert done.returncode == 2 and "'frob'" in done.stderr


def test_shell_scripts_are_clean():
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck")
    done = subprocess.run(["shellcheck", ROOT / "ci/install-deps"], env=os.environ, timeout=60)
    assert done.returncode == 0


TOOLS = sorted(path.name for path in (ROOT / "ci").iterdir()
               if path.is_file() and os.access(path, os.X_OK) and path.name != "check")


@pytest.mark.parametrize("tool", TOOLS)
def test_each_tool_says_how_it_is_called(tool):
    done = subprocess.run([ROOT / "ci" / tool, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                          check=False)
    assert f"ci/{tool}" in done.stdout + done.stderr or f"usage: {tool}" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
