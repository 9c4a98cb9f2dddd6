"""Planted bugs: the tool that plants them reports each outcome correctly, and finds a dozen real ones.

Outcomes are tested on a tree of one file, in which each can be produced at will.
"""

import json
import re
import subprocess

import pytest
from support import ROOT

from stampedelib.defects import lanes, patching, table
from stampedelib.defects.converse import RuleOutcome, read_rules, try_without
from stampedelib.defects.defect import AREAS, RULES, DefectError, read, read_all
from stampedelib.defects.lanes import Job, Run
from stampedelib.defects.outcome import Outcome, classify, mark_doubles, try_defect
from stampedelib.defects.tree import Pool

FOLDER = ROOT / "tests/defects"

# ---- a header ----

HEADER = {"title": "overlap", "phase": "single mixed", "lane": "hosted", "area": "split"}
PROSE = "# The lower half is handed out twice.\n"
DIFF = """\
--- a/program.c
+++ b/program.c
@@ -1,3 +1,3 @@
 int main(void) {
-    return 0;
+    return 7;
 }
"""


def text_of(prose=PROSE, diff=DIFF, **changes):
    header = {key: value for key, value in (HEADER | changes).items() if value is not None}
    return "".join(f"# {key}: {value}\n" for key, value in header.items()) + "#\n" + prose + diff


def defect_of(tmp_path, name="bug", **changes):
    path = tmp_path / f"{name}.patch"
    path.write_text(text_of(**changes))
    return read(path)


def test_header_is_read(tmp_path):
    defect = defect_of(tmp_path, options="ops=5 phases=mixed", cpus=3, limit=7, machine="memory=1G thread=single",
                       **{"from": "Zephyr #11022"})
    assert (defect.name, defect.title, defect.phases) == ("bug", "overlap", ("single", "mixed"))
    assert defect.tries == 1
    assert defect.job == Job("ops=5 phases=mixed", 3, 1024, "single", None, 7, None)
    assert (defect.origin, defect.prose, defect.patch) == (
        "Zephyr #11022", "The lower half is handed out twice.", DIFF)


def test_unit_names_its_program(tmp_path):
    defect = defect_of(tmp_path, title="unit", lane="unit", phase="asan10/buddy")
    assert defect.job.unit == "asan10/buddy"


def test_equivalent_needs_neither_title_nor_phase(tmp_path):
    defect = defect_of(tmp_path, equivalent="nobody looks", title=None, phase=None)
    assert (defect.title, defect.expected) == (None, "equivalent")


@pytest.mark.parametrize("changes, told", [
    ({"title": "overlapp"}, ":1: title: 'overlapp' (allowed: overlap,"),
    ({"title": "unit"}, ":1: title: 'unit' in lane hosted"),
    ({"title": None}, ":1: there is no line `# title: ...`"),
    ({"also": "lost forsure"}, ":5: also: 'forsure' (allowed: overlap,"),
    ({"phase": None}, ":1: there is no line `# phase: ...`"),
    ({"phase": "single mxed"}, ":2: phase: 'mxed' (allowed: selftest,"),
    ({"lane": "fast"}, ":3: lane: 'fast' (allowed: unit, hosted, "),
    ({"lane": "unit"}, ":1: title: 'overlap' in lane unit"),
    ({"area": None}, ":1: there is no line `# area: ...`"),
    ({"area": "here"}, ":4: area: 'here' (allowed: split,"),
    ({"cpus": "0"}, ":5: cpus: '0' (allowed: 1 to 255)"),
    ({"cpus": "four"}, ":5: cpus: 'four'"),
    ({"limit": "601"}, ":5: limit: '601' (allowed: 1 to 600)"),
    ({"limit": "-1"}, ":5: limit: '-1'"),
    ({"tries": "11"}, ":5: tries: '11' (allowed: 1 to 10)"),
    ({"options": "mixed"}, ":5: options: 'mixed' is not of the form name=value"),
    ({"options": "cpus=2"}, ":5: options: 'cpus=2': use `# cpus: N`"),
    ({"options": "nonce=1"}, ":5: options: 'nonce=1': the lane chooses the nonce"),
    ({"machine": "thread=both"}, ":5: machine: 'thread=both' (allowed:"),
    ({"machine": "disk=1G"}, ":5: machine: 'disk=1G' (allowed:"),
    ({"machine": "memory=0M"}, ":5: machine: memory=0M (allowed: 1M to 64G)"),
    ({"colour": "red"}, ":5: there is no key 'colour' (allowed: title,"),
    ({"equivalent": "so"}, ":1: title: an equivalent change has no title"),
    ({"prose": ""}, ":6: no prose says what is wrong"),
    ({"prose": "# Prose.\nrubbish\n"}, ":7: neither prose (`# ...`) nor part of a diff"),
    ({"diff": ""}, ":6: there is no diff (`--- a/FILE`)"),
])
def test_bad_header_is_refused_by_file_and_line(tmp_path, changes, told):
    with pytest.raises(DefectError) as refusal:
        defect_of(tmp_path, **changes)
    assert str(refusal.value).startswith(f"{tmp_path}/bug.patch{told}"), refusal.value


