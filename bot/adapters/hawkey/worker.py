"""What runs in a solver process: plain functions from specs to answers, over universes that it keeps loaded.

The process has no other state, so a new one can answer any question that an old one could not.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from cachetools import LRUCache

from bot.adapters.hawkey.brought import broken_of_change
from bot.adapters.hawkey.dependents import cone, dependent_rows
from bot.adapters.hawkey.distances import distances
from bot.adapters.hawkey.filelists import wants_filelists
from bot.adapters.hawkey.graph import thinned
from bot.adapters.hawkey.headers import Header
from bot.adapters.hawkey.impact import Comparison, Examined, Plan, examine, plan
from bot.adapters.hawkey.known import KnownRoots
from bot.adapters.hawkey.memory import give_back, resident_bytes
from bot.adapters.hawkey.packed_order import PackedOrder, pack_order
from bot.adapters.hawkey.parcels import Parcels, pack
from bot.adapters.hawkey.roots import Problem, Roots
from bot.adapters.hawkey.subjects import source_number
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe, UniverseSpec
from bot.domain.packages import SourcePackage
from bot.domain.plan import Uninstallable
from bot.ports.resolver import Buildroot, Question, Unsolvable

if TYPE_CHECKING:
    from bot.domain.difference import RootChange

_ROOM = 256 << 20
"""Memory of a process from which on an old universe goes before a new one comes, in bytes."""
_WORTH_SAVING = 50
"""How many roots must be new for a file of their own."""
_Made = TypeVar("_Made", bound=Roots)


class _Kept:
    """The universes that this process keeps, the least recently used goes first."""

    roots: LRUCache[UniverseSpec, Roots] = LRUCache(maxsize=2)
    comparisons: LRUCache[tuple[UniverseSpec, UniverseSpec], Comparison] = LRUCache(maxsize=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many packages a universe has."""

    binaries: int
    sources: int
    only_for: tuple[str, ...]
    """The architectures of binary packages, where none fits (see `Universe.only_for`)."""


def start(universes: int) -> None:
    """Set the process up: how many universes it keeps."""
    import_module("hawkey")  # while the first metadata are read
    _Kept.roots = LRUCache(maxsize=max(universes, 2))


def lacks_filelists(spec: UniverseSpec) -> bool:
    """Whether something must be known of a spec that only the filelists of its repositories tell.

    What has to be loaded to find out is kept for the questions that follow, unless those will need the filelists.
    """
    kept = spec in _Kept.roots
    found = wants_filelists(spec, lambda base: _base(base).universe)
    if found and not kept and _Kept.roots.pop(spec, None) is not None:
        give_back()
    return found


def count(spec: UniverseSpec) -> Counts:
    """Load a universe, which shows that its metadata are sound, and count its packages."""
    universe = _roots(spec).universe
    sources = len(universe.query().filter(arch=[*SOURCE_ARCHES]))
    return Counts(binaries=len(universe.query()) - sources, sources=sources, only_for=universe.only_for())


def list_sources(spec: UniverseSpec) -> tuple[str, ...]:
    """Answer `Resolver.source_names`."""
    return tuple(sorted(_roots(spec).universe.sources))


def describe_sources(spec: UniverseSpec, names: Sequence[str]) -> Mapping[str, SourcePackage]:
    """Answer `Resolver.describe`."""
    universe = _roots(spec).universe
    return {name: universe.source(universe.sources[name]) for name in names if name in universe.sources}


def find_dependents(spec: UniverseSpec, question: Question) -> Parcels:
    """Answer `Resolver.reverse_dependencies`."""
    known = _base(spec)
    known.refresh()
    found = pack(dependent_rows(known, question))
    known.save(_WORTH_SAVING)
    return found


def find_cone(spec: UniverseSpec, question: Question) -> tuple[str, ...]:
    """Answer `Resolver.cone`."""
    return cone(_base(spec), question)


def unread_headers(spec: UniverseSpec) -> tuple[Header, ...]:
    """Return the headers that have to be fetched for a change to be told by its contents."""
    return _roots(spec).universe.unread_headers()


def load(before: UniverseSpec, after: UniverseSpec) -> None:
    """Load what questions about a change need."""
    _compare(before, after)


def plan_impact(before: UniverseSpec, after: UniverseSpec) -> Plan:
    """Begin to answer `Resolver.impact`: what has to be looked at."""
    return plan(_compare(before, after))


def examine_sources(before: UniverseSpec, after: UniverseSpec, numbers: "array[int]") -> Examined:
    """Go on answering `Resolver.impact`: compare the buildroots of some source packages."""
    comparison = _compare(before, after)
    found = examine(comparison, numbers)
    comparison.known.save(_WORTH_SAVING)
    return found


def find_broken(before: UniverseSpec, after: UniverseSpec, numbers: "array[int]") -> tuple[Uninstallable, ...]:
    """Go on answering `Resolver.impact`: which of some binary packages cannot be installed any more."""
    comparison = _compare(before, after)
    return comparison.told(comparison.find_broken(numbers))


def find_broken_of_change(before: UniverseSpec, after: UniverseSpec) -> tuple[Uninstallable, ...]:
    """Answer `Resolver.broken_of_change`."""
    return broken_of_change(_compare(before, after))


def find_differences(
    before: UniverseSpec, after: UniverseSpec, sources: Sequence[str]
) -> Mapping[str, tuple["RootChange", ...]]:
    """Answer `Resolver.differences`."""
    from bot.adapters.hawkey.differences import differences  # most of the domain comes with it: other questions first

    return differences(_compare(before, after), sources)


def find_order(before: UniverseSpec, after: UniverseSpec, sources: Sequence[str], *, thin: bool) -> PackedOrder:
    """Answer `Resolver.order`."""
    from bot.adapters.hawkey.rebuild_order import rebuild_order  # what writes metadata comes with it

    found = rebuild_order(_compare(before, after), sources)
    return pack_order(thinned(found) if thin else found)


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
        # Without an epoch hawkey finds those of every epoch.
        found = [hash(package) for package in roots.universe.query().filter(nevra=nevra) if str(package) == nevra]
        root = roots.of_binary(roots.universe.preferred(found)) if found else Problem(f"there is no package {nevra}")
        if isinstance(root, Problem):
            problems[nevra] = root.text
    return problems


def _roots(spec: UniverseSpec) -> Roots:
    return _base(spec) if not spec.change else _keep(spec, Roots)


def _base(spec: UniverseSpec) -> KnownRoots:
    return _keep(spec, KnownRoots)


def _keep(spec: UniverseSpec, make: Callable[[Universe], _Made]) -> _Made:
    roots = _Kept.roots.get(spec)
    if roots is None:
        _make_room()
        roots = _Kept.roots[spec] = make(Universe(spec))
    return roots  # type: ignore[return-value]


def _make_room() -> None:
    """Drop what was used least recently until another universe fits in, but for the last, which may be in use."""
    while len(_Kept.roots) > 1 and resident_bytes() > _ROOM:
        _Kept.comparisons.clear()
        _Kept.roots.popitem()
        give_back()


def _compare(before: UniverseSpec, after: UniverseSpec) -> Comparison:
    known, changed = _base(before), _roots(after)
    comparison = _Kept.comparisons.get((before, after))
    if comparison is None or comparison.before is not known or comparison.after is not changed:
        comparison = _Kept.comparisons[before, after] = Comparison(known, changed)
    known.refresh()
    return comparison
