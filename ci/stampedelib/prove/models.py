"""The SPIN models of stress/prove/models: what stands in them, whether the C they stand for is still the same, running them."""

import collections
import hashlib
import pathlib
import re
import tempfile

from ..usage import ROOT
from . import programs

MODELS = ROOT / "stress/prove/models"
TIMEOUT_SECONDS = 1800

# The search itself goes in depth, which needs less memory; for a mutant in breadth, so that its trace is a shortest one.
# States are kept whole, as is pan's default: neither BITSTATE nor HC. `provided` wants NOREDUCE.
PROOF = ["-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048"]
REFUTATION = ["-O0", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2048", "-DBFS"]
DEPTH = "-m2000000"

Function = collections.namedtuple("Function", "file name digest")
Mutant = collections.namedtuple("Mutant", "number name options holds what")
Outcome = collections.namedtuple("Outcome", "verdict states seconds text unreached")


class Model:
    """One file: `name`, `functions` it stands for, `runs` (options of each) and `slow_runs`, `mutants`, steps that are
    `never` reached, lines of C it `quotes`."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
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


def all_models():
    return [Model(path) for path in sorted(MODELS.glob("*.pml"))]


# ---- is the C still what the model was made of ----


def squeezed(text):
    """C without comments, all white space one blank."""
    return " ".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.S).split())


def function_text(source, name):
    """The text of a function's definition, squeezed; None if there is none."""
    found = re.search(rf"^[A-Za-z_][^;{{}}]*\b{name}\([^;{{}}]*\)\n{{.*?^}}$", source, re.M | re.S)
    return squeezed(found[0]) if found else None


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(model, root=ROOT):
    """What the C has become since the model was made of it, as a list of complaints."""
    complaints, known = [], ""
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


def macros(options, mutant):
    return [f"-D{option}" for option in options.split()] + [f"-DMUTANT={mutant}"]


def command(words, folder):
    done = programs.run(words, cwd=folder, timeout=TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def judged(output):
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


def run(model, options, mutant=0, refute=False):
    """One search of a model or one of its mutants; the text of a refutation has its trace."""
    with tempfile.TemporaryDirectory() as folder:
        command(["spin", *macros(options, mutant), "-a", model.path], folder)
        command(["gcc", "-w", *(REFUTATION if refute else PROOF), "-o", "pan", "pan.c"], folder)
        done = programs.run(["./pan", *([] if refute else [DEPTH])], cwd=folder, timeout=TIMEOUT_SECONDS)
        outcome = judged(done.stdout + done.stderr)
        if outcome.verdict == "refuted" and not refute:
            trace = command(["spin", *macros(options, mutant), "-t", "-p", "-k", f"{model.path.name}.trail", model.path],
                            folder)
            outcome = outcome._replace(text=f"{outcome.text}\n{trace}")
        return outcome
