"""Builds in mock by the service's own supervisor and solver: the package manager sees what was pinned, and no more."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.mock import MockBuilder
from bot.app.compose import hawkey_settings, supervisor_command
from bot.app.settings import Settings
from bot.domain.build import BuildRequest, Failed, FailureReason, Succeeded
from bot.domain.ids import BuildKey, RunId, SnapshotId
from bot.domain.target import Repository
from bot.ports.builder import BuildStatus, WorkspaceSpec
from tests.fakes.mock.place import MockPlace
from tests.fakes.sandbox import SandboxWorld, Spec, ended, log_of
from tests.fakes.site import Site, serve

pytestmark = pytest.mark.rpm


@dataclass
class Pinned:
    """A machine whose repository is elsewhere, and was pinned; the service's own supervisor builds."""

    place: MockPlace
    site: Site
    snapshot: SnapshotId
    builder: MockBuilder
    directory: Path

    async def build(self, key: str) -> tuple[BuildStatus, str]:
        spec = WorkspaceSpec(run=RunId("run"), target=self.place.target, snapshot=self.snapshot)
        source = Spec(name="good", preamble="BuildArch: noarch\nBuildRequires: tool").tree(self.directory / "good")
        request = BuildRequest(
            package="good",
            workspace=await self.builder.prepare(spec),
            source=source,
            timeout=timedelta(minutes=1),
        )
        ref = await self.builder.submit(BuildKey(key), request)
        (status,) = await ended(self.builder, [ref])
        return status, await log_of(self.builder, ref)


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package in two versions, and what every root needs."""
    world = SandboxWorld(tmp_path_factory.mktemp("tool"))
    for version in ("1", "2"):
        status, log = asyncio.run(world.build(Spec(name="tool", version=version)))
        assert status.outcome == Succeeded(), log
        for file in world.packages("tool"):
            shutil.copy(file, world.repository)
    return world.repository


def offer(served: Path, tool: Path, version: str) -> None:
    """Let a repository have that version alone, and what every root needs."""
    shutil.rmtree(served, ignore_errors=True)
    served.mkdir()
    for file in (*tool.glob("host-base-*.rpm"), *tool.glob(f"tool-{version}-*.rpm")):
        shutil.copy(file, served)
    subprocess.run(["createrepo_c", "--quiet", str(served)], check=True)


@pytest.fixture
async def moving(tmp_path: Path, tool: Path) -> AsyncIterator[Pinned]:
    place = MockPlace(tmp_path / "place", tool, real=True)
    async with serve(tmp_path / "site") as site:
        offer(site.root / "repo", tool, "1")
        place.target = replace(place.target, repositories=(Repository(url=site.url("repo")),))
        settings = Settings(state_dir=tmp_path / "service", allowed_hosts=(site.host,))
        resolver = HawkeyResolver(hawkey_settings(settings))
        try:
            snapshot = (await resolver.snapshot(place.target)).id
        finally:
            await resolver.close()
        builder = MockBuilder(place.settings, (*supervisor_command(settings), "--in", "mock"))
        yield Pinned(place, site, snapshot, builder, tmp_path)
    assert place.stage.violations == ""


async def test_the_repositories_are_those_that_were_pinned(moving: Pinned, tool: Path) -> None:
    older = {path.name: path.read_bytes() for path in (moving.site.root / "repo").glob("*.rpm")}
    offer(moving.site.root / "repo", tool, "2")
    gone, _ = await moving.build("gone")
    for name, contents in older.items():
        (moving.site.root / "repo" / name).write_bytes(contents)
    there, log = await moving.build("there")

    assert isinstance(gone.outcome, Failed)
    assert gone.outcome.reason is FailureReason.INFRASTRUCTURE
    assert there.outcome == Succeeded(), log
    assert [name for name in there.installed if name.startswith("tool-")] == ["tool-1-1.rd1.noarch"]


async def test_what_was_pinned_and_is_used_no_more_is_removed(moving: Pinned) -> None:
    old, new = (moving.place.settings.state / "pinned" / name for name in ("old", moving.snapshot))
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    await moving.build("k")
    before = (new / "0/repodata/repomd.xml").stat().st_mtime_ns
    await moving.build("l")

    assert (old.exists(), (new / "0/repodata/repomd.xml").stat().st_mtime_ns) == (False, before)


async def test_a_repository_of_this_machine_that_moved_is_not_built_with(moving: Pinned, tool: Path) -> None:
    local = moving.directory / "local"
    offer(local, tool, "1")
    target = replace(moving.place.target, repositories=(Repository(url=local.as_uri()),))
    settings = Settings(state_dir=moving.directory / "service", allowed_hosts=("localhost",))
    resolver = HawkeyResolver(hawkey_settings(settings))
    try:
        moving.snapshot, moving.place.target = (await resolver.snapshot(target)).id, target
    finally:
        await resolver.close()
    there, log = await moving.build("there")
    offer(local, tool, "2")
    moved, _ = await moving.build("moved")

    assert there.outcome == Succeeded(), log
    assert isinstance(moved.outcome, Failed)
    assert "has moved on since" in moved.outcome.cause
