"""The judge: every verdict can be reached, and a damaged log never passes."""

import json
import random
import shlex
import subprocess

import pytest
from support import (EXIT_CODE, FAILED, NONCE, STAMPEDE, TITLE, UNDER_FLOOR, body, closed, good, opening,
                     phase, stampede, without_options)

from stampedelib.log.serial import Follower
from stampedelib.verdict import page
from stampedelib.verdict.judge import ENDINGS, judge
from stampedelib.verdict.verdict import CODES

NOISE = b"SeaBIOS (version 1.16)\r\n\x1b[2J\x1b[1;1HBooting `Stampede'\r\n\xff\x00\x1b[m"


def judged(raw, exit_code=65, ended_by="exit", nonce=NONCE):
    return judge(raw, exit_code, ended_by, nonce)


def damaged(lines, exit_code=65):
    """The reasons why a log of these lines, with a correct closing line, counts as damaged."""
    verdict = judged(closed(lines), exit_code)
    assert verdict.word == "damaged", verdict
    return " / ".join([verdict.title, *verdict.reasons])


# The verdicts.

@pytest.mark.parametrize("word", EXIT_CODE)
def test_intact_log_is_believed(word):
    verdict = judged(good(word), EXIT_CODE[word])
    assert (verdict.word, verdict.code, verdict.reasons) == (word, CODES[word], [])
    assert verdict.title


def test_failure_keeps_its_title():
    assert judged(good("fail"), 67).title == TITLE


def test_every_ending_has_its_verdict():
    words = {ending: judged(good(), None, ending).word for ending in ENDINGS if ending != "exit"}
    assert words == {"triple-fault": "crash", "reset": "crash", "stopped": "crash",
                     "killed": "crash", "silence": "hang", "timeout": "hang", "flood": "damaged",
                     "held": "damaged"}


def test_host_has_the_last_word_and_the_kernels_title_is_kept():
    verdict = judge(good("fail"), None, "silence", NONCE, "no byte for 60 s")
    assert verdict.word == "hang"
    assert verdict.title == "silence: no byte for 60 s, after the closing line"
    assert verdict.reasons == [f"the kernel said: {TITLE}"]


def test_real_machine_has_no_exit_code_and_no_known_nonce():
    assert judge(good()).word == "pass"


def test_phases_are_reported():
    phases = judged(good("fail"), 67).phases
    assert [(entry.name, entry.outcome) for entry in phases] == [
        ("selftest", "pass"), ("single", "pass"), ("mixed", "fail")]


def test_allocator_stands_in_the_verdict():
    assert judged(good()).banner["allocator"] == "buddy"


# A guest that was held for a debugger, or made to report by an NMI.

HELD = b"# held: all cores stopped for a debugger\r\n"


@pytest.mark.parametrize("word", ["fail", "hang", "crash", "error"])
def test_held_guest_is_believed_without_an_exit_code(word):
    assert judge(good(word) + HELD, None, "held", NONCE).word == word


@pytest.mark.parametrize("word", ["pass", "inconclusive"])
def test_guest_is_held_for_failures_alone(word):
    assert "held" in judge(good(word) + HELD, None, "held", NONCE).title
    assert judge(good(word), None, "held", NONCE).word == "damaged"


def test_guest_made_to_report_has_its_own_title():
    verdict = judge(good("hang"), 73, "exit", NONCE, prompted="silence: no byte for 6 s")
    assert (verdict.word, verdict.title) == ("hang", "stall: core 3")
    assert verdict.reasons == ["silence: no byte for 6 s; an NMI made the guest tell"]


@pytest.mark.parametrize("raw, code", [
    (good("hang")[:-9], 73), (good("error"), 69), (good("hang")[:200], 69)])
def test_silent_guest_with_a_bad_report_is_a_hang(raw, code):
    verdict = judge(raw, code, "exit", NONCE, prompted="silence: no byte for 6 s")
    assert verdict.word == "hang"
    assert verdict.title.startswith("silence: no byte for 6 s")


# A kernel that gave up before it had read its nonce.

