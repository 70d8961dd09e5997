"""Repositories behind mirrors, redirects and signatures, and what changes while they are read."""

import asyncio
import gzip
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.fetch import UnavailableError, fetch
from bot.adapters.hawkey.packages import fetch_packages
from bot.adapters.hawkey.pins import metadata_directory
from bot.adapters.hawkey.snapshots import Snapshots
from bot.domain.packages import BinaryPackage, Nevra
from bot.domain.target import Repository, RepositoryKind, Target
from bot.ports.errors import Misconfigured, Transient
from tests.fakes.bench import DOWN, Bench, primary_of
from tests.fakes.rpmmd import Rpm, write_repository
from tests.fakes.site import serve


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(serve(tmp_path / name)) for name in ("first", "second")]
        yield Bench(tmp_path, *sites)


# Mirrors.


async def test_a_mirror_that_is_down_is_passed_over(bench: Bench) -> None:
    bench.only(bench.first, bench.second)
    bench.settings = replace(bench.settings, allowed_hosts=(*bench.settings.allowed_hosts, "127.0.0.1:9"))
    bench.metalink(DOWN, bench.second.url("repo"))
    found = await bench.read("metalink", kind=RepositoryKind.METALINK)
    assert (found.url, found.mirrors) == (bench.second.url("repo"), (DOWN,))
    assert bench.first.asked == ["/metalink"]


async def test_a_mirror_list_is_read_line_by_line(bench: Bench) -> None:
    lines = ["# mirrors", "", "rsync://mirror.example.org/repo/", "no address", "http://[", bench.second.url("repo/")]
    (bench.first.root / "list").write_text("\n".join(lines))
    found = await bench.read("list", kind=RepositoryKind.MIRRORLIST)
    assert found.url == bench.second.url("repo/")


async def test_preferred_mirrors_come_first(bench: Bench) -> None:
    bench.metalink(bench.second.url("repo"), bench.first.url("repo"))
    found = await bench.read("metalink", kind=RepositoryKind.METALINK)
    assert (found.url, found.mirrors) == (bench.second.url("repo"), (bench.first.url("repo"),))


async def test_mirrors_on_other_hosts_are_never_asked(bench: Bench) -> None:
    bench.only(bench.first)
    bench.metalink(bench.second.url("repo"), bench.first.url("repo"))
    found = await bench.read("metalink", kind=RepositoryKind.METALINK)
    assert (found.url, found.mirrors) == (bench.first.url("repo"), ())
    assert bench.second.asked == []


async def test_a_metalink_of_mirrors_that_are_not_allowed_is_for_the_operator(bench: Bench) -> None:
    bench.only(bench.first)
    bench.metalink(bench.second.url("repo"), "http://mirror.example.org/repo")
    problem = await bench.refused("metalink", kind=RepositoryKind.METALINK)
    assert "none of the 2 mirrors that it names is on an allowed host" in problem.what
    assert "mirror.example.org" in problem.what


@pytest.mark.parametrize("bases", [(), ("rsync://mirror.example.org/repo", "ftp://mirror.example.org/repo")])
async def test_a_metalink_without_a_mirror_that_can_be_read(bench: Bench, bases: tuple[str, ...]) -> None:
    bench.metalink(*bases)
    problem = await bench.refused("metalink", kind=RepositoryKind.METALINK)
    assert "names no mirror that can be read" in problem.what


@pytest.mark.parametrize("text", ["no XML", "<metalink/>", '<metalink><file name="other.iso"/></metalink>'])
async def test_what_is_no_metalink_is_for_the_operator(bench: Bench, text: str) -> None:
    (bench.first.root / "metalink").write_text(text)
    problem = await bench.refused("metalink", kind=RepositoryKind.METALINK)
    assert problem.where == bench.first.url("metalink")
    assert "metalink" in problem.what


async def test_a_list_of_mirrors_that_is_not_there_is_for_the_operator(bench: Bench) -> None:
    assert "there is no mirrorlist" in (await bench.refused("nothing", kind=RepositoryKind.MIRRORLIST)).what


async def test_a_list_of_mirrors_that_cannot_be_reached_is_worth_another_try(bench: Bench) -> None:
    bench.first.fail("list", 503)
    with pytest.raises(Transient, match="503"):
        await bench.read("list", kind=RepositoryKind.MIRRORLIST)


async def test_a_mirror_with_another_state_than_the_metalink_says_is_passed_over(bench: Bench) -> None:
    bench.metalink(bench.second.url("repo"), bench.first.url("repo"))
    write_repository(bench.second.root / "repo", [Rpm(name="old")])
    assert (await bench.read("metalink", kind=RepositoryKind.METALINK)).url == bench.first.url("repo")


