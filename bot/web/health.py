"""For those who watch over the service: is it alive, can it work, what has it done.

Alive means that the process answers; an orchestrator restarts what does not. Ready means that a delivery would be
stored and acted upon; it asks the database and the reconciler, and names what is wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from aiohttp import web

from bot.ports.builder import Builder
from bot.ports.clock import Clock
from bot.ports.errors import RevdepsError
from bot.ports.store import Store
from bot.web.metrics import CONTENT_TYPE, Metrics

Probe = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, None where nothing is."""

PROBE_SECONDS = 5.0
KEPT_SECONDS = 60.0
"""For how long the answer of a backend holds: anybody may ask for the page."""


def store_probe(store: Store) -> Probe:
    """Ask whether the database can be written and has the current schema."""

    async def probe() -> str | None:
        try:
            await store.check()
        except RevdepsError as error:
            return str(error)
        return None

    return probe


def heartbeat_probe(
    last: Callable[[], datetime | None], clock: Clock, limit: timedelta = timedelta(seconds=60)
) -> Probe:
    """Ask whether the reconciler's loop went round within `limit`; `last` returns when it last did."""

    async def probe() -> str | None:
        beat = last()
        if beat is None:
            return "the reconciler has not started yet"
        silence = clock.now() - beat
        return f"the reconciler has been silent for {silence.total_seconds():.0f} s" if silence > limit else None

    return probe


def backend_probe(builder: Builder) -> Probe:
    """Ask a backend how much it takes, which it tells nobody whom it does not know; at most once in a minute."""
    told: str | None = None
    until = 0.0

    async def probe() -> str | None:
        nonlocal told, until
        now = asyncio.get_running_loop().time()
        if now >= until:
            until = now + KEPT_SECONDS
            try:
                await builder.capacity()
                told = None
            except RevdepsError as error:
                told = str(error)
        return told

    return probe


class Health:
    """Answers `/healthz`, `/readyz` and `/metrics`.

    `probes` are what readiness depends on, by name; what `others` say is told beside it: without one of its backends
    the service still does the rest of its work.
    """

    def __init__(
        self, probes: Mapping[str, Probe], metrics: Metrics, others: Mapping[str, Probe] = MappingProxyType({})
    ) -> None:
        self._probes = probes
        self._others = others
        self._metrics = metrics

    async def healthz(self, _request: web.Request) -> web.Response:
        """Say that the process answers."""
        return web.json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Say 200 where everything works, else 503 with the reasons."""
        reasons, troubles = await asyncio.gather(_ask_all(self._probes), _ask_all(self._others))
        told = {"troubles": troubles} if troubles else {}
        if reasons:
            return web.json_response({"status": "not ready", "reasons": reasons} | told, status=503)
        return web.json_response({"status": "ready"} | told)

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer a scrape."""
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})


async def _ask_all(probes: Mapping[str, Probe]) -> dict[str, str]:
    answers = await asyncio.gather(*(_ask(probe) for probe in probes.values()))
    return {name: answer for name, answer in zip(probes, answers, strict=True) if answer is not None}


async def _ask(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await probe()
    except TimeoutError:
        return f"no answer within {PROBE_SECONDS:.0f} s"
