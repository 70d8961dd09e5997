"""The adapter and the fake Copr together, with builders that build for real: the same worker that the demo has."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.copr import CoprBuilder, CoprSettings
from bot.adapters.sandbox.host_base import ensure_host_base
from bot.domain.build import BuildRequest, Failed, FailureReason, Phase, SrpmSource, Succeeded, TreeSource
from bot.domain.config import SourceMethod
from bot.domain.ids import BuildKey, RunId, SnapshotId
from bot.domain.target import Target
from bot.ports.builder import BuildStatus, WorkspaceSpec
from tests.fakes.copr.sandbox_worker import SandboxWorker
from tests.fakes.copr.server import CoprServer
from tests.fakes.copr.stage import CHROOT
from tests.fakes.git_http import backend
from tests.fakes.koji.stage import make_srpm
from tests.fakes.sandbox import Spec, ended

pytestmark = pytest.mark.rpm

GOOD = Spec(name="good", version="2.0")
USER = Spec(name="user", preamble="BuildArch: noarch\nBuildRequires: good", build="cat /usr/share/good")
BAD = Spec(name="bad", build="echo 'bad.c:1:1: error: no good' >&2; exit 1")
TARGET = Target(name="here", arch="x86_64", backend="copr", repositories=(), chroot=CHROOT)
GIT = ("git", "-c", "user.name=octocat", "-c", "user.email=octocat@example.org")


@pytest.fixture
async def copr(tmp_path: Path) -> AsyncIterator[CoprServer]:
    base = tmp_path / "base"
    ensure_host_base(base)
    subprocess.run(["createrepo_c", "--quiet", str(base)], check=True, capture_output=True)
    worker = SandboxWorker(tmp_path / "worker", distribution=(base.as_uri(),))
    server = CoprServer(tmp_path / "copr", worker)
    server.add_user("bot")
    await server.start()
    async with server.driven():
        yield server
    await server.close()
    worker.close()
    assert server.violations == []


@pytest.fixture
async def builder(copr: CoprServer, tmp_path: Path) -> AsyncIterator[CoprBuilder]:
    (user,) = copr.users.values()
    settings = CoprSettings(
        name="test",
        url=copr.url,
        login=user.login,
        token=user.token,
        owner="bot",
        clone_urls={"github": f"{(tmp_path / 'repositories').as_uri()}/{{repository}}"},
    )
    made = CoprBuilder(settings)
    yield made
    await made.close()


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[str]:
    """Serves the repositories that are below `repositories`; yields where."""

    async def answer(request: web.Request) -> web.Response:
        return await backend(tmp_path / "repositories", request, request.match_info["rest"])

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


def committed(directory: Path) -> str:
    """Make a repository of a directory, with one commit; return that."""
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A change"]):
        subprocess.run([*GIT, *command], cwd=directory, check=True, capture_output=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=directory, check=True, capture_output=True)
    return done.stdout.decode().strip()


def proposed(spec: Spec, directory: Path) -> TreeSource:
    """A change whose commit others can fetch."""
    tree = spec.tree(directory / spec.name)
    return replace(tree, repository=spec.name, commit=committed(Path(tree.directory)))


async def test_a_change_is_built_and_what_needs_it_after_it(
    copr: CoprServer, builder: CoprBuilder, tmp_path: Path
) -> None:
    for spec in (USER, BAD):
        make_srpm(copr.storage.root / "srpms", spec.name, spec.version, spec.text)
    workspaces = {
        run: await builder.prepare(WorkspaceSpec(run=run, target=TARGET, snapshot=SnapshotId("s" * 40)))
        for run in (RunId("run"), None)
    }

    async def build(key: str, source: TreeSource | SrpmSource, run: RunId | None) -> BuildStatus:
        request = BuildRequest(
            package=key, workspace=workspaces[run], source=source, timeout=timedelta(minutes=5), publishable=True
        )
        (status,) = await ended(builder, [await builder.submit(BuildKey(key), request)])
        return status

    def srpm(name: str) -> SrpmSource:
        return SrpmSource(location=f"{copr.results_url}/srpms/{name}-1.0-1.src.rpm", checksum="")

    subject = await build("subject", proposed(GOOD, tmp_path / "repositories"), RunId("run"))
    assert subject.outcome == Succeeded(), subject
    found = await builder.find([BuildKey("subject")])
    state = await builder.publish(workspaces[RunId("run")], list(found.values()), 0)
    with_change = await build("with", srpm("user"), RunId("run"))
    without = await build("without", srpm("user"), None)
    bad = await build("bad", srpm("bad"), RunId("run"))

    assert state.packages[0].binaries == ("good-2.0-1.rd1.noarch",)
    (shown,) = [repo for each in copr.projects.living() for repo in each.repos if ":custom:" in repo]
    assert shown.endswith(f"?priority={state.priority}")
    assert with_change.outcome == Succeeded()
    assert "good-2.0-1.rd1.noarch" in with_change.installed
    assert isinstance(without.outcome, Failed)
    assert (without.outcome.reason, without.outcome.phase) == (FailureReason.UNRESOLVABLE, Phase.BUILDROOT)
    assert isinstance(bad.outcome, Failed)
    assert bad.outcome.cause == "bad.c:1:1: error: no good"
    for workspace in workspaces.values():
        await builder.discard(workspace)
    assert await builder.leftovers() == ()
    assert list((copr.storage.root / "bot").glob("*/*/*")) == []


MAKEFILE = (
    'srpm:\n\trpmbuild -bs --nodeps --define "_sourcedir $(dir $(spec))" --define "_srcrpmdir $(outdir)" $(spec)\n'
)


async def test_the_makefile_of_a_fork_makes_its_source_package(copr: CoprServer, forge: str, tmp_path: Path) -> None:
    (user,) = copr.users.values()
    checkout = tmp_path / "repositories" / "hubot" / "good.git"
    tree = GOOD.tree(checkout / "rpm", suffix="")
    (checkout / ".copr").mkdir()
    (checkout / ".copr" / "Makefile").write_text(MAKEFILE)
    source = replace(
        tree,
        directory=str(checkout),
        package=replace(tree.package, spec="rpm/good.spec", method=SourceMethod.MAKE_SRPM),
        repository="octocat/good",
        head_repository="hubot/good",
        commit=committed(checkout),
    )
    clone_urls = {"github": f"{forge}/{{repository}}.git"}
    settings = CoprSettings(
        name="test", url=copr.url, login=user.login, token=user.token, owner="bot", clone_urls=clone_urls
    )
    builder = CoprBuilder(settings)
    try:
        spec = WorkspaceSpec(run=RunId("run"), target=TARGET, snapshot=SnapshotId("s" * 40))
        workspace = await builder.prepare(spec)
        request = BuildRequest(package="good", workspace=workspace, source=source, timeout=timedelta(minutes=5))
        ref = await builder.submit(BuildKey("subject"), request)
        (status,) = await ended(builder, [ref])
        made = await builder.artifacts(ref)
    finally:
        await builder.close()

    assert status.outcome == Succeeded(), status
    assert made.binaries == ("good-2.0-1.noarch",)
