"""When a root follows from its own packages alone, so that what happens elsewhere cannot change it.

The argument is in docs/decisions/0006-when-a-root-needs-no-second-solve.md. In short: libsolv first takes what is
required without an alternative, then decides the open requirements one after the other by its policy. Where the root
and everything that may have been chosen on the way can be installed together, or where whatever excludes another stands
in for it everywhere, no choice ever led into a conflict, and what the solver looked at is the requirements of these
packages and no others.
"""

import re
from array import array
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from bot.adapters.hawkey.index import Index
from bot.adapters.hawkey.rich import is_foreign, is_plain, is_rich, is_rpm_s, operators
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe

_CONDITION = re.compile(r"\((?P<wish>[^() ]\S*(?: [<>=]+ \S+)?) if .*\)")


@dataclass(frozen=True, slots=True)
class Course:
    """How the solver came to a root.

    `choices` are the requirements that it had to choose for, `tried` what it may have taken for them and dropped in the
    end as superfluous, or what it might have taken and did not because of something better that was there as well. It
    is `straight` where none of that can have led into a conflict.
    """

    choices: "array[int]"
    tried: "array[int]"
    straight: bool


CROOKED = Course(array("I"), array("I"), straight=False)
UNCHOSEN = Course(array("I"), array("I"), straight=True)
"""Nothing had to be chosen at all."""


