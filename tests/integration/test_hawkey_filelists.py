"""Filelists are fetched where an answer needs them, and not otherwise."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_later, fetch_metadata
from bot.adapters.hawkey.pins import FILELISTS, PinnedRepository
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from bot.domain.plan import Effect
from bot.domain.target import Repository, Target
from bot.ports.errors import Transient
from bot.ports.resolver import Buildroot, Overlay, Question, Unsolvable
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

DATA = "/usr/share/data/file"
PROVIDER = Rpm(name="data", files=(DATA, "/usr/bin/data"))


@pytest.fixture
def settings(tmp_path: Path) -> HawkeySettings:
    return HawkeySettings(cache=tmp_path / "cache", workers=0, allow_file=True)


@pytest.fixture
async def resolver(settings: HawkeySettings) -> AsyncIterator[HawkeyResolver]:
    made = HawkeyResolver(settings)
    yield made
    await made.close()


def target(directory: Path, *packages: Package, buildroot: tuple[str, ...] = (), filelists: bool = True) -> Target:
    url = write_repository(directory / "repo", packages, filelists=filelists)
    repositories = (Repository(url=url),)
    return Target(name="t", arch="x86_64", backend="x", repositories=repositories, buildroot=buildroot)


def fetched(settings: HawkeySettings) -> int:
    return len(list(settings.cache.glob("metadata/*/filelists.*")))


@pytest.mark.parametrize("need", ["data", "/usr/bin/data", "(/usr/bin/data and data)"])
async def test_they_are_left_where_they_are_without_need(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver, need: str
) -> None:
    where = target(tmp_path, PROVIDER, Srpm(name="app", requires=(need,)))
    snapshot = await resolver.snapshot(where)
    root = (await resolver.buildroots(snapshot.id, where, ["app"]))["app"]
    assert isinstance(root, Buildroot)
    assert fetched(settings) == 0


@pytest.mark.parametrize(
    "needy",
    [
        Srpm(name="app", requires=(DATA,)),
        Srpm(name="app", requires=(f"({DATA} or missing)",)),
        Srpm(name="app", conflicts=(DATA,)),
        Rpm(name="app", requires=(DATA,)),
        Srpm(name="app", requires=("/usr/bin/missing",)),
    ],
    ids=str,
)
async def test_a_requirement_that_primary_cannot_answer_fetches_them(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver, needy: Package
) -> None:
    await resolver.snapshot(target(tmp_path, PROVIDER, needy))
    assert fetched(settings) == 1


async def test_a_file_in_the_buildroot_fetches_them(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver
) -> None:
    await resolver.snapshot(target(tmp_path, PROVIDER, buildroot=(DATA,)))
    assert fetched(settings) == 1


async def test_a_file_outside_of_primary_is_found(tmp_path: Path, resolver: HawkeyResolver) -> None:
    where = target(tmp_path, PROVIDER, Srpm(name="app", requires=(DATA,)))
    snapshot = await resolver.snapshot(where)
    found = await resolver.reverse_dependencies(snapshot.id, where, Question(subject="data"))
    assert [item.source.name for item in found] == ["app"]


async def test_a_change_that_requires_such_a_file_fetches_them(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver
) -> None:
    where = target(tmp_path, PROVIDER, Rpm(name="lib"), Srpm(name="lib"), Srpm(name="app", requires=("lib",)))
    snapshot = await resolver.snapshot(where)
    assert fetched(settings) == 0
    url = write_repository(tmp_path / "change", [Rpm(name="lib", version="2", requires=(DATA,))])
    change = Overlay(repository=url, replaces=frozenset({"lib"}))
    impact = await resolver.impact(snapshot.id, where, change)
    assert [(item.source.name, item.effect) for item in impact.affected] == [("app", Effect.REBUILD)]
    roots = await resolver.buildroots(snapshot.id, where, ["app"], change)
    assert isinstance(roots["app"], Buildroot)
    assert [package.nevra.name for package in roots["app"].packages] == ["data", "lib"]
    assert fetched(settings) == 2


async def test_the_filelists_of_the_snapshot_are_fetched_and_no_others(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver
) -> None:
    where = target(tmp_path, PROVIDER, Rpm(name="lib"), Srpm(name="app", requires=("lib",)))
    snapshot = await resolver.snapshot(where)
    target(tmp_path, PROVIDER)  # the repository moves on
    url = write_repository(tmp_path / "change", [Rpm(name="lib", version="2", requires=(DATA,))])
    with pytest.raises(Transient, match="not there, or not any more"):
        await resolver.impact(snapshot.id, where, Overlay(repository=url, replaces=frozenset({"lib"})))
    assert fetched(settings) == 0


async def test_a_repository_without_filelists_is_asked_in_vain(tmp_path: Path, resolver: HawkeyResolver) -> None:
    where = target(tmp_path, PROVIDER, Srpm(name="app", requires=(DATA,)), filelists=False)
    snapshot = await resolver.snapshot(where)
    root = (await resolver.buildroots(snapshot.id, where, ["app"]))["app"]
    assert root == Unsolvable(problem=f"nothing provides {DATA} needed by app-1-1.src")


async def test_a_root_for_a_file_outside_of_primary_fetches_them(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver
) -> None:
    where = target(tmp_path, PROVIDER, Rpm(name="other"))
    snapshot = await resolver.snapshot(where)
    solver = HawkeyRootSolver(settings, snapshot.id, where)
    assert isinstance(solver.solve(["other"]), Buildroot)
    assert fetched(settings) == 0
    root = solver.solve([DATA])
    assert isinstance(root, Buildroot)
    assert [package.nevra.name for package in root.packages] == ["data"]
    assert fetched(settings) == 1


def test_what_was_found_out_without_them_is_not_what_there_is_with_them(
    tmp_path: Path, settings: HawkeySettings
) -> None:
    url = write_repository(tmp_path / "repo", [PROVIDER, Srpm(name="app", requires=(DATA,))])
    pinned = PinnedRepository(url=url, digest=fetch_metadata(url, settings))
    spec = UniverseSpec(cache=settings.cache, arch="x86_64", base=(Layer(url=url, digest=pinned.digest),))
    # Whoever asks who provides something has libsolv look for all files, and write down what it found.
    assert Universe(replace(spec, files=False)).providers("/usr/bin/data")
    fetch_later(pinned, FILELISTS, settings)
    for _ in range(2):  # the second time from what was written down
        roots = Roots(Universe(spec))
        assert isinstance(roots.of_source(roots.universe.sources["app"]), Root)


def test_who_has_the_files_is_written_down_with_the_first_loading(tmp_path: Path, settings: HawkeySettings) -> None:
    url = write_repository(tmp_path / "repo", [PROVIDER, Srpm(name="app", requires=(DATA,))])
    pinned = PinnedRepository(url=url, digest=fetch_metadata(url, settings))
    fetch_later(pinned, FILELISTS, settings)
    universe = Universe(UniverseSpec(cache=settings.cache, arch="x86_64", base=(Layer(url=url, digest=pinned.digest),)))

    def written() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (settings.cache / "solv").iterdir()}

    at_first = written()
    assert universe.providers(DATA)
    assert written() == at_first


async def test_those_of_one_repository_are_not_enough_where_another_is_asked(
    tmp_path: Path, settings: HawkeySettings, resolver: HawkeyResolver
) -> None:
    first = target(tmp_path, PROVIDER, Srpm(name="app", requires=(DATA,)))
    await resolver.snapshot(first)
    second = write_repository(tmp_path / "second", [Rpm(name="icons", files=("/usr/share/icons/file",))])
    both = replace(
        first,
        name="both",
        repositories=(*first.repositories, Repository(url=second)),
        buildroot=("/usr/share/icons/file",),
    )
    snapshot = await resolver.snapshot(both)
    root = (await resolver.buildroots(snapshot.id, both, ["app"]))["app"]
    assert isinstance(root, Buildroot)
    assert [package.nevra.name for package in root.packages] == ["data", "icons"]
    assert fetched(settings) == 2
