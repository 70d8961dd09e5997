"""The webhook's edge alone, for comparison: verify, translate, answer, and store nothing."""

import sys

from aiohttp import web

from benchmarks.bare import serve
from bot.app.compose import SystemClock
from bot.app.running import run
from bot.domain.intents import ReceivedDelivery
from bot.web.dialects import GitHubDialect
from bot.web.metrics import Metrics
from bot.web.webhook import Webhook, WebhookParts
from handlers.github.translate import GitHubTranslator

APP = 1


def application(secret: bytes) -> web.Application:
    """Return the service's endpoint with nothing behind it."""

    async def forget(_delivery: ReceivedDelivery) -> None:
        """Store nothing."""

    metrics = Metrics()
    parts = WebhookParts(
        forge="github",
        dialect=GitHubDialect(secret),
        translate=GitHubTranslator("github", APP),
        submit=forget,
        clock=SystemClock(),
        metrics=metrics,
    )
    made = web.Application()
    made.router.add_post("/webhook/github", Webhook(parts).receive)
    return made


if __name__ == "__main__":
    run(serve(application(sys.argv[2].encode()), int(sys.argv[1])))
