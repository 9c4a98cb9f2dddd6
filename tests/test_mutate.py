"""ci/mutate: what it changes and what not, how it classifies outcomes, and a small run on the real tree."""

import json
import re
import signal
import subprocess
import time

import pytest
from support import ROOT

from stampedelib.mutants import report, verdicts
from stampedelib.mutants.build import Recipe
from stampedelib.mutants.campaign import Campaign, CleanTreeTrouble
from stampedelib.mutants.detectors import Bounds, run, unit
from stampedelib.mutants.generate import generate
from stampedelib.mutants.state import Result, State
from stampedelib.mutants.verdicts import Verdict, VerdictTrouble

MUTATE = ROOT / "ci/mutate"

SAMPLE = b"""
#define TWICE(x) ((x) * 2 > 3)
#define NONE (-1)
enum color { RED, GREEN, BLUE };
void fail(const char *rule, const char *format, ...);
int shift(int left, unsigned char right);
static int lower(int a, int b)
{
    if (a < b && TWICE(a + 1))
        return a;
    return b == NONE ? 7 : b;
}
enum color paint(int *count)
{
    *count += lower(1, *count);
    if (*count > 9)
        fail("count", "%d of %d", *count + 1, 9);
    return shift(*count, 2) ? GREEN : BLUE;
}
"""


def changed(mutant, text=SAMPLE):
    """The lines of the mutant that the original does not have."""
    return mutant.short(text).replace(" )", ")")


def by_id(text=SAMPLE):
    return {mutant.id.removeprefix("sample.c:"): mutant for mutant in generate("sample.c", text, [])}


@pytest.mark.parametrize(
    "name, becomes",
    [
        ("lower:negate:1", "if (!(a < b && TWICE(a + 1)))"),
        ("lower:negate:2", "return !(b == NONE) ? 7 : b;"),
        ("lower:relation:1", "if (a <= b && TWICE(a + 1))"),
        ("lower:relation:2", "return b != NONE ? 7 : b;"),
        ("lower:connect:1", "if (a < b || TWICE(a + 1))"),
        ("lower:term:1", "if (TWICE(a + 1))"),
        ("lower:term:2", "if (a < b)"),
        ("lower:constant:1", "return b == NONE ? 8 : b;"),
        ("lower:constant:2", "return b == NONE ? 6 : b;"),
        ("lower:result:1", "return 0;"),
        ("lower:result:2", "return (a) + 1;"),
        ("lower:drop:1", "without return a;"),
        ("paint:assign:1", "*count -= lower(1, *count);"),
        ("paint:assign:2", "*count = lower(1, *count);"),
        ("paint:swap:1", "*count += lower(*count, 1);"),
        ("paint:swap:2", "return shift(2, *count) ? GREEN : BLUE;"),
        ("paint:drop:2", "without fail(\"count\", \"%d of %d\", *count + 1, 9);"),
        ("paint:another:1", "return shift(*count, 2) ? BLUE : BLUE;"),
        ("paint:another:2", "return shift(*count, 2) ? RED : BLUE;"),
    ],
)
def test_change(name, becomes):
    assert changed(by_id()[name]) == becomes


def test_macros_and_messages_are_not_changed():
    defined = SAMPLE.index(b"enum color")
    inside = SAMPLE.index(b"TWICE(a"), SAMPLE.index(b"TWICE(a") + len(b"TWICE(a + 1)")
    message = SAMPLE.index(b'"count", '), SAMPLE.index(b", 9);") + 3
    for mutant in generate("sample.c", SAMPLE, []):
        for edit in mutant.edits:
            assert edit.start > defined, mutant.id
            for start, end in (inside, message):
                assert not start < edit.start < end and not start < edit.end < end, mutant.id


def test_ids_do_not_depend_on_lines_or_other_functions():
    moved = SAMPLE.replace(b"static int lower", b"\n\nint before(int a)\n{\n    return a + 1;\n}\n\n"
                           b"static int lower")
    old, new = by_id(), by_id(moved)
    assert set(old) < set(new)
    for name, mutant in old.items():
        assert changed(mutant) == changed(new[name], moved), name
        assert mutant.apply(SAMPLE).count(b"\n") == SAMPLE.count(b"\n"), name


