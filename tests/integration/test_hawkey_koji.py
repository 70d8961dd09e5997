"""Koji: the latest repository of a tag, and the tag's source packages, read from a hub at the wire."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.hawkey.koji_sources import latest_repository, read_sources
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from bot.domain.target import KojiTag, Repository, Target
from bot.ports.errors import Misconfigured, Transient
from bot.ports.resolver import Question
from tests.fakes.koji_reading import ReadingHub, Source, served
from tests.fakes.rpmmd import Rpm, write_repository

TOP = "http://127.0.0.1:9/kojifiles"


@pytest.fixture
def hub() -> ReadingHub:
    return ReadingHub(tags={"f42-build": []}, repos={"f42-build": [(7, 100), (8, 200)]})


@pytest.fixture
async def tag(hub: ReadingHub) -> AsyncIterator[KojiTag]:
    async with served(hub) as address:
        yield KojiTag(hub=address, topurl=TOP, tag="f42-build")


async def sources(directory: Path, tag: KojiTag, event: int = 200) -> Universe:
    digest = await asyncio.to_thread(read_sources, tag, event, directory)
    return Universe(UniverseSpec(cache=directory, arch="x86_64", base=(Layer(url=TOP, digest=digest),)))


async def test_a_tags_repository_goes_by_its_number(tag: KojiTag) -> None:
    found = await asyncio.to_thread(latest_repository, tag, "x86_64")
    assert (found.url, found.event) == (f"{TOP}/repos/f42-build/8/x86_64", 200)


async def test_koji_has_names_of_its_own_for_architectures(tag: KojiTag) -> None:
    assert (await asyncio.to_thread(latest_repository, tag, "i686")).url.endswith("/8/i386")


async def test_source_packages_are_as_in_a_source_repository(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    requires = ("gcc", "zlib-devel >= 1:1.2-3", "(a or b)", "/usr/bin/foo")
    hub.tags["f42-build"] = [Source(id=1, name="app", epoch=2, requires=requires, conflicts=("bad < 2",))]
    universe = await sources(tmp_path, tag)
    (number,) = universe.packages
    package = universe.packages[number]
    assert sorted(map(str, package.requires)) == sorted(requires)
    assert list(map(str, package.conflicts)) == ["bad < 2"]
    found = universe.source(number)
    assert str(found.nevra) == "app-2:1-1.src"
    assert found.location == f"{TOP}/packages/app/1/1/src/app-1-1.src.rpm"
    assert found.checksum == f"md5:{1:032x}"
    assert not found.dynamic


async def test_a_package_with_dynamic_requirements_is_marked(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app", requires=("rpmlib(DynamicBuildRequires) <= 4.15.0-1",))]
    universe = await sources(tmp_path, tag)
    assert universe.source(universe.sources["app"]).dynamic


async def test_a_build_on_another_volume_is_found_there(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app", volume="big", arch="nosrc")]
    universe = await sources(tmp_path, tag)
    location = universe.source(universe.sources["app"]).location
    assert location == f"{TOP}/vol/big/packages/app/1/1/nosrc/app-1-1.nosrc.rpm"


@pytest.mark.parametrize(
    ("exclusive", "excluded", "elsewhere"),
    [
        ((), (), False),
        (("x86_64", "aarch64"), (), False),
        (("noarch",), (), False),
        (("s390x",), (), True),
        ((), ("x86_64",), True),
        ((), ("s390x",), False),
    ],
)
async def test_packages_that_are_not_built_on_the_architecture_are_known(
    hub: ReadingHub,
    tag: KojiTag,
    tmp_path: Path,
    exclusive: tuple[str, ...],
    excluded: tuple[str, ...],
    elsewhere: bool,
) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app", exclusive=exclusive, excluded=excluded)]
    universe = await sources(tmp_path, tag)
    assert universe.source(universe.sources["app"]).elsewhere is elsewhere


async def test_the_tag_is_read_as_of_the_repositorys_event(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app"), Source(id=2, name="app", version="2", since=201)]
    universe = await sources(tmp_path, tag, event=200)
    assert [str(package) for package in universe.packages.values()] == ["app-1-1.src"]


async def test_calls_go_in_bounded_batches(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=number, name=f"p{number}") for number in range(120)]
    await sources(tmp_path, tag)
    assert hub.calls.count("getRPMDeps") == hub.calls.count("getRPMHeaders") == 120
    assert hub.requests == 1 + 3


async def test_a_package_is_asked_for_once_and_for_ever(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app", requires=("gcc",), excluded=("s390x",))]
    first = await sources(tmp_path, tag)
    hub.tags["f42-build"].append(Source(id=2, name="other"))
    second = await sources(tmp_path, tag)
    assert hub.calls.count("getRPMDeps") == 2
    assert str(second.packages[second.sources["app"]].requires[0]) == "gcc"
    assert first.spec.base != second.spec.base


async def test_equal_tags_have_equal_metadata(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=2, name="b"), Source(id=1, name="a", excluded=("s390x",))]
    one = await asyncio.to_thread(read_sources, tag, 200, tmp_path / "one")
    hub.tags["f42-build"].reverse()
    assert await asyncio.to_thread(read_sources, tag, 200, tmp_path / "two") == one


async def test_another_payload_under_the_same_id_is_asked_for_anew(
    hub: ReadingHub, tag: KojiTag, tmp_path: Path
) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app")]
    await sources(tmp_path, tag)
    hub.tags["f42-build"] = [Source(id=1, name="app", payloadhash="f" * 32, requires=("make",))]
    universe = await sources(tmp_path, tag)
    assert [str(need) for need in universe.packages[universe.sources["app"]].requires] == ["make"]


async def test_a_source_package_whose_file_is_gone_says_so(hub: ReadingHub, tag: KojiTag, tmp_path: Path) -> None:
    hub.tags["f42-build"] = [Source(id=1, name="app", missing=True), Source(id=2, name="other")]
    universe = await sources(tmp_path, tag)
    assert "RPM file of 1 doesn't exist" in str(universe.packages[universe.sources["app"]].requires[0])
    hub.tags["f42-build"][0].missing = False
    universe = await sources(tmp_path, tag)  # it is asked for again
    assert not universe.packages[universe.sources["app"]].requires


@pytest.mark.parametrize("change", [{"tag": "f42-biuld"}])
async def test_an_unknown_tag_is_for_the_owner(tag: KojiTag, tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="No such entry in table tag"):
        await asyncio.to_thread(read_sources, replace(tag, **change), 1, tmp_path)


async def test_a_tag_without_a_repository_is_for_the_owner(hub: ReadingHub, tag: KojiTag) -> None:
    hub.repos.clear()
    with pytest.raises(Misconfigured, match="the tag has no repository"):
        await asyncio.to_thread(latest_repository, tag, "x86_64")


async def test_a_hub_that_is_offline_is_worth_another_try(hub: ReadingHub, tag: KojiTag) -> None:
    hub.offline = True
    with pytest.raises(Transient, match="offline"):
        await asyncio.to_thread(latest_repository, tag, "x86_64")


@pytest.mark.parametrize(("status", "body"), [(502, "down"), (200, "<html>down"), (200, "<html></html>"), (404, "")])
async def test_what_is_no_hub_is_worth_another_try(status: int, body: str) -> None:
    async def post(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_post("/kojihub", post)
    async with TestServer(app) as server:
        tag = KojiTag(hub=str(server.make_url("/kojihub")), topurl=TOP, tag="t")
        with pytest.raises(Transient, match="does not answer"):
            await asyncio.to_thread(latest_repository, tag, "x86_64")


async def test_a_hub_that_cannot_be_reached_is_worth_another_try() -> None:
    with pytest.raises(Transient, match="does not answer"):
        await asyncio.to_thread(latest_repository, KojiTag(hub="http://127.0.0.1:9/", topurl=TOP, tag="t"), "x86_64")


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[str]:
    """The hub's files over HTTP."""
    (tmp_path / "top").mkdir()
    app = web.Application()
    app.router.add_static("/kojifiles", tmp_path / "top")
    async with TestServer(app) as server:
        yield str(server.make_url("/kojifiles"))