@pytest.mark.parametrize("text, told", [
    ("# title: overlap\n# title: lost\n#\n", ":2: a second title"),
    ("title: overlap\n", ":1: not of the form `# key: value`"),
    ("# title: overlap\nint x;\n", ":2: not of the form `# key: value`"),
    ("", ":0: there is no diff"),
])
def test_malformed_header_is_refused(tmp_path, text, told):
    path = tmp_path / "bug.patch"
    path.write_text(text)
    with pytest.raises(DefectError) as refusal:
        read(path)
    assert str(refusal.value).startswith(f"{path}{told}")


def test_bad_name_and_empty_folder(tmp_path):
    with pytest.raises(DefectError, match="there is no defect"):
        read_all(tmp_path)
    with pytest.raises(DefectError, match="the name may have only a-z, 0-9 and -"):
        defect_of(tmp_path, name="Bug_1")


# ---- a patch ----

CLEAN = "int main(void) {\n    return 0;\n}\n"


@pytest.fixture
def small_root(tmp_path):
    """A tree of one program."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "program.c").write_text(CLEAN)
    return root


def test_patch_is_applied_and_nothing_left_beside(small_root):
    patching.apply(small_root, DIFF)
    assert "return 7" in (small_root / "program.c").read_text()
    assert [path.name for path in small_root.iterdir()] == ["program.c"]


def test_lines_may_have_moved(small_root):
    (small_root / "program.c").write_text("\n\n\n" + CLEAN)
    patching.apply(small_root, DIFF)
    assert "return 7" in (small_root / "program.c").read_text()


@pytest.mark.parametrize("diff, told", [
    ("", "changes nothing: there is no line"),
    (DIFF.replace("return 0", "return 1"), "does not apply: Hunk #1 FAILED"),
    (DIFF.replace(" int main(void) {", " int main() {"), "does not apply: Hunk #1 FAILED"),  # no fuzz
    (DIFF.replace("program.c", "other.c"), "does not apply: can't find file"),
    (DIFF.replace("@@ -1,3", "@@ -1,9"), "does not apply: "),
    (DIFF.replace("return 7;", "return 0; /* so */ // it is"), "changes nothing: only comments or blanks differ"),
    (DIFF.replace("    return 7;", "  return\n+  0;").replace("+1,3", "+1,4"), "changes nothing: only comments"),
])
def test_bad_patch_is_refused(small_root, diff, told):
    with pytest.raises(patching.PatchError) as refusal:
        patching.apply(small_root, diff)
    assert str(refusal.value).startswith(told)


def test_comment_in_a_literal_is_a_change(small_root):
    (small_root / "program.c").write_text('char *s = "/* a */";\n')
    patching.apply(small_root, '--- a/program.c\n+++ b/program.c\n@@ -1 +1 @@\n'
                               '-char *s = "/* a */";\n+char *s = "/* b */";\n')


# ---- a tree ----

MAKEFILE = "program: lib/program.c\n\t@echo made >>made\n\t@gcc -Werror -O2 -g -o $@ $<\n"


class SmallLane(lanes.Lane):
    """A lane in which exit status 7 means a broken rule. A program that does not end is killed."""
    name = "small"

    def make_words(self, job):
        return ("program",)

    def program(self, job):
        return "program"

    def run(self, tree, job):
        ended = lanes.attend([str(tree.path / "program")], job.limit_seconds, nudge=False)
        if ended.by == "timeout":
            return Run("timeout")
        return Run("fail", "overlap", "overlap: so", "mixed") if ended.code == 7 else Run("pass", phase="mixed")


@pytest.fixture
def small_pool(tmp_path, monkeypatch):
    """A pool of two copies of a tree of one program, with its own lane."""
    monkeypatch.setitem(lanes.LANES, "small", SmallLane())
    root = tmp_path / "root"
    (root / "lib").mkdir(parents=True)
    (root / "lib/program.c").write_text(CLEAN)
    (root / "Makefile").write_text(MAKEFILE)
    pool = Pool(root, tmp_path / "pool", 2, [("program",)])
    yield pool
    pool.close()


def small(tmp_path, line, **changes):
    """A defect whose program has this line."""
    diff = DIFF.replace("program.c", "lib/program.c").replace("    return 7;", line)
    return defect_of(tmp_path, **{"lane": "small", "phase": "any", "diff": diff} | changes)


@pytest.mark.parametrize("line, kind, note", [
    ("return 7;", "right", ""),
    ("return 8;", "survived", ""),
    ("for (;;) {}", "timeout", ""),
    ("return x;", "error", "lib/program.c:2:8: error: 'x' undeclared"),
    ("return 0 + 0;", "error", "changes nothing: the built program is the same as without it"),
    ("return 0; // so", "error", "changes nothing: only comments"),
])
def test_each_outcome(tmp_path, small_pool, line, kind, note):
    found = try_defect(small_pool, small(tmp_path, line, limit=1), "small")
    assert found.kind == kind and found.met == (kind == "right"), found
    assert note in found.note.replace("‘", "'").replace("’", "'"), found


def test_patch_that_does_not_apply_is_an_error(tmp_path, small_pool):
    defect = defect_of(tmp_path, lane="small", phase="any")  # there is no program.c in this tree
    assert try_defect(small_pool, defect, "small").kind == "error"


def test_header_gives_the_number_of_tries(tmp_path, small_pool, monkeypatch):
    seeds = []

    def run(self, tree, job):
        seeds.append(job.options)
        return Run("fail", "overlap", "overlap: so", "mixed", 2) if len(seeds) == 3 else Run("pass", seconds=1)

    monkeypatch.setattr(SmallLane, "run", run)
    found = try_defect(small_pool, small(tmp_path, "return 7;", tries=5), "small", seed=7)
    assert (found.kind, found.runs, found.run.seconds) == ("right", 3, 4)
    assert seeds == ["seed=7", "seed=8", "seed=9"]
    assert try_defect(small_pool, small(tmp_path, "return 7;", tries=2), "small").runs == 2


def test_same_bug_does_not_count_twice(tmp_path, small_pool):
    lines = {"a": "return 7;", "b": "return 8;", "c": "return 7 ; // again", "d": "return 3 + 4;"}
    found = [try_defect(small_pool, small(tmp_path, line, name=name), "small") for name, line in lines.items()]
    marked = {one.defect.name: (one.kind, one.note) for one in mark_doubles(found)}
    assert marked == {"a": ("right", ""), "b": ("survived", ""), "c": ("error", "the same bug as a"),
                      "d": ("error", "the same bug as a")}


def test_equivalent_one_must_survive(tmp_path, small_pool):
    changes = {"equivalent": "so", "title": None}
    kinds = [(found.kind, found.met) for line in ("return 8;", "return 7;") for found in
             [try_defect(small_pool, small(tmp_path, line, **changes), "small")]]
    assert kinds == [("equivalent", True), ("wrong-title", False)]


def test_tree_is_put_back_and_compiles_only_what_changed(tmp_path, small_pool):
    def made(tree):
        return (tree.path / "made").read_text().count("made")

    with small_pool.tree() as tree:
        tree.make("program")
        assert made(tree) == 1  # the clean copy was compiled
        tree.write("lib/program.c", CLEAN.replace("0", "7"))
        (tree.path / "lib/new.c").write_text("")
        tree.make("program")
        assert made(tree) == 2 and tree.differs("program")
        tree.restore()
        tree.make("program")
        assert made(tree) == 1 and not tree.differs("program")
        assert not (tree.path / "lib/new.c").exists()


def test_clean_copy_follows_the_tree(tmp_path, small_pool):
    small_pool.close()
    (tmp_path / "root/lib/program.c").write_text(CLEAN.replace("0", "7"))
    pool = Pool(tmp_path / "root", tmp_path / "pool", 1, [("program",)])
    with pool.tree() as tree:
        assert SmallLane().run(tree, Job()).rule == "overlap"
    pool.close()


def test_folder_is_locked_by_one_process(tmp_path, small_pool):
    with pytest.raises(BlockingIOError):
        Pool(tmp_path / "root", tmp_path / "pool", 1, [])


# ---- a program ----

@pytest.mark.parametrize("script, limit, by, code", [
    ("exit 3", 60, "exit", 3),
    ("kill -ABRT $$", 60, "killed", None),
    ("exec sleep 60", 0.3, "timeout", None),
    ("exec yes", 60, "flood", None),
])
def test_how_a_program_ends(script, limit, by, code):
    ended = lanes.attend(["sh", "-c", script], limit, nudge=False)
    assert (ended.by, ended.code, ended.prompted) == (by, code, "")
    assert len(ended.output) <= lanes.FLOOD_BYTES


def test_silent_program_is_made_to_report():
    script = "trap 'echo told; exit 4' USR1; while :; do sleep 0.05; done"
    ended = lanes.attend(["sh", "-c", script], 1)
    assert (ended.by, ended.code, ended.output) == ("exit", 4, b"told\n")
    assert ended.prompted == "silence: no byte for 0.25 s"


# ---- a run ----

@pytest.mark.parametrize("run, kind, met", [
    (Run("fail", "overlap", "overlap: x", "mixed"), "right", True),
    (Run("fail", "overlap", "overlap: x", "irq"), "right", False),
    (Run("fail", "lost", "lost: x", "mixed"), "wrong-title", False),
    (Run("crash", "triple-fault", "triple-fault, in phase mixed", "mixed"), "wrong-title", False),
    (Run("damaged", "damaged", "cut: no closing line", "mixed"), "wrong-title", False),
    (Run("timeout", None, "", "mixed"), "timeout", False),
    (Run("hang", "silence", "silence: no byte, and deaf to NMI", "mixed"), "timeout", False),
    (Run("pass", None, "", "mixed"), "survived", False),
    (Run("inconclusive", None, "", "mixed"), "survived", False),
    (Run("error", "usage", "usage: option frob", "start"), "error", False),
])
def test_run_is_classified(tmp_path, run, kind, met):
    found = classify(defect_of(tmp_path), "hosted", run)
    assert (found.kind, found.met) == (kind, met)


def test_rule_under_also_is_accepted_but_other_rules_are_not(tmp_path):
    defect = defect_of(tmp_path, also="lost assert")
    found = [classify(defect, "hosted", Run("fail", rule, f"{rule}: x", "mixed")) for rule in ("lost", "content")]
    assert [(one.kind, one.met) for one in found] == [("wrong-title", True), ("wrong-title", False)]


def test_score_counts_right_titles_apart(tmp_path):
    defect = defect_of(tmp_path)
    score = table.Score(Outcome(defect, kind, "hosted") for kind in
                        ("right", "right", "wrong-title", "timeout", "survived", "error", "equivalent"))
    assert (score.caught, score.applicable) == (3, 6)
    assert score.text() == ("caught 3 of 6, 2 of them under the expected title; "
                            "equivalent 1, error 1, survived 1, timeout 1")


def test_markdown_and_json_show_the_unexpected(tmp_path):
    good = classify(defect_of(tmp_path), "hosted", Run("fail", "overlap", "overlap: x", "mixed", 2.2))
    bad = classify(defect_of(tmp_path, name="worse"), "hosted", Run("pass", phase="bad-free"))
    page = table.as_markdown([good, bad], [RuleOutcome("lost", ())])
    assert "| bug | `overlap` | `overlap` | mixed | hosted | 3 s |" in page
    assert "| worse | `overlap` | **survived**" in page
    assert "| `lost` | 0 | 0 | **no defect has this title** |" in page
    record = json.loads(table.as_json([good, bad], []))
    assert [(one["name"], one["outcome"], one["lane"]) for one in record["defects"]] == [
        ("bug", "right", "hosted"), ("worse", "survived", "hosted")]


# ---- a disabled rule ----

@pytest.mark.parametrize("kinds, verdict", [
    (["survived"], "noticed"),
    (["right", "wrong-title"], "noticed"),
    (["right", "right"], "disabling it changes nothing"),
    (["survived", "error"], "error: bug: "),
    ([], "no defect has this title"),
])
def test_disabled_rule_is_judged(tmp_path, kinds, verdict):
    defect = defect_of(tmp_path)
    found = RuleOutcome("overlap", tuple(Outcome(defect, kind, "hosted") for kind in kinds))
    assert found.verdict == verdict and found.met == (verdict == "noticed")


def test_disabled_rule_is_tried_with_its_own_defects(tmp_path):
    mine, other, missed = (defect_of(tmp_path, name=name, title=title) for name, title in
                           (("mine", "overlap"), ("other", "lost"), ("missed", "overlap")))
    found = [Outcome(mine, "right", "hosted"), Outcome(other, "right", "hosted"), Outcome(missed, "survived", "hosted")]
    tried = []

    def attempt(defect, patch):
        tried.append((defect.name, patch))
        return Outcome(defect, "survived", "hosted")

    outcomes = try_without({"overlap": "PATCH"}, found, attempt, 2, lambda _: None)
    assert tried == [("mine", "PATCH")] and outcomes[0].met


def test_rule_without_a_patch_and_patch_without_a_rule(tmp_path):
    defects = [defect_of(tmp_path)]
    rules = tmp_path / "rules"
    rules.mkdir()
    with pytest.raises(DefectError, match="no patch disables overlap"):
        read_rules(rules, defects, [])
    (rules / "overlap.patch").write_text("x")
    assert read_rules(rules, defects, []) == {"overlap": "x"}
    with pytest.raises(DefectError, match="no patch disables 'lost'"):
        read_rules(rules, defects, ["lost"])
    (rules / "no-such.patch").write_text("x")
    with pytest.raises(DefectError, match="there is no rule 'no-such'"):
        read_rules(rules, defects, [])


# ---- the tool ----

def tool(*words):
    return subprocess.run([ROOT / "ci/defects", *words], capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("words, told", [
    (["--frob"], "unrecognized arguments: --frob"),
    (["--only", "no-such"], "--only: there is no "),
    (["--lane", "moon"], "invalid choice: 'moon'"),
    (["--jobs", "0"], "0 is out of range"),
    (["--rules", "no-such"], "no patch disables 'no-such'"),
    (["--only", "merge-never", "--markdown", "x"], "--markdown: the page is for all defects"),
    (["--lane", "unit", "--only", "merge-never"], "--lane unit: merge-never has no unit test"),
    (["--json", "/nonexistent/x"], "/nonexistent/x: cannot be written: No such file"),
    (["--markdown", "/nonexistent/x"], "/nonexistent/x: cannot be written: No such file"),
    (["--folder", "/nonexistent"], "/nonexistent: there is no defect"),
])
def test_nonsense_is_refused_in_one_line(words, told):
    done = tool(*words)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert told in done.stderr and done.stderr.count("\n") == 1, done.stderr


# ---- the defects ----

@pytest.fixture(scope="module")
def defects():
    return read_all(FOLDER)


def test_there_is_a_defect_for_each_rule_and_each_area(defects):
    assert {defect.area for defect in defects} == set(AREAS)
    assert {defect.title for defect in defects} >= set(RULES)
    assert set(read_rules(FOLDER / "rules", defects, [])) == set(RULES)


def test_page_has_these_defects(defects):
    page = (ROOT / "docs/DEFECTS.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.count(" | ") == 7}
    assert rows - {"defect", "---"} == {defect.name for defect in defects}


def test_page_of_public_bugs_has_a_planted_one_for_each():
    """Each row of the page's second table names at least one defect, and each defect that it names exists."""
    page = (ROOT / "docs/IN-THE-WILD.md").read_text(encoding="utf-8")
    links = re.compile(r"\[([a-z-]+)\]\(\.\./(tests/(?:defects|subjects|explore)/([a-z-]+)\.(?:patch|c))\)")
    named = links.findall(page)
    assert named and all(name == stem and (ROOT / path).is_file() for name, path, stem in named), named
    rows = [line for line in page.partition("## Reported by others")[2].splitlines() if line.startswith("| ")][2:]
    assert rows and all(links.search(row) for row in rows), rows