LOCKS = b"""
typedef unsigned long irq_flags_t;
irq_flags_t spinlock_irq_lock(int *lock);
void spinlock_irq_unlock(int *lock, irq_flags_t flags);
irq_flags_t irq_save(void), irq_flags(void);
void irq_restore(irq_flags_t flags);
int count(int *lock, int *word)
{
    irq_flags_t flags = spinlock_irq_lock(lock);
    ++*word;
    spinlock_irq_unlock(lock, flags);
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
irq_flags_t off(void)
{
    return irq_save();
}
"""


@pytest.mark.parametrize(
    "name, becomes",
    [
        ("count:unlocked:1", "irq_flags_t flags = irq_flags(); ;"),
        ("count:unlocked:2", "irq_flags_t flags = irq_save(); irq_restore(flags);"),
        ("count:exchange:2", "spinlock_irq_unlock(lock, flags); ++*word;"),
        ("count:order:1", "return __atomic_load_n(word, __ATOMIC_RELAXED);"),
        ("count:plain:1", "return (*(word));"),
        ("off:interrupts:1", "return irq_flags();"),
    ],
)
def test_change_for_cores_and_handlers(name, becomes):
    after = by_id(LOCKS)[name].apply(LOCKS).decode().split()
    assert all(word in after for word in becomes.split()), after


# ---- a small tree of its own, from the generator to the outcome ----

JUDGED = b"""
unsigned count(unsigned n)
{
    unsigned i = 0;
    while (i != n)
        i++;
    return i;
}
int is_odd(unsigned n)
{
    unsigned unseen = n;
    unseen += 2;
    return n & 1;
}
"""
MAIN = b"""
#include <stdio.h>
unsigned count(unsigned n);
int is_odd(unsigned n);
int main(void)
{
    printf("1..1\\n");
    int good = count(3) == 3 && is_odd(1) && CHECK;
    printf("%s it\\n", good ? "ok" : "not ok");
    return !good;
}
"""
QUICK = Bounds(1, 20)


@pytest.fixture
def small_tree(tmp_path):
    """A function that makes the campaign. Its argument is an additional condition that main() checks."""
    def make(check):
        (tmp_path / "judged.c").write_bytes(JUDGED)
        (tmp_path / "main.c").write_bytes(MAIN.replace(b"CHECK", check))
        compiler = ["gcc", "-O1", "-fno-builtin"]
        recipe = Recipe(tmp_path, {"plain": compiler, "kernel": compiler}, {"plain": ["gcc"]},
                        {"plain/main": ["main.o", "judged.o"]})
        recipe.build_objects = lambda *_: None
        for name in ("main", "judged"):
            subprocess.run([*compiler, "-c", f"{name}.c"], cwd=tmp_path, check=True)
        said = []
        detectors = [unit("unit", "plain", lambda file: ("main",), QUICK)]
        return Campaign(recipe, tmp_path / "out", State(tmp_path / "out/state"), detectors,
                        said.append), said
    return make


ASKED = ("count:negate:1", "count:relation:1", "count:drop:1", "is_odd:drop:1",
         "is_odd:arithmetic:1")


def outcomes(campaign, names=ASKED):
    campaign.check_clean(["judged.c"], 1)
    mutants = [one for one in generate("judged.c", JUDGED, [])
               if one.id.removeprefix("judged.c:") in names]
    return {one.id.removeprefix("judged.c:"): one for one in campaign.run(mutants, 2)}


def test_outcomes_are_distinguished(small_tree, monkeypatch):
    campaign, said = small_tree(b"1")
    found = outcomes(campaign)
    assert found["count:negate:1"].outcome == "killed"
    assert found["count:negate:1"].how == "plain/main: it"
    assert found["count:relation:1"].outcome == "duplicate"
    assert found["count:relation:1"].how == "judged.c:count:negate:1"
    assert found["count:drop:1"].outcome == "timeout"  # becomes an endless `while (i != n);`
    assert found["is_odd:drop:1"].outcome == "same"  # the dropped value is never read
    assert found["is_odd:arithmetic:1"].outcome == "survived"  # becomes n | 1; the test only tries odd numbers
    assert f"{len(found)}/{len(found)} " in said[-1]
    # The second time all outcomes are known, and nothing is run.
    monkeypatch.setattr(campaign, "detectors", [])
    campaign.counts.clear()
    assert outcomes(campaign) == found


def test_survivor_is_killed_by_a_better_test(small_tree):
    name = "is_odd:arithmetic:1"
    assert outcomes(small_tree(b"1")[0], [name])[name].outcome == "survived"
    again = small_tree(b"!is_odd(2)")[0]
    assert outcomes(again, [name])[name].outcome == "killed"


