"""How tests/test_docs.py runs each command of README.md and docs/, or why it does not.

A command runs unchanged in a copy of the tree, where stand-ins such as `path/to/mine.c` exist. The environment
makes runs short: CPUS, DURATION, HOURS and BOOT have smaller defaults, which a value in the command overrides.
`instead` is the command to run in its place: a shorter one, or one with its placeholders filled in. In it, `{}`
stands for the command itself.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A command that is run. `make` exits with 2 if the tool's exit code is not 0."""

    instead: str = "{}"
    code: int = 0
    says: str = ""           # a regular expression that some line of the output matches
    after: tuple = ()        # commands to run right before; their results are ignored
    typed: str = ""          # standard input
    environment: tuple = ()  # (name, value)
    varies: bool = False     # the output differs from run to run, so the page's is not compared
    slow: bool = False       # only with STAMPEDE_DOCS=all: long, or similar to another command
    needs: str = ""          # a program; the command is skipped if it is not installed


@dataclass(frozen=True)
class Left:
    """A command that is not run, and why."""

    why: str


@dataclass(frozen=True)
class Together:
    """A command that a separate test runs together with others."""

    test: str


PASS = r"PASS \(exit code 0\)"
OVERLAP = r"FAIL \(exit code 1\): overlap: pfn"
BUNDLE = ('make run ON_FAIL=bundle ARGS="phases=mixed provoke=overlap"',)
DEPTH3 = ("make run ALLOCATOR=tests/explore/depth3.c SEED=1 ARGS=phases=mixed",)
LOCK_ORDER = ("make explore HOSTED=1 ALLOCATOR=tests/explore/lock-order.c SEED=1",)
# The page's command has --rules. With one defect only, most rules would have no defect, which is an error.
ONE_DEFECT = "the explorer finds 1 of 1"
PACKAGES = Left("it installs packages")
HELD = Together("test_gdb_on_a_held_machine")
LONG = (("DURATION", "60"),)  # an upper bound: the search ends at the first failure
RUST = r"""ci/rust-bindings gcc -I. -Iarch/x86_64/include -DSTAMPEDE_MAX_ORDER=16 >bindings.rs
export STAMPEDE_BINDINGS=$PWD/bindings.rs
flags="--edition=2021 -O -g -C panic=abort -C relocation-model=static -C code-model=small -C no-redzone=yes"
flags="$flags {}"
rustc $flags --crate-type=rlib --crate-name=stampede -o libstampede.rlib mm/adapters/rust/stampede.rs
rustc $flags --crate-type=staticlib --extern stampede=libstampede.rlib -o mine.a mine.rs
make run ALLOCATOR=mine.a"""