async def test_a_metalink_that_no_mirror_meets_is_worth_another_try(bench: Bench) -> None:
    bench.metalink(bench.first.url("repo"), bench.second.url("repo"), digest="0" * 64)
    with pytest.raises(Transient, match="not the one that the metalink describes"):
        await bench.read("metalink", kind=RepositoryKind.METALINK)


async def test_a_mirror_with_an_error_page_for_repomd_is_passed_over(bench: Bench) -> None:
    (bench.first.root / "list").write_text(f"{bench.first.url('repo')}\n{bench.second.url('repo')}\n")
    (bench.first.root / "repo/repodata/repomd.xml").write_text("<html/>")
    assert (await bench.read("list", kind=RepositoryKind.MIRRORLIST)).url == bench.second.url("repo")


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"other")])
async def test_a_file_that_one_mirror_lacks_comes_from_the_next(bench: Bench, spoil: Callable[[Path], None]) -> None:
    bench.metalink(bench.first.url("repo"), bench.second.url("repo"))
    spoil(primary_of(bench.first))
    found = await bench.read("metalink", kind=RepositoryKind.METALINK)
    kept = metadata_directory(bench.settings.cache, found.digest) / "primary.xml.gz"
    assert kept.read_bytes() == primary_of(bench.second).read_bytes()


# Redirects.


async def test_a_redirect_to_an_allowed_host_is_followed(bench: Bench) -> None:
    bench.first.redirect("repo/repodata/repomd.xml", bench.second.url("repo/repodata/repomd.xml"))
    assert (await bench.read()).url == bench.first.url("repo")
    assert bench.second.asked == ["/repo/repodata/repomd.xml"]


async def test_a_redirect_within_a_host_is_followed(bench: Bench) -> None:
    bench.first.redirect("alias/repodata/repomd.xml", "/repo/repodata/repomd.xml")
    shutil.copytree(bench.first.root / "repo", bench.first.root / "alias")
    await bench.read("alias")
    assert bench.first.asked[:2] == ["/alias/repodata/repomd.xml", "/repo/repodata/repomd.xml"]


@pytest.mark.parametrize("file", ["repomd.xml", "primary"])
async def test_a_redirect_to_another_host_is_not_followed(bench: Bench, file: str) -> None:
    bench.only(bench.first)
    path = "repo/repodata/" + (file if file == "repomd.xml" else primary_of(bench.first).name)
    bench.first.redirect(path, bench.second.url(path))
    with pytest.raises((Misconfigured, Transient), match=r"redirects to .* which is not among the allowed hosts"):
        await bench.read()
    assert bench.second.asked == []


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://[", ""])
async def test_a_redirect_to_what_is_no_place_for_a_repository_is_not_followed(
    tmp_path: Path, bench: Bench, to: str
) -> None:
    bench.first.redirect("x", to)
    settings = replace(bench.settings, allowed_hosts=("*",), allow_file=True)
    with pytest.raises(UnavailableError, match="redirects"):
        await asyncio.to_thread(fetch, bench.first.url("x"), tmp_path / "x", most=9, settings=settings)
    assert not (tmp_path / "x").exists()


async def test_redirects_in_a_circle_end(bench: Bench) -> None:
    bench.first.redirect("repo/repodata/repomd.xml", "/repo/repodata/repomd.xml")
    with pytest.raises(Transient, match="redirects more than"):
        await bench.read()


# What has changed, and what has not.


async def test_what_has_not_changed_is_not_sent_again(bench: Bench) -> None:
    first = await bench.read()
    del bench.first.asked[:], bench.first.statuses[:]
    assert await bench.read() == first
    assert (bench.first.asked, bench.first.statuses) == (["/repo/repodata/repomd.xml"], [304])


async def test_what_has_changed_is_read(bench: Bench) -> None:
    first = await bench.read()
    write_repository(bench.first.root / "repo", [Rpm(name="new")])
    assert (await bench.read()).digest != first.digest


async def test_what_was_evicted_is_sent_again(bench: Bench) -> None:
    first = await bench.read()
    shutil.rmtree(metadata_directory(bench.settings.cache, first.digest))
    assert await bench.read() == first
    assert 304 not in bench.first.statuses


async def test_no_mirror_is_asked_for_what_the_metalink_says_has_not_changed(bench: Bench) -> None:
    bench.metalink(bench.second.url("repo"))
    first = await bench.read("metalink", kind=RepositoryKind.METALINK)
    del bench.second.asked[:]
    assert await bench.read("metalink", kind=RepositoryKind.METALINK) == first
    assert bench.second.asked == []


