"""The bot as a process of its own, as in production: only addresses, key and secret differ."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.fakes.github.model import App, CheckRun
from tests.fakes.github.server import GitHubServer

_TOP = Path(__file__).parents[2]
_Found = TypeVar("_Found")
PATIENCE = 180.0
"""Seconds for whatever happens in another process, on a machine that may be busy with other things."""


async def eventually(look: Callable[[], _Found], seconds: float = PATIENCE) -> _Found:
    """Look ten times a second until there is something to be seen, and return it; or what is seen at the end."""
    for _ in range(int(seconds / 0.1)):
        if seen := look():
            return seen
        await asyncio.sleep(0.1)
    return look()


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True, kw_only=True)
class Process:
    """`revdeps serve` over a state directory; it may be killed and started again. `environment` has the last word."""

    directory: Path
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "service.log"

    @property
    def settings(self) -> Mapping[str, str]:
        """What every forge's service has in common: everything is soon."""
        return {
            "REVDEPS_STATE_DIR": str(self.directory / "state"),
            "REVDEPS_PUBLIC_URL": self.url,
            "REVDEPS_PORT": str(self.port),
            "REVDEPS_ALLOWED_HOSTS": "localhost",
            "REVDEPS_POLL_SECONDS": "0.3",
            "REVDEPS_TICK_SECONDS": "2",
            "REVDEPS_LEASE_SECONDS": "10",
            "REVDEPS_CHECK_SECONDS": "1",
            "REVDEPS_COMMENT_SECONDS": "2",
        }

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        environment = {**os.environ, "PYTHONPATH": str(_TOP), **self.settings, **self.environment}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "serve", env=environment, stdout=log, stderr=log
            )
        await self._ready()

    async def _ready(self) -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(int(PATIENCE / 0.1)):
                if self.process is not None and self.process.returncode is not None:
                    raise AssertionError(f"the bot ended at once:\n{self.log.read_text()[-4000:]}")
                try:
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        raise AssertionError(f"the bot is not ready:\n{self.log.read_text()[-4000:]}")

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()


@dataclass(slots=True, kw_only=True)
class Service(Process):
    """The bot as an App of the fake GitHub."""

    github: GitHubServer

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            **super(Service, self).settings,
            "REVDEPS_GITHUB_APP_ID": "1234",
            "REVDEPS_GITHUB_PRIVATE_KEY_FILE": str(self.directory / "app.pem"),
            "REVDEPS_GITHUB_WEBHOOK_SECRET_FILE": str(self.directory / "webhook-secret"),
            "REVDEPS_GITHUB_API_URL": self.github.url,
            "REVDEPS_GITHUB_WEB_URL": self.github.url,
        }

    def register(self, **facts: Any) -> App:
        """Make the App on the fake GitHub and write down its key and secret."""
        app = self.github.create_app(webhook_url=f"{self.url}/webhook/github", webhook_secret="hook secret", **facts)
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "app.pem").write_text(app.private_key or "")
        (self.directory / "webhook-secret").write_text("hook secret\n")
        return app


@asynccontextmanager
async def service(directory: Path, **environment: str) -> AsyncIterator[Service]:
    """A fake GitHub with the App registered, and the bot, not started yet."""
    async with GitHubServer() as github:
        bot = Service(directory=directory, github=github, environment=environment)
        bot.register()
        try:
            yield bot
        finally:
            await bot.stop()


async def gate(
    github: GitHubServer,
    repo: str,
    sha: str,
    until: Callable[[CheckRun], bool] | None = None,
    seconds: float = PATIENCE,
) -> CheckRun:
    """Wait until the newest `revdeps` check of a commit is completed (or `until` holds), and return it."""
    holds = until or (lambda check: check.status == "completed")

    def checks() -> list[CheckRun]:
        return [check for check in github.checks(repo, sha) if check.name == "revdeps"]

    found = await eventually(lambda: [check for check in checks()[-1:] if holds(check)], seconds)
    assert found, f"the check of {repo} {sha} did not get there: {[check.title for check in checks()]}"
    return found[0]
