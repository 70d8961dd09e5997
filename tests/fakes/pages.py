"""The pages over a real store with runs in it, and logs in memory."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.adapters.sql.store import SqlStore
from bot.domain.build import Build
from bot.domain.ids import BuildKey, RunId
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.report.assemble import Stored
from bot.domain.report.values import Forecast
from bot.domain.run import Change
from bot.web.dashboard import PageSettings, add_pages
from tests.fakes.reports import STATE


@dataclass
class MemoryLogs:
    """A log store of texts."""

    texts: dict[BuildKey, bytes] = field(default_factory=dict)
    pruned: list[datetime] = field(default_factory=list)
    """Before when logs were to be removed, each time."""

    async def save(self, key: BuildKey, chunks: AsyncIterable[bytes]) -> int:
        self.texts[key] = b"".join([chunk async for chunk in chunks])
        return len(self.texts[key])

    async def tail(self, key: BuildKey, length: int) -> bytes | None:
        return self.texts[key][-length:] if key in self.texts else None

    async def read(self, key: BuildKey) -> AsyncIterator[bytes]:
        text = self.texts.get(key, b"")
        for start in range(0, len(text), 1000):
            yield text[start : start + 1000]

    async def prune(self, before: datetime) -> int:
        self.pruned.append(before)
        return 0


def renamed(stored: Stored, run: str, **changes: object) -> Stored:
    """Return the same rows as those of another run; `changes` sets fields of the run."""
    ident = RunId(run)
    builds = tuple(
        replace(build, run=ident, key=BuildKey(build.key.replace(str(stored.run.id), run))) if build.run else build
        for build in stored.builds
    )
    return Stored(
        run=replace(stored.run, id=ident, **changes),  # type: ignore[arg-type]
        targets=[replace(target, run=ident) for target in stored.targets],
        entries=[replace(entry, run=ident) for entry in stored.entries],
        findings=[replace(finding, run=ident) for finding in stored.findings],
        builds=builds,
        differences=[replace(found, run=ident) for found in stored.differences],
    )


async def fill(store: SqlStore, stored: Stored) -> None:
    """Write a run with all its rows."""
    async with store.transaction() as tx:
        await tx.changes.put(Change(ref=stored.run.change, state=replace(STATE, ref=stored.run.change)))
        await tx.runs.put(stored.run)
        for target in stored.targets:
            await tx.runs.put_target(target)
        await tx.runs.put_entries(stored.entries)
        await tx.runs.put_findings(stored.findings)
        await tx.runs.put_differences(stored.differences)
        await tx.builds.add(stored.builds)
        await tx.builds.subscribe(stored.run.id, [build.key for build in stored.builds if build.run is None])


@asynccontextmanager
async def site(
    directory: Path,
    *runs: Stored,
    logs: Mapping[BuildKey, bytes] | None = None,
    running: Mapping[BuildKey, bytes] | None = None,
    forecast: Forecast | None = None,
    parlances: Mapping[str, Parlance] | None = None,
    settings: PageSettings | None = None,
    app: web.Application | None = None,
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Serve the pages about these runs, and what `app` serves already, on a port of the loopback interface."""
    store = await SqlStore.open(f"sqlite:///{directory}/revdeps.db")
    await store.upgrade()

    async def running_log(build: Build) -> AsyncIterator[bytes]:
        if running and build.key in running:
            yield running[build.key]

    async def foretell(_stored: Stored) -> Forecast | None:
        return forecast

    try:
        for offset, stored in enumerate(runs):
            created = stored.run.created_at + timedelta(minutes=offset)
            await fill(store, replace(stored, run=replace(stored.run, created_at=created, sequence=offset + 1)))
        app = web.Application() if app is None else app
        add_pages(
            app,
            store,
            MemoryLogs(dict(logs or {})),
            parlance=lambda forge: (parlances or {}).get(forge, PULL_REQUESTS),
            running_log=running_log,
            foretell=foretell,
            settings=settings,
        )
        async with TestClient(TestServer(app)) as client:
            yield client
    finally:
        await store.close()
