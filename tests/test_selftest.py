"""The selftest checks an allocator against its promises, lists all vectors that fail, and explains why.

The allocators are in tests/selftest/models.c. One hosted program and one image contain all of them.
"""

import pytest
from guest import ROOT, boot, make, run
from support import EXIT_CODE

from stampedelib.verdict.verdict import CODES


# Sound models: the least number of vectors that run, a vector that is left out, and the reason (None: it is not).
SOUND = {
    "order-0": (50, "a double free", "it needs blocks of order 3"),
    "order-1": (80, "smallest fit: the next larger block is split", "it needs blocks of order 3"),
    "order-2": (100, "too much asked leaves all as it was", "it needs blocks of order 3"),
    "order-3": (125, "course: too large an order", "it needs blocks of order 5"),
    "order-4": (145, "a split leaves one half of each order", "it needs blocks of order 5"),
    "order-5": (160, "a page of a block of 1024", "it needs blocks of order 9"),
    "order-6": (175, "a page of a block of 1024", "it needs blocks of order 9"),
    "order-9": (220, "course: frees in the middle of a block", "it needs frees-parts"),
    "order-10": (220, "course: frees in the middle of a block", "it needs frees-parts"),
    "order-11": (220, "course: the upper half of a block first", "it needs frees-parts"),
    "largest-first": (210, "smallest fit: a held buddy stops the merge", "it needs smallest-fit"),
    "largest-first-pages": (50, "a held page is not removed", None),
    "stash": (210, "a page just freed, as a part of more", "the allocator gave nothing, as it may"),
    "stash-hidden": (130, "pages at 2, 1, 0 come together", "it needs coalesces"),
    "unmerged": (140, "pages at 2, 1, 0 come together", "it needs coalesces"),
    "unmerged-insert": (140, "two ranges that touch", "it needs coalesces"),
    "no-walk": (220, "course: frees in the middle of a block", "it needs frees-parts"),
    "census": (220, "course: frees in the middle of a block", "it needs frees-parts"),
    "no-promise": (20, "everything removed", "it needs remove_pages"),
    "refuses-parts": (210, "one page removed", None),
    "any-order": (220, "a free inside a held block", None),
    "keeps": (80, "everything removed", "the allocator keeps pages of what it is given"),
    "rounds": (220, "all pages of a block", None),
    "aligned": (220, "course: frees in the middle of a block", "it needs frees-parts"),
    "one-region": (50, "two ranges that touch", "the allocator takes one region, at init"),
    "one-region-pages": (15, "an empty pool has nothing to give", "the allocator takes one region, at init"),
    "one-region-aligned": (8, "one page", "its region is not aligned as the allocator wants it"),
}
# Wrong models: rule, a vector that must be listed as failed, its text, and the advice where to look first.
WRONG = {
    "wrong-insert": (
        "uncoalesced", "neighbours that are no buddies stay apart",
        "insert 2 pages from 2, insert 2 pages from 4, insert 2 pages from 6: expected free blocks 2:1 and 4:2, "
        "found 2:1, 4:1 and 6:1 (uncoalesced)", "insertion, the last call: each block"),
    "wrong-insert-census": (
        "uncoalesced", "pages at 2, 1, 0 come together",
        "insert 2, insert 1, insert 0: expected free blocks 0:1 and 2:0, found 0:0, 1:0 and 2:0 (uncoalesced)",
        "insertion, the last call: each block"),
    "wrong-free": (
        "uncoalesced", "taken as halves and freed, order 9",
        "insert 1024 pages from 0, allocate order 9 as A to B, allocate order 9 in vain, free A, free B: expected free "
        "blocks 0:10, found 0:9 and 512:9 (uncoalesced)", "free, the last call: the test"),
    "wrong-split": (
        "lost", "a double free while the buddy is held", None, "allocation, the last call: the halves"),
    "wrong-fit": (
        "selftest", "smallest fit: the order asked is taken first",
        "insert 4 pages from 0, insert 8, allocate order 0 as A: expected free blocks 0:2, found 0:1, 2:0 and 8:0",
        "allocation, the last call: the search"),
    "wrong-remove": (
        "lost", "nine pages without the first eight",
        "insert 9 pages from 0, remove 8 pages from 0: expected free blocks 8:0, found none (lost)",
        "removal, the last call: what is left"),
    "wrong-refusal": ("false-oom", "a split leaves one half of each order", "alone, and there is room", None),
    "wrong-double-free": (
        "bad-free", "a double free of a page", "wrongly free 5 order 0: bad-free: pfn", "the checks on free"),
    "wrong-lock": ("lock-held", "one page removed", "insert 8 pages from 0, remove 5: lock-held", None),
}
WRONG_SPLIT_IS_SEEN_BY = "a split leaves one half of each order"


