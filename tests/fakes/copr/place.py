"""A Copr for the builder's own tests: its builders move with every request, and an adapter speaks to it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.copr import CoprBuilder, CoprSettings
from bot.domain.build import BuildRequest, BuildState, SrpmSource
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.domain.target import Target
from bot.ports.builder import Builder, BuildStatus, WorkspaceSpec
from tests.fakes.copr.model import Build
from tests.fakes.copr.server import CoprServer
from tests.fakes.copr.stage import CHROOT, Serving
from tests.fakes.copr.worker import Worker

SNAPSHOT = SnapshotId("5" * 40)
TARGET = Target(name="here", arch="x86_64", backend="copr", repositories=(), chroot=CHROOT)


@dataclass
class Place:
    """A Copr, and how a builder finds it. `builders` are those that were made, to be closed."""

    server: CoprServer
    settings: CoprSettings
    target: Target = TARGET
    builders: list[CoprBuilder] = field(default_factory=list)

    def build(self, ref: BuildRef) -> Build:
        """A build as the Copr knows it."""
        return self.server.builds.get(int(ref.rpartition("/")[2]))

    def builder(self, **changes: Any) -> CoprBuilder:
        """A builder that knows nothing of the former ones."""
        made = CoprBuilder(replace(self.settings, **changes))
        self.builders.append(made)
        return made


@contextmanager
def place(directory: Path, worker: Worker, *, pulp: bool = False, **options: Any) -> Iterator[Place]:
    """Serve a Copr with `host-base` in its distribution; whatever it was asked, it knew the arguments."""
    server = CoprServer(directory, worker, moves_when_asked=True, pulp=pulp)
    server.farm.distribution = {"host-base": "host-base-1-1.noarch"}
    user = server.add_user("bot")
    with Serving(server):
        settings = CoprSettings(
            name="test",
            url=server.url,
            login=user.login,
            token=user.token,
            owner="bot",
            clone_urls={"github": "https://example.org/{repository}.git"},
            timeout=timedelta(seconds=10),
            **options,
        )
        here = Place(server, settings)
        try:
            yield here
        finally:
            for builder in here.builders:
                asyncio.run(builder.close())
    assert server.violations == []


async def prepare(builder: Builder, run: str | None = "run", target: Target = TARGET) -> WorkspaceRef:
    """A run's workspace, or that of baselines."""
    return await builder.prepare(WorkspaceSpec(run=RunId(run) if run else None, target=target, snapshot=SNAPSHOT))


def srpm(workspace: WorkspaceRef, package: str = "foo", location: str = "") -> BuildRequest:
    """Ask for the rebuild of a source package that is somewhere."""
    source = SrpmSource(location=location or f"https://example.org/{package}-1-1.src.rpm", checksum="sha256:0")
    return BuildRequest(package=package, workspace=workspace, source=source, timeout=timedelta(hours=1))


async def submit(builder: Builder, package: str = "foo", run: str | None = "run") -> BuildRef:
    """Ask for a rebuild under the package's name."""
    return await builder.submit(BuildKey(package), srpm(await prepare(builder, run), package))


async def ended(builder: Builder, ref: BuildRef) -> BuildStatus:
    """Poll until a build ends: with every call the builders take a step."""
    for _ in range(50):
        status = (await builder.poll([ref]))[ref]
        if status.state is BuildState.DONE:
            return status
    raise AssertionError("it does not end")
