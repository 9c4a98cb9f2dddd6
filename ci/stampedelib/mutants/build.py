"""Builds the objects of the clean tree, and programs with one changed source file.

A mutant's code is its assembly without debug information, for the hosted program and for the
kernel. If that equals the code of the clean tree or of another mutant, the mutant need not run.
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

# The sources to recompile after a change in a header: only the allocators. The harness uses some of
# these headers, too. It keeps the original, because a changed harness could not judge.
UNITS = {
    "mm/buddy.h": ("mm/buddy.c", "mm/buddy_percpu.c"),
    "mm/page.h": ("mm/buddy.c", "mm/buddy_percpu.c", "mm/buddy_scan.c"),
    "mm/page_allocator.h": ("mm/buddy.c", "mm/buddy_percpu.c", "mm/buddy_scan.c"),
}
COMPARED = ("plain", "kernel")
COMPILE_SECONDS = 120


class BuildTrouble(Exception):
    """The clean tree does not build, or a program with a mutant does not link."""


def units_of(file: str) -> tuple[str, ...]:
    """The sources to recompile when a file changes."""
    return UNITS.get(file, (file,))


@dataclass
class Recipe:
    """How the makefiles build the tree: commands to compile and link, objects of each program."""
    root: Path
    compile: dict[str, list[str]] = field(default_factory=dict)
    link: dict[str, list[str]] = field(default_factory=dict)
    programs: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> "Recipe":
        """Read the recipe from the makefiles of a tree. Raises BuildTrouble."""
        recipe = cls(root)
        for words in (["kernel-recipe"], ["-f", "tests/tests.mk", "hosted-recipe"]):
            for line in recipe.make("-s", *words).splitlines():
                kind, name, *rest = shlex.split(line)
                {"compile": recipe.compile, "link": recipe.link,
                 "program": recipe.programs}[kind][name] = rest
        return recipe

    def sources(self, program: str) -> list[str]:
        """The source files of a program, without generated tables."""
        found = []
        for one in self.programs[program]:
            parts = Path(one).with_suffix("").parts
            found += [str(path) for start in range(len(parts)) for suffix in (".c", ".S")
                      if (self.root / (path := Path(*parts[start:]).with_suffix(suffix))).is_file()
                      and parts[start] != "build"][:1]
        return found

    def make(self, *words: str) -> str:
        """Run make in the top folder; its output. Raises BuildTrouble."""
        clean = {name: value for name, value in os.environ.items()
                 if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        done = subprocess.run(["make", "--no-print-directory", *words], cwd=self.root, env=clean,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildTrouble(f"make {' '.join(words[:3])}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def build_objects(self, programs: list[str], jobs: int) -> None:
        """Build the clean objects of these programs. Raises BuildTrouble."""
        hosted = sorted({one for name in programs if not name.startswith("kernel/")
                         for one in self.programs[name]})
        self.make(f"-j{jobs}", "-f", "tests/tests.mk", *hosted)
        if any(name.startswith("kernel/") for name in programs):
            self.make(f"-j{jobs}", "kernel")

    def compiler(self, variant: str, shadow: Path) -> list[str]:
        """The compiler with its options, without warnings and debug information.

        Headers in `shadow` take precedence over those of the tree, and get the same paths in the
        code.
        """
        words = [word for word in self.compile[variant] if not word.startswith("-W") and word != "-g"]
        return [words[0], f"-I{shadow}", *words[1:], "-w", "-g0",
                f"-ffile-prefix-map={shadow}/="]


class Build:
    """One changed file and the programs built with it, in a folder of its own."""

    def __init__(self, recipe: Recipe, folder: Path, mutant: Mutant | None, source: bytes) -> None:
        """Create the folder, with the changed file. Without a mutant it builds the clean tree."""
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
        """A hash of the code of these sources; None if they do not compile."""
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
            raise BuildTrouble(f"not done after {COMPILE_SECONDS} s: {words}") from None
        return done.returncode == 0

    def _object(self, variant: str, unit: str) -> Path:
        made = self._made(variant, unit, ".o")
        assembly = self._made(variant, unit, ".s")
        if not made.exists():
            words = [*self.recipe.compiler(variant, self.shadow), "-c", "-o", made,
                     assembly if assembly.exists() else self._source(unit)]
            if not self._run(words):
                raise BuildTrouble(f"{unit} compiles as another variant, but not as {variant}")
        return made

    def program(self, name: str) -> Path:
        """The program built with the change. Raises BuildTrouble."""
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
            raise BuildTrouble(f"{name} does not contain {' or '.join(self.units)}")
        out.parent.mkdir(parents=True, exist_ok=True)
        if not self._run([*self.recipe.link[variant], "-o", out, *objects]):
            raise BuildTrouble(f"{name} does not link with {self.units}")
        return out

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
