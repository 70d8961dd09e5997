"""What a change does to everybody else: every buildroot that it can touch, solved before and after, and compared.

Which can it touch? The solver looks at nothing but what can be reached from the job over requirements and their
providers. If that holds neither a package that the change removes (before) nor one that it brings (after), it is the
same on both sides, and so is the answer. So only the reverse closures of those packages have to be solved; as every
source package requires the target's minimal buildroot, a change in there touches all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from bot.adapters.hawkey.chains import chain
from bot.adapters.hawkey.graph import closure
from bot.adapters.hawkey.roots import Problem, Root, Roots
from bot.adapters.hawkey.universe import SOURCE_ARCHES
from bot.domain.packages import Link
from bot.domain.plan import Affected, Effect, Impact, Uninstallable


@dataclass(frozen=True)
class Comparison:
    """A target before and after a change. Base packages have the same number on both sides."""

    before: Roots
    after: Roots

    @cached_property
    def removed(self) -> frozenset[int]:
        """Binary packages of the base that the change replaces."""
        binaries = self.before.universe.binaries
        return frozenset[int]().union(*(binaries.get(name, ()) for name in self.replaces))

    @property
    def brought(self) -> frozenset[int]:
        """Binary packages of the change."""
        return self.after.universe.changed

    @property
    def replaces(self) -> frozenset[str]:
        """Names of the sources that the change replaces."""
        return self.after.universe.spec.replaces

    @cached_property
    def touched(self) -> frozenset[int]:
        """Every package of the base, binary or source, whose solution the change can alter."""
        can_reach = closure(self.removed, self.before.universe.requirers)
        can_reach |= closure(self.brought, self.after.universe.requirers)
        return frozenset(can_reach) - self.removed - self.brought

    @cached_property
    def broken(self) -> Mapping[int, str]:
        """Binary packages that could be installed before the change and cannot after, of any version: the problems."""
        packages = self.after.universe.packages
        binaries = (
            number for number in self.touched if number in packages and packages[number].arch not in SOURCE_ARCHES
        )
        return {
            number: problem
            for number, problem in self.after.uninstallable(binaries).items()
            if isinstance(self.before.of_binary(number), Root)
        }


def impact(comparison: Comparison) -> Impact:
    """Return every source package that the change affects, and every binary package that it makes uninstallable."""
    sources = {
        name: number for name, number in comparison.before.universe.sources.items() if name not in comparison.replaces
    }
    found = (_compare(comparison, number) for number in sources.values() if number in comparison.touched)
    affected = sorted((item for item in found if item is not None), key=lambda item: (item.distance, item.source.name))
    return Impact(
        affected=_with_contents(comparison, affected, sources),
        uninstallable=_uninstallable(comparison),
        sources=len(sources),
    )


def _compare(comparison: Comparison, number: int) -> Affected | None:
    before, after = comparison.before.of_source(number), comparison.after.of_source(number)
    if isinstance(before, Root) and isinstance(after, Root) and before.numbers == after.numbers:
        return None
    digest_before = comparison.before.digest(before) if isinstance(before, Root) else ""
    digest_after = comparison.after.digest(after) if isinstance(after, Root) else ""
    if digest_before and digest_before == digest_after:
        return None
    path = _path(comparison, number)
    return Affected(
        source=comparison.before.universe.source(number),
        effect=_effect(before, after),
        distance=max(len(path), 1),
        path=path,
        problem=after.text if isinstance(after, Problem) else "",
        buildroot_before=digest_before,
        buildroot_after=digest_after,
    )


def _effect(before: Root | Problem, after: Root | Problem) -> Effect:
    if isinstance(after, Problem):
        return Effect.STILL_UNRESOLVABLE if isinstance(before, Problem) else Effect.UNRESOLVABLE
    return Effect.NOW_RESOLVABLE if isinstance(before, Problem) else Effect.REBUILD


def _path(comparison: Comparison, number: int) -> tuple[Link, ...]:
    """The way to the change inside a buildroot: as it will be, else as it was, else over any packages at all."""
    sides = ((comparison.after, comparison.brought), (comparison.before, comparison.removed))
    for roots, goals in sides:
        root = roots.of_source(number)
        if isinstance(root, Root) and (inside := frozenset(root.numbers)) & goals:
            return chain(roots.universe, number, goals, inside)
    ways = (chain(roots.universe, number, goals) for roots, goals in sides)
    return min((way for way in ways if way), key=len, default=())


def _with_contents(
    comparison: Comparison, affected: list[Affected], numbers: Mapping[str, int]
) -> tuple[Affected, ...]:
    names = {item.source.name for item in affected}
    contents: dict[str, frozenset[str]] = {}
    for name in names:
        roots, root = comparison.after, comparison.after.of_source(numbers[name])
        if isinstance(root, Problem):
            roots, root = comparison.before, comparison.before.of_source(numbers[name])
        inside = root.numbers if isinstance(root, Root) else ()
        contents[name] = (frozenset(roots.universe.source_of(number) for number in inside) & names) - {name}
    dependents = dict.fromkeys(names, 0)
    for inside_names in contents.values():
        for name in inside_names:
            dependents[name] += 1
    return tuple(
        replace(item, dependents=dependents[item.source.name], contains=tuple(sorted(contents[item.source.name])))
        for item in affected
    )


def _uninstallable(comparison: Comparison) -> tuple[Uninstallable, ...]:
    universe = comparison.after.universe
    found = []
    for number, problem in comparison.broken.items():
        package = universe.packages[number]
        same = [other for other in universe.binary_names[package.name] if universe.packages[other].arch == package.arch]
        if universe.preferred(same) != number:
            continue  # an older version, which nobody would install
        found.append(Uninstallable(package=str(package), source=universe.source_of(number), problem=problem))
    return tuple(sorted(found, key=lambda item: item.package))
