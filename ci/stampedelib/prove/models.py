"""The SPIN models of stress/prove/models: reads them, compares them with the C code, runs them."""

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..process import run_whole
from ..usage import ROOT

MODELS = ROOT / "stress/prove/models"
TIMEOUT_SECONDS = 1800

# A proof searches depth first, which needs less memory. A mutant is searched breadth first, which
# gives a shortest trace. States are stored completely, pan's default: neither BITSTATE nor HC.
# `provided` clauses need NOREDUCE.
PROOF = ["-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048"]
REFUTATION = ["-O0", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048", "-DBFS"]
DEPTH = "-m2000000"


@dataclass(frozen=True)
class Function:
    """A C function that a model represents. `digest` is that of the text it was made from."""
    file: str
    name: str
    digest: str


@dataclass(frozen=True)
class Mutant:
    """A mutant of a model. what: the change. holds: whether the proof must still succeed."""
    number: int
    name: str
    options: str
    holds: bool
    what: str


@dataclass(frozen=True)
class Outcome:
    """The result of pan. unreached: the statements that it never reached."""
    verdict: str
    states: int
    seconds: float
    text: str
    unreached: set[str]


class Model:
    """One model file.

    functions: the C functions that it represents. runs, slow_runs: options of each run.
    never: statements that are never reached. quotes: lines of C that it quotes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = self.path.stem
        text = self.path.read_text()
        self.functions = [Function(*found) for found in re.findall(r"Stands for (\S+) (\w+) (\w+)", text)]
        self.runs = re.findall(r"^ \* Runs (?!slowly)(.*)$", text, re.M) or [""]
        self.slow_runs = re.findall(r"^ \* Runs slowly (.*)$", text, re.M)
        self.mutants = [
            Mutant(int(number), name, options if options else self.runs[0], word == "Holds", what)
            for word, number, name, options, what in re.findall(
                r"^ \* (Mutant|Holds) (\d+) (\w+)(?: \((.*?)\))?: (.*)$", text, re.M)
        ]
        self.never = re.findall(r"^ \* Never (.*?): ", text, re.M)
        self.quotes = [squeezed(quote) for quote in re.findall(r"/\* \| (.*?) \*/", text)]


def all_models() -> list[Model]:
    """The models, in the order of their names."""
    return [Model(path) for path in sorted(MODELS.glob("*.pml"))]


# ---- whether the C code is still that from which the model was made ----


def squeezed(text: str) -> str:
    """C code without comments, with each run of white space as one blank."""
    return " ".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.S).split())


def function_text(source: str, name: str) -> str | None:
    """The text of a function's definition, squeezed; None if there is none."""
    found = re.search(rf"^[A-Za-z_][^;{{}}]*\b{name}\([^;{{}}]*\)\n{{.*?^}}$", source, re.M | re.S)
    return squeezed(found[0]) if found else None


def digest(text: str) -> str:
    """The digest of a function's text, as written in a model."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(model: Model, root: Path = ROOT) -> list[str]:
    """Messages about C code that has changed since the model was made from it."""
    complaints: list[str] = []
    known = ""
    for function in model.functions:
        path = root / function.file
        text = function_text(path.read_text(), function.name) if path.exists() else None
        if text is None:
            complaints.append(f"{function.file} has no function {function.name}(), which {model.path.name} represents")
            continue
        known += text + " "
        if digest(text) != function.digest:
            complaints.append(
                f"{function.file}: {function.name}() has changed since {model.path.name} was made from it: check that the "
                f"model still does the same as the code, then write {digest(text)} after its name there")
    for quote in model.quotes:
        if quote not in known:
            complaints.append(f"{model.path.name} quotes '{quote}', which is not in any of its functions")
    return complaints


# ---- running ----


def macros(options: str, mutant: int) -> list[str]:
    """The options of spin that define macros."""
    return [f"-D{option}" for option in options.split()] + [f"-DMUTANT={mutant}"]


def command(words: Sequence[str | Path], folder: Path) -> str:
    """Run a command; its output. Raises RuntimeError if it fails."""
    code, text = run_whole(words, TIMEOUT_SECONDS, folder)
    if code != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {text}")
    return text


def judged(output: str) -> Outcome:
    """The result in pan's output. A search that ended early proves nothing."""
    errors = re.search(r"errors: (\d+)", output)
    states = re.search(r"(\d+) states, stored", output)
    seconds = re.search(r"elapsed time ([\d.]+) seconds", output)
    cause = re.search(r"^pan:1: (.*?) \(at depth (\d+)\)", output, re.M)
    cut = re.search(r"search depth too small|out of memory|Search not completed", output)
    figures = int(states[1]) if states else 0, float(seconds[1]) if seconds else 0.0
    unreached = set(re.findall(r'^\t\S+:\d+, state \d+, "(.*)"$', output, re.M)) - {"-end-"}
    if errors and int(errors[1]) > 0 and cause:
        return Outcome("refuted", *figures, f"{cause[1]} in {cause[2]} steps", unreached)
    if errors and not cut and int(errors[1]) == 0:
        return Outcome("proved", *figures, "", unreached)
    return Outcome("cut short", *figures, output, unreached)


def run(model: Model, options: str, mutant: int = 0, refute: bool = False) -> Outcome:
    """Search a model, or mutant number `mutant` of it, once. Raises RuntimeError.

    refute: search for the shortest refutation, as for mutants. Otherwise the text of a refutation
    has its trace.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        command(["spin", *macros(options, mutant), "-a", model.path], folder)
        command(["gcc", "-w", *(REFUTATION if refute else PROOF), "-o", "pan", "pan.c"], folder)
        _, text = run_whole(["./pan", *([] if refute else [DEPTH])], TIMEOUT_SECONDS, folder)
        outcome = judged(text)
        if outcome.verdict == "refuted" and not refute:
            trace = command(["spin", *macros(options, mutant), "-t", "-p", "-k", f"{model.path.name}.trail", model.path],
                            folder)
            outcome = replace(outcome, text=f"{outcome.text}\n{trace}")
        return outcome