@pytest.mark.parametrize("word", ["error", "crash"])
def test_failure_before_the_options_are_read(word):
    raw = closed(without_options(word), nonce=0)
    verdict = judged(raw, EXIT_CODE[word])
    assert (verdict.word, verdict.title) == (word, "boot: tag 6 is cut off")
    assert judge(raw).word == word
    assert judged(raw, 65).word == "damaged"


@pytest.mark.parametrize("word", EXIT_CODE)
def test_nonce_0_needs_a_failure_before_the_options(word):
    raw = closed([line.replace(f"{NONCE:016x}", f"{0:016x}") for line in
                  good(word).decode().split("\r\n")[:-2]], nonce=0)
    if word != "error":
        assert judged(raw, EXIT_CODE[word]).word == "damaged"
    lines = without_options("pass")
    assert judged(closed(lines, nonce=0)).word == "damaged"
    assert judged(closed([*lines[:3], "# verdict=pass"], nonce=0)).word == "damaged"


# Output around a log.

def test_noise_before_the_log_is_ignored():
    assert judged(NOISE + good()).word == "pass"


def test_line_ends_may_have_been_converted():
    assert judged(good().replace(b"\r\n", b"\n")).word == "pass"


def test_halt_after_the_closing_line():
    assert judge(good() + b"# halted: switch the machine off\r\n").word == "pass"
    assert judge(good() + b"login: \r\n").word == "damaged"


# The exit code.

@pytest.mark.parametrize("code", [0, 1, 2, 64, 66, 77, 134, 255])
def test_exit_code_that_is_not_the_kernels(code):
    assert judged(good(), code).word == "crash"


@pytest.mark.parametrize("said", EXIT_CODE)
@pytest.mark.parametrize("meant", EXIT_CODE)
def test_exit_code_that_contradicts_the_log(said, meant):
    expected = said if said == meant else "damaged"
    assert judged(good(said), EXIT_CODE[meant]).word == expected


def test_qemu_that_did_not_start_is_an_error():
    verdict = judge(b"", 1, "exit", NONCE, "no such machine")
    assert (verdict.word, verdict.title) == ("error", "QEMU failed with exit code 1: no such machine")
    assert judge(b"", 0, "exit", NONCE).word == "crash"


# Damage.

@pytest.mark.parametrize("word", EXIT_CODE)
def test_cut_at_every_line_and_byte(word):
    raw = good(word)
    for end in range(len(raw)):
        assert judged(raw[:end], EXIT_CODE[word]).word == "damaged", raw[:end][-60:]


def test_cut_says_where():
    raw = good()[:good().index(b"ok 3 mixed")]
    assert judged(raw).title == "cut: no closing line, in phase mixed"


def test_cut_at_the_front():
    for start in range(1, len(good())):
        assert judged(good()[start:]).word == "damaged"


def test_every_byte_flipped():
    raw = bytearray(good())
    for at, original in enumerate(raw):
        for bit in range(8):
            raw[at] = original ^ 1 << bit
            assert judged(bytes(raw)).word != "pass", (at, bit, bytes(raw[at - 20:at + 20]))
        raw[at] = original


def test_line_dropped_doubled_or_swapped():
    lines = good().splitlines(keepends=True)
    for at in range(len(lines)):
        assert judged(b"".join(lines[:at] + lines[at + 1:])).word != "pass"
        assert judged(b"".join(lines[:at] + lines[at:at + 1] + lines[at:])).word != "pass"
    for at in range(len(lines) - 1):
        swapped = lines[:at] + [lines[at + 1], lines[at]] + lines[at + 2:]
        assert judged(b"".join(swapped)).word != "pass"


def test_random_damage_never_passes():
    rng = random.Random(0x5EED)
    whole = good()
    for _ in range(20000):
        raw = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damage_once(raw, rng)
        if essence(bytes(raw)) != essence(whole):
            assert judged(bytes(raw)).word != "pass", bytes(raw)


def essence(raw):
    """The significant part of a capture: without carriage returns, noise before it, and blank lines after it."""
    text = raw.replace(b"\r", b"")
    return text[max(text.find(b"KTAP version 1\n"), 0):].rstrip(b"\n") + text[-1:]


