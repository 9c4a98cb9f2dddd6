"""--keep-going: several boots result in one table of distinct failures and one verdict."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from fake_runs import arguments, environment, record
from support import NONCE, body, closed, good, opening, stampede

from stampedelib.run.boots import Boot, Outcomes, phases_left
from stampedelib.verdict.judge import judge
from stampedelib.verdict.verdict import CODES
from stampedelib.vocabulary import PHASE_TITLES

HELD = "lock-held: core {} goes on with 1 locks held: spare"
OVERLAP = "overlap: pfn {} order {}"


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """A function that runs the tool with --keep-going on the fake QEMU. `acts` maps phases to their ends."""
    def run(acts, *words):
        return stampede(*arguments(tmp_path, "--keep-going", *words),
                        env=environment(tmp_path, "by-phase", STAMPEDE_FAKE_PHASES=json.dumps(acts)))

    return run


def table(done):
    """The rows of the table, each as a list of cells."""
    lines = done.stdout.splitlines()
    start = next(at for at, line in enumerate(lines) if re.match(r" +verdict +phase +times +boot +failure$", line))
    rows = []
    for line in lines[start + 1:]:
        if not re.match(r"  (fail|hang|crash|error|damaged) ", line):
            break
        rows.append(re.split(r"  +", line.strip()))
    return rows


def verdicts(done):
    """All verdict lines in the output."""
    return [line for line in done.stdout.splitlines() if re.match(r"[A-Z]+ \(exit code \d\)", line)]


# One table, one verdict.

def test_same_failure_in_two_phases_shares_a_row(run, tmp_path):
    done = run({"single": HELD.format(1), "irq": HELD.format(7), "exhaust": OVERLAP.format("0x20", 3)})
    assert done.returncode == CODES["fail"], done.stdout + done.stderr
    assert "4 boots, 2 distinct failures:" in done.stdout
    assert table(done) == [["fail", "single, irq", "2", "1, 2", HELD.format(1)],
                           ["fail", "exhaust", "1", "3", OVERLAP.format("0x20", 3)]]
    assert "  passed: selftest, single-irq, mixed, remote-free, fragment, hotplug, bad-free, single-placed, placed\n" in done.stdout
    assert "  promises broken: smp-safe\n" in done.stdout
    for then in ("then-1", "then-2", "then-3"):
        assert (tmp_path / "out" / then / "serial.log").exists()


def test_there_is_one_verdict_and_no_pass_after_a_failure(run):
    done = run({"single": HELD.format(1)})
    assert verdicts(done) == [f"FAIL (exit code 1): {HELD.format(1)}"]
    assert "PASS (" not in done.stdout
    assert "boot 2: PASS: all 10 phases passed\n" in done.stdout
    assert "promises kept" not in done.stdout  # the last boot alone would say so, but it ran only some phases


def test_each_distinct_failure_has_its_log_and_the_command_of_one_boot(run, tmp_path):
    done = run({"mixed": HELD.format(1), "irq": OVERLAP.format("0x20", 3)}, "--args", "sample=1")
    after = done.stdout.split(f"FAIL (exit code 1): {HELD.format(1)}\n")[1]
    repeats = re.findall(r"^    repeat: (.*)$", after, re.MULTILINE)
    assert len(repeats) == 2 and not any("--keep-going" in command for command in repeats)
    assert "--args sample=1 --seed" in repeats[0]
    assert "--args 'sample=1 phases=remote-free,irq,exhaust,fragment,hotplug,bad-free,single-placed,placed' --seed" in repeats[1]
    assert len(re.findall(r"^    log: ", after, re.MULTILINE)) == 2
    assert "out/then-1/serial.log" in after


def test_first_failure_is_the_exit_code_also_if_a_later_one_is_worse(run):
    done = run({"mixed": HELD.format(1), "irq": "triple-fault"})
    assert done.returncode == CODES["fail"]
    assert [row[:2] for row in table(done)] == [["fail", "mixed"], ["crash", "irq"]]
    assert "which is the first of 2 distinct failures" in done.stdout


def test_continues_after_a_guest_that_ended_silently(run):
    done = run({"mixed": "reset", "irq": HELD.format(1)})
    assert done.returncode == CODES["crash"], done.stdout + done.stderr
    assert [row[:2] for row in table(done)] == [["crash", "mixed"], ["fail", "irq"]]
    assert "  passed: selftest, single, single-irq, remote-free, exhaust, fragment, hotplug, bad-free, single-placed, placed\n" in done.stdout


def test_only_phases_asked_for_are_run(run):
    done = run({"single": HELD.format(1)}, "--args", "phases=single,mixed")
    assert "  passed: mixed\n" in done.stdout and "boot 2: mixed\n" in done.stdout


def test_later_boots_show_less(run):
    done = run({"single": HELD.format(1), "irq": HELD.format(2)})
    first, later = done.stdout.split("boot 2: single-irq", 1)
    assert "KTAP version 1" in first and "# FAILURE" in first
    assert "KTAP version 1" not in later and "# FAILURE" not in later and "not run after" not in later
    assert "ok 1 single-irq # ops=1\n" in later


def test_quiet_shows_the_table_and_the_verdict(run):
    done = run({"single": HELD.format(1)}, "--quiet")
    assert done.stdout.startswith("2 boots, 1 failure:\n")


def test_records(run, tmp_path):
    done = run({"mixed": HELD.format(1), "irq": HELD.format(2)}, "--junit", tmp_path / "junit.xml")
    assert done.returncode == CODES["fail"]
    kept = record(tmp_path)
    assert (kept["word"], kept["title"]) == ("fail", HELD.format(1))
    assert kept["keep_going"]["failures"] == [{"word": "fail", "title": HELD.format(1), "times": 2,
                                               "phases": ["mixed", "irq"], "boots": ["1", "2"]}]
    assert [boot["word"] for boot in kept["keep_going"]["boots"]] == ["fail", "fail", "pass"]
    cases = {case.get("name"): [child.tag for child in case]
             for case in ElementTree.parse(tmp_path / "junit.xml").findall(".//testcase")}
    assert list(cases) == list(PHASE_TITLES)
    assert [name for name, outcome in cases.items() if outcome] == ["mixed", "irq"]


def test_a_bundle_of_a_later_boot_does_not_replace_the_first(run, tmp_path):
    run({"mixed": HELD.format(1), "irq": OVERLAP.format("0x1", 0)}, "--bundle", tmp_path / "kept")
    assert HELD.format(1) in (tmp_path / "kept/README").read_text()
    assert OVERLAP.format("0x1", 0) in (tmp_path / "kept-then-1/README").read_text()


def test_expectations_apply_to_the_first_boot(run):
    done = run({"single": HELD.format(1)}, "--expect", "^ok 1 selftest")
    assert len(table(done)) == 1


# No further boot, or none that helps.

def test_pass_has_the_usual_page(run):
    done = run({})
    assert done.returncode == 0
    assert verdicts(done) == ["PASS (exit code 0): all 12 phases passed"]
    assert "boots" not in done.stdout and "KEEP_GOING" not in done.stdout


def test_failure_in_the_last_phase_has_the_usual_page(run):
    done = run({"placed": HELD.format(1)})
    assert verdicts(done) == [f"FAIL (exit code 1): {HELD.format(1)}"]
    assert "boots" not in done.stdout


def test_after_a_failure_before_the_first_phase_selftest_runs_without_memory(run):
    title = "insert-refused: pages 0x100 to 0x200, the machine's own: overlap"
    done = run({"setup": title})
    assert done.returncode == CODES["fail"] and done.stderr == ""
    assert f"boot 1: FAIL before the first phase: {title}\n" in done.stdout
    assert "boot 2: PASS: the phase passed\n" in done.stdout
    assert table(done) == [["fail", "(before any)", "1", "1", title]]
    assert "  passed: selftest\n" in done.stdout
    assert "memory=none" not in done.stdout.split("repeat: ")[1]  # the command repeats the first boot


def test_lone_failure_before_selftest_is_reported_in_one_sentence(run):
    done = run({"setup": "insert-refused: pages 0x100 to 0x200, the machine's own: overlap"}, "--args", "phases=mixed")
    assert done.returncode == CODES["fail"] and done.stderr == ""
    assert "  fail         before the first phase, in insert_pages (pages 0x100 to 0x200)\n" in done.stdout
    assert done.stdout.count("KEEP_GOING: the failure came before the first phase") == 1
    assert "boots" not in done.stdout


def test_later_boot_that_fails_before_its_first_phase_ends_it(run):
    done = run({"single": HELD.format(1), "setup": "insert-refused: pages 0x1 to 0x2", "later": ""})
    assert done.returncode == CODES["fail"]
    assert table(done)[1] == ["fail", "(before any)", "1", "2", "insert-refused: pages 0x1 to 0x2"]
    assert "  not run: single-irq, mixed, remote-free, irq, exhaust, fragment, hotplug, bad-free, single-placed, placed\n" in done.stdout


def test_boot_without_progress_ends_it(run, tmp_path):
    done = run({"single": HELD.format(1), "mixed": HELD.format(1), "stuck": ""}, "--args", "phases=single,mixed")
    assert done.returncode == CODES["fail"]
    assert "KEEP_GOING ends here: this boot ran no new phase" in done.stdout
    assert not (tmp_path / "out/then-2").exists()


def test_boot_that_cannot_be_started_leaves_the_table(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/then-1").write_text("in the way")
    done = run({"single": HELD.format(1)})
    assert done.returncode == CODES["fail"]
    assert "KEEP_GOING ends here: " in done.stdout and "1 boot, 1 failure" in done.stdout
    assert verdicts(done) == [f"FAIL (exit code 1): {HELD.format(1)}"]


def test_long_cells_are_folded(run):
    done = run({name: HELD.format(1) for name in PHASE_TITLES})
    rows = done.stdout.split(" failure\n")[1].splitlines()[:5]
    assert re.match(r"  fail +selftest, single, +12 +1, 2, .* lock-held: ", rows[0]), rows
    assert max(map(len, rows)) < 160 and "bad-free" in "".join(rows[1:]) and "lock-held" not in "".join(rows[1:])


# The parts.

@pytest.mark.parametrize("word", ["pass", "inconclusive"])
def test_nothing_is_left_after_a_complete_run(word):
    assert phases_left(judge(good(word))) == []


def test_phases_that_were_left_out_are_not_left():
    raw = closed([*opening(plan=3)[:-1], "# options phases=mixed,remote-free,hotplug,bad-free",
                  "# phase hotplug left out: it needs remove_pages", "1..3", "# begin phase=mixed"])
    assert phases_left(judge(raw, None, "silence", NONCE)) == ["remote-free", "bad-free"]


def test_names_from_a_damaged_log_are_not_used():
    raw = closed([*opening(plan=2), "not ok 1 mixed # overlap: x", "ok 2 --evil=\x07 # SKIP not run"])
    assert phases_left(judge(raw)) == []


@pytest.mark.parametrize("one, other, same", [
    ("overlap: pfn 0x1e9 order 0", "overlap: pfn 0x20 order 3", True),
    ("lock-held: core 1 goes on with 1 locks held: spare", "lock-held: core 2 goes on with 1 locks held: a", True),
    ("overlap: pfn 0x1e9 order 0", "lost: pfn 0x1e9 order 0", False),
    ("wild-access: core 0 read address 0x8 at rip 0x1", "wild-access: core 0 wrote address 0x8 at rip 0x1", False),
    ("trap: #UD on core 1 at rip 0x1", "trap: #GP on core 1 at rip 0x1", False),
])
def test_comparison_of_failures(one, other, same):
    outcomes = Outcomes()
    for number, title in enumerate((one, other), 1):
        failed = {"mixed": f"not ok {{}} {{}} # {title}"}
        outcomes.add(Boot(str(number), judge(closed(body("fail", title, failed))), "log"))
    assert len(outcomes.failures()) == (1 if same else 2)


def test_other_runs_of_several_can_use_the_table():
    outcomes = Outcomes(noun="stage")
    outcomes.add(Boot("guarded", judge(good("pass")), "a.log"))
    outcomes.add(Boot("without a lock", judge(good("hang")), "b.log", ["log: b.log"]))
    assert outcomes.lines()[:3] == ["2 stages, 1 failure:",
                                    "  verdict  phase  times  stage           failure",
                                    "  hang     mixed  1      without a lock  stall: core 3"]
    assert outcomes.verdict_lines() == ["HANG (exit code 4): stall: core 3",
                                        "  stage without a lock: stall: core 3", "    log: b.log"]