def test_result_is_valid_for_the_same_detectors_only():
    killed = Result("f:1", "killed", code="c")
    assert killed.holds("c", {"new": "1"}) and not killed.holds("d", {"new": "1"})
    survived = Result("f:1", "survived", code="c", judges={"a": "1", "b": "1"})
    assert survived.holds("c", {"b": "1", "a": "1"})
    assert not survived.holds("c", {"a": "1", "b": "2"})
    assert not survived.holds("c", {"a": "1", "b": "1", "new": "1"})
    # After two timeouts no further detector ran. One added behind those two changes nothing, one before them must run.
    endless = Result("f:1", "timeout", code="c", judges={"a": "1", "b": "1"})
    assert endless.holds("c", {"a": "1", "b": "1", "new": "1"})
    assert not endless.holds("c", {"a": "1", "new": "1", "b": "1"})


def test_mutant_that_does_not_compile_is_invalid(small_tree, tmp_path):
    campaign, _ = small_tree(b"1")
    mutants = generate("judged.c", JUDGED, [])
    campaign.recipe.compile["plain"].append("-DRELEVANT")
    campaign.source("judged.c")
    campaign._sources["judged.c"] = b"#error no\n" + JUDGED  # no mutant compiles
    assert {one.outcome for one in campaign.run(mutants[:3], 1)} == {"invalid"}


def test_clean_tree_that_fails_ends_the_campaign(small_tree):
    campaign, _ = small_tree(b"0")
    with pytest.raises(CleanTreeTrouble, match="unit reports a failure of the clean tree"):
        campaign.check_clean(["judged.c"], 1)


def test_a_program_that_does_not_end_is_ended(tmp_path):
    assert run(["sh", "-c", "while :; do :; done"], QUICK, tmp_path).code is None
    assert run(["sleep", "60"], Bounds(9, 1), tmp_path).code is None
    seen = run(["sh", "-c", "echo not ok 1; sleep 60"], Bounds(9, 30), tmp_path,
               re.compile(rb"^not ok", re.MULTILINE))
    assert seen.stopped


# ---- verdicts ----

def test_verdicts_are_read(tmp_path):
    path = tmp_path / "survivors.txt"
    path.write_text("# why\nmm/a.c:f:drop:1  equivalent: it is\n  never read\n\nmm/a.c:g:swap:2 gap: no\n")
    assert verdicts.read(path) == {
        "mm/a.c:f:drop:1": Verdict("equivalent", "it is never read"),
        "mm/a.c:g:swap:2": Verdict("gap", "no"),
    }


@pytest.mark.parametrize("line", ["mm/a.c:f:drop:1 perhaps: so", "mm/a.c:f:drop equivalent: why",
                                  "mm/a.c:f:drop:1 equivalent:"])
def test_malformed_verdict_is_refused(tmp_path, line):
    path = tmp_path / "survivors.txt"
    path.write_text(line + "\n")
    with pytest.raises(VerdictTrouble, match=re.escape(f"{path}:1:")):
        verdicts.read(path)


def test_second_verdict_is_refused(tmp_path):
    path = tmp_path / "survivors.txt"
    path.write_text("mm/a.c:f:drop:1 gap: a\nmm/a.c:f:drop:1 gap: b\n")
    with pytest.raises(VerdictTrouble, match=":2: a second verdict on mm/a.c:f:drop:1"):
        verdicts.read(path)


def test_complaints():
    mutants = generate("sample.c", SAMPLE, [])[:3]
    ids = [one.id for one in mutants]
    results = {ids[0]: Result(ids[0], "survived"), ids[1]: Result(ids[1], "survived"),
               ids[2]: Result(ids[2], "killed", detector="unit", how="it")}
    said = {ids[1]: Verdict("gap", "x"), ids[2]: Verdict("gap", "x"),
            "sample.c:gone:drop:1": Verdict("gap", "x"), "other.c:f:drop:1": Verdict("gap", "x")}
    assert report.complaints(mutants, results, said, ["sample.c"], True) == [
        f"{ids[0]}: survived, and has no verdict",
        f"{ids[2]}: has a verdict, and is killed by unit (it)",
        "sample.c:gone:drop:1: has a verdict, and there is no such mutant",
    ]
    assert len(report.complaints(mutants, results, said, ["sample.c"], False)) == 2