def damage_once(raw, rng):
    at = rng.randrange(len(raw) + 1)
    length = rng.choice((1, 1, 2, 8, 64))
    kind = rng.randrange(5)
    if kind == 0:
        del raw[at:at + length]
    elif kind == 1:
        raw[at:at] = raw[at:at + length]
    elif kind == 2:
        raw[at:at] = rng.randbytes(length)
    elif kind == 3:
        raw[at:at + length] = rng.randbytes(len(raw[at:at + length]))
    else:
        other = rng.randrange(len(raw) + 1)
        raw[at:at] = raw[other:other + length]


def test_lost_line_feed():
    assert judged(good().replace(b"\r\n", b"\r", 1)).word == "damaged"


@pytest.mark.parametrize("raw", [
    b"", b"\r\n", b"\x00" * 4096, bytes(range(256)) * 64, b"KTAP version 1", b"KTAP version 1\r\n",
    b"KTAP version 1\r\n" + b"A" * 10_000_000, b"A" * 1_000_000, b"# verdict=pass\r\n",
    b"KTAP version 1\r\n# end nonce=0 lines=1 crc=0x0\r\n",
], ids=range(10))
def test_garbage_is_damaged(raw):
    assert judged(raw).word == "damaged"
    assert judge(raw).word == "damaged"


def test_another_runs_log():
    assert judged(good(), nonce=NONCE + 1).word == "damaged"
    assert judged(closed(body(), nonce=NONCE + 1)).word == "damaged"
    assert judge(closed(body(), nonce=NONCE + 1)).word == "damaged"


def test_second_start_is_a_reset():
    twice = good()[:300] + b"\r\nSeaBIOS\x1b[m" + good()
    for verdict in (judged(twice), judge(twice), judged(good() + good())):
        assert verdict.word == "crash"
        assert verdict.title.startswith("reset: line ")


# Logs with a correct closing line that contradict themselves.

def test_plan_missing_or_doubled():
    assert "no plan" in damaged([line for line in body() if line != "1..3"])
    assert "2 plans" in damaged([*body()[:5], "1..3", *body()[5:]])


def test_result_missing():
    assert "2 results of 3" in damaged([line for line in body() if "ok 3" not in line])
    assert "follows" in damaged([line for line in body() if "ok 2" not in line])


def test_result_doubled_or_out_of_order():
    lines = opening() + phase(1, "a") + phase(1, "a") + phase(2, "b") + phase(3, "c")
    assert "result 1 (a) follows result 1" in damaged([*lines, "# verdict=pass"])
    lines = opening() + phase(2, "b") + phase(1, "a") + phase(3, "c")
    assert "result 2 (b) follows result 0" in damaged([*lines, "# verdict=pass"])


def test_more_results_than_planned():
    lines = opening(plan=1) + phase(1, "a") + phase(2, "b")
    assert "beyond the plan" in damaged([*lines, "# verdict=pass"])


def test_pass_with_nothing_planned():
    assert "results none" in damaged([*opening(plan=0), "# verdict=pass"])


def test_pass_with_a_failed_result():
    assert "results fail, pass" in damaged(body(results=FAILED))


@pytest.mark.parametrize("reason", ["SKIP not asked for", UNDER_FLOOR["mixed"].split("# ")[1]])
def test_pass_with_a_skipped_result(reason):
    assert "at odds" in damaged(body(results={"mixed": f"ok {{}} {{}} # {reason}"}))


def test_pass_after_bail_out():
    lines = body()
    lines.insert(-1, "Bail out! something")
    assert "something" in damaged(lines)


def test_inconclusive_without_a_reason():
    assert "no result is" in damaged(body("inconclusive"), 71)


def test_fail_without_a_failure_or_a_title():
    assert "no result is" in damaged(body("fail", TITLE), 67)
    assert "without a title" in damaged(body("fail", None, FAILED), 67)


def test_verdict_missing_doubled_or_unknown():
    assert "no verdict" in damaged(body()[:-1])
    assert "pass and pass" in damaged([*body(), "# verdict=pass"])
    assert "verdict splendid" in damaged(body("splendid"))


def test_totals_that_contradict_the_results():
    lines = [line.replace("pass=3", "pass=4") for line in body()]
    assert "totals say pass=4, the results 3" in damaged(lines)


