"""A target before and after a change: every buildroot that it can touch, solved on both sides, and compared.

Which can it touch? The solver looks at nothing but what can be reached from the job over requirements and their
providers. If that holds neither a package that the change removes (before) nor one that it brings (after), it is the
same on both sides, and so is the answer. So only the reverse closures of those packages have to be solved; as every
source package requires the target's minimal buildroot, a change in there touches all of them. Of those most have a
root from which the one after the change follows (see `replacement`).
"""

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from bot.adapters.hawkey.doomed import Doomed
from bot.adapters.hawkey.known import KnownRoots, Solved
from bot.adapters.hawkey.replacement import Replacement
from bot.adapters.hawkey.roots import Problem, Root, Roots
from bot.adapters.hawkey.ways import Ways
from bot.domain.packages import Link
from bot.domain.plan import Effect, Uninstallable

_NOWHERE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is found out about one affected source package, whoever the others are.

    `inside` are the places, among all sources by name, of those that have a binary in its buildroot.
    """

    number: int
    effect: Effect
    path: tuple[Link, ...]
    problem: str
    before: str
    after: str
    inside: "array[int]"


@dataclass(frozen=True)
class Comparison:
    """A target before and after a change. Base packages have the same number on both sides."""

    before: Roots
    after: Roots

    @cached_property
    def known(self) -> KnownRoots:
        """The roots of the base, as far as they are known already."""
        return self.before if isinstance(self.before, KnownRoots) else KnownRoots(self.before.universe)

    @cached_property
    def replacement(self) -> Replacement:
        """What the change replaces."""
        return Replacement(self.known, self.after, self.known.names)

    @property
    def removed(self) -> frozenset[int]:
        """Binary packages of the base that the change replaces."""
        return self.replacement.removed

    @property
    def brought(self) -> frozenset[int]:
        """Binary packages of the change."""
        return self.replacement.brought

    @property
    def replaces(self) -> frozenset[str]:
        """Names of the sources that the change replaces."""
        return self.after.universe.spec.replaces

    @cached_property
    def sources(self) -> Mapping[str, int]:
        """The source packages that are compared, sorted by name."""
        sources = self.before.universe.sources
        return {name: sources[name] for name in sorted(sources.keys() - self.replaces)}

    @cached_property
    def doomed(self) -> Doomed:
        """Packages that cannot be installed any more, as needs no solver to see."""
        return Doomed(self.after.universe, self.known.index, self.replacement)

    @cached_property
    def broken(self) -> Mapping[int, str]:
        """Binary packages that could be installed before the change and cannot after, of any version: the problems."""
        return self.find_broken(self.replacement.suspects)

    def to_examine(self) -> "array[int]":
        """Return the source packages whose buildroot may be another one, or of which that is not known yet.

        Those that pose the same problem stand beside each other.
        """
        self.known.refresh()
        open_ones = (number for number in self.sources.values() if self._may_differ(number))
        return array("I", sorted(open_ones, key=lambda number: (self.known.index.twin(number), number)))

    def _may_differ(self, number: int) -> bool:
        known = self.known.peek(number)
        if known is None or not isinstance(known.root, Root):
            return number in self.replacement.touched
        change, root = self.replacement, known.root.numbers
        if change.is_carried_over(number, root, known.course):
            return not change.removed.isdisjoint(root)
        return number in change.touched

    def examine(self, numbers: Iterable[int]) -> tuple[Sequence[Finding], Set[int]]:
        """Solve source packages on both sides, or see what follows without solving, and compare.

        Returns what differs, and which of the suspects are in a root after the change: those can be installed.
        """
        findings, seen = [], set[int]()
        suspects = self.replacement.suspects
        for number in numbers:
            before = self.known.solved(number)
            after = self._after(number, before)
            if isinstance(after, Root):
                seen.update(suspects.intersection(after.numbers) if suspects else ())
            finding = self._compare(number, before, after)
            if finding is not None:
                findings.append(finding)
        return findings, seen

    def place(self, number: int) -> int:
        """Return which one a source package is among all that are compared, by name."""
        return self._places[str(self.before.universe.packages[number].name)]

    def _after(self, number: int, before: Solved) -> Root | Problem:
        if isinstance(before.root, Root):
            root = before.root.numbers
            if self.replacement.is_carried_over(number, root, before.course):
                return Root(self.replacement.follow(root))
        elif self.doomed.still_holds(number, before.root.text):
            return before.root
        if not self.replacement.is_comparable:
            return self.after.of_source(number)
        found = self.after.of_source(self.known.index.twin(number))
        return self.after.of_source(number) if isinstance(found, Problem) else found

    def _compare(self, number: int, before: Solved, after: Root | Problem) -> Finding | None:
        was = before.root
        if isinstance(was, Root) and isinstance(after, Root) and was.numbers == after.numbers:
            return None
        digest = self.after.digest(after) if isinstance(after, Root) else ""
        if digest and digest == before.digest:
            return None
        return Finding(
            number=number,
            effect=_effect(was, after),
            path=self._path(number, was, after),
            problem=after.text if isinstance(after, Problem) else "",
            before=before.digest,
            after=digest,
            inside=self._inside(was, after),
        )

    # Who is in whose buildroot, and by what way the change is.

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.sources)}

    @cached_property
    def _places_before(self) -> Mapping[int, int]:
        return self._places_of(self.before)

    @cached_property
    def _places_after(self) -> Mapping[int, int]:
        return self._places_of(self.after)

    def _places_of(self, roots: Roots) -> Mapping[int, int]:
        return {
            number: self._places.get(source, _NOWHERE)
            for source, numbers in roots.universe.binaries.items()
            for number in numbers
        }

    def _inside(self, before: Root | Problem, after: Root | Problem) -> "array[int]":
        roots, root = (self.after, after) if isinstance(after, Root) else (self.before, before)
        if not isinstance(root, Root):
            return array("I")
        known = self._places_after if roots is self.after else self._places_before
        return array("I", sorted({known[number] for number in root.numbers} - {_NOWHERE}))

    def _path(self, number: int, before: Root | Problem, after: Root | Problem) -> tuple[Link, ...]:
        """The way to the change inside a buildroot: as it will be, else as it was, else over any packages at all."""
        change = self.replacement
        if isinstance(after, Root) and not change.brought.isdisjoint(after.numbers):
            return self._ways_after.way(number, set(after.numbers))
        if isinstance(before, Root) and not change.removed.isdisjoint(before.numbers):
            return self._ways_before.way(number, set(before.numbers))
        found = (ways.way_anywhere(number) for ways in (self._ways_after, self._ways_before))
        return min((way for way in found if way), key=len, default=())

    @cached_property
    def _ways_after(self) -> Ways:
        change = self.replacement
        return Ways(
            self.after.universe,
            self.known.index,
            goals=change.brought,
            direct=change.met_by_change,
            now=change.now,
            without=change.removed,
        )

    @cached_property
    def _ways_before(self) -> Ways:
        index, removed = self.known.index, self.replacement.removed
        met = {
            requirement: frozenset(index.provided_by[requirement]) & removed
            for number in removed
            for requirement in index.provides[number]
        }
        return Ways(self.before.universe, index, goals=removed, direct=met, now=index.provided_by.__getitem__)

    # What cannot be installed any more.

    def find_broken(self, suspects: Collection[int]) -> Mapping[int, str]:
        """Return the problems of those of some binary packages that could be installed before and cannot after."""
        doomed = {number for number in suspects if number in self.doomed}
        problems = self.after.uninstallable(number for number in suspects if number not in doomed)
        before = self.before.uninstallable([*doomed, *problems])
        problems.update((number, self.doomed.problem(number)) for number in doomed)
        return {number: problems[number] for number in sorted(problems.keys() - before.keys())}

    def told(self, broken: Mapping[int, str]) -> tuple[Uninstallable, ...]:
        """Name those of the broken packages that would be installed, by name: of several versions the best one."""
        universe, found = self.after.universe, []
        for number, problem in broken.items():
            package = universe.packages[number]
            names = universe.binary_names[package.name]
            same = [other for other in names if universe.packages[other].arch == package.arch]
            if universe.preferred(same) == number:
                found.append(Uninstallable(package=str(package), source=universe.source_of(number), problem=problem))
        return tuple(sorted(found, key=lambda item: item.package))


def _effect(before: Root | Problem, after: Root | Problem) -> Effect:
    if isinstance(after, Problem):
        return Effect.STILL_UNRESOLVABLE if isinstance(before, Problem) else Effect.UNRESOLVABLE
    return Effect.NOW_RESOLVABLE if isinstance(before, Problem) else Effect.REBUILD
