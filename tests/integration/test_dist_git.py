"""The commits of a dist-git: told by a Koji at the wire, or by real git over HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.dist_git import DistGitPins
from bot.domain.packages import Nevra, SourcePackage
from bot.domain.target import DistGit, KojiTag, Repository, Target
from bot.ports.pins import Commits
from tests.fakes.git_http import backend, who_are_you
from tests.fakes.koji_reading import ReadingHub, Source, served

TOP = "http://127.0.0.1:9/kojifiles"
KNOWN = "c" * 40


class Served:
    """Repositories below `rpms/`. `trouble` answers in place of git; nobody is answered before so many ask at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.trouble: int = 0
        self.gate = asyncio.Barrier(1)
        self.passwords: list[str] = []

    async def add(self, name: str, *branches: str) -> str:
        """Make a repository with one commit at these branches; returns the commit."""
        where = self.root / "rpms" / f"{name}.git"
        where.parent.mkdir(parents=True, exist_ok=True)
        await _git(self.root, "init", "-q", "--bare", str(where))
        tree = await _git(where, "mktree")
        commit = await _git(where, "commit-tree", tree, "-m", f"Import {name}")
        for branch in branches:
            await _git(where, "update-ref", f"refs/heads/{branch}", commit)
        return commit

    async def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.asked.append(name)
        if "Authorization" in request.headers:
            self.passwords.append(base64.b64decode(request.headers["Authorization"].split()[1]).decode())
        if self.trouble == 401:
            return who_are_you("dist-git")
        if self.trouble:
            return web.Response(status=self.trouble)
        with suppress(asyncio.BrokenBarrierError):
            await self.gate.wait()
        if not (self.root / "rpms" / f"{name}.git").exists():
            return web.Response(status=404, text="Project not found")
        return await backend(self.root, request, f"rpms/{name}.git/{request.match_info['rest']}")