def test_line_too_long_or_not_ascii():
    assert "241 characters" in damaged([*body()[:5], "# " + "x" * 239, *body()[5:]])
    assert "not printable" in damaged([*body()[:5], "# \x07", *body()[5:]])


def test_wrong_count():
    raw = closed(body(), count=len(body()) + 1)
    assert "lines were written" in judged(raw).title


# The page: what was tested, and what was not.

TRIED = ["# promise smp-safe: not tested: one core", "# promise irq-safe: kept", "# promise coalesces: kept",
         "# promise true-oom: not tested: one core", "# promise frees-parts: not made",
         "# rule lost: not tested: no for_each_free, no true-oom", "# rule irq-state: not tested: no interrupts: none came",
         "# rule overlap: kept", "# phase hotplug left out: it needs remove_pages"]


def shown(more, *arguments, **options):
    """The page of a run whose log also has the lines `more`."""
    return page.lines(judged(closed(body(*arguments, more=more, **options)), EXIT_CODE[(arguments or ["pass"])[0]]))


def test_page_says_what_was_not_tested_beside_what_was_kept():
    assert shown(TRIED)[3:] == [
        "  promises kept: irq-safe, coalesces",
        "  promises not tested: smp-safe, true-oom (one core)",
        "  promises not made: frees-parts",
        "  rules not tested: lost (no for_each_free, no true-oom); irq-state (no interrupts: none came)",
        "  phases left out: hotplug (it needs remove_pages)"]


def test_page_of_a_kernel_that_reports_no_promises():
    assert [line.split()[0] for line in shown([])] == ["pass"] * 3


def test_page_of_an_earlier_kernel():
    assert shown(["# promise smp-safe: kept", "# promise irq-safe: made, but not tried",
                  "# promise coalesces: not broken, but too little was seen", "# promise true-oom: not made"])[3:] == [
        "  promises kept: smp-safe",
        "  promises not tested: irq-safe (no phase that ran tries it); coalesces (too little was seen)",
        "  promises not made: true-oom"]


@pytest.mark.parametrize("said", [["# promise broken: smp-safe"], ["# promise smp-safe: broken"],
                                  ["# promise broken: smp-safe", "# promise smp-safe: kept"]])
def test_broken_promise_stays_broken(said):
    assert shown([*said, "# promise irq-safe: kept"], "fail", TITLE, FAILED)[3:] == [
        "  promises kept: irq-safe", "  promises broken: smp-safe"]


def test_reasons_that_do_not_fit_have_a_line_each():
    lines = shown([f"# rule {name}: not tested: the reason why {name} was not tested is a long one" for name in "abcd"])
    assert lines[3:] == ["  rules not tested: a (the reason why a was not tested is a long one)",
                         *(f"                    {name} (the reason why {name} was not tested is a long one)"
                           for name in "bcd")]


def test_long_lists_are_folded():
    lines = shown([f"# rule rule-number-{number}: not tested: one core" for number in range(20)])[3:]
    assert len(lines) > 1 and max(map(len, lines)) <= page.WIDTH
    assert lines[0].startswith("  rules not tested: ") and lines[1].startswith("    rule-number-")


VECTORS = ["# selftest failed: course: inserts at 2, 1, 0: insert 2, insert 1: expected free blocks 0:1, found 0:0",
           "# selftest failed: one page: insert 5: refused"]


def test_every_failed_vector_is_shown_and_those_left_out_are_counted():
    left_out = ["# selftest left out: an odd range: no remove_pages", "# selftest left out: course: one: no remove_pages",
                "# selftest left out: one: no true-oom"]
    assert shown([*VECTORS, *left_out], "fail", TITLE, FAILED)[3:] == [
        "  selftest vectors failed: 2",
        "    course: inserts at 2, 1, 0: insert 2, insert 1: expected free blocks 0:1, found 0:0",
        "    one page: insert 5: refused",
        "  selftest vectors left out: 3 (no remove_pages: 2; no true-oom: 1)"]


