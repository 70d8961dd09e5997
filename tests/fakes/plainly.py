"""The plain side of the resolver: everything solved, with all filelists, nothing kept, carried over or left out."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bot.adapters.hawkey.filelists import wants_filelists
from bot.adapters.hawkey.impact import Comparison
from bot.adapters.hawkey.known import KnownRoots
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_later, fetch_metadata
from bot.adapters.hawkey.pins import FILELISTS, PinnedRepository
from bot.adapters.hawkey.roots import Problem, Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from tests.fakes.rpmmd import Package, digest, write_repository
from tests.fakes.wild import Situation


@dataclass(frozen=True)
class Plain:
    """One side of a comparison, with all filelists and nothing carried over, kept or left out."""

    spec: UniverseSpec

    @cached_property
    def universe(self) -> Universe:
        return Universe(self.spec)

    @cached_property
    def roots(self) -> Roots:
        return Roots(self.universe)

    @cached_property
    def of_source(self) -> Mapping[str, Root | Problem]:
        return {name: self.roots.of_source(number) for name, number in self.universe.sources.items()}

    def names(self, root: Root | Problem) -> list[str]:
        """Return what a root's packages are, sorted."""
        return sorted(map(self.universe.identity, root.numbers)) if isinstance(root, Root) else []

    def distance(self, start: int, goals: Set[int], root: Set[int] | None = None) -> int:
        """Return how many requirements it takes from a package to one of `goals`; 0 where there is no way."""
        seen, frontier, steps = {start}, {start}, 0
        while frontier:
            steps += 1
            frontier = {near for number in frontier for near in self.universe.neighbours(number)} - seen
            if root is not None:
                frontier &= root
            if frontier & goals:
                return steps
            seen |= frontier
        return 0


@dataclass(frozen=True)
class Both:
    """A situation as the service has it, and plain."""

    directory: Path
    wild: Situation
    comparison: Comparison
    before: Plain
    after: Plain


def load(directory: Path, wild: Situation) -> Both:
    """Write a situation's repositories, and load them as the service does, and plain from a cache of their own."""
    bases, over = [], []
    for cache in (directory / "cache", directory / "plain"):
        base, change = _layers(directory, cache, wild)
        bases.append(UniverseSpec(cache=cache, arch="x86_64", base=base, buildroot=wild.buildroot))
        over.append({"change": change, "replaces": wild.replaces, "priority": wild.priority})
    before, plain = bases
    files = wants_filelists(replace(before, files=False))
    known = KnownRoots(Universe(replace(before, files=files)))
    for number in known.universe.sources.values():
        known.solved(number)
    known.save()
    silent = replace(known.universe.spec, **over[0])
    after = replace(silent, files=files or wants_filelists(silent))
    comparison = Comparison(KnownRoots(known.universe), Roots(Universe(after)))
    comparison.known.refresh()
    return Both(directory, wild, comparison, Plain(plain), Plain(replace(plain, **over[1])))


def _layers(directory: Path, cache: Path, wild: Situation) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """Write the repositories, and fetch all there is into a cache."""
    base = tuple(
        replace(
            _layer(directory / f"base{at}", cache, repo.packages, repo.modules),
            priority=repo.priority,
            excludes=repo.excludes,
        )
        for at, repo in enumerate(wild.repos)
    )
    return base, tuple(_layer(directory / f"change{at}", cache, packages) for at, packages in enumerate(wild.change))


def _layer(directory: Path, cache: Path, packages: Sequence[Package], modules: str = "") -> Layer:
    fetching = HawkeySettings(cache=cache, allow_file=True)
    url = write_repository(directory, packages, more={"modules": modules} if modules else None)
    found = fetch_metadata(url, fetching)
    fetch_later(PinnedRepository(url=url, digest=found), FILELISTS, fetching)
    return Layer(url=url, digest=found)


def repaired(both: Both) -> Plain:
    """Return the side after the change where every broken package is there without what nobody meets."""
    universe, broken = both.after.universe, sorted(both.comparison.broken)
    if not broken:
        return both.after
    written = {digest(package): package for repo in both.wild.repos for package in repo.packages}
    stand_ins = []
    for number in broken:
        package = written[universe.packages[number].chksum[1].hex()]
        met = tuple(text for text in package.requires if text.startswith("rpmlib(") or universe.providers(text))
        stand_ins.append(replace(package, requires=met, contents=f"stand-in of {number}"))
    spec = universe.spec
    layer = _layer(both.directory / "stand-ins", spec.cache, tuple(stand_ins))
    layer = replace(layer, priority=min(map(universe.priority, broken)))
    return Plain(replace(spec, stand_ins=(layer,), hidden=frozenset(str(universe.packages[n]) for n in broken)))
