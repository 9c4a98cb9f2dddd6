"""The quick part of `make prove`. Also checks that wrong assumptions of the proofs would be noticed."""

import concurrent.futures
import os
import re
import signal
import subprocess
import sys

import pytest

from fake_runs import is_running, wait_until
from support import ROOT

sys.path.insert(0, str(ROOT / "ci"))

import prove_count as count  # noqa: E402
from stampedelib.prove import defects, models, search  # noqa: E402

MODELS = models.all_models()


@pytest.fixture(scope="module")
def built():
    search.build()


def at_once(function, keys):
    """The function's result for each key. As many calls run at a time as the host has cores."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(keys, pool.map(function, keys)))


@pytest.fixture(scope="module")
def outcomes(built):
    """The outcomes of all plans that are not slow."""
    return at_once(search.run, [name for name, slow in search.plans() if not slow])


# ---- the search ----


def test_plans_are_proved(outcomes):
    """Each search has the expected number of states and breaks no rule."""
    assert len(outcomes) >= 15
    for outcome in outcomes.values():
        assert outcome.verdict == "proved", outcome.text


def test_the_recurrence(outcomes):
    """T(k) = T(k-1)^2 + 1: the states of one block of order k."""
    states = 2
    for pages in (1, 2, 4, 8, 16):
        assert outcomes[f"scan-{pages}"].states == states
        states = states * states + 1
    assert outcomes["scan-16"].states == 458330


@pytest.mark.parametrize("plan, arguments", [
    ("buddy-8", {"pages": 8}),
    ("buddy-hotplug", {"pages": 4, "hotplug": True}),
    ("percpu-4", {"pages": 4, "cores": 2, "caches": True}),
    ("percpu-hotplug", {"pages": 4, "cores": 2, "caches": True, "hotplug": True}),
])
def test_counts_of_another_model(outcomes, plan, arguments):
    """Where there is no formula, a model of the lists in Python must have the same number of states."""
    assert outcomes[plan].states == count.states(**arguments)


@pytest.mark.parametrize("defect", search.DEFECTS, ids=lambda defect: f"{defect.source}-{defect.name}-{defect.plan}")
def test_defect_is_refuted(built, defect):
    """The search finds the defect under its title by a shortest path, and prints each step."""
    fine, text = search.refutes(defect)
    assert fine, text
    assert len(re.findall(r"^  \d+\. core ", text, re.M)) == max(defect.steps, 1), text


def test_wrong_count_is_no_proof(built):
    """An allocator that breaks no rule but has a wrong number of states is not reported as proved."""
    defect = defects.Defect("never-gives-two-pages", "buddy_scan", "scan-4", None, None,
                           [("    for (unsigned from = order; from <= MAX_ORDER; from++)",
                             "    for (unsigned from = order == 1 ? MAX_ORDER + 1 : order; from <= MAX_ORDER; from++)"),
                            ("PROMISE_TRUE_OOM |", "0 |")])
    search.make(search.program_with(defect))
    outcome = search.run("scan-4", search.program_with(defect))
    assert (outcome.verdict, outcome.title) == ("miscounted", None)


def test_unknown_plan(built):
    done = subprocess.run([ROOT / search.BUILD / "check", "frob"], capture_output=True, text=True)
    assert done.returncode == 2 and "frob" in done.stderr


# ---- the models ----


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_model_is_of_this_code(model):
    assert model.functions and model.quotes and model.mutants
    assert not models.differences(model), "\n".join(models.differences(model))


def test_changed_code_is_noticed(tmp_path):
    """A changed function, a missing function and a quoted line that no longer exists."""
    model = next(model for model in MODELS if model.name == "barrier")
    for function in model.functions:
        (tmp_path / function.file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / function.file).write_text((ROOT / function.file).read_text())
    assert not models.differences(model, tmp_path)
    source = (tmp_path / "smp/barrier.c").read_text()
    (tmp_path / "smp/barrier.c").write_text(source.replace("/* The test", "/* A comment: the test"))
    assert not models.differences(model, tmp_path)
    (tmp_path / "smp/barrier.c").write_text(source.replace("round + 1", "round + 2"))
    changed = models.differences(model, tmp_path)
    assert len(changed) == 2 and "barrier_wait() has changed" in changed[0] and "quotes" in changed[1]
    (tmp_path / "smp/barrier.c").write_text(source.replace("sleep_until_passed", "sleep"))
    assert any("no function sleep_until_passed()" in text for text in models.differences(model, tmp_path))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_model_holds(model):
    for options in model.runs:
        outcome = models.run(model, options)
        assert outcome.verdict == "proved" and outcome.states > 1000, outcome.text
        assert outcome.unreached == set(model.never), "a step that is never taken proves nothing"


def test_every_lock_has_a_model():
    """A lock that is added to smp/ needs a model, too."""
    locks = {str(path.relative_to(ROOT)) for path in (ROOT / "smp").glob("*lock*.c")}
    modelled = {function.file for model in MODELS for function in model.functions}
    assert locks and locks <= modelled, f"no model in stress/prove/models stands for {sorted(locks - modelled)}"


MUTANTS = {f"{model.name}-{mutant.name}": (model, mutant) for model in MODELS for mutant in model.mutants}


def run_mutant(name):
    model, mutant = MUTANTS[name]
    return models.run(model, mutant.options, mutant.number, refute=not mutant.holds)


@pytest.fixture(scope="module")
def mutants():
    return at_once(run_mutant, list(MUTANTS))


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant(mutants, name):
    """A mutant is refuted, unless the model declares that it holds."""
    assert mutants[name].verdict == ("proved" if MUTANTS[name][1].holds else "refuted"), mutants[name].text


def test_interrupted_search_is_no_proof():
    """A search that pan did not finish proves nothing."""
    whole = "State-vector 76 byte, depth reached 9, errors: 0\n 47 states, stored\npan: elapsed time 0 seconds\n"
    assert models.judged(whole).verdict == "proved"
    for text in ("error: max search depth too small\n" + whole, "pan: reached -DMEMLIM bound\nout of memory\n" + whole, ""):
        assert models.judged(text).verdict == "cut short"


# ---- the table ----


def prove(*words):
    return subprocess.run([ROOT / "ci/prove", *words], capture_output=True, text=True,
                          env={**os.environ, **search.ENVIRONMENT}, timeout=300)


def test_table(built):
    done = prove("--only", "scan-8|buddy-top")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^scan-8 +677 +[\d.]+  proved +(\d+) of \1$", done.stdout, re.M), done.stdout
    assert "2 proofs: all hold" in done.stdout


def test_table_of_nothing(built):
    done = prove("--only", "frob")
    assert done.returncode == 2 and "frob" in done.stderr


# ---- the command ----


@pytest.mark.parametrize("words, complaint", [
    (["--only", "("], "'(' is not a regular expression"),
    (["--jobs", "0"], "'0' (allowed: whole numbers from 1)"),
    (["--jobs", "x"], "'x' (allowed: whole numbers from 1)"),
])
def test_nonsense_is_named(words, complaint):
    done = subprocess.run([ROOT / "ci/prove", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and complaint in done.stderr and done.stderr.count("\n") == 1, done.stderr


WITHOUT_SEARCHES = """
import sys
from stampedelib.commands import prove
prove.search.build = lambda: None
prove.search.plans = lambda: []
sys.exit(prove.main(["prove", "--jobs", "2"]))
"""


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_running_and_waiting_tasks(tmp_path, number, code):
    """The fake `spin` never ends. Two of them run, the others must never start."""
    pids = tmp_path / "pids"
    (tmp_path / "spin").write_text(f"#!/bin/sh\necho $$ >> {pids}\nsleep 600\n")
    (tmp_path / "spin").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "ci")}
    with subprocess.Popen([sys.executable, "-c", WITHOUT_SEARCHES], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as proving:
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        proving.send_signal(number)
        assert proving.wait(60) == code
        assert "Traceback" not in proving.stderr.read()
    begun = pids.read_text().split()
    assert len(begun) == 2 and not any(is_running(int(pid)) for pid in begun)