def test_vectors_of_several_orders_count_each_and_many_that_failed_are_cut():
    lines = shown([*(f"# selftest failed: vector {number}: refused" for number in range(25)),
                   '# selftest left out: "the lower half removed, orders 2 to 9": it needs remove_pages',
                   '# selftest left out: "one page removed": it needs remove_pages'], "fail", TITLE, FAILED)[3:]
    assert lines[0] == "  selftest vectors failed: 25" and lines[20] == "    vector 19: refused"
    assert lines[21:] == ["    and 5 more: # selftest failed, in the log",
                          "  selftest vectors left out: 9 (it needs remove_pages: 9)"]


def test_damaged_log_shows_no_promise():
    verdict = judged(closed(body(more=TRIED))[:-9])
    assert verdict.word == "damaged"
    assert not any("promises" in line or "rules" in line for line in page.lines(verdict))


def test_command_and_json_say_what_was_tested(tmp_path):
    (tmp_path / "log").write_bytes(closed(body(more=[*TRIED, *VECTORS])))
    done = stampede("judge", tmp_path / "log", "--json", tmp_path / "json")
    assert "\n  promises not tested: smp-safe, true-oom (one core)\n" in done.stdout
    kept = json.loads((tmp_path / "json").read_text())
    assert kept["promises"][0] == {"name": "smp-safe", "outcome": "not tested", "why": "one core"}
    assert kept["rules_not_tested"][0] == {"name": "lost", "outcome": "not tested",
                                           "why": "no for_each_free, no true-oom"}
    assert [line.split(": ")[0] for line in kept["selftest_failed"]] == ["course", "one page"]


# A failure before the first phase.

def before_phases(*cores, title="insert-refused: pages 0x100 to 0x200, the machine's own: overlap", word="fail"):
    """The verdict of a run that failed while its allocator was set up."""
    lines = [*opening(plan=0)[:-1], f"# FAILURE {title}", *cores, "1..0", f"Bail out! {title}", f"# title={title}",
             f"# verdict={word}"]
    return judged(closed(lines), EXIT_CODE[word])


@pytest.mark.parametrize("core, place", [
    ("0 works, interrupts on, 0 locks held; in: insert pages 0x100 to 0x200",
     ", in insert_pages (pages 0x100 to 0x200)"),
    ("0 reports, 0 locks held; in: init", ", in init"),
    ("0 works, interrupts off, 1 locks held; in: guess a number", ", in: guess a number"),
    ("0 works, interrupts off, 0 locks held; in: allocate order 3; in interrupt: free order 0 pfn 0x1, number 1 of "
     "core 0", ", in allocate_pages (order 3)"),
    ("0 works, interrupts on, 0 locks held", ", in insert_pages"),  # the call had returned; the rule tells which one it was
])
@pytest.mark.parametrize("word", ["fail", "hang", "crash"])
def test_failure_before_the_first_phase_names_the_call(core, place, word):
    verdict = before_phases(f"# core {core}", "# cores 1-7 rest", word=word)
    assert verdict.place == f"before the first phase{place}"
    assert page.lines(verdict) == [f"  {word:<13}before the first phase{place}"]


def test_failure_before_the_first_phase_without_a_call():
    assert before_phases(title="trap: #UD on core 0", word="crash").place == "before the first phase"


def test_core_that_reports_names_the_call():
    verdict = before_phases("# core 1 works, interrupts on, 0 locks held; in: allocate order 0",
                            "# core 2 reports, 0 locks held; in: insert pages 0x1 to 0x2",
                            "# core 3 works, interrupts on, 0 locks held; in: allocate order 1")
    assert verdict.place == "before the first phase, in insert_pages (pages 0x1 to 0x2)"


@pytest.mark.parametrize("word", EXIT_CODE)
def test_other_verdicts_have_no_place(word):
    assert judged(good(word), EXIT_CODE[word]).place is None


def test_singular_for_one_phase():
    lines = [*opening(plan=1), *phase(1, "mixed"), "# verdict=pass"]
    assert judged(closed(lines)).title == "the phase passed"


# The live reader.

def test_follower_sees_the_same_lines_in_any_pieces():
    raw = NOISE + good()
    expected = good().decode().split("\r\n")[:-1]
    for size in (1, 2, 7, 64, len(raw)):
        follower = Follower()
        lines = [line for at in range(0, len(raw), size) for line in follower.feed(raw[at:at + size])]
        assert lines == expected


