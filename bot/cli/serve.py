"""`revdeps serve`: the service."""

import logging

import click

from bot.adapters.sandbox.check import check_host
from bot.app.compose import sandbox_settings, world
from bot.app.running import run
from bot.app.service import serve as run_service
from bot.app.settings import Settings, load_settings


@click.command()
def serve() -> None:
    """Serve webhooks and pages, and do the work. Settings come from the environment (docs/operating.md)."""
    settings = load_settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its own workings at every start
    # Said now and not at the first pull request: the machine may forbid what builds need.
    check_host(sandbox_settings(settings))
    run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with world(settings) as everything:
        await run_service(everything, settings)
