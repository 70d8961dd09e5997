"""A Copr as tests find it: our user, another, and a project; the server runs in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests

import copr.v3
from tests.fakes.copr.model import Build
from tests.fakes.copr.server import CoprServer
from tests.fakes.copr.worker import Scripted, Worker

_T = TypeVar("_T")
CHROOT = "fedora-42-x86_64"
OTHER = "fedora-42-aarch64"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1_750_000_000.0

    def now(self) -> float:
        return self.time

    def move(self, seconds: float = 0, days: float = 0) -> None:
        self.time += seconds + days * 86_400


class Serving:
    """A server in a thread of its own: tests speak to it with clients that block."""

    def __init__(self, server: CoprServer) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> CoprServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(30)
        return self.server

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Stage:
    """`bot` is the client of our user, `stranger` somebody else's; `script` says what the builders make."""

    def __init__(self, directory: Path, worker: Worker | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.script = Scripted()
        self.server = CoprServer(directory, worker or self.script, self.clock.now, **options)
        self.server.farm.distribution = {"host-base": "host-base-1-1.noarch"}
        self.user = self.server.add_user("bot")
        self.other = self.server.add_user("octocat", "other")

    def client(self, **changes: str) -> copr.v3.Client:
        return copr.v3.Client(self.server.config(self.user) | changes)

    def begin(self) -> None:
        self.bot = self.client()
        self.stranger = copr.v3.Client(self.server.config(self.other))

    def project(self, name: str = "p", **options: Any) -> str:
        self.bot.project_proxy.add("bot", name, options.pop("chroots", [CHROOT]), **options)
        return name

    def submit(self, name: str = "foo", project: str = "p", directory: str | None = None, **options: Any) -> Build:
        made = self.bot.build_proxy.create_from_distgit(
            "bot", project, name, committish="f" * 40, buildopts=options, project_dirname=directory
        )
        return self.server.builds.get(made.id)

    def state(self, build: Build) -> str:
        return str(self.bot.build_proxy.get(build.id).state)

    def refused(self, function: Callable[..., _T], *arguments: Any, **named: Any) -> tuple[int, str]:
        """Call what is not to succeed; its status and what it says."""
        try:
            function(*arguments, **named)
        except copr.v3.CoprException as error:
            response = error.result.__response__
            return (0 if response is None else response.status_code), str(error.result.error)
        raise AssertionError("it was let pass")


@contextmanager
def staged(
    directory: Path, plant: Callable[[CoprServer], None] | None = None, *, pulp: bool = False
) -> Iterator[Stage]:
    """Serve a Copr, which `plant` may have made wrong before."""
    stage = Stage(directory, pulp=pulp)
    if plant is not None:
        plant(stage.server)
    with Serving(stage.server):
        stage.begin()
        yield stage


def get(url: str, **headers: str) -> requests.Response:
    """Read an address of the Copr's as anybody may."""
    return requests.get(url, headers=headers, timeout=10)
