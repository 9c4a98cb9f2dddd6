"""Builds: the clean tree's objects, and a program with one source file changed.

A change is judged by what the compiler makes of it: the assembly, without debug information, as a
hosted program and as the kernel. Where that is the clean tree's, or another mutant's, there is
nothing new to run.
"""
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .mutant import Mutant

# What is compiled anew for a change in a header: the allocators. The harness, which uses some of it
# too, stays as it is: it would be no judge.
UNITS = {
    "mm/buddy.h": ("mm/buddy.c", "mm/buddy_percpu.c"),
    "mm/page.h": ("mm/buddy.c", "mm/buddy_percpu.c", "mm/buddy_scan.c"),
    "mm/page_allocator.h": ("mm/buddy.c", "mm/buddy_percpu.c", "mm/buddy_scan.c"),
}
COMPARED = ("plain", "kernel")
COMPILE_SECONDS = 120


class BuildTrouble(Exception):
    """The clean tree, or a program that should link, does not build."""


def units_of(file: str) -> tuple[str, ...]:
    """The sources to compile anew when a file changes."""
    return UNITS.get(file, (file,))


@dataclass
class Recipe:
    """How the tree is built, as its makefiles say."""
    root: Path
    compile: dict[str, list[str]] = field(default_factory=dict)
    link: dict[str, list[str]] = field(default_factory=dict)
    programs: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> "Recipe":
        """Ask the makefiles of a tree."""
        recipe = cls(root)
        for words in (["kernel-recipe"], ["-f", "tests/tests.mk", "hosted-recipe"]):
            for line in recipe.make("-s", *words).splitlines():
                kind, name, *rest = shlex.split(line)
                {"compile": recipe.compile, "link": recipe.link,
                 "program": recipe.programs}[kind][name] = rest
        return recipe

    def sources(self, program: str) -> list[str]:
        """The files of the tree that a program is made of; tables that are made are none."""
        found = []
        for one in self.programs[program]:
            parts = Path(one).with_suffix("").parts
            found += [str(path) for start in range(len(parts)) for suffix in (".c", ".S")
                      if (self.root / (path := Path(*parts[start:]).with_suffix(suffix))).is_file()
                      and parts[start] != "build"][:1]
        return found

    def make(self, *words: str) -> str:
        """Run make at the top; returns its output."""
        clean = {name: value for name, value in os.environ.items()
                 if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        done = subprocess.run(["make", "--no-print-directory", *words], cwd=self.root, env=clean,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildTrouble(f"make {' '.join(words[:3])}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def build_objects(self, programs: list[str], jobs: int) -> None:
        """Make the clean objects of these programs."""
        hosted = sorted({one for name in programs if not name.startswith("kernel/")
                         for one in self.programs[name]})
        self.make(f"-j{jobs}", "-f", "tests/tests.mk", *hosted)
        if any(name.startswith("kernel/") for name in programs):
            self.make(f"-j{jobs}", "kernel")

    def compiler(self, variant: str, shadow: Path) -> list[str]:
        """The command that compiles without warnings and debug information, sources in `shadow`
        going before the tree's, and called as those are."""
        words = [word for word in self.compile[variant] if not word.startswith("-W") and word != "-g"]
        return [words[0], f"-I{shadow}", *words[1:], "-w", "-g0",
                f"-ffile-prefix-map={shadow}/="]


class Build:
    """One changed file and what is made of it, in a folder of its own."""

    def __init__(self, recipe: Recipe, folder: Path, mutant: Mutant | None, source: bytes) -> None:
        """Without a mutant it is the clean tree's, of the file's own name in `folder`."""
        self.recipe, self.folder, self.mutant = recipe, folder, mutant
        self.shadow = folder / "source"
        self.units: tuple[str, ...] = units_of(mutant.file) if mutant else ()
        shutil.rmtree(folder, ignore_errors=True)
        if mutant:
            changed = self.shadow / mutant.file
            changed.parent.mkdir(parents=True)
            changed.write_bytes(mutant.apply(source))
        folder.mkdir(parents=True, exist_ok=True)

    def _source(self, unit: str) -> str:
        shadowed = self.shadow / unit
        return str(shadowed if shadowed.is_file() else unit)

    def assembly(self, units: tuple[str, ...]) -> str | None:
        """A hash of what the compiler makes of the units; None if it refuses."""
        digest = hashlib.sha256()
        for variant in COMPARED:
            for unit in units:
                made = self._made(variant, unit, ".s")
                if not self._run([*self.recipe.compiler(variant, self.shadow), "-S", "-o", made,
                                  self._source(unit)]):
                    return None
                digest.update(f"{variant} {unit}\n".encode() + made.read_bytes())
        return digest.hexdigest()

    def _made(self, variant: str, unit: str, suffix: str) -> Path:
        path = self.folder / variant / (unit.replace("/", "-") + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _run(self, words: Iterable[object]) -> bool:
        try:
            done = subprocess.run(list(map(str, words)), cwd=self.recipe.root, capture_output=True,
                                  timeout=COMPILE_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise BuildTrouble(f"no end in {COMPILE_SECONDS} s: {words}") from None
        return done.returncode == 0

    def _object(self, variant: str, unit: str) -> Path:
        made = self._made(variant, unit, ".o")
        assembly = self._made(variant, unit, ".s")
        if not made.exists():
            words = [*self.recipe.compiler(variant, self.shadow), "-c", "-o", made,
                     assembly if assembly.exists() else self._source(unit)]
            if not self._run(words):
                raise BuildTrouble(f"{unit} compiles as another variant, not as {variant}")
        return made

    def program(self, name: str) -> Path:
        """The program with the change in it."""
        variant = name.split("/")[0]
        out = self.folder / name
        if out.exists():
            return out
        changed = {str(Path(unit).with_suffix(".o")): str(self._object(variant, unit))
                   for unit in self.units}
        clean = self.recipe.programs[name]
        objects = [next((mine for own, mine in changed.items() if f"/{one}".endswith(f"/{own}")), one)
                   for one in clean]
        if self.units and objects == clean:
            raise BuildTrouble(f"{name} has nothing of {', '.join(self.units)} in it")
        out.parent.mkdir(parents=True, exist_ok=True)
        if not self._run([*self.recipe.link[variant], "-o", out, *objects]):
            raise BuildTrouble(f"{name} does not link with {self.units}")
        return out

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
