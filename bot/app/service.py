"""The running service: the web side, the reconcilers, a poller per backend, resync; and its orderly end."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web

from bot.adapters.config_file.check import schema_text
from bot.app.forges import forge_entries
from bot.app.running import keep_for_good
from bot.app.settings import Settings, secret
from bot.domain.build import Build
from bot.engine.acknowledge import Acknowledger
from bot.engine.build_logs import log_chunks
from bot.engine.executor import pass_by
from bot.engine.intake import Intake
from bot.engine.outlook import foretell
from bot.engine.poller import Poller
from bot.engine.reconciler import Reconciler
from bot.engine.resync import Resync
from bot.engine.upkeep import Upkeep
from bot.engine.world import World
from bot.ports.errors import Misconfigured
from bot.web.dashboard import PageSettings, add_pages
from bot.web.dialects import Dialect, GitHubDialect
from bot.web.health import Health, backend_probe, heartbeat_probe, store_probe
from bot.web.metrics import Metrics
from bot.web.server import add_routes
from bot.web.webhook import Translator, Webhook, WebhookParts
from handlers.github.translate import GitHubTranslator

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Workers:
    """The engine's loops over one world."""

    world: World
    acted: Callable[[str], None] = pass_by
    reconciler: Reconciler = field(init=False)
    pollers: list[Poller] = field(default_factory=list)
    resync: Resync | None = None
    upkeep: Upkeep = field(init=False)

    def __post_init__(self) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}"
        self.reconciler = Reconciler(world=self.world, owner=owner, acted=self.acted)
        self.pollers = [
            Poller(world=self.world, backend=name, owner=owner, woke=self.wake) for name in self.world.builders
        ]
        self.resync = Resync(world=self.world, owner=owner, woke=self.wake)
        self.upkeep = Upkeep(self.world)

    def wake(self) -> None:
        """Tell the reconciler that something has become due."""
        self.reconciler.wake.set()

    def hint(self) -> None:
        """Tell the loops that a delivery came in."""
        self.wake()
        if self.resync is not None:
            self.resync.wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, or until one of the loops dies, which is an error."""
        loops: list[Callable[[asyncio.Event], Awaitable[None]]] = [
            self.reconciler.run,
            *(poller.run for poller in self.pollers),
            self.upkeep.run,
        ]
        if self.resync is not None and self.world.forges:
            loops.append(self.resync.run)
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(_as_coroutine(loop, stop))


async def _as_coroutine(loop: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    await loop(stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the web side stands on."""

    world: World
    settings: Settings
    workers: Workers
    metrics: Metrics
    intake: Intake


def web_application(parts: Parts) -> web.Application:
    """Return everything that is served."""
    world, settings, metrics = parts.world, parts.settings, parts.metrics
    application = web.Application()
    health = Health(
        {
            "database": store_probe(world.store),
            "reconciler": heartbeat_probe(lambda: parts.workers.reconciler.beat, world.clock),
        },
        metrics,
        {name: backend_probe(builder) for name, builder in world.builders.items()},
    )
    add_routes(application, webhooks=_webhooks(parts), health=health, schema=schema_text())
    add_pages(
        application,
        world.store,
        world.logs,
        parlance=world.parlance,
        running_log=partial(running_log, world),
        foretell=partial(foretell, world),
        settings=PageSettings(public=settings.public_pages),
    )
    return application


async def _listen(application: web.Application, settings: Settings) -> web.AppRunner:
    """Serve it; raise Misconfigured where the address cannot be had."""
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
    except OSError as error:
        await runner.cleanup()
        where = f"{settings.host}:{settings.port}: {error.strerror or error}"
        mend = "Name an address of this machine, and a port that is free."
        raise Misconfigured("REVDEPS_HOST, REVDEPS_PORT", where, mend) from None
    log.info("listening on %s:%s", settings.host, settings.port)
    return runner


def _webhooks(parts: Parts) -> Iterator[Webhook]:
    """Yield an endpoint for each forge of the settings."""
    settings = parts.settings
    if settings.github_app_id is not None:
        key = secret(settings.github_webhook_secret_file, "REVDEPS_GITHUB_WEBHOOK_SECRET_FILE")
        translator = GitHubTranslator("github", settings.github_app_id)
        yield _webhook(parts, "github", GitHubDialect(key.encode()), translator)
    for name, entry in forge_entries(settings).items():
        yield _webhook(parts, name, entry.dialect(), entry.translator(name))


def _webhook(parts: Parts, forge: str, dialect: Dialect, translator: Translator) -> Webhook:
    return Webhook(
        WebhookParts(
            forge=forge,
            dialect=dialect,
            translate=translator,
            submit=parts.intake.submit,
            clock=parts.world.clock,
            metrics=parts.metrics,
        )
    )


async def running_log(world: World, build: Build) -> AsyncIterator[bytes]:
    """Yield a log that is still being written, as far as it is."""
    if build.ref is not None and build.backend in world.builders:
        async for chunk in log_chunks(world.builder(build.backend), build.ref):
            yield chunk


async def serve(world: World, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; builds go on by themselves and are taken up again at the next start."""
    metrics = Metrics()
    counted = metrics.counter("revdeps_actions", "Actions that the reconciler performed, by kind.", ("action",))
    workers = Workers(world=world, acted=counted)
    acknowledger = Acknowledger(world)
    intake = Intake(world.store, workers.hint, acknowledger.heard)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    application = web_application(
        Parts(world=world, settings=settings, workers=workers, metrics=metrics, intake=intake)
    )
    runner = await _listen(application, settings)
    keep_for_good()
    try:
        await workers.run(stop)
    finally:
        await intake.close()
        await acknowledger.close()
        await runner.cleanup()