async def _git(where: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=octocat", "-c", "user.email=octocat@example.org")
    process = await asyncio.create_subprocess_exec(
        "git", *identity, *arguments, cwd=where, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode().strip()


@pytest.fixture
def repositories(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.fixture
async def url(repositories: Served) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/rpms/{name}/{rest:.*}", repositories.answer)
    async with TestServer(app) as server:
        yield f"{str(server.make_url('/')).rstrip('/')}/rpms/{{name}}"
        await repositories.gate.abort()


def source(name: str, top: str = "https://example.org") -> SourcePackage:
    nevra = Nevra(name=name, epoch=1, version="1", release="1", arch="src")
    return SourcePackage(nevra=nevra, location=f"{top}/packages/{name}/1/1/src/{name}-1-1.src.rpm", checksum="md5:0")


def target(url: str, branch: str | None = "rawhide", koji: KojiTag | None = None) -> Target:
    repository = Repository(url="https://example.org", koji=koji)
    dist_git = DistGit(url=url, branch=branch)
    return Target(name="t", arch="x86_64", backend="copr", repositories=(repository,), dist_git=dist_git)


async def test_the_head_of_the_branch_is_the_commit(repositories: Served, url: str) -> None:
    foo = await repositories.add("foo", "rawhide", "x/refs/heads/rawhide")
    bar = await repositories.add("gtk+", "rawhide", "f42")
    await repositories.add("old", "f42")

    found = await DistGitPins().commits(target(url), [source(name) for name in ("foo", "gtk+", "old", "none")])

    assert found == Commits(found={"foo": foo, "gtk+": bar})
    assert repositories.passwords == []


async def test_where_git_wants_a_password_there_is_nothing_for_us(repositories: Served, url: str) -> None:
    await repositories.add("foo", "rawhide")
    repositories.trouble = 401

    assert await DistGitPins().commits(target(url), [source("foo")]) == Commits()


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_in_trouble_is_asked_later(repositories: Served, url: str, status: int) -> None:
    await repositories.add("foo", "rawhide")
    repositories.trouble = status

    told = await DistGitPins().commits(target(url), [source("foo")])

    assert (told.found, list(told.silent)) == ({}, ["foo"])
    assert str(status) in told.silent["foo"]


async def test_so_many_are_asked_for_at_once(repositories: Served, url: str) -> None:
    repositories.gate = asyncio.Barrier(3)
    names = [f"p{number}" for number in range(9)]

    assert await DistGitPins(parallel=3).commits(target(url), [source(name) for name in names]) == Commits()
    assert sorted(repositories.asked) == names


async def test_no_more_are_asked_for_at_once_and_a_server_that_says_nothing_is_asked_later(
    repositories: Served, url: str
) -> None:
    repositories.gate = asyncio.Barrier(4)
    names = [f"p{number}" for number in range(9)]

    told = await DistGitPins(parallel=3, patience=timedelta(seconds=1)).commits(
        target(url), [source(name) for name in names]
    )

    assert (told.found, sorted(told.silent)) == ({}, names)
    assert all("no answer within" in why for why in told.silent.values())
    assert len(repositories.asked) == 3


async def test_without_a_dist_git_nobody_is_asked(repositories: Served, url: str) -> None:
    plain = Target(name="t", arch="x86_64", backend="copr", repositories=())

    assert await DistGitPins().commits(plain, [source("foo")]) == Commits()
    assert repositories.asked == []


async def test_koji_tells_what_it_built(repositories: Served, url: str) -> None:
    head = await repositories.add("imported", "rawhide")
    await repositories.add("foo", "rawhide")
    built = {
        "foo": f"git+{url.format(name='foo')}.git#{KNOWN}",
        "gtk+": f"git+{url.format(name='gtk+')}?#{KNOWN}",
        "imported": None,
        "fork": f"git+{url.replace('rpms', 'forks/octocat/rpms').format(name='fork')}#{KNOWN}",
        "renamed": f"git+{url.format(name='other')}#{KNOWN}",
        "part": f"git+{url.format(name='part')}?directory#{KNOWN}",
        "branch": f"git+{url.format(name='branch')}#rawhide",
        "uploaded": "cli-build/1/uploaded-1-1.src.rpm",
    }
    hub = ReadingHub(
        tags={"f42-build": [Source(id=n, name=name, origin=told) for n, (name, told) in enumerate(built.items(), 1)]}
    )
    async with served(hub) as address:
        tag = KojiTag(hub=address, topurl=TOP, tag="f42-build")
        packages = [*(source(name, TOP) for name in (*built, "unknown")), source("imported2")]
        with_branch = await DistGitPins().commits(target(url, koji=tag), packages)
        asked = set(repositories.asked)
        without = await DistGitPins().commits(target(url, None, tag), packages)

    assert without == Commits(found={"foo": KNOWN, "gtk+": KNOWN})
    assert with_branch == Commits(found={**without.found, "imported": head})
    assert asked == {"imported", "imported2", "fork", "renamed", "part", "branch", "uploaded", "unknown"}
    assert (hub.requests, hub.calls.count("getBuild")) == (2, 2 * 9)


async def test_only_what_comes_from_the_hub_is_asked_of_it(repositories: Served, url: str) -> None:
    head = await repositories.add("foo", "rawhide")
    hub = ReadingHub(tags={"f42-build": [Source(id=1, name="foo", origin=f"git+{url.format(name='foo')}#{KNOWN}")]})
    async with served(hub) as address:
        tag = KojiTag(hub=address, topurl=TOP, tag="f42-build")
        found = await DistGitPins().commits(target(url, koji=tag), [source("foo")])

    assert found == Commits(found={"foo": head})
    assert hub.requests == 0


async def test_a_hub_that_says_nothing_is_asked_later(repositories: Served, url: str) -> None:
    go = asyncio.Event()

    async def post(request: web.Request) -> web.Response:
        await go.wait()
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/kojihub", post)
    async with TestServer(app) as server:
        tag = KojiTag(hub=str(server.make_url("/kojihub")), topurl=TOP, tag="f42-build")
        pins = DistGitPins(patience=timedelta(milliseconds=200))
        told = await pins.commits(target(url, koji=tag), [source("foo", TOP)])
        go.set()

    assert (told.found, list(told.silent)) == ({}, ["foo"])
    assert "no answer within" in told.silent["foo"]
    assert repositories.asked == []


async def test_a_hub_that_is_offline_is_asked_later_and_no_branch_in_its_place(repositories: Served, url: str) -> None:
    await repositories.add("foo", "rawhide")
    head = await repositories.add("bar", "rawhide")
    hub = ReadingHub(offline=True)
    async with served(hub) as address:
        tag = KojiTag(hub=address, topurl=TOP, tag="f42-build")
        told = await DistGitPins().commits(target(url, koji=tag), [source("foo", TOP), source("bar")])

    assert (told.found, list(told.silent)) == ({"bar": head}, ["foo"])
    assert "offline" in told.silent["foo"]
