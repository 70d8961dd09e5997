"""Repositories as they are: down, corrupt, half written, empty, in every compression, over HTTP and on disk."""

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured, Transient
from bot.ports.resolver import Question, Snapshot
from tests.fakes.rpmmd import Rpm, Srpm, soname_move, write_repository

Take = Callable[..., Awaitable[Snapshot]]


@pytest.fixture
async def take(tmp_path: Path) -> AsyncIterator[Take]:
    """Takes a snapshot of repositories, and closes what it needed for that."""
    made: list[HawkeyResolver] = []

    async def take(*urls: str, hosts: tuple[str, ...] = (), allow_file: bool = True, stale: bool = False) -> Snapshot:
        settings = HawkeySettings(
            cache=tmp_path / "cache", workers=1, allowed_hosts=hosts, allow_file=allow_file, serve_stale=stale
        )
        made.append(HawkeyResolver(settings))
        return await made[-1].snapshot(_target(*urls))

    yield take
    for resolver in made:
        await resolver.close()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[TestServer]:
    """An HTTP server over the directory `www`."""
    (tmp_path / "www").mkdir()
    app = web.Application()
    app.router.add_static("/", tmp_path / "www")
    async with TestServer(app) as server:
        yield server


def _target(*urls: str) -> Target:
    return Target(name="t", arch="x86_64", backend="x", repositories=tuple(Repository(url=url) for url in urls))


@pytest.mark.parametrize("compression", ["", "gz", "xz", "zst"])
async def test_every_compression_is_read(tmp_path: Path, take: Take, compression: str) -> None:
    url = write_repository(tmp_path / "repo", soname_move(), compression=compression)
    snapshot = await take(url)
    assert (snapshot.binaries, snapshot.sources) == (8, 6)


async def test_a_repository_is_read_over_http(tmp_path: Path, take: Take, served: TestServer) -> None:
    url = write_repository(tmp_path / "www" / "repo", soname_move())
    over_http = await take(str(served.make_url("/repo")), hosts=("127.0.0.1",))
    assert over_http.id == (await take(url)).id


async def test_a_repository_without_filelists_is_read(tmp_path: Path, take: Take) -> None:
    url = write_repository(tmp_path / "repo", soname_move(), filelists=False)
    assert (await take(url)).binaries == 8


async def test_a_repository_that_is_down_is_worth_another_try(take: Take) -> None:
    with pytest.raises(Transient, match="down"):
        await take("http://127.0.0.1:9/repo", hosts=("127.0.0.1",))


async def test_a_half_written_repository_is_worth_another_try(tmp_path: Path, take: Take) -> None:
    url = write_repository(tmp_path / "repo", soname_move())
    next((tmp_path / "repo").rglob("*-primary.xml.gz")).unlink()
    with pytest.raises(Transient, match="being written"):
        await take(url)


async def test_metadata_with_another_checksum_are_not_taken(tmp_path: Path, take: Take) -> None:
    url = write_repository(tmp_path / "repo", soname_move())
    next((tmp_path / "repo").rglob("*-primary.xml.gz")).write_bytes(gzip.compress(b"<metadata/>"))
    with pytest.raises(Transient):
        await take(url)


async def test_a_half_written_repository_over_http_is_worth_another_try(
    tmp_path: Path, take: Take, served: TestServer
) -> None:
    write_repository(tmp_path / "www" / "repo", soname_move())
    next((tmp_path / "www").rglob("*-primary.xml.gz")).unlink()
    with pytest.raises(Transient):
        await take(str(served.make_url("/repo")), hosts=("127.0.0.1",))


async def test_a_corrupt_repomd_is_for_the_operator(tmp_path: Path, take: Take) -> None:
    url = write_repository(tmp_path / "repo", soname_move())
    (tmp_path / "repo" / "repodata" / "repomd.xml").write_text("<html>")
    with pytest.raises(Misconfigured, match="corrupt") as caught:
        await take(url)
    assert caught.value.where == url


async def test_corrupt_primary_metadata_are_for_the_operator(tmp_path: Path, take: Take) -> None:
    odd = Rpm(name="bad<name")  # which is written as it is, and is no XML then
    url = write_repository(tmp_path / "repo", [odd])
    with pytest.raises(Misconfigured, match="cannot be read") as caught:
        await take(url)
    assert caught.value.mend == "Create them anew with createrepo_c."


async def test_a_repository_without_packages_is_for_the_operator(tmp_path: Path, take: Take) -> None:
    url = write_repository(tmp_path / "repo", [])
    with pytest.raises(Misconfigured, match="no binary packages"):
        await take(url)


@pytest.mark.parametrize("over_http", [False, True])
async def test_a_place_without_a_repository_is_for_the_operator(
    tmp_path: Path, take: Take, served: TestServer, over_http: bool
) -> None:
    url = str(served.make_url("/nothing")) if over_http else (tmp_path / "nothing").as_uri()
    with pytest.raises(Misconfigured, match="there is no repository"):
        await take(url, hosts=("127.0.0.1",))


@pytest.mark.parametrize("url", ["http://example.org/repo", "ftp://127.0.0.1/repo", "http://127.0.0.1.example.org/"])
async def test_only_allowed_places_are_read(take: Take, url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        await take(url, hosts=("127.0.0.1",))
    assert caught.value.where == url


async def test_a_local_repository_needs_permission(tmp_path: Path, take: Take) -> None:
    with pytest.raises(Misconfigured, match="not allowed"):
        await take(write_repository(tmp_path / "repo", soname_move()), allow_file=False)


async def test_the_last_good_metadata_serve_where_that_is_allowed(tmp_path: Path, take: Take) -> None:
    url = write_repository(tmp_path / "repo", soname_move())
    good = await take(url)
    write_repository(tmp_path / "repo", [Srpm(name="new")])
    next((tmp_path / "repo").rglob("*-primary.xml.gz")).unlink()
    stale = await take(url, stale=True)
    assert stale.stale
    assert stale.id == good.id
    with pytest.raises(Transient):
        await take(url)


async def test_a_pinned_snapshot_answers_after_its_repository_has_moved_on(tmp_path: Path) -> None:
    target = _target(write_repository(tmp_path / "repo", soname_move()))
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=1, allow_file=True))
    try:
        snapshot = await resolver.snapshot(target)
        write_repository(tmp_path / "repo", [Rpm(name="other")])
        found = await resolver.reverse_dependencies(snapshot.id, target, Question(subject="libfoo"))
        assert [item.source.name for item in found] == ["libbar", "prog-a", "prog-b", "app"]
    finally:
        await resolver.close()


async def test_a_snapshot_that_was_removed_is_said_to_be_gone(tmp_path: Path) -> None:
    target = _target(write_repository(tmp_path / "repo", soname_move()))
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=1, allow_file=True))
    snapshot = await resolver.snapshot(target)
    await resolver.close()
    (tmp_path / "cache" / "snapshots" / snapshot.id / "snapshot.json").unlink()
    with pytest.raises(Misconfigured, match="gone from the cache"):
        await resolver.reverse_dependencies(snapshot.id, target, Question(subject="libfoo"))