TABLE = {
    # Make's targets.
    "make help": Run(says="make explore"),
    "make check": Left("tests/test_check.py runs its parts; all of it takes minutes"),
    "ci/vocabulary --write": Run(),
    "make build": Run(),
    "make run": Run(says=PASS),
    "make run ON_FAIL=exit": Run(says=PASS, slow=True),
    "make run ON_FAIL=gdb": Run(says=PASS, slow=True),
    "make run ON_FAIL=bundle": Run(*BUNDLE, code=2, says=OVERLAP, slow=True),
    "make run CPUS=4 MEMORY=1G": Run(says="4 CPUs, 1024 MiB", slow=True),
    "make run ALLOCATOR=buddy-percpu": Run(says="allocator=buddy-percpu", slow=True),
    "make run KEEP_GOING=1": Run(says=PASS, varies=True, slow=True),  # the page shows a broken allocator's output
    "make run SCHEDULE=deterministic SEED=7": Run(says=PASS),
    'make run ARGS="phases=mixed provoke=overlap" SEED=4': Run(code=2, says=OVERLAP),
    "make test": Left("this test is a part of it"),
    "make defects": Run('make defects DEFECTS="--only merge-never"', says="caught 1 of 1", slow=True),
    'make defects DEFECTS="--rules --explorer"':
        Run('make defects DEFECTS="--rules --explorer --only merge-never"', code=2, says=ONE_DEFECT, slow=True),
    "ci/defects --explorer --rules --markdown docs/DEFECTS.md": Left("it plants every defect; the page is only of all"),
    "make mutants": Left("it takes an hour; tests/test_mutate.py tries it with a few"),
    "make prove": Run(says="all hold", slow=True),
    "make soak": Run(says=PASS, slow=True),
    "make soak HOURS=2": Run("make soak", says=PASS, slow=True),
    "ci/soak --only NUMBER": Run("ci/soak --only 0", says=PASS, after=("make soak",), slow=True),
    "ci/soak --report":
        Run("ci/soak --report build/soak/runs.jsonl", says="Clean hours", after=("make soak",), slow=True),
    # The tool.
    "ci/stampede run": Run("ci/stampede run --seconds 2 --cpus 4 --args floor=0", says=PASS, after=("make build",)),
    "ci/stampede run --boot direct --cpus 8 --seconds 3 --seed 4 --args 'phases=mixed provoke=overlap' --on-fail exit":
        Run(code=1, after=("make kernel",)),
    "ci/stampede run --help": Run(says="--on-fail"),
    "ci/stampede judge": Run("ci/stampede judge build/last/serial.log", says=PASS, after=("make run",), slow=True),
    "ci/stampede judge LOG": Run("ci/stampede judge build/last/serial.log", says=PASS, after=("make run",), slow=True),
    "ci/stampede judge --junit out.xml LOG":
        Run("ci/stampede judge --junit out.xml build/last/serial.log && cat out.xml", says="<testcase",
            after=("make run",)),
    "dd if=build/gcc-order16/stampede.iso of=/dev/sdX": Left("it writes to a disk"),
    # User allocators.
    "make run ALLOCATOR=path/to/mine.c": Run(says=PASS, slow=True),
    "make run ALLOCATOR=docs/example-allocator.c DURATION=5": Run(says=PASS),
    "make run STACSOS=path/to/page-allocator-buddy.cpp": Run(says=PASS, slow=True),
    "make run STACSOS=page-allocator-buddy.cpp": Run(says="second stage, without the adapter's lock"),
    'make run STACSOS=... STACSOS_PROMISES="-coalesces -true-oom"':
        Run('make run STACSOS=page-allocator-buddy.cpp STACSOS_PROMISES="-coalesces -true-oom"',
            says="promises not made: .*coalesces", slow=True),
    "ci/stacsos-generation FILE": Run("ci/stacsos-generation page-allocator-buddy.cpp", says="2026"),
    "gcc -c -O2 -g -ffreestanding -mno-red-zone -mgeneral-regs-only -fno-stack-protector -fno-omit-frame-pointer"
    " -I stampede -I stampede/arch/x86_64/include -DSTAMPEDE_MAX_ORDER=16 mine.c":
        Run("cd .. && {} && cd stampede && make kernel ALLOCATOR=../mine.o"),
    "make run ALLOCATOR=docs/example_allocator.rs": Run(says=PASS, needs="rustc", slow=True),
    RUST.format("--target x86_64-unknown-none"):
        Run("set -e\n" + RUST.format("-C target-feature=-sse,-sse2"), says=PASS, needs="rustc"),
    "ci/install-deps rust": PACKAGES,
    "rustup target add x86_64-unknown-none": PACKAGES,
    "bear -- make": Left("it stands for the build of a user"),
    "make -f tests/tests.mk sound-check": Run(slow=True),
    # After a failure.
    "make run ON_FAIL=gdb ARGS=provoke=deadlock": HELD,
    "make gdb": HELD,
    'ci/stampede gdb -- -batch -ex "stampede lock"': HELD,
    "make debug": Together("test_gdb_on_a_halted_machine"),
    "make postmortem": Run(after=BUNDLE, says="^Title: fail: overlap"),
    "ci/stampede postmortem DIR":
        Run("ci/stampede postmortem build/last/bundle", after=BUNDLE, says="^Title: fail: overlap", slow=True),
    "gdb -q -nx -x session.gdb":
        Run("cd build/last/bundle && {}", after=BUNDLE, says="^Title: fail: overlap", slow=True),
    "tar -S": Run("tar -S -cf build/bundle.tar build/last/bundle", after=BUNDLE, slow=True),
    'gdb -batch -ex "info line *(workload_turn+0x1b4)" build/gcc-order16/stampede.elf':
        Run(says=r"^Line \d+ of", after=("make kernel",)),
    # The explorer.
    "make explore": Run(says=PASS),
    "make explore HOSTED=1": Run(says=PASS),
    "make explore ALLOCATOR=path/to/mine.c": Run(says=PASS, slow=True),
    "make explore STACSOS=path/to/page-allocator-buddy.cpp": Run(says=PASS, slow=True),
    "make explore HOSTED=1 ALLOCATOR=tests/explore/lock-order.c SEED=1": Run(code=2, environment=LONG),
    "make explore HOSTED=1 ALLOCATOR=tests/explore/aba.c SEED=1": Run(code=2, environment=LONG),
    "ci/stampede explore":
        Run("ci/stampede explore --hosted --seconds 2", says=PASS, after=("make explore HOSTED=1",), slow=True),
    "ci/stampede explore --help": Run(says="--strategy"),
    "ci/stampede explore --hosted --seed P:S --gdb":
        Run("ci/stampede explore --hosted --program-file build/host/explore/user/lock-order"
            " --seed 0x6082e9993631e7d5:0xe9acc0d447272233 --gdb", after=LOCK_ORDER, typed="bt\n", says="trial_broken"),
    "make run ALLOCATOR=tests/explore/depth3.c":
        Run(code=2, says=r"\(exit code 1\): (overlap|free-refused|lost|free-list)", environment=LONG, varies=True),
    "make explore ALLOCATOR=tests/explore/depth3.c FROM_LOG=build/last/serial.log":
        Run(code=2, says="programs? made of it", after=DEPTH3, environment=LONG, varies=True),
    "make explore FROM_LOG=build/last/serial.log":
        Run(code=2, says="programs? made of it", after=BUNDLE, slow=True),
    "make explore FROM_LOG=": Run("make explore FROM_LOG=build/last/serial.log", code=2, says="programs? made of it",
                                  after=BUNDLE, slow=True),
    "ci/stampede explore --kernel build/gcc-order16-explore-depth3/stampede.elf"
    " --seed 0x66f6de4663444c60:0xf50ff0e3fd0b84be --record build/recording":
        Run(code=1, says="recorded: build/recording",
            after=("make kernel EXPLORE=1 ALLOCATOR=tests/explore/depth3.c",)),
    "ci/stampede explore --replay build/recording": Run(code=1, says="the log is the same, byte for byte"),
    "ci/stampede explore --replay build/recording --gdb": Run(says=r" in unlock \("),
    # Sweeps.
    "ci/stampede sweep --seeds 1..500 -- --cpus 4 --ops 1000":
        Run("ci/stampede sweep --seeds 1..2 -- --cpus 4 --ops 1000 --args floor=0", says=PASS, after=("make build",),
            slow=True),
    "ci/stampede sweep --seeds 1..500 --jobs 2 -- --cpus 4 --memory 128M --ops 1000":
        Run("ci/stampede sweep --seeds 1..2 --jobs 2 -- --cpus 4 --memory 128M --ops 1000 --args floor=0", says=PASS,
            after=("make build",)),
    "ci/install-deps sweep-parallel": PACKAGES,
    "ci/stampede sweep --engine parallel --sshlogin 8/alice@one --sshlogin two --sshlogin : --seeds 1..5000"
    " -- --cpus 4 --ops 1000":
        Run("ci/stampede sweep --engine parallel --sshlogin : --seeds 1..2 -- --cpus 4 --ops 300 --args floor=0",
            says=PASS, after=("make build",), needs="parallel", slow=True),
    "ci/install-deps sweep-slurm": PACKAGES,
    "ci/stampede sweep --engine slurm --jobs 200 --folder /shared/sweep"
    " --slurm-options '--partition=short --time=1:00:00' --seeds 1..100000 -- --cpus 4 --ops 1000":
        Left("it needs a Slurm cluster; tests/test_sweep_engines.py makes one"),
    "tests/slurm_cluster.py FOLDER COMMAND": Left("it needs root and Slurm; tests/test_sweep_engines.py runs it"),
}