# A sample of lanes, rules and areas. Each rule has more defects.
DOZEN = ("merge-never", "merge-state-without-order", "hotplug-upper-piece-kept-out", "free-any-order", "links-of-16-bits",
         "lock-no-cli", "oom-keeps-the-lock", "search-misses-the-top", "drain-skips-an-order", "memmap-end-rounded-up",
         "lock-plain-store", "page-zero-mapped")


@pytest.fixture(scope="module")
def dozen(tmp_path_factory):
    """The outcomes of the dozen."""
    file = tmp_path_factory.mktemp("defects") / "outcome.json"
    done = tool("--only", *DOZEN, "--stretch", "5", "--json", file)
    assert file.is_file(), done.stdout + done.stderr
    return {one["name"]: one for one in json.loads(file.read_text())["defects"]}


@pytest.mark.parametrize("name", DOZEN)
def test_defect_is_found_under_its_title(dozen, name):
    assert dozen[name]["outcome"] == "right" and dozen[name]["met"], dozen[name]


def test_disabled_rule_is_noticed():
    done = tool("--rules", "residue", "--only", "hotplug-upper-piece-kept-out")
    assert "1 of 1 changed: 1 survived" in done.stdout and done.returncode == 0, done


def test_only_may_be_given_several_times():
    names = ["smp-apic-not-enabled", "smp-boot-core-woken", "smp-broadcast-id-is-a-core"]
    words = ["--only", names[0], "--only", *names[1:]]
    done = subprocess.run([ROOT / "ci/defects", "--list", *words], capture_output=True, text=True, check=False)
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == names, done.stdout + done.stderr
