"""The addresses of the machine-facing side: webhooks, health, metrics, the schema of the configuration."""

from collections.abc import Iterable

from aiohttp import web

from bot.engine.proposing import SCHEMA_PATH
from bot.web.health import Health
from bot.web.webhook import Webhook


def add_routes(app: web.Application, *, webhooks: Iterable[Webhook], health: Health, schema: str) -> None:
    """Put the endpoints into an application; one that only works on what others receive has no webhooks."""

    async def serve_schema(_request: web.Request) -> web.Response:
        # Editors in a browser are elsewhere.
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=3600"}
        return web.Response(text=schema, content_type="application/schema+json", headers=headers)

    app.router.add_get(SCHEMA_PATH, serve_schema)
    for webhook in webhooks:
        app.router.add_post(f"/webhook/{webhook.forge}", webhook.receive)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
