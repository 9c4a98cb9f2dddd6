"""The SPIN models of stress/prove/models: what stands in them, whether the C they stand for is still the same, running them."""

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

# The search itself goes in depth, which needs less memory; for a mutant in breadth, so that its trace is a shortest one.
# States are kept whole, as is pan's default: neither BITSTATE nor HC. `provided` wants NOREDUCE.
PROOF = ["-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048"]
REFUTATION = ["-O0", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048", "-DBFS"]
DEPTH = "-m2000000"


@dataclass(frozen=True)
class Function:
    """Of C, that a model stands for."""
    file: str
    name: str
    digest: str


@dataclass(frozen=True)
class Mutant:
    """Of a model: `what` is changed, and whether it `holds` all the same."""
    number: int
    name: str
    options: str
    holds: bool
    what: str


@dataclass(frozen=True)
class Outcome:
    """What pan found. unreached: the steps that it never came to."""
    verdict: str
    states: int
    seconds: float
    text: str
    unreached: set[str]


class Model:
    """One file: `name`, `functions` it stands for, `runs` (options of each) and `slow_runs`, `mutants`, steps that are
    `never` reached, lines of C it `quotes`."""

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
    """In the order of their names."""
    return [Model(path) for path in sorted(MODELS.glob("*.pml"))]


# ---- is the C still what the model was made of ----


def squeezed(text: str) -> str:
    """C without comments, all white space one blank."""
    return " ".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.S).split())


def function_text(source: str, name: str) -> str | None:
    """The text of a function's definition, squeezed; None if there is none."""
    found = re.search(rf"^[A-Za-z_][^;{{}}]*\b{name}\([^;{{}}]*\)\n{{.*?^}}$", source, re.M | re.S)
    return squeezed(found[0]) if found else None


def digest(text: str) -> str:
    """As a model has it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(model: Model, root: Path = ROOT) -> list[str]:
    """What the C has become since the model was made of it, as a list of complaints."""
    complaints: list[str] = []
    known = ""
    for function in model.functions:
        path = root / function.file
        text = function_text(path.read_text(), function.name) if path.exists() else None
        if text is None:
            complaints.append(f"{function.file} has no function {function.name}(), which {model.path.name} stands for")
            continue
        known += text + " "
        if digest(text) != function.digest:
            complaints.append(
                f"{function.file}: {function.name}() has changed since {model.path.name} was made of it: look whether the "
                f"model still says what the code does, then write {digest(text)} behind its name there")
    for quote in model.quotes:
        if quote not in known:
            complaints.append(f"{model.path.name} quotes '{quote}', which is in none of its functions")
    return complaints


# ---- running ----


def macros(options: str, mutant: int) -> list[str]:
    """For spin."""
    return [f"-D{option}" for option in options.split()] + [f"-DMUTANT={mutant}"]


def command(words: Sequence[str | Path], folder: Path) -> str:
    """What it says. Raises RuntimeError if it fails."""
    code, text = run_whole(words, TIMEOUT_SECONDS, folder)
    if code != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {text}")
    return text


def judged(output: str) -> Outcome:
    """What pan's output says. A search that was cut short proves nothing."""
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
    """One search of a model or one of its mutants; the text of a refutation has its trace."""
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
