"""The addresses of the machine-facing side: webhooks, health, metrics."""

from aiohttp import web

from bot.web.health import Health
from bot.web.webhook import GitHubWebhook


def add_routes(app: web.Application, *, webhook: GitHubWebhook | None, health: Health) -> None:
    """Put the endpoints into an application; one that only works on what others receive has no webhook."""
    if webhook is not None:
        app.router.add_post("/webhook/github", webhook.receive)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
