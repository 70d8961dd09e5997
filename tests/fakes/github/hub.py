"""A fake GitHub with an App, a repository and a pull request, and a client that behaves."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from tests.fakes.github import GitHubServer
from tests.fakes.github.model import App

REPO = "octocat/libfoo"
OUTPUT = {"title": "Who breaks", "summary": "nobody"}
BUTTON = {"label": "Retry", "description": "Build again", "identifier": "retry"}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Hub:
    """The server with an App, a repository and a pull request, and a client that behaves."""

    def __init__(self, github: GitHubServer, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.github, self.session, self.clock = github, session, clock
        self.app: App = github.create_app()
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def prepare(self) -> None:
        await self.github.create_repository(REPO, {"foo.spec": "Name: foo\n", ".revdeps.yaml": "version: 1\n"})
        self.installation = await self.github.install("octocat")
        self.pull = await self.github.open_pull_request(REPO, "topic", "Update", files={"foo.spec": "Name: foo2\n"})
        self.token = (await self.grant())["token"]

    def jwt(self, key: str | None = None, **claims: Any) -> str:
        now = int(self.clock.now().timestamp())
        return jwt.encode(
            {"iat": now - 60, "exp": now + 540, "iss": str(self.app.id)} | claims,
            key or self.app.private_key or "",
            algorithm="RS256",
        )

    async def grant(self, token: str | None = None, **body: Any) -> dict[str, Any]:
        path = f"/app/installations/{self.installation.id}/access_tokens"
        status, answer = await self.call("POST", path, token=token or self.jwt(), json=body or None)
        return answer | {"http": status}

    async def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> tuple[int, Any]:
        async with self.request(method, path, token=token, **more) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    def request(
        self, method: str, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        sent = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token or self.token}"}
        return self.session.request(method, self.github.url + path, headers=sent | (headers or {}), **more)

    async def create_check(self, **body: Any) -> tuple[int, Any]:
        return await self.call(
            "POST", f"/repos/{REPO}/check-runs", json={"name": "rebuild", "head_sha": self.pull.head_sha} | body
        )


@asynccontextmanager
async def a_hub() -> AsyncIterator[Hub]:
    """A server that stands ready."""
    clock = Clock()
    async with GitHubServer(clock=clock, check_answers=True) as github, aiohttp.ClientSession() as session:
        made = Hub(github, session, clock)
        await made.prepare()
        yield made


@asynccontextmanager
async def receiving(hub: Hub) -> AsyncIterator[Hub]:
    """The same, with a webhook that keeps what arrives."""

    async def receive(request: web.Request) -> web.Response:
        hub.received.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    application = web.Application(client_max_size=25 * 2**20)
    application.router.add_post("/", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hub.app.webhook_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield hub
        await hub.github.settled()
    finally:
        await runner.cleanup()
