"""Sound allocators pass: a failure of one in tests/sound is a mistake of the harness.

By default each allocator runs in the hosted stress, shortly in the kernel, and in the hosted explorer. The other
modes run a sample. STAMPEDE_SOUND=all runs every allocator in every mode, and up to 200 variants of each base.
"""

import os
import re
import subprocess

import pytest
import sound_matrix
import sound_modes
from guest import ROOT, make
from sound_modes import ALLOCATORS, MODES, Ending, pairs
from support import stampede

ALL = os.environ.get("STAMPEDE_SOUND") == "all"
ALWAYS = ("hosted", "kernel, short", "explorer")
UNSEEN_BY_TSAN = ("assembly-lock", "volatile-word")  # as in tests/sound/sound.mk
VARIANTS = 200 if ALL else 8  # of a base, at most
# The number of allocators in the default set, by mode. They are taken from the list at equal steps.
SAMPLE = {"kernel": 2, "one core": 1, "one thread": 1, "deterministic": 1, "explorer, kernel": 1}


def chosen() -> list[tuple[str, str]]:
    """The pairs of mode and allocator to run."""
    if ALL:
        return pairs()
    sample = [(mode, name) for mode, name in pairs() if mode in ALWAYS]
    for offset, (mode, count) in enumerate(SAMPLE.items()):
        step = len(ALLOCATORS) // count
        sample += [(mode, name) for name in ALLOCATORS[offset::step][:count]]
    return sample


def check_passed(ending: Ending) -> None:
    """Check that the run passed."""
    assert ending.verdict == "pass", f"{ending.verdict}: {ending.command}\n{ending.text[-6000:]}"


def test_there_are_enough_allocators_and_each_has_a_description():
    assert len(ALLOCATORS) >= 25
    for name in ALLOCATORS:
        assert len(sound_modes.purpose(name)) > 20, name


@pytest.mark.parametrize(("variant", "words", "count"), [
    ("asan", [], 3 * len(ALLOCATORS)),
    # Without --threads, on one core, there are no races to find.
    ("tsan", ["--threads"], len(ALLOCATORS) - len(UNSEEN_BY_TSAN)),
], ids=["asan", "tsan"])
def test_allocators_are_sound_without_the_harness(variant, words, count):
    program = f"build/host/{variant}/sound-check"
    make("-j2", "-f", "tests/tests.mk", program)
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"# passed {count} of {count}\n")


@pytest.mark.parametrize(("mode", "name"), chosen(), ids=lambda word: word.replace(", ", "-").replace(" ", "-"))
def test_passes(mode, name):
    check_passed(MODES[mode](name))


def test_the_explorer_says_that_it_does_not_see_a_lock_in_assembly():
    ending = MODES["explorer"]("assembly-lock")
    assert "# explore: no race is reported: the allocator has atomics in inline assembly" in ending.text


@pytest.mark.parametrize("name", ["page-only", "byte-map", "page-runs"])
def test_a_linear_search_is_fast_enough(name, tmp_path):
    """These allocators only search linearly. The machine's time counts instructions, so it is equal on every host."""
    done = stampede("run", "--schedule", "deterministic", "--kernel", sound_modes.image(), "--allocator", name, "--seconds", 10,
                    "--cpus", 2, "--memory", "256M", "--seed", 3, "--log", tmp_path / "serial.log", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    milliseconds = re.findall(r"^ok \d+ \S+ # .*\bms=(\d+)", done.stdout, re.MULTILINE)
    assert len(milliseconds) > 5 and sum(map(int, milliseconds)) < 15000, done.stdout


# ---- only promises are checked ----

def variants() -> list[tuple[str, sound_matrix.Variant]]:
    """The drawn variants of each base."""
    return [(base, variant) for base in sound_matrix.BASES for variant in sound_matrix.drawn(base, VARIANTS)]


def test_a_variant_only_has_its_own_members():
    fullest = list(sound_matrix.all_variants("stash-drain"))[-1]
    assert len(fullest.promises) == 5 and fullest.functions == sound_matrix.OPTIONAL
    assert len(list(sound_matrix.all_variants("example"))) == 64
    barest = sound_matrix.drawn("stash-drain", 5)[0]
    text = sound_matrix.text_of("stash-drain", barest, 0)
    assert ".promises = 0," in text and ".drain" not in text and ".insert_pages = stash_insert," in text


@pytest.mark.parametrize(("base", "variant"), variants(), ids=lambda word: getattr(word, "name", "of"))
def test_variant_passes(base, variant):
    sound_matrix.written(base)
    options = f"allocator={variant.name} seed=1"
    for program, more in (("plain", "ops=1000 floor=0"), ("explore", "schedules=300")):
        check_passed(sound_modes.hosted_program(f"build/host/{program}/sound-matrix/{base}", f"{options} {more}"))