class Certainty:
    """Retraces the solver's way to the roots of one base."""

    def __init__(self, universe: Universe, index: Index) -> None:
        import hawkey

        self._hawkey = hawkey
        self._universe = universe
        self._index = index
        self._forced = lru_cache(maxsize=1)(self._work_out_forced)  # asked for twice in a row
        self._is_unclear = cache(self._work_out_unclear)
        self._units = cache(self._work_out_units)
        self._open = cache(self._work_out_open)
        self._vague = cache(self._work_out_vague)
        self._conditional = cache(self._work_out_conditional)
        self._hopeless = cache(self._work_out_hopeless)
        self._foes = cache(self._work_out_foes)
        self._candidates = cache(self._work_out_candidates)
        self._refused = cache(self._work_out_refused)
        self._root = cache(self._work_out_root)

    def unchosen(self, source: int) -> Sequence[int] | None:
        """Return the root of a source package where everything in it is required without an alternative; else None.

        The solver then comes to the same, in its first step: whatever it requires is there, and nothing is in the way.
        """
        if self._universe.packages[source].conflicts:
            return None
        forced = self._forced(source)
        if any(map(self._hopeless, forced)):
            return None
        still_open = set[int]().union(*map(self._open, forced))
        if any(forced.isdisjoint(self._index.provided_by[wanted]) for wanted in still_open):
            return None
        root = forced - {source}
        return sorted(root) if root.isdisjoint(set[int]().union(*map(self._foes, root))) else None

    def _work_out_hopeless(self, number: int) -> bool:
        """Whether it takes the solver to see what becomes of a package.

        So it does where a requirement is met by nobody or is a condition, or a conflict is one; and where it is of
        another architecture than the universe, which is taken only where there is none of that name for this one.
        """
        package = self._universe.packages[number]
        return self._is_odd(package) or not all(map(self._can_be, self._index.wanted[number]))

    def _is_odd(self, package: Any) -> bool:
        """Whether a package may bring others along that it does not require, or be kept out by more than conflicts."""
        return is_foreign(package, self._universe.spec.arch) or not all(map(is_plain, map(str, package.conflicts)))

    def _can_be(self, requirement: int) -> bool:
        text = self._index.texts[requirement]
        plain = is_plain(text) and not (is_rich(text) and "/" in text)
        return is_rpm_s(text) or (plain and len(self._index.provided_by[requirement]) > 0)

    def _work_out_foes(self, number: int) -> tuple[int, ...]:
        return tuple(self._index.foes[number])

    def course(self, source: int, root: Sequence[int]) -> Course:
        """Retrace how the root of a source package was found."""
        inside = {*root, source}
        kept_out = self._kept_out(source)
        wide = set[int]()  # what may have been chosen otherwise than where all candidates are there
        while True:
            way = self._way(source, inside, wide)
            if way is None:
                return CROOKED
            choices, tried = way
            presumed = {wanted for wanted in choices - wide if self._refused(wanted)}
            misled = {wanted for wanted in presumed if not self._are_all_there(wanted, inside | tried, kept_out)}
            if not misled:
                break
            wide |= misled
        if tried and not (self._is_peaceful(inside, tried) and tried.isdisjoint(kept_out)):
            return CROOKED
        tried = tried.union(*map(self._refused, presumed)) - inside
        return Course(array("I", sorted(choices)), array("I", sorted(tried)), straight=True)

    def _way(self, source: int, inside: Set[int], wide: Set[int]) -> tuple[set[int], set[int]] | None:
        """Return what had to be chosen for, and what may have been taken for it beside the root; None if unknown.

        For what is `wide` any provider may have been taken.
        """
        forced = self._forced(source)
        choices, tried, new = set[int](), set[int](), inside
        while new:
            if any(map(self._vague, new)):
                return None
            found = set[int]().union(*map(self._open, new)) - choices
            found = {wanted for wanted in found if forced.isdisjoint(self._index.provided_by[wanted])}
            if any(map(self._is_unclear, found)):
                return None
            choices |= found
            new = set[int]().union(*map(self._candidates, found - wide), *map(self._providers, found & wide))
            new = new - inside - tried
            roots = [self._root(number) for number in new]
            if not all(roots):
                return None
            new = new.union(*roots) - inside - tried
            tried |= new
        return choices, tried

    def _are_all_there(self, requirement: int, together: Set[int], kept_out: Set[int]) -> bool:
        """Whether no provider that is not taken can have been ruled out while none of those was taken that may be.

        Then the choice was among all of them, and fell as it does where nothing else is required.
        """
        refused = self._refused(requirement)
        if any(map(self._conditional, together)) or any(map(self._is_conditional_or_vague, refused)):
            return False
        foes = set[int]().union(*map(self._foes, refused))
        return refused.isdisjoint(kept_out) and foes & together <= self._candidates(requirement)

    def _is_conditional_or_vague(self, number: int) -> bool:
        return self._conditional(number) or self._vague(number)

    def _is_peaceful(self, inside: Set[int], tried: Set[int]) -> bool:
        """Whether packages can be tried beside a root: no conflict that matters, no condition that they fulfil."""
        if any(self._universe.packages[number].arch in SOURCE_ARCHES for number in tried):
            return False
        together = inside | tried
        if any(map(self._conditional, together)):
            return False
        return all(
            self._stands_in(number, foe, together)
            for number in tried
            for foe in self._index.foes[number]
            if foe in together
        )

    def _stands_in(self, one: int, other: int, together: Set[int]) -> bool:
        """Whether of two packages that exclude each other either is enough for all that the rest requires of them.

        Then the one that is taken meets whatever can no longer be met by the other: nobody misses that.
        """
        provides, wanted_by = self._index.provides, self._index.wanted_by
        apart = set(provides[one]).symmetric_difference(provides[other])
        return all(together.isdisjoint(wanted_by[requirement]) for requirement in apart)

    def _kept_out(self, source: int) -> set[int]:
        """Return what the BuildConflicts of a source package keep out of its root."""
        conflicts = map(str, self._universe.packages[source].conflicts)
        return set[int]().union(*map(self._universe.providers, conflicts))

    def _work_out_forced(self, source: int) -> frozenset[int]:
        """Return what is installed before anything is chosen: whatever alone provides a requirement, and so on."""
        seen = new = {source}
        while new:
            new = set[int]().union(*map(self._units, new)) - seen
            seen |= new
        return frozenset(seen)

    def _work_out_unclear(self, requirement: int) -> bool:
        """Whether more packages may meet a requirement than the index has: a file, where somebody provides its name."""
        text = self._index.texts[requirement]
        providers = (self._universe.packages[number] for number in self._index.provided_by[requirement])
        return text.startswith("/") and any(text in map(str, package.provides) for package in providers)

    def _work_out_units(self, number: int) -> tuple[int, ...]:
        plain = (wanted for wanted in self._index.wanted[number] if self._is_plain(wanted))
        rows = (self._index.provided_by[wanted] for wanted in plain if not self._is_unclear(wanted))
        return tuple({row[0] for row in rows if len(row) == 1})

    def _work_out_open(self, number: int) -> tuple[int, ...]:
        return tuple(
            wanted
            for wanted in self._index.wanted[number]
            if (len(self._index.provided_by[wanted]) > 1 or self._is_unclear(wanted))
            and self._is_plain(wanted)
            and number not in self._index.provided_by[wanted]
        )

    def _work_out_vague(self, number: int) -> bool:
        if self._is_odd(self._universe.packages[number]):
            return True
        return any(not self._is_plain(wanted) and not self._is_quiet(wanted) for wanted in self._index.wanted[number])

    def _work_out_conditional(self, number: int) -> bool:
        return not all(map(self._is_plain, self._index.wanted[number]))

    def _is_plain(self, requirement: int) -> bool:
        return is_plain(self._index.texts[requirement])

    def _is_quiet(self, requirement: int) -> bool:
        """Whether a condition asks for what at most one package provides: nothing is to be chosen there."""
        text = self._index.texts[requirement]
        found = _CONDITION.fullmatch(text)
        words = operators(text)
        simple = words.count("if") == 1 and set(words) <= {"if", "and", "or"}
        return found is not None and simple and len(self._universe.providers(found["wish"])) <= 1

    def _work_out_candidates(self, requirement: int) -> frozenset[int]:
        """Return the providers that the solver may take where it is free to take any."""
        providers = self._providers(requirement)
        if providers & self._wished_for:
            return providers
        chosen = self._install([], self._index.texts[requirement]) & providers
        if len(chosen) != 1 or not all(map(self._root, providers)):
            return providers
        (pick,) = chosen  # unless another one was taken first, and dropped because it brought this one along
        return frozenset(number for number in providers if pick in self._root(number))

    def _work_out_refused(self, requirement: int) -> frozenset[int]:
        """Return the other providers with all that they need, where it matters to the choice that they are there."""
        providers, candidates = self._providers(requirement), self._candidates(requirement)
        if len(candidates) == 1 and (len(providers) == 2 or self._is_orderly(providers)):
            return frozenset()
        return frozenset[int]().union(*map(self._root, providers - candidates))

    def _providers(self, requirement: int) -> frozenset[int]:
        return frozenset(self._index.provided_by[requirement])

    def _work_out_root(self, number: int) -> frozenset[int]:
        return self._install([self._universe.packages[number]], None)

    def _is_orderly(self, providers: Collection[int]) -> bool:
        """Whether the policy sorts them by name alone: no versions of one thing, and none obsoletes another."""
        versions: dict[str, str] = {}
        for number in providers:
            package = self._universe.packages[number]
            if package.obsoletes or len(self._universe.binary_names[package.name]) > 1:
                return False
            for text in map(str, package.provides):
                name, _, version = text.partition(" ")
                if version and versions.setdefault(name, version) != version:
                    return False
        return True

    @cached_property
    def _wished_for(self) -> frozenset[int]:
        """Packages that some weak dependency speaks for, which the policy then prefers."""
        texts: set[str] = set()
        found: set[int] = set()
        for number, package in self._universe.packages.items():
            texts.update(_texts(package.recommends), _texts(package.suggests))
            if package.supplements or package.enhances:
                found.add(number)
        return frozenset(found.union(*map(self._universe.providers, texts)))

    def _install(self, packages: Iterable[object], requirement: str | None) -> frozenset[int]:
        """Solve for these alone and return what is installed; nothing where that is impossible."""
        goal = self._hawkey.Goal(self._universe.sack)
        for package in packages:
            goal.install(package)
        if requirement is not None:
            selector = self._hawkey.Selector(self._universe.sack)
            selector.set(provides=requirement)
            goal.install(select=selector)
        done = goal.run(ignore_weak_deps=True)
        return frozenset(hash(package) for package in goal.list_installs()) if done else frozenset()


def _texts(dependencies: Iterable[object]) -> Iterable[str]:
    return map(str, dependencies)
