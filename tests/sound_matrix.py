"""Variants of an allocator: the same code with promises and optional functions removed. Each must pass, because the
oracle only checks what is promised.

For each base, one C file with all its variants is written to build/sound-matrix. Each variant has its own name.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations

from guest import ROOT, make

FOLDER = ROOT / "build/sound-matrix"
OPTIONAL = ("remove_pages", "free_page_count", "for_each_free", "drain", "validate")
# The allocators that the variants are made from. Their largest order is unchanged.
BASES = {"example": "docs/example-allocator.c", "stash-drain": "tests/sound/stash-drain.c",
         "buddy-sets": "tests/sound/buddy-sets.c"}


@dataclass(frozen=True)
class Variant:
    """The promises and functions that a variant keeps of its base."""
    name: str
    promises: tuple[str, ...]
    functions: tuple[str, ...]  # those of OPTIONAL


def members(base: str) -> dict[str, str]:
    """The members of the base's struct page_allocator, as its source has them."""
    body = re.search(r"static const struct page_allocator \w+ = \{\n(.*?)\n\};", (ROOT / BASES[base]).read_text(),
                     re.DOTALL)
    assert body, base
    return {name: " ".join(value.split()) for name, value in re.findall(r"\.(\w+) = (.*?),(?=\s*\.|\s*$)", body[1],
                                                                         re.DOTALL)}


def subsets(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """All subsets, the empty one first."""
    return list(chain.from_iterable(combinations(words, size) for size in range(len(words) + 1)))


def all_variants(base: str) -> Iterator[Variant]:
    """Each subset of the promises with each subset of the optional functions."""
    own = members(base)
    promises = subsets(tuple(own["promises"].split(" | ")))
    functions = subsets(tuple(name for name in OPTIONAL if name in own))
    for number, (some, few) in enumerate((some, few) for some in promises for few in functions):
        yield Variant(f"{base}-{number}", some, few)


def drawn(base: str, count: int) -> list[Variant]:
    """`count` variants: the one with the least, the one with the most, then others drawn by a fixed seed."""
    variants = list(all_variants(base))
    ends = [variants[0], variants[-1]]
    rest = variants[1:-1]
    return ends + random.Random(10).sample(rest, min(count - len(ends), len(rest)))


def text_of(base: str, variant: Variant, number: int) -> str:
    """The C text of the variant's struct and of its registration."""
    own = {name: value for name, value in members(base).items() if name not in OPTIONAL or name in variant.functions}
    own["name"] = f'"{variant.name}"'
    own["promises"] = " | ".join(variant.promises) or "0"
    lines = "".join(f"    .{name} = {value},\n" for name, value in own.items())
    return f"static const struct page_allocator variant_{number} = {{\n{lines}}};\nPAGE_ALLOCATOR(variant_{number});\n"


@cache
def written(base: str) -> None:
    """Write all variants of the base as one C file. Build the stress and the explorer with it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    variants = enumerate(all_variants(base))
    text = f'#include "{BASES[base]}"\n' + "".join(text_of(base, variant, number) for number, variant in variants)
    path = FOLDER / f"{base}.c"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    make("-j2", "-f", "tests/tests.mk", *(f"build/host/{way}/sound-matrix/{base}" for way in ("plain", "explore")))
