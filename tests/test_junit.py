"""JUnit XML: there is a test case for each planned phase, and every result except a pass is visible."""

import xml.etree.ElementTree as ElementTree

import pytest
from support import (EXIT_CODE, FAILED, NONCE, TITLE, body, closed, good, opening, phase, stampede,
                     without_options)

from stampedelib.verdict.judge import judge
from stampedelib.verdict.junit import junit


def suite(raw, *seen, verdict=None):
    """The test suite made from a log."""
    verdict = verdict or judge(raw, *seen)
    return ElementTree.fromstring(junit(verdict, raw)).find("testsuite")


def cases(raw, *seen):
    """Name and outcome of each case. Checks the suite's counts."""
    root = suite(raw, *seen)
    found = [(case.get("name"), [child.tag for child in case]) for case in root.findall("testcase")]
    for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(plural)) == sum(tag in outcome for _, outcome in found)
    assert int(root.get("tests")) == len(found)
    return found


PASSED = [("selftest", []), ("single", [])]


def test_a_case_for_each_phase():
    assert cases(good()) == [*PASSED, ("mixed", [])]
    assert cases(good("fail")) == [*PASSED, ("mixed", ["failure"])]
    assert cases(good("hang")) == [*PASSED, ("mixed", ["error"])]
    assert cases(good("inconclusive")) == [*PASSED, ("mixed", ["skipped"])]


def test_what_was_not_tested_is_a_skipped_case_with_its_reason():
    raw = closed(body(more=["# promise smp-safe: not tested: one core", "# promise irq-safe: kept",
                            "# rule lost: not tested: no for_each_free"]))
    assert cases(raw)[3:] == [("promise smp-safe", ["skipped"]), ("rule lost", ["skipped"])]
    messages = [skipped.get("message") for skipped in suite(raw).findall("testcase/skipped")]
    assert messages == ["not tested: one core", "not tested: no for_each_free"]
    properties = {entry.get("name"): entry.get("value") for entry in suite(raw).findall("properties/property")}
    assert properties == {"promise smp-safe": "not tested", "promise irq-safe": "kept"}


def test_failed_vectors_are_properties():
    raw = closed(body("fail", TITLE, FAILED, more=["# selftest failed: one page: insert 5: refused"]))
    assert [entry.get("value") for entry in suite(raw).findall("properties/property")] == [
        "one page: insert 5: refused"]


def test_the_title_is_the_message():
    failure = suite(good("fail")).find("testcase/failure")
    assert (failure.get("message"), failure.get("type")) == (TITLE, "fail")


def test_phase_that_ran_when_the_guest_fell_silent():
    raw = closed(body())
    raw = raw[:raw.index(b"ok 2 single")]
    assert cases(raw, None, "silence", NONCE) == [
        ("selftest", []), ("single", ["error"]), ("phase 3", ["skipped"])]


@pytest.mark.parametrize("raw, seen", [
    (good()[:-9], (65, "exit", NONCE)),  # cut
    (good(), (65, "exit", NONCE + 1)),  # another run's
    (good(), (0, "exit", NONCE)),  # gone
    (closed(without_options(), nonce=0), (69, "exit", NONCE)),
    (b"", (1, "exit", NONCE)),
])
def test_failure_outside_the_phases_is_a_separate_case(raw, seen):
    assert cases(raw, *seen)[-1] == ("run", ["error"])


def test_every_verdict_but_pass_and_inconclusive_counts_as_failed():
    for word, code in EXIT_CODE.items():
        root = suite(good(word), code, "exit", NONCE)
        failed = int(root.get("failures")) + int(root.get("errors"))
        assert (failed > 0) == (word not in ("pass", "inconclusive"))


def test_time_is_the_phases_own():
    lines = opening(plan=1) + phase(1, "selftest", "ok {} {} # ops=258 ms=1161 rate=222")
    assert suite(closed([*lines, "# verdict=pass"])).find("testcase").get("time") == "1.161"


def test_tail_of_the_log_is_the_output():
    output = suite(good("fail")).find("system-out").text
    assert output.splitlines()[-1].startswith("# end nonce=")
    assert f"# title={TITLE}" in output


def test_a_long_report_keeps_its_beginning_and_its_end():
    lines = body("fail", TITLE, FAILED)
    report = [f"# FAILURE {TITLE}", *(f"# history {number}" for number in range(1000))]
    output = suite(closed(lines[:13] + report + lines[13:])).find("system-out").text.splitlines()
    assert output[0] == report[0]
    assert output[-1].startswith("# end nonce=")
    assert len(output) == 401 and "lines left out" in output[200]


def test_any_bytes_become_valid_xml():
    raw = b"KTAP version 1\r\n1..2\r\n# begin phase=<&\"]]>\x00\x1b[2J\xff\r\n" + bytes(range(256))
    assert cases(raw)[0][0].startswith("<&\"]]>")
    endless = b"KTAP version 1\r\n1..999999\r\n"
    assert len(cases(endless)) < 2000


def test_the_command_writes_it(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(good())
    done = stampede("judge", log, "--junit", tmp_path / "new/junit.xml", "--expect", "never")
    root = ElementTree.parse(tmp_path / "new/junit.xml").getroot().find("testsuite")
    assert done.returncode == 1
    assert root.find("testcase[@name='run']/failure").get("message") == (
        "expect: no line matches never")
