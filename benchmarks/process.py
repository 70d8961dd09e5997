"""Starts what is measured as processes of their own, with the settings that an operator gets by default."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import HOST
from benchmarks.memory import peak_memory_mib
from tests.fakes.github.server import GitHubServer
from tests.fakes.service import free_port

SECRET = "hook secret"
REVDEPS_SERVE = ("bot", "serve")
WITHOUT_REAL_BUILDS = ("benchmarks.service",)
_WAIT = 30.0
"""Seconds that a process may take to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process that serves on a loopback port."""

    port: int
    pid: int

    @property
    def peak_memory_mib(self) -> float:
        """The most memory that was resident since the start."""
        return peak_memory_mib(self.pid)

    @property
    def cpu_seconds(self) -> float:
        """What it has used since the start, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def started(command: Sequence[str], port: int, log: Path, **environment: str) -> AsyncIterator[Running]:
    """Run a Python module until the block ends; it is ready when its port takes connections."""
    async with running((sys.executable, "-m", *command), port, log, **environment) as process:
        yield process


@asynccontextmanager
async def running(command: Sequence[str], port: int, log: Path, **environment: str) -> AsyncIterator[Running]:
    """Run a command until the block ends; it is ready when its port takes connections."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment}, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(_WAIT):
            while not await _listens(port):
                assert process.returncode is None, f"{command[0]} ended at once: see {log}"
                await asyncio.sleep(0.05)
        yield Running(port=port, pid=process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def bot(command: Sequence[str], directory: Path, github: GitHubServer) -> AsyncIterator[Running]:
    """Run the bot over a state directory, as an App of the fake GitHub."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    app = github.create_app(webhook_url=f"{url}/webhook/github", webhook_secret=SECRET)
    _write_secrets(directory, app.private_key or "")
    settings = {
        "STATE_DIR": str(directory / "state"),
        "PUBLIC_URL": url,
        "PORT": str(port),
        "ALLOWED_HOSTS": "localhost",
        "GITHUB_APP_ID": str(app.id),
        "GITHUB_PRIVATE_KEY_FILE": str(directory / "app.pem"),
        "GITHUB_WEBHOOK_SECRET_FILE": str(directory / "webhook-secret"),
        "GITHUB_API_URL": github.url,
        "GITHUB_WEB_URL": github.url,
        "GITHUB_LIMITS": str(github.gate.secondary.enforced),
        "LOG_LEVEL": "WARNING",
    }
    environment = {f"REVDEPS_{name}": value for name, value in settings.items()}
    async with started(command, port, directory / "service.log", **environment) as running:
        yield running


def _write_secrets(directory: Path, key: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "app.pem").write_text(key)
    (directory / "webhook-secret").write_text(SECRET)