async def test_ten_who_wait_share_one_download(bench: Bench) -> None:
    snapshots = Snapshots(bench.settings)
    targets = [
        Target(name=f"t{number}", arch="x86_64", backend="x", repositories=(Repository(url=url, priority=number + 1),))
        for number, url in enumerate([bench.first.url("repo")] * 10)
    ]
    pins = await asyncio.gather(*(snapshots.pin(target) for target in targets))
    assert len({pin.id for pin, _ in pins}) == 1
    assert len(bench.first.asked) == len(set(bench.first.asked))


async def test_one_who_no_longer_waits_does_not_end_it_for_the_others(bench: Bench) -> None:
    snapshots = Snapshots(bench.settings)
    target = Target(name="t", arch="x86_64", backend="x", repositories=(Repository(url=bench.first.url("repo")),))
    one, other = (asyncio.create_task(snapshots.pin(target)) for _ in range(2))
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    bench.first.before = lambda _path: loop.call_soon(asked.set) and None
    await asked.wait()
    one.cancel()
    assert not (await other)[1]
    assert one.cancelled()


async def test_a_repository_that_changes_while_it_is_read_is_read_again(bench: Bench) -> None:
    def change(path: str) -> None:
        if path.endswith("primary.xml.gz") and len(bench.first.asked) == 2:
            write_repository(bench.first.root / "repo", [Rpm(name="new")])

    bench.first.before = change
    found = await bench.read()
    kept = metadata_directory(bench.settings.cache, found.digest) / "primary.xml.gz"
    assert b"<name>new</name>" in gzip.decompress(kept.read_bytes())


async def test_a_repository_that_never_stops_changing_is_given_up(bench: Bench) -> None:
    def change(path: str) -> None:
        if path.endswith("primary.xml.gz"):
            write_repository(bench.first.root / "repo", [Rpm(name=f"new{len(bench.first.asked)}")])

    bench.first.before = change
    with pytest.raises(Transient, match="being written just now"):
        await bench.read()
    assert sum(path.endswith("repomd.xml") for path in bench.first.asked) == 3


async def test_a_repository_that_lacks_a_file_is_not_asked_for_it_for_ever(bench: Bench) -> None:
    primary_of(bench.first).unlink()
    with pytest.raises(Transient, match="404"):
        await bench.read()
    assert sum(path.endswith("repomd.xml") for path in bench.first.asked) == 2


# Packages.


async def fetch_one(bench: Bench) -> bytes:
    """Fetch a package of the first server's repository, of which the second is a mirror; return its contents."""
    [name] = [path.name for path in (bench.second.root / "repo/Packages").glob("libbar-1-1.x86_64.rpm")]
    digest = hashlib.sha256((bench.second.root / "repo/Packages" / name).read_bytes()).hexdigest()
    package = BinaryPackage(
        nevra=Nevra(name="libbar", version="1", release="1", arch="x86_64"),
        location=bench.first.url(f"repo/Packages/{name}"),
        checksum=f"sha256:{digest}",
    )
    mirrors = {bench.first.url("repo"): (bench.second.url("repo/"),)}
    [path] = await asyncio.to_thread(fetch_packages, [package], mirrors, bench.settings)
    return Path(path).read_bytes()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"other")])
async def test_a_package_that_one_mirror_lacks_comes_from_the_next(bench: Bench, spoil: Callable[[Path], None]) -> None:
    spoil(bench.first.root / "repo/Packages/libbar-1-1.x86_64.rpm")
    assert b"libbar" in await fetch_one(bench)
    del bench.first.asked[:], bench.second.asked[:]
    assert b"libbar" in await fetch_one(bench)
    assert bench.first.asked == bench.second.asked == []


async def test_a_package_that_no_mirror_has_is_worth_another_try(bench: Bench) -> None:
    for site in (bench.first, bench.second):
        site.fail("repo/Packages/libbar-1-1.x86_64.rpm", 503)
    with pytest.raises(Transient, match=r"answers 503.*answers 503"):
        await fetch_one(bench)


async def test_a_package_is_not_fetched_from_where_a_redirect_leads(bench: Bench) -> None:
    for site in (bench.first, bench.second):
        site.redirect("repo/Packages/libbar-1-1.x86_64.rpm", "http://other.example.org/libbar.rpm")
    with pytest.raises(Misconfigured, match=r"redirects to .*other\.example\.org"):
        await fetch_one(bench)
