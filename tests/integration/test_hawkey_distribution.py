"""A real RPM distribution, where its metadata lie beside the checkout: known counts come out, and quickly."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Layer, Universe, UniverseSpec
from bot.domain.config import Depth
from bot.domain.plan import Effect
from bot.domain.target import Repository, Target
from bot.ports.resolver import Overlay, Question
from tests.fakes.rpmmd import Rpm, write_repository

DATA = Path(__file__).parents[3] / "shared" / "data" / "openeuler"
TARGET = Target(
    name="openeuler",
    arch="x86_64",
    backend="none",
    repositories=tuple(Repository(url=(DATA / name).as_uri()) for name in ("os", "source")),
)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="distribution data not here")


@pytest.fixture
async def resolver(tmp_path: Path) -> AsyncIterator[HawkeyResolver]:
    made = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=1, allow_file=True))
    yield made
    await made.close()


@pytest.fixture
def universe(tmp_path: Path) -> Universe:
    settings = HawkeySettings(cache=tmp_path / "cache", allow_file=True)
    layers = (
        Layer(url=repository.url, digest=fetch_metadata(repository.url, settings)) for repository in TARGET.repositories
    )
    return Universe(UniverseSpec(cache=settings.cache, arch="x86_64", base=tuple(layers)))


async def test_known_counts_come_out(resolver: HawkeyResolver) -> None:
    snapshot = await resolver.snapshot(TARGET)
    assert (snapshot.binaries, snapshot.sources) == (14515, 2030)
    counts = {}
    for name in ("zlib-devel", "openssl-devel", "python3-devel", "glib2-devel", "libxml2-devel", "gcc"):
        question = Question(subject=name, binary=True, depth=Depth(levels=1))
        counts[name] = len(await resolver.reverse_dependencies(snapshot.id, TARGET, question))
    assert counts == {
        "zlib-devel": 175,
        "openssl-devel": 156,
        "python3-devel": 419,
        "glib2-devel": 210,
        "libxml2-devel": 115,
        "gcc": 692,
    }


async def test_a_change_of_zlib_touches_nearly_everybody(
    resolver: HawkeyResolver, universe: Universe, tmp_path: Path
) -> None:
    snapshot = await resolver.snapshot(TARGET)
    everybody = await resolver.reverse_dependencies(snapshot.id, TARGET, Question(subject="zlib"))
    change = write_repository(tmp_path / "change", [_rebuilt(universe, number) for number in universe.binaries["zlib"]])
    overlay = Overlay(repository=change, replaces=frozenset({"zlib"}))
    start = time.perf_counter()
    impact = await resolver.impact(snapshot.id, TARGET, overlay)
    print(f"impact of zlib: {time.perf_counter() - start:.1f} s")
    solved = {item.source.name for item in impact.affected if item.effect is Effect.REBUILD}
    assert {item.source.name for item in everybody} - solved <= _unsolvable(universe)
    assert impact.uninstallable == ()
    assert impact.sources == 2028  # one name is there in two versions


async def test_a_moved_soname_breaks_without_a_build(
    resolver: HawkeyResolver, universe: Universe, tmp_path: Path
) -> None:
    snapshot = await resolver.snapshot(TARGET)
    change = write_repository(tmp_path / "change", [Rpm(name="libyaml", version="9", provides=("libyaml.so.9",))])
    overlay = Overlay(repository=change, replaces=frozenset({"libyaml"}))
    impact = await resolver.impact(snapshot.id, TARGET, overlay)
    assert impact.uninstallable
    assert "libyaml-0.so.2()(64bit)" in " ".join(item.problem for item in impact.uninstallable)
    assert Effect.UNRESOLVABLE in {item.effect for item in impact.affected}


def test_known_packages_cannot_be_solved(universe: Universe) -> None:
    assert len(_unsolvable(universe)) == 41


def _unsolvable(universe: Universe) -> set[str]:
    roots = Roots(universe)
    return {name for name, number in universe.sources.items() if not isinstance(roots.of_source(number), Root)}


def _rebuilt(universe: Universe, number: int) -> Rpm:
    """A binary package of the distribution with other contents and nothing else changed."""
    package = universe.packages[number]
    return Rpm(
        name=package.name,
        version=package.version,
        release=package.release,
        arch=package.arch,
        source=universe.source_of(number),
        requires=tuple(str(requirement) for requirement in package.requires),
        provides=tuple(str(capability) for capability in package.provides),
    )