# ---- the real tree ----

KILLED = ["mm/buddy.c:list_remove:drop:1", "mm/buddy_percpu.c:cache_pop:drop:2",
          "smp/spinlock.c:try_take:term:2"]


def mutate(*words):
    return subprocess.run([MUTATE, *map(str, words)], capture_output=True, text=True, cwd=ROOT,
                          timeout=300)


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["--files", "mm/none.c"], "mutate: --files mm/none.c: choose from mm/buddy.c, "),
        (["--only", "mm/buddy.c:none:drop:1"], "there is no mutant mm/buddy.c:none:drop:1"),
        (["--show", "frob"], "there is no mutant frob"),
        (["--jobs", "0"], "argument --jobs: '0' (allowed: whole numbers from 1)"),
        (["--sample", "many"], "argument --sample: 'many'"),
        (["--detectors", "stress,luck"], "--detectors: there is no 'luck'; choose from stress, "),
        (["--markdown", "x.md", "--sample", "3"], "--markdown is for a run over everything"),
        (["--json", "/nonexistent/x"], "mutate: /nonexistent/x: cannot be written: No such file"),
        (["--markdown", "/nonexistent/x"], "mutate: /nonexistent/x: cannot be written: No such file"),
        (["--frob"], "unrecognized arguments: --frob"),
    ],
)
def test_bad_arguments_are_named(words, complaint):
    done = mutate(*words)
    assert done.returncode == 2 and complaint in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_show_and_list():
    done = mutate("--show", KILLED[0])
    assert done.returncode == 0
    assert "\n-        pool->list[order] = page->next;\n+        ;\n" in done.stdout
    assert "--- a/mm/buddy.c\n+++ b/mm/buddy.c\n" in done.stdout
    listed = mutate("--list", "--files", "smp/spinlock.c").stdout.splitlines()
    assert all(line.startswith("smp/spinlock.c:") for line in listed)
    assert any(line.startswith(KILLED[2] + "\t") for line in listed)


def test_real_mutants(tmp_path):
    survivor = "mm/buddy.c:buddy_contains_range:relation:3"
    path = tmp_path / "survivors.txt"
    path.write_text("")
    words = ["--folder", tmp_path / "out", "--detectors", "stress", "--survivors", path, "--json",
             tmp_path / "out.json", *(word for one in [*KILLED, survivor] for word in ("--only", one))]
    done = mutate(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"  {survivor}: survived, and has no verdict" in done.stdout.splitlines()
    mutants = {one["id"]: one for one in json.loads((tmp_path / "out.json").read_text())["mutants"]}
    assert {name: one["outcome"] for name, one in mutants.items()} == {
        **dict.fromkeys(KILLED, "killed"), survivor: "survived"}
    assert mutants[KILLED[0]]["how"] == "free-list" and mutants[KILLED[2]]["detector"] == "stress"
    path.write_text(f"{survivor}  equivalent: nothing fits between the end and the end\n")
    assert mutate(*words).returncode == 0
    path.write_text(f"{survivor}  gap: x\n{KILLED[1]}  gap: x\n")
    done = mutate(*words)
    assert done.returncode == 1
    assert f"{KILLED[1]}: has a verdict, and is killed by stress" in done.stdout


def test_interrupted_run_resumes(tmp_path):
    """Known results are kept, and an interrupted detector does not count as a result."""
    words = [MUTATE, "--folder", tmp_path, "--detectors", "stress", "--jobs", "1", "--survivors",
             tmp_path / "none", *(word for one in KILLED[:2] for word in ("--only", one))]
    with subprocess.Popen(list(map(str, words)), cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.PIPE) as first:
        assert first.stdout.readline().startswith("2 mutants of ")
        while not (tmp_path / "state.jsonl").exists() or \
                '"clean"' not in (tmp_path / "state.jsonl").read_text():
            assert first.poll() is None, first.stderr.read()
            time.sleep(0.05)
        first.send_signal(signal.SIGINT)
        _, complaint = first.communicate(timeout=120)
    assert first.returncode == 130 and "interrupted" in complaint
    known = (tmp_path / "state.jsonl").read_text()
    assert '"timeout"' not in known
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=True)
    assert "2 mutants run: 2 killed" in done.stdout
    assert (tmp_path / "state.jsonl").read_text().startswith(known)
