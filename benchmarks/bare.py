"""The peer that the webhook is measured beside: aiohttp, a handler that verifies the HMAC, and nothing else."""

import asyncio
import hashlib
import hmac
import sys

from aiohttp import web

from benchmarks.load import HOST
from bot.app.running import run
from bot.web.dialects import GitHubDialect


def application(secret: bytes) -> web.Application:
    """Return an application that answers 202 to what is signed with the secret."""

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        wanted = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(wanted, request.headers.get("X-Hub-Signature-256", ""))
        return web.Response(status=202 if genuine else 401, text="accepted\n" if genuine else "no\n")

    made = web.Application(client_max_size=GitHubDialect(secret).content_limit)
    made.router.add_post("/webhook/github", receive)
    return made


async def serve(application: web.Application, port: int) -> None:
    """Serve until the process is ended, as the service does."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(serve(application(sys.argv[2].encode()), int(sys.argv[1])))