@pytest.fixture(scope="module", autouse=True)
def built():
    make("-j2", "-f", "tests/tests.mk", "hosted-models")


def selftest(model, variant="plain"):
    log = run([f"build/host/{variant}/selftest/models", f"allocator={model}", "phases=selftest", "cpus=2", "watchdog=1"])
    assert log.is_whole(), log.text  # a sanitizer's report would break the log
    assert all(len(line) <= 240 for line in log.lines)
    return log


def each_order(values):
    """The names of the vectors that a line is about."""
    if "orders" not in values:
        return [values["left-out"]]
    first, last = map(int, values["orders"].split("-"))
    return [f"{values['left-out']}, order {order}" for order in range(first, last + 1)]


def left_out(log):
    """The (name, reason) of each vector left out, and of each one cut short."""
    found = log.records("# selftest left-out=")
    return ([(name, values["why"]) for values in found if "part" not in values for name in each_order(values)],
            [(values["left-out"], values["why"]) for values in found if "part" in values])


def failed(log):
    """The text of each vector that failed, by name."""
    return {values["failed"]: values["text"] for values in log.records("# selftest failed=")}


def counted(log):
    """The number of vectors that ran, and of all vectors."""
    values, = log.records("# selftest vectors=")
    return int(values["vectors"]), int(values["of"])


def check_every_vector_is_accounted_for(log):
    ran, all_of_them = counted(log)
    names = [name for name, _ in left_out(log)[0]]
    assert len(set(names)) == len(names) == all_of_them - ran, log.text


@pytest.mark.parametrize("variant", ["plain", "asan"])
@pytest.mark.parametrize("model", SOUND)
def test_sound_model_passes(model, variant):
    least, name, why = SOUND[model]
    log = selftest(model, variant)
    assert (log.verdict, log.code, failed(log)) == ("pass", CODES["pass"], {}), log.text
    assert counted(log)[0] >= least, log.text
    check_every_vector_is_accounted_for(log)
    whole, rest = left_out(log)
    if why:
        assert (name, why) in whole + rest, log.text


def test_unpredictable_free_blocks_are_not_compared():
    whys = {model: selftest(model).value("# selftest: free blocks are not compared: ")
            for model in ("order-10", "census", "no-walk", "unmerged", "keeps", "rounds")}
    assert whys == {
        "order-10": None, "census": None,
        "no-walk": "there is no for_each_free, and true-oom is not promised",
        "unmerged": "coalesces is not promised",
        "keeps": "the allocator keeps pages of what it is given",
        "rounds": "the allocator takes larger blocks than it is asked for",
    }


@pytest.mark.parametrize("variant", ["plain", "asan"])
@pytest.mark.parametrize("model", WRONG)
def test_wrong_model_is_explained_in_words(model, variant):
    rule, name, words, hint = WRONG[model]
    log = selftest(model, variant)
    assert (log.verdict, log.code, log.rule) == ("fail", CODES["fail"], rule), log.text
    assert log.all("not ok ") == [f"1 selftest # {log.title}"]
    check_every_vector_is_accounted_for(log)
    if model != "wrong-split":
        assert name in failed(log), log.text
        assert (words or "") in failed(log)[name], failed(log)[name]
    assert (hint or "") in log.field("# look-first-at=", "look-first-at")