@pytest.fixture
async def resolver(tmp_path: Path) -> AsyncIterator[HawkeyResolver]:
    settings = HawkeySettings(cache=tmp_path / "cache", workers=0, allowed_hosts=("127.0.0.1",))
    made = HawkeyResolver(settings)
    yield made
    await made.close()


def of_tag(tag: KojiTag) -> Target:
    url = f"{tag.topurl}/repos/{tag.tag}/latest/x86_64"
    return Target(name="t", arch="x86_64", backend="koji", repositories=(Repository(url=url, koji=tag),))


async def test_a_target_on_a_tag_has_the_repositorys_binaries_and_the_hubs_sources(
    hub: ReadingHub, tag: KojiTag, files: str, resolver: HawkeyResolver, tmp_path: Path
) -> None:
    target = of_tag(replace(tag, topurl=files))
    hub.tags["f42-build"] = [Source(id=1, name="app", requires=("zlib-devel",)), Source(id=2, name="zlib")]
    packages = [Rpm(name="zlib"), Rpm(name="zlib-devel", source="zlib", requires=("zlib",))]
    write_repository(tmp_path / "top" / "repos" / "f42-build" / "8" / "x86_64", packages)
    snapshot = await resolver.snapshot(target)
    assert (snapshot.binaries, snapshot.sources) == (2, 2)
    found = await resolver.reverse_dependencies(snapshot.id, target, Question(subject="zlib"))
    assert [item.source.name for item in found] == ["app"]
    # The tag moves on: a new repository, and a package that is tagged anew. What is pinned stays.
    hub.repos["f42-build"].append((9, 300))
    hub.tags["f42-build"].append(Source(id=3, name="new", requires=("zlib",), since=300))
    write_repository(tmp_path / "top" / "repos" / "f42-build" / "9" / "x86_64", packages)
    later = await resolver.snapshot(target)
    assert (later.sources, later.id == snapshot.id) == (3, False)
    found = await resolver.reverse_dependencies(snapshot.id, target, Question(subject="zlib"))
    assert [item.source.name for item in found] == ["app"]


async def test_a_hub_on_another_host_is_not_asked(tag: KojiTag, files: str, resolver: HawkeyResolver) -> None:
    with pytest.raises(Misconfigured, match="not among the allowed hosts"):
        await resolver.snapshot(of_tag(replace(tag, topurl=files, hub="http://koji.example.org/kojihub")))