def test_follower_breaks_endless_lines():
    follower = Follower()
    follower.feed(b"KTAP version 1\n")
    assert sum(len(line) for _ in range(100) for line in follower.feed(b"x" * 1000)) > 90_000


# The command.

def test_command_gives_the_verdict_as_exit_code(tmp_path):
    for word, code in EXIT_CODE.items():
        log = tmp_path / f"{word}.log"
        log.write_bytes(NOISE + good(word))
        done = stampede("judge", log, "--exit-code", code, "--nonce", f"{NONCE:x}",
                        "--json", tmp_path / "verdict.json")
        assert done.returncode == CODES[word]
        assert done.stdout.startswith(f"{word.upper()} (exit code {CODES[word]}): ")
        assert json.loads((tmp_path / "verdict.json").read_text())["word"] == word


def test_command_reads_standard_input():
    done = stampede("judge", "-", "--json", "-", input=good().decode())
    assert json.loads(done.stdout)["code"] == done.returncode == 0


@pytest.mark.parametrize("words, title", [
    (["--expect", "^ok 3 mixed"], None),
    (["--expect", "ok 3", "--expect", "handoffs=[1-9]"],
     "expect: no line matches handoffs=[1-9]"),
    (["--forbid", "x{99}"], None),
    (["--forbid", "x{99}", "--forbid", "^# progress phase=m"],
     "forbid: line 14 matches ^# progress phase=m: # progress phase=mixed seconds=1.0 ops=8"),
    (["--expect", "SeaBIOS"], "expect: no line matches SeaBIOS"),
])
def test_users_checks(tmp_path, words, title):
    log = tmp_path / "log"
    log.write_bytes(NOISE + good())
    done = stampede("judge", log, *words, "--json", tmp_path / "json")
    record = json.loads((tmp_path / "json").read_text())
    assert record["word"] == ("fail" if title else "pass")
    assert done.returncode == record["code"]
    if title:
        assert record["title"] == title
        assert "the kernel's own verdict: pass: all 3 phases passed" in record["reasons"]


def test_users_checks_keep_a_failures_title(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(good("hang"))
    done = stampede("judge", log, "--forbid", "stall", "--expect", "never")
    assert done.returncode == CODES["hang"]
    assert done.stdout.startswith("HANG (exit code 4): stall: core 3\n  expect: no line matches never")
    log.write_bytes(good("inconclusive"))
    assert stampede("judge", log, "--expect", "never").returncode == CODES["fail"]


def test_command_lists_reasons_shortly(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"KTAP version 1\n" + b"\x07\n" * 50)
    done = stampede("judge", log)
    assert done.returncode == CODES["damaged"]
    assert len(done.stdout.splitlines()) < 10


@pytest.mark.parametrize("words, names", [
    (["judge", "/nonexistent"], "/nonexistent: no such file"),
    (["judge", "/tmp"], "/tmp: a folder, not a file"),
    (["judge"], "LOG"),
    (["judge", "-", "--exit-code", "x"], "--exit-code"),
    (["judge", "-", "--nonce", "xyz"], "--nonce"),
    (["judge", "-", "--ended-by", "boredom"], "boredom"),
    (["judge", "-", "--expect", "(("], "'((' is not a regular expression"),
    (["judge", "-", "--junit", "/dev/null/x.xml"], "/dev/null"),
])
def test_command_refuses_in_one_line(words, names):
    done = stampede(*words, input="")
    assert (done.returncode, done.stdout) == (2, "")
    assert names in done.stderr and done.stderr.count("\n") == 1


def test_a_log_may_come_through_a_pipe_or_be_empty(tmp_path):
    (tmp_path / "log").write_bytes(good())
    command = shlex.join([str(STAMPEDE), "judge"])
    done = subprocess.run(["bash", "-c", f"{command} <(cat {shlex.quote(str(tmp_path / 'log'))})"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == CODES["pass"], done.stdout + done.stderr
    assert stampede("judge", "/dev/null").returncode == CODES["damaged"]