def test_failure_without_a_vector_of_its_own_is_found_by_many():
    """A wrong split fails many vectors. Vectors about the sound parts are not listed as failed."""
    log = selftest("wrong-split")
    assert WRONG_SPLIT_IS_SEEN_BY in failed(log)
    assert "pages 0 to 7 one by one make one block" not in failed(log)


def test_the_title_is_the_first_that_failed_and_the_machine_stops_there():
    log = selftest("wrong-fit")
    name, words = next(iter(failed(log).items()))
    assert log.title == f'selftest: "{name}": {words}'
    lines = log.lines
    listed = max(i for i, line in enumerate(lines) if line.startswith("# selftest "))
    assert lines[listed].startswith("# selftest vectors=")
    assert lines[listed + 1] == f"# FAILURE {log.title}"
    event, = log.records("# history ")  # the history only has this vector's calls
    assert (event["call"], event["order"]) == ("allocate", "0"), log.text


def test_locks_and_interrupts_are_reset_between_vectors():
    log = selftest("wrong-lock")
    assert len(failed(log)) > 20
    assert all("remove" in words and "lock-held" in words for words in failed(log).values()), log.text


def test_trap_ends_the_run_at_once():
    log = selftest("traps")
    assert (log.verdict, log.rule, failed(log)) == ("crash", "trap", {}), log.text
    assert log.value("# selftest vectors=") is None


@pytest.mark.parametrize("model, rule", [("traps-later", "trap"), ("asserts-later", "assert")])
def test_trap_after_a_failure_leaves_the_title_as_it_is(model, rule):
    log = selftest(model)
    assert (log.verdict, log.rule) == ("fail", "uncoalesced"), log.text
    assert f": {rule}: " in list(failed(log).values())[-1], log.text
    assert any(line.startswith("# selftest: the vectors after ") for line in log.lines), log.text


def test_stall_ends_the_run_at_once():
    log = selftest("stalls")
    assert (log.verdict, log.rule, failed(log)) == ("hang", "stall", {}), log.text


def test_stall_after_a_failure_leaves_the_title_as_it_is():
    log = selftest("stalls-later")
    assert (log.verdict, log.rule) == ("fail", "uncoalesced"), log.text
    assert "stall: " in log.value("# selftest: the failure was caught before"), log.text


def test_failure_that_cannot_be_repeated_is_reported_as_found():
    log = selftest("wrong-once")
    assert (log.verdict, log.rule) == ("fail", "lost"), log.text
    assert "fails only the first time" in log.text


@pytest.fixture(scope="module")
def models():
    make("kernel", "ALLOCATOR=tests/selftest/models.c")
    return ROOT / "build/gcc-order16-models/stampede.elf"


@pytest.mark.parametrize("model, verdict, rule, word", [
    ("order-0", "pass", None, "# selftest vectors=85 of=133"),
    ("stash", "pass", None, "the allocator gave nothing, as it may"),
    ("wrong-lock", "fail", "lock-held", "# selftest vectors=403 of=405"),
    ("traps-later", "fail", "uncoalesced", "are not run"),
    ("stalls-later", "fail", "uncoalesced", "now the machine stands in"),
    ("traps", "crash", "trap", "# begin phase=selftest"),
])
def test_models_end_in_the_kernel_as_in_the_hosted_program(models, model, verdict, rule, word):
    log = boot(f"allocator={model} phases=selftest watchdog=1", models, cpus=2)
    assert (log.verdict, log.code, log.rule) == (verdict, EXIT_CODE[verdict], rule), log.text
    assert log.is_whole() and word in log.text, log.text
