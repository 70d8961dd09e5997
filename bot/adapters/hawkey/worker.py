"""What runs in a solver process: plain functions from specs to answers, over universes that it keeps loaded.

The process has no other state, so a new one can answer any question that an old one could not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from bot.adapters.hawkey.dependents import cone, reverse_dependencies, source_number
from bot.adapters.hawkey.differences import differences
from bot.adapters.hawkey.distances import distances
from bot.adapters.hawkey.impact import Comparison, impact
from bot.adapters.hawkey.rebuild_order import rebuild_order
from bot.adapters.hawkey.roots import Problem, Roots
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe, UniverseSpec
from bot.domain.difference import RootChange
from bot.domain.packages import SourcePackage
from bot.domain.plan import Impact, RebuildOrder
from bot.ports.resolver import Buildroot, Question, ReverseDependency, Unsolvable


class _Kept:
    """The universes that this process keeps, the least recently used goes first."""

    roots: LRUCache[UniverseSpec, Roots] = LRUCache(maxsize=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many packages a universe has."""

    binaries: int
    sources: int


def start(universes: int) -> None:
    """Set the process up: how many universes it keeps."""
    _Kept.roots = LRUCache(maxsize=max(universes, 2))


def count(spec: UniverseSpec) -> Counts:
    """Load a universe, which shows that its metadata are sound, and count its packages."""
    universe = _roots(spec).universe
    sources = len(universe.query().filter(arch=[*SOURCE_ARCHES]))
    return Counts(binaries=len(universe.query()) - sources, sources=sources)


def list_sources(spec: UniverseSpec) -> tuple[str, ...]:
    """Answer `Resolver.source_names`."""
    return tuple(sorted(_roots(spec).universe.sources))


def describe_sources(spec: UniverseSpec, names: Sequence[str]) -> Mapping[str, SourcePackage]:
    """Answer `Resolver.describe`."""
    universe = _roots(spec).universe
    return {name: universe.source(universe.sources[name]) for name in names if name in universe.sources}


def find_dependents(spec: UniverseSpec, question: Question) -> tuple[ReverseDependency, ...]:
    """Answer `Resolver.reverse_dependencies`."""
    return reverse_dependencies(_roots(spec), question)


def find_cone(spec: UniverseSpec, question: Question) -> tuple[str, ...]:
    """Answer `Resolver.cone`."""
    return cone(_roots(spec), question)


def find_impact(before: UniverseSpec, after: UniverseSpec) -> Impact:
    """Answer `Resolver.impact`."""
    return impact(Comparison(_roots(before), _roots(after)))


def find_differences(
    before: UniverseSpec, after: UniverseSpec, sources: Sequence[str]
) -> Mapping[str, tuple[RootChange, ...]]:
    """Answer `Resolver.differences`."""
    return differences(Comparison(_roots(before), _roots(after)), sources)


def find_order(before: UniverseSpec, after: UniverseSpec, sources: Sequence[str]) -> RebuildOrder:
    """Answer `Resolver.order`."""
    return rebuild_order(Comparison(_roots(before), _roots(after)), sources)


def solve_buildroots(spec: UniverseSpec, sources: Sequence[str]) -> Mapping[str, Buildroot | Unsolvable]:
    """Answer `Resolver.buildroots`."""
    roots = _roots(spec)
    return {name: roots.buildroot(roots.of_source(source_number(roots.universe, name))) for name in sources}


def find_distances(spec: UniverseSpec, sources: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Answer `Resolver.distances`."""
    return distances(_roots(spec), sources)


def try_to_install(spec: UniverseSpec, binaries: Sequence[str]) -> Mapping[str, str]:
    """Answer `Resolver.installability`."""
    roots = _roots(spec)
    problems = {}
    for nevra in binaries:
        found = [hash(package) for package in roots.universe.query().filter(nevra=nevra)]
        root = roots.of_binary(roots.universe.preferred(found)) if found else Problem(f"there is no package {nevra}")
        if isinstance(root, Problem):
            problems[nevra] = root.text
    return problems


def _roots(spec: UniverseSpec) -> Roots:
    roots = _Kept.roots.get(spec)
    if roots is None:
        roots = _Kept.roots[spec] = Roots(Universe(spec))
    return roots
