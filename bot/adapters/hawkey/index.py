"""Who requires what and who provides it, for all packages of a base, worked out once and kept in a file.

Asking hawkey for the providers of every requirement of a distribution takes seconds, reading the answers from a file a
tenth of one. The file's name holds everything that the answers follow from, so it never has to be checked.
"""

import hashlib
import zlib
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.loading import SOURCE_ARCHES
from bot.adapters.hawkey.rows import Rows, read_parts, write_parts
from bot.adapters.hawkey.universe import Universe

_FORMAT = 1
"""Raised whenever the files mean something else than before."""
_WEAK = ("recommends", "suggests", "supplements", "enhances")


class Index:
    """The requirements of a base. A requirement is known by its place in `texts`.

    `wanted` and `provided_by` lead from a package to what it requires and from there to who provides it, `wanted_by`
    and `provides` back. `twins` names for every source package the first one that poses the same problem to the solver.
    """

    def __init__(self, texts: list[str], wanted: Rows, provided_by: Rows, back: tuple[Rows, Rows], twins: Rows) -> None:
        self.texts = texts
        self.wanted = wanted
        self.provided_by = provided_by
        self.wanted_by, self.provides = back
        self._twins = twins

    @classmethod
    def of(cls, universe: Universe) -> "Index":
        """Read it from the cache; where it is not there yet, work it out and leave it there."""
        path = place(universe) / "graph"
        known = read_parts(path)
        if known is not None:
            head, parts = known
            rows = [Rows(parts[f"{name}-starts"], parts[f"{name}-values"]) for name in _PARTS]
            return cls(head["texts"], rows[0], rows[1], (rows[2], rows[3]), rows[4])
        made = cls._work_out(universe)
        rows = [made.wanted, made.provided_by, made.wanted_by, made.provides, made._twins]
        parts = {}
        for name, part in zip(_PARTS, rows, strict=True):
            parts[f"{name}-starts"], parts[f"{name}-values"] = part.starts, part.values
        write_parts(path, {"texts": made.texts}, parts)
        return made

    @classmethod
    def _work_out(cls, universe: Universe) -> "Index":
        numbers: dict[str, int] = {}
        size = max(universe.packages, default=0) + 1
        wanted = Rows.of(
            [numbers.setdefault(text, len(numbers)) for text in dict.fromkeys(universe.requirements(number))]
            if number in universe.packages
            else ()
            for number in range(size)
        )
        provided_by = Rows.of(sorted(universe.providers(text)) for text in numbers)
        back = (wanted.turned(len(numbers)), provided_by.turned(size))
        return cls(list(numbers), wanted, provided_by, back, Rows.of(_twins(universe, wanted)))

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Requirements by their text."""
        return {text: number for number, text in enumerate(self.texts)}

    @cached_property
    def _first_twins(self) -> dict[int, int]:
        return {number: row[0] for row in self._twins for number in row}

    def twin(self, source: int) -> int:
        """Return the first source package whose buildroot is solved from the same problem; it may be itself."""
        return self._first_twins.get(source, source)

    def neighbours(self, number: int) -> set[int]:
        """Return every package that provides something that this one requires."""
        return set().union(*(self.provided_by[requirement] for requirement in self.wanted[number]))

    def layers(self, start: Iterable[int]) -> Iterator[Set[int]]:
        """Yield `start`, then who requires something of it, then who requires something of those, each package once."""
        seen = frontier = set(start)
        asked: set[int] = set()
        while frontier:
            yield frontier
            requirements = set().union(*(self.provides[number] for number in frontier)) - asked
            asked |= requirements
            frontier = set().union(*(self.wanted_by[requirement] for requirement in requirements)) - seen
            seen = seen | frontier

    def cone(self, start: Collection[int], limit: int | None = None) -> set[int]:
        """Return everything that can reach one of `start` over requirements and providers, in at most `limit` steps."""
        found: set[int] = set()
        for steps, layer in enumerate(self.layers(start)):
            if limit is not None and steps > limit:
                break
            found |= layer
        return found


_PARTS = ("wanted", "provided", "wanted-by", "provides", "twins")


def is_rich(text: str) -> bool:
    """Whether a requirement is a rich dependency: whoever provides a part of it need not be what meets it."""
    return text.startswith("(")


def place(universe: Universe) -> Path:
    """Return the directory in which what was worked out about this base is kept."""
    import hawkey

    spec = universe.spec
    names = "\n".join(f"{number} {package}" for number, package in universe.packages.items())
    layers = tuple(replace(layer, url="") for layer in spec.base)
    facts = (_FORMAT, hawkey.VERSION, replace(spec, cache=Path(), base=layers), zlib.crc32(names.encode()))
    return spec.cache / "worked-out" / hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _twins(universe: Universe, wanted: Rows) -> Iterator[list[int]]:
    """Group source packages whose buildroots are the same problem, number for number.

    The solver sees of a source package its requirements, its BuildConflicts, and where its number lies among those of
    the binary packages: by that it puts its rules in order.
    """
    binaries = sorted(number for number, package in universe.packages.items() if package.arch not in SOURCE_ARCHES)
    groups: dict[Any, list[int]] = {}
    for number, package in universe.packages.items():
        if package.arch in SOURCE_ARCHES:
            weak = [str(text) for kind in _WEAK for text in getattr(package, kind)]
            conflicts = tuple(str(conflict) for conflict in package.conflicts)
            key = (wanted[number].tobytes(), conflicts, tuple(weak), bisect(binaries, number))
            groups.setdefault(key, []).append(number)
    return (sorted(group) for group in groups.values() if len(group) > 1)
