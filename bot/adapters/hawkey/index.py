"""Who requires what and who provides it, for all packages of a base, worked out once and kept in a file.

Asking hawkey for the providers of every requirement of a distribution takes seconds, reading the answers from a file a
tenth of one. The file's name holds everything that the answers follow from, so it never has to be checked.
"""

import hashlib
import os
from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.loading import SOURCE_ARCHES
from bot.adapters.hawkey.memory import give_back
from bot.adapters.hawkey.rows import Rows, read_parts, write_parts
from bot.adapters.hawkey.universe import Universe

_FORMAT = 8
"""Raised whenever the files mean something else than before."""
_WEAK = ("recommends", "suggests", "supplements", "enhances")


class Index:
    """The requirements of a base. A requirement is known by its place in `texts`.

    `wanted` and `provided_by` lead from a package to what it requires and from there to who provides it, `wanted_by`
    and `provides` back. `foes` are the packages with which one cannot be installed.
    """

    def __init__(self, texts: list[str], rows: Sequence[Rows]) -> None:
        self.texts = texts
        self.wanted, self.provided_by, self.wanted_by, self.provides, self.foes, self._twins = self._rows = rows

    @classmethod
    def of(cls, universe: Universe) -> "Index":
        """Read it from the cache; where it is not there yet, work it out and leave it there."""
        path = place(universe) / "graph"
        found = cls._read(path)
        if found is None:
            made = cls._work_out(universe)
            made._write(path)
            universe.forget()
            del made  # it lies scattered among what was only needed on the way, which cannot be given back beside it
            give_back()
            found = cls._read(path) or cls._work_out(universe)
        return found

    @classmethod
    def _read(cls, path: Path) -> "Index | None":
        known = read_parts(path)
        if known is None:
            return None
        with suppress(FileNotFoundError):
            os.utime(path.parent)  # what was not used for the longest time is evicted first
        head, parts = known
        rows = [Rows(parts[f"{name}-starts"], parts[f"{name}-values"]) for name in _PARTS]
        return cls(head["texts"], rows)

    def _write(self, path: Path) -> None:
        parts = {}
        for name, part in zip(_PARTS, self._rows, strict=True):
            parts[f"{name}-starts"], parts[f"{name}-values"] = part.starts, part.values
        write_parts(path, {"texts": self.texts}, parts)

    @classmethod
    def _work_out(cls, universe: Universe) -> "Index":
        numbers: dict[str, int] = {}
        size = max(universe.packages, default=0) + 1
        # Everything is asked for once: to remember it would take more memory than all else.
        requirements, providers = universe.requirements.__wrapped__, universe.providers.__wrapped__
        wanted = Rows.of(
            [numbers.setdefault(text, len(numbers)) for text in dict.fromkeys(requirements(number))]
            if number in universe.packages
            else ()
            for number in range(size)
        )
        provided_by = Rows.of(sorted(providers(text)) for text in numbers)
        back = (wanted.turned(len(numbers)), provided_by.turned(size))
        foes = _foes(universe)
        hostile = Rows.of(sorted(foes.get(number, ())) for number in range(size))
        rows = (wanted, provided_by, *back, hostile, Rows.of(_twins(universe, wanted)))
        return cls(list(numbers), rows)

    @cached_property
    def _first_twins(self) -> dict[int, int]:
        return {number: row[0] for row in self._twins for number in row}

    def twin(self, source: int) -> int:
        """Return the first source package whose buildroot is solved from the same problem; it may be itself."""
        return self._first_twins.get(source, source)

    def neighbours(self, number: int) -> set[int]:
        """Return every package that provides something that this one requires."""
        return set().union(*(self.provided_by[requirement] for requirement in self.wanted[number]))

    def layers(self, start: Iterable[int], without: Set[int] = frozenset()) -> Iterator[Set[int]]:
        """Yield `start`, then who requires something of it, then who requires something of those, each package once.

        Packages in `without` are left out, and do not lead any further.
        """
        frontier = set(start) - without
        seen = bytearray(max(len(self.provides), *frontier, *without, 0) + 1)
        for number in (*frontier, *without):
            seen[number] = True
        asked = bytearray(len(self.texts))
        while frontier:
            yield frontier
            found = set[int]()
            for number in frontier:
                for requirement in self.provides[number]:
                    if not asked[requirement]:
                        asked[requirement] = True
                        for needy in self.wanted_by[requirement]:
                            if not seen[needy]:
                                seen[needy] = True
                                found.add(needy)
            frontier = found

    def cone(self, start: Collection[int], limit: int | None = None) -> set[int]:
        """Return everything that can reach one of `start` over requirements and providers, in at most `limit` steps."""
        found: set[int] = set()
        for steps, layer in enumerate(self.layers(start)):
            found |= layer
            if steps == limit:
                break
        return found


_PARTS = ("wanted", "provided", "wanted-by", "provides", "foes", "twins")


def place(universe: Universe) -> Path:
    """Return the directory in which what was worked out about this base is kept."""
    import hawkey

    spec = universe.spec
    layers = tuple(replace(layer, url="") for layer in spec.base)
    facts = (_FORMAT, hawkey.VERSION, replace(spec, cache=Path(), base=layers), universe.checksum)
    return spec.cache / "worked-out" / hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _foes(universe: Universe) -> dict[int, set[int]]:
    """Return for binary packages those that they, or that, conflict with or obsolete, and their namesakes."""
    foes: dict[int, set[int]] = defaultdict(set)
    for number, package in universe.packages.items():
        if package.arch not in SOURCE_ARCHES:
            hostile = {*map(str, package.conflicts), *map(str, package.obsoletes)}
            same = universe.binary_names[package.name]
            for other in set(same).union(*map(universe.providers, hostile)) - {number}:
                foes[number].add(other)
                foes[other].add(number)
    return foes


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
