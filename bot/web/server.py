"""The addresses of the machine-facing side: webhooks, health, metrics."""

from collections.abc import Iterable

from aiohttp import web

from bot.web.health import Health
from bot.web.webhook import Webhook


def add_routes(app: web.Application, *, webhooks: Iterable[Webhook], health: Health) -> None:
    """Put the endpoints into an application; one that only works on what others receive has no webhooks."""
    for webhook in webhooks:
        app.router.add_post(f"/webhook/{webhook.forge}", webhook.receive)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
