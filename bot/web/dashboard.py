"""The pages: recent runs, one run with all its packages, and build logs. Rendered here, complete without any script.

They show the same `Report` as the check and the comment. What comes from outside is escaped by the templates; a strict
Content-Security-Policy stands behind that. Logs are plain text, and are only given out through a run they belong to.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.domain.build import Build, BuildState
from bot.domain.ids import BuildKey, RunId
from bot.domain.parlance import Parlance
from bot.domain.report.assemble import Context, Stored, assemble, wanted_tails
from bot.domain.report.export import to_json
from bot.domain.report.junit import to_junit
from bot.domain.report.values import Forecast, Report
from bot.domain.reuse import log_key
from bot.domain.run import Change, Run, RunState
from bot.ports.logs import LogStore
from bot.ports.store import Store
from bot.web import run_page
from bot.web.run_page import Query, run_page_values

RunningLog = Callable[[Build], AsyncIterable[bytes]]
"""Reads the log of a build that goes on from its backend."""

Foretell = Callable[[Stored], Awaitable[Forecast | None]]
"""Tells what is still to come of a run."""

Speak = Callable[[str], Parlance]
"""Tells a forge's words by its name."""

RECENT = 50
_TAIL_BYTES = 4_000
_ELSEWHERE = "/{address:(?!webhook/).*}"
"""Every address that nothing else is at; whoever opens a webhook's is told that it takes nothing but POST."""
_HERE = Path(__file__).parent
_CONTROL = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_LOG_HEADERS = {**_HEADERS, "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """How pages are shown. `public`: to everybody who reaches the service; otherwise to nobody."""

    public: bool = True
    refresh_seconds: int = 10
    """How often the page of a run that goes on brings itself up to date."""


def add_pages(
    app: web.Application,
    store: Store,
    logs: LogStore,
    *,
    parlance: Speak,
    running_log: RunningLog | None = None,
    foretell: Foretell | None = None,
    settings: PageSettings | None = None,
) -> None:
    """Put the pages into an application. Without `running_log` a log can be read once its build has ended."""
    pages = _Pages(
        store=store,
        logs=logs,
        parlance=parlance,
        running_log=running_log,
        foretell=foretell,
        settings=settings or PageSettings(),
    )
    public = {
        "/": pages.recent,
        "/runs/{run}": pages.run,
        "/runs/{run}/report.json": pages.export,
        "/runs/{run}/junit.xml": pages.junit,
        "/runs/{run}/log/{key:.+}": pages.log,
        "/static/{name}": pages.static,
    }
    for address, handler in public.items() if pages.settings.public else ():
        app.router.add_get(address, _told_in_a_page(pages, handler))
    app.router.add_route("*", _ELSEWHERE, _told_in_a_page(pages, _nothing))


class _Pages:
    """The handlers, with what they read from."""

    def __init__(
        self,
        *,
        store: Store,
        logs: LogStore,
        parlance: Speak,
        running_log: RunningLog | None,
        foretell: Foretell | None,
        settings: PageSettings,
    ) -> None:
        self.settings = settings
        self._store = store
        self._logs = logs
        self._parlance = parlance
        self._running_log = running_log
        self._foretell = foretell
        self._templates = _environment()
        self._static = {path.name: path for path in (_HERE / "static").iterdir()}

    async def recent(self, _request: web.Request) -> web.Response:
        """Show the newest runs."""
        async with self._store.transaction() as tx:
            runs = await tx.runs.recent(RECENT)
            changes = {run.change.id: await tx.changes.get(run.change.id) for run in runs}
        titles = {key: _title(change) for key, change in changes.items()}
        values = {"runs": runs, "titles": titles, "parlance": self._parlance, "refresh": _refresh(runs, self.settings)}
        return self.page("recent.html", values)

    async def run(self, request: web.Request) -> web.Response:
        """Show one run with all its packages, filtered by the query."""
        report = await self._report(request, with_tails=True)
        query = Query.read(request.query)
        refresh = None if report.finished else self.settings.refresh_seconds
        values = {**run_page_values(report, query), "refresh": refresh}
        return await asyncio.to_thread(self.page, "run.html", values)

    async def export(self, request: web.Request) -> web.Response:
        """Give the report out as JSON."""
        return web.json_response(to_json(await self._report(request, with_tails=False)), headers=_HEADERS)

    async def junit(self, request: web.Request) -> web.Response:
        """Give the report out as JUnit XML."""
        text = await asyncio.to_thread(to_junit, await self._report(request, with_tails=True))
        return web.Response(text=text, content_type="application/xml", headers=_LOG_HEADERS)

    async def log(self, request: web.Request) -> web.StreamResponse:
        """Stream a build's log as plain text, without control characters."""
        run, key = RunId(request.match_info["run"]), BuildKey(request.match_info["key"])
        async with self._store.transaction() as tx:
            builds = {build.key: build for build in await tx.builds.of_run(run)}
        if key not in builds:
            raise web.HTTPNotFound(text="This run has no such build.")
        chunks = self._chunks(builds[key])
        first = await anext(chunks, None)
        if first is None:
            raise web.HTTPNotFound(text="There is no log of this build: it has not begun, or its log was removed.")
        response = web.StreamResponse(headers={**_LOG_HEADERS, "Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)
        await response.write(first.translate(None, _CONTROL))
        async for chunk in chunks:
            await response.write(chunk.translate(None, _CONTROL))
        await response.write_eof()
        return response

    async def static(self, request: web.Request) -> web.StreamResponse:
        """Give out the style sheet or the script."""
        path = self._static.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound(text="There is no such file.")
        return web.FileResponse(path, headers={**_HEADERS, "Cache-Control": "public, max-age=3600"})

    def page(self, template: str, values: Mapping[str, object], status: int = 200) -> web.Response:
        """Render a template to an answer."""
        text = self._templates.get_template(template).render(values)
        return web.Response(text=text, content_type="text/html", headers=_HEADERS, status=status)

    async def _chunks(self, build: Build) -> AsyncIterator[bytes]:
        """Yield the log that is kept, or else what the backend has of it; chunks without a byte are left out."""
        found = False
        if build.state is BuildState.DONE:
            async for chunk in self._logs.read(log_key(build)):
                found = True
                yield chunk
        if not found and self._running_log is not None and build.state is not BuildState.QUEUED:
            async for chunk in self._running_log(build):
                yield chunk

    async def _report(self, request: web.Request, *, with_tails: bool) -> Report:
        run_id = RunId(request.match_info["run"])
        async with self._store.transaction() as tx:
            run = await tx.runs.get(run_id)
            if run is None:
                raise web.HTTPNotFound(text="There is no such run, or it was removed.")
            change = await tx.changes.get(run.change.id)
            stored = Stored(
                run=run,
                targets=await tx.runs.targets(run_id),
                entries=await tx.runs.entries(run_id),
                findings=await tx.runs.findings(run_id),
                builds=await tx.builds.of_run(run_id),
                differences=await tx.runs.differences(run_id),
            )
        tails = await self._tails(stored) if with_tails else {}
        outlook = await self._foretell(stored) if self._foretell is not None else None
        context = Context(
            state=change.state if change else None,
            log_tails=tails,
            forecast=outlook,
            review=run.changed_files if run.state is RunState.WAITING else (),
            parlance=self._parlance(run.change.repo.forge),
        )
        return await asyncio.to_thread(assemble, stored, context)

    async def _tails(self, stored: Stored) -> Mapping[BuildKey, str]:
        tails = {key: await self._logs.tail(key, _TAIL_BYTES) for key in wanted_tails(stored)}
        return {key: tail.decode(errors="replace") for key, tail in tails.items() if tail}


def _environment() -> Environment:
    """Return the templates; a value that is missing is an error and not an empty place."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(run_page.GLOBALS)
    environment.filters.update(run_page.FILTERS)
    return environment


def _told_in_a_page(pages: _Pages, handler: Handler) -> Handler:
    """Return a handler that tells browsers in a page that there is nothing; programs get it as text."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound as missing:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            return pages.page("missing.html", {"why": missing.text, "refresh": None}, status=404)

    return handle


async def _nothing(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound(text="There is no page at this address.")


def _title(change: Change | None) -> str:
    return change.state.title if change and change.state else ""


def _refresh(runs: Iterable[Run], settings: PageSettings) -> int | None:
    """Return how often the list is to be loaded again, None where nothing in it will change by itself."""
    return settings.refresh_seconds if any(run.finished_at is None for run in runs) else None
