"""A target before and after a change: every buildroot that it can touch, solved on both sides, and compared.

Which can it touch? The solver looks at nothing but what can be reached from the job over requirements and their
providers. If that holds neither a package that the change removes (before) nor one that it brings (after), it is the
same on both sides, and so is the answer. So only the reverse closures of those packages have to be solved; as every
source package requires the target's minimal buildroot, a change in there touches all of them. Of those most have a
root from which the one after the change follows (see `replacement`).
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from bot.adapters.hawkey import fingerprints
from bot.adapters.hawkey.doomed import Doomed
from bot.adapters.hawkey.known import KnownRoots, Solved
from bot.adapters.hawkey.places import Places
from bot.adapters.hawkey.plain import Step
from bot.adapters.hawkey.replacement import Replacement
from bot.adapters.hawkey.roots import Problem, Root, Roots
from bot.adapters.hawkey.ways import Ways
from bot.domain.plan import Effect, Uninstallable

_ENOUGH = 500
"""After so many affected ones, and no other, all are taken for affected until they are solved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is found out about one affected source package, whoever the others are.

    `inside` are the places of the base's sources that have a binary in its buildroot (see `Places`); those that the
    change replaces may be among them, and are of no account.
    """

    number: int
    effect: Effect
    path: tuple[Step, ...]
    problem: str
    before: str
    after: str
    inside: bytes


@dataclass(frozen=True, slots=True)
class _Alike:
    """Source packages with the same buildroot, on both sides: what is in it, or the problem.

    `gone` and `come` are what only one of two buildroots has.
    """

    numbers: Sequence[int]
    before: Solved
    was: Set[int] | Problem
    after: Set[int] | Problem
    gone: Set[int] = frozenset()
    come: Set[int] = frozenset()


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
        twin = self.known.index.twin
        touched = self.replacement.touched
        in_order = sorted((twin(number), number) for number in self.sources.values() if number in touched)
        found = array("I")
        spared = False
        for count, (_, group) in enumerate(groupby(in_order, key=itemgetter(0))):
            members = [number for _, number in group]
            # Where everybody is affected, as by a change of the minimal buildroot, nobody needs to be looked at twice.
            if (count >= _ENOUGH and not spared) or self._may_differ(members[0]):
                found.extend(members)
            else:
                spared = True
        return found

    def _may_differ(self, number: int) -> bool:
        """Whether the root of a source package that the change can touch is not known to be the same after it."""
        known = self.known.peek(number)
        if known is None or not isinstance(known.root, Root):
            return True
        root = known.root.numbers
        return not (
            self.replacement.removed.isdisjoint(root) and self.replacement.is_carried_over(number, root, known.course)
        )

    def examine(self, numbers: Iterable[int]) -> tuple[Sequence[Finding], Set[int]]:
        """Solve source packages on both sides, or see what follows without solving, and compare.

        Returns what differs, and which of the suspects are in a root after the change: those can be installed.
        """
        findings: list[Finding] = []
        seen = set[int]()
        suspects = self.replacement.suspects
        for _, group in groupby(numbers, key=self.known.index.twin):
            for alike in self._solved(list(group)):
                if suspects and not isinstance(alike.after, Problem):
                    seen.update(suspects & alike.after)
                findings += self._compare(alike)
        return findings, seen

    def _solved(self, numbers: Sequence[int]) -> Iterator[_Alike]:
        """Solve source packages that pose the same problem on both sides. What cannot be solved is told of each."""
        before = self.known.solved(numbers[0])
        if self.replacement.is_comparable and isinstance(before.root, Root):
            alike = self._alike(numbers, before)
            if not isinstance(alike.after, Problem):
                yield alike
                return
        for number in numbers:
            yield self._alike([number], self.known.solved(number))

    def _alike(self, numbers: Sequence[int], before: Solved) -> _Alike:
        """Return what is in the buildroot of the first of these source packages before and after the change."""
        number, change = numbers[0], self.replacement
        if isinstance(before.root, Problem):
            same = self.doomed.still_holds(number, before.root.text)
            return _Alike(numbers, before, before.root, before.root if same else self._solved_after(number))
        was = frozenset(before.root.numbers)
        if change.is_carried_over(number, was, before.course):
            gone, come = change.follow(was)
            return _Alike(numbers, before, was, was ^ (gone | come), gone, come)
        after = self._solved_after(number)
        if isinstance(after, Problem):
            return _Alike(numbers, before, was, after)
        return _Alike(numbers, before, was, after, was - after, after - was)

    def _solved_after(self, number: int) -> Set[int] | Problem:
        found = self.after.of_source(self.known.index.twin(number) if self.replacement.is_comparable else number)
        if isinstance(found, Problem):
            found = self.after.of_source(number)
        return found if isinstance(found, Problem) else frozenset(found.numbers)

    def _compare(self, alike: _Alike) -> Iterator[Finding]:
        before, was, after = alike.before, alike.was, alike.after
        are_roots = not isinstance(was, Problem) and not isinstance(after, Problem)
        if are_roots and not alike.gone and not alike.come:
            return
        total = self._total(alike)
        if are_roots and total == before.total:
            return
        effect, inside, path = _effect(was, after), self._inside(alike), self._path(alike)
        problem, digest = (after.text, "") if isinstance(after, Problem) else ("", fingerprints.digest(total))
        digest_before = before.digest
        for number in alike.numbers:
            yield Finding(
                number=number,
                effect=effect,
                path=path if number == alike.numbers[0] else self._begun_by(number, path),
                problem=problem,
                before=digest_before,
                after=digest,
                inside=inside,
            )

    def _begun_by(self, number: int, path: tuple[Step, ...]) -> tuple[Step, ...]:
        """Return the way of a package that requires the same as the one at whose path begins."""
        if not path:
            return path
        return ((str(self.before.universe.packages[number].name), *path[0][1:]), *path[1:])

    def _total(self, alike: _Alike) -> int:
        """Return the sum of the fingerprints of what is in the buildroot after the change."""
        if isinstance(alike.after, Problem):
            return 0
        if isinstance(alike.was, Problem):
            return self.after.fingerprints.total(alike.after)
        gone, come = self.before.fingerprints.total(alike.gone), self.after.fingerprints.total(alike.come)
        return fingerprints.followed(alike.before.total, gone, come)

    # Who is in whose buildroot, and by what way the change is.

    @cached_property
    def _places_after(self) -> Places:
        return Places(self.after.universe, self.known.places.by_name)

    @cached_property
    def _exchanged(self) -> frozenset[int]:
        """What is removed or brought of the sources that the change replaces, whose places are of no account."""
        sides = ((self.before.universe, self.removed), (self.after.universe, self.brought))
        return frozenset(
            number for universe, numbers in sides for number in numbers if universe.source_of(number) in self.replaces
        )

    def _inside(self, alike: _Alike) -> bytes:
        if isinstance(alike.after, Problem):
            return alike.before.inside
        if not isinstance(alike.was, Problem) and alike.gone | alike.come <= self._exchanged:
            return alike.before.inside
        return self._places_after.inside(alike.after)

    def _path(self, alike: _Alike) -> tuple[Step, ...]:
        """The way to the change inside a buildroot: as it will be, else as it was, else over any packages at all."""
        number, was, after = alike.numbers[0], alike.was, alike.after
        if not isinstance(after, Problem) and not after.isdisjoint(self.brought):
            return self._ways_after.way(number, after)
        if not isinstance(was, Problem) and not was.isdisjoint(self.removed):
            return self._ways_before.way(number, was)
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


def _effect(before: Set[int] | Problem, after: Set[int] | Problem) -> Effect:
    if isinstance(after, Problem):
        return Effect.STILL_UNRESOLVABLE if isinstance(before, Problem) else Effect.UNRESOLVABLE
    return Effect.NOW_RESOLVABLE if isinstance(before, Problem) else Effect.REBUILD
