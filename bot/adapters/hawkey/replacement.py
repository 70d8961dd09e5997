"""What a change replaces in a base, and whose root that can alter.

A package that is replaced by one which asks for the same, provides the same to everybody who asks, and fits the same
conflicts, is its *successor*: in a root that was found straight (see `certainty`) one simply takes the other's place.
Everything else that a change does is told by the requirements that somebody else meets now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from functools import cached_property
from typing import Any

from bot.adapters.hawkey.certainty import Course
from bot.adapters.hawkey.index import Index
from bot.adapters.hawkey.loading import SOURCE_ARCHES
from bot.adapters.hawkey.names import Names
from bot.adapters.hawkey.rich import is_plain, is_rich
from bot.adapters.hawkey.roots import Roots

_SAME = ("supplements", "enhances")
_HOSTILE = ("conflicts", "obsoletes")
_WISHES = ("recommends", "suggests")


class Replacement:
    """A base and a change over it, compared package by package."""

    def __init__(self, before: Roots, after: Roots, names: Names) -> None:
        self._before = before
        self._after = after
        self._names = names
        self._index: Index = before.index
        self.brought = after.universe.changed
        self.removed = after.universe.superseded & before.universe.packages.keys()
        self.successors = self._find_successors()

    @cached_property
    def is_comparable(self) -> bool:
        """Whether the rest of the base is the same with and without the change: no module stream came or went."""
        before, after = self._before.universe, self._after.universe
        base = replace(after.spec, change=(), replaces=frozenset(), priority=None, hidden=frozenset())
        rest = after.packages.keys() - after.of_change
        return base == before.spec and rest == before.packages.keys() - self.removed

    @cached_property
    def names_of_removed(self) -> frozenset[str]:
        """The NEVRAs of what the change replaces, as problems name them."""
        return frozenset(str(self._before.universe.packages[number]) for number in self.removed)

    # Requirements.

    @cached_property
    def providers(self) -> Mapping[int, frozenset[int]]:
        """Who meets, after the change, each requirement of the base that a removed or brought package meets."""
        asked = set[int]().union(*(self._index.provides[number] for number in self.removed))
        provided = _all_provided(self._after, self.brought) | _all_provided(self._before, self.removed)
        asked.update(self._names.requirements(provided))
        return {number: self._after.universe.providers(self._index.texts[number]) for number in asked}

    @cached_property
    def met_by_change(self) -> Mapping[int, frozenset[int]]:
        """The requirements of the base that the change meets, and with what."""
        return {number: met for number, all_met in self.providers.items() if (met := all_met & self.brought)}

    def now(self, requirement: int) -> Collection[int]:
        """Return who meets a requirement of the base after the change."""
        known = self.providers.get(requirement)
        return self._index.provided_by[requirement] if known is None else known

    @cached_property
    def moved(self) -> frozenset[int]:
        """Requirements that are not met by the same packages as before, or by their successors."""
        return frozenset(self._moved(self.successors))

    def _moved(self, successors: Mapping[int, int]) -> Iterator[int]:
        for number, now in self.providers.items():
            if not is_plain(self._index.texts[number]) or now != {
                successors.get(before, before) for before in self._index.provided_by[number]
            }:
                yield number

    # Successors.

    def _find_successors(self) -> Mapping[int, int]:
        """Pair by name and architecture, and drop pairs until each that is left holds beside the others."""
        pairs = dict(self._pairs())
        while pairs:
            moved = frozenset(self._moved(pairs))
            wrong = [old for old, new in pairs.items() if not self._succeeds(old, new, pairs, moved)]
            if not wrong:
                break
            for old in wrong:
                del pairs[old]
        return pairs

    def _pairs(self) -> Iterator[tuple[int, int]]:
        old, new = (
            _by_name_and_arch(universe.packages, numbers)
            for universe, numbers in (
                (self._before.universe, self.removed),
                (self._after.universe, self.brought),
            )
        )
        for key in old.keys() & new.keys():
            if len(old[key]) == len(new[key]) == 1:
                yield old[key][0], new[key][0]

    def _succeeds(self, old: int, new: int, pairs: Mapping[int, int], moved: frozenset[int]) -> bool:
        before, after = self._before.universe, self._after.universe
        was, becomes = before.packages[old], after.packages[new]
        if any(sorted(map(str, getattr(was, kind))) != sorted(map(str, getattr(becomes, kind))) for kind in _SAME):
            return False
        if not all(is_plain(self._index.texts[wanted]) for wanted in moved.intersection(self._index.wanted[old])):
            return False
        wanted_before = {
            _meaning(self._index.texts[wanted], {pairs.get(p, p) for p in self._index.provided_by[wanted]})
            for wanted in self._index.wanted[old]
        }
        wanted_after = {_meaning(text, after.providers(text)) for text in after.requirements(new)}
        return (
            wanted_before == wanted_after
            and self._fits_the_same(old, new)
            and all(self._meant(text) <= {old, new} and is_plain(text) for text in _apart(_HOSTILE, was, becomes))
            and not any(map(self._is_of_account, _apart(_WISHES, was, becomes)))
        )

    def _fits_the_same(self, old: int, new: int) -> bool:
        """Whether what the base conflicts with, obsoletes or supplements is both of two packages or neither."""
        before, after = self._before.universe, self._after.universe
        was, becomes = before.packages[old], after.packages[new]
        equal = was.evr == becomes.evr and sorted(map(str, was.provides)) == sorted(map(str, becomes.provides))
        for name in {*_provided(was), *_provided(becomes)}:
            for text in self._names.judging.get(name, ()):
                hit = (old in before.providers(text)) == (new in after.providers(text))
                if not (hit if is_plain(text) else equal):
                    return False
        versioned = any(" " in text for text in self._names.obsoletes.get(str(was.name), ()))
        return not versioned or was.evr == becomes.evr

    def _is_of_account(self, wish: str) -> bool:
        """Whether what a package recommends or suggests may be one of several that meet a requirement."""
        return any(map(self._is_one_of_several, self._meant(wish)))

    def _is_one_of_several(self, number: int) -> bool:
        met = {*self._index.provides[number], *(wanted for wanted, by in self.met_by_change.items() if number in by)}
        return any(max(len(self._index.provided_by[wanted]), len(self.now(wanted))) > 1 for wanted in met)

    def _meant(self, text: str) -> frozenset[int]:
        return self._before.universe.providers(text) | self._after.universe.providers(text)

    # Whose root.

    @cached_property
    def altered(self) -> frozenset[int]:
        """Packages of the base whose place in a root nothing is known to take, or that a namesake now vies with."""
        names = {str(self._after.universe.packages[number].name) for number in self.brought}
        namesakes = frozenset[int]().union(*map(self._before.universe.binaries_named, names))
        return (self.removed | namesakes) - self.successors.keys()

    @cached_property
    def _blocked(self) -> frozenset[int]:
        needy = frozenset[int]().union(*(self._index.wanted_by[requirement] for requirement in self.moved))
        # A successor's requirements were compared by what they come to: what it has no longer is of no account.
        return self.altered | (needy - self.successors.keys())

    @cached_property
    def _contested(self) -> frozenset[int]:
        """Requirements with a choice in them that falls otherwise, or at another time, with other numbers."""
        near = set(self.providers).union(*(self._index.wanted[number] for number in self.removed))
        texts, provided_by = self._index.texts, self._index.provided_by
        # Of a file's providers only those may be known that name it.
        return frozenset(number for number in near if len(provided_by[number]) > 1 or texts[number].startswith("/"))

    @cached_property
    def _odd(self) -> frozenset[int]:
        """Source packages with a BuildConflicts that hits what is removed or brought."""
        before, after = self._before.universe, self._after.universe
        return frozenset(
            number
            for number in self._names.picky
            for text in map(str, before.packages[number].conflicts)
            if before.providers(text) & self.removed or after.providers(text) & self.brought
        )

    def is_carried_over(self, source: int, root: Collection[int], course: Course) -> bool:
        """Whether the root of a source package after the change follows from the one before (see `follow`)."""
        if not (course.straight and self.is_comparable) or source in self._odd or source in self._blocked:
            return False
        blocked = self._blocked
        if blocked and not (blocked.isdisjoint(root) and blocked.isdisjoint(course.tried)):
            return False
        return self._contested.isdisjoint(course.choices)

    def follow(self, root: Set[int]) -> tuple[Set[int], Set[int]]:
        """Return what the root after the change that follows from one before has less, and more: successors."""
        gone = self.removed & root
        return gone, frozenset(map(self.successors.__getitem__, gone))

    @cached_property
    def touched(self) -> frozenset[int]:
        """Every package of the base, binary or source, whose solution the change can alter."""
        if not self.is_comparable:
            return frozenset(self._before.universe.packages) - self.removed
        start = self.removed.union(*(self._index.wanted_by[requirement] for requirement in self.met_by_change))
        return frozenset(self._index.cone(start)) - self.removed

    @cached_property
    def suspects(self) -> frozenset[int]:
        """The binary packages that the change may have made uninstallable.

        Any other one could be installed with packages that are all still there, or have successors, and whose
        requirements are met by at least the same: so it still can.
        """
        if not self.is_comparable:
            suspects = frozenset(self._before.universe.packages) - self.removed
        else:
            suspects = (
                frozenset(self._index.cone(self.altered | (set(self._bereft) - self.successors.keys()))) - self.removed
            )
        packages = self._after.universe.packages
        return frozenset(n for n in suspects if n in packages and packages[n].arch not in SOURCE_ARCHES)

    @property
    def _bereft(self) -> Iterator[int]:
        for number in self.moved:
            were = {self.successors.get(before, before) for before in self._index.provided_by[number]}
            if is_rich(self._index.texts[number]) or not were <= set(self.providers[number]):
                yield from self._index.wanted_by[number]


def _all_provided(roots: Roots, numbers: Iterable[int]) -> set[str]:
    return set[str]().union(*(_provided(roots.universe.packages[number]) for number in numbers))


def _provided(package: Any) -> set[str]:
    """Return the names that a package provides, its files among them."""
    return {str(capability).partition(" ")[0] for capability in package.provides} | set(package.files)


def _apart(kinds: Iterable[str], one: Any, other: Any) -> set[str]:
    """Return the dependencies of some kinds that only one of two packages has."""
    found = set[str]()
    for kind in kinds:
        found |= {*map(str, getattr(one, kind))} ^ {*map(str, getattr(other, kind))}
    return found


def _meaning(text: str, providers: Collection[int]) -> tuple[str, frozenset[int]]:
    """Return what a requirement comes to: who meets it; where that is nobody, or a matter of conditions, its text."""
    exact = "" if providers and not is_rich(text) else text
    return exact, frozenset(providers)


def _by_name_and_arch(packages: Mapping[int, Any], numbers: Iterable[int]) -> Mapping[tuple[str, str], list[int]]:
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in numbers:
        grouped[packages[number].name, packages[number].arch].append(number)
    return grouped
