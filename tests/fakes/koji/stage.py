"""A hub as tests find it: our user, who may do what we need, another who may not, a tag with packages, a builder."""

import asyncio
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import koji
from tests.fakes.koji.policies import for_user
from tests.fakes.koji.server import KojiHub

_T = TypeVar("_T")
OPTIONS = {"max_retries": 3, "retry_interval": 0, "timeout": 10}
BASE = "f44"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


class Stage:
    """`bot` is the session of our user; `reader` is logged in as nobody."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        self.clock = Clock()
        self._sessions: list[koji.ClientSession] = []
        self.hub = KojiHub(clock=self.clock, topdir=directory, **({"policies": for_user("bot", 3)} | options))
        self.hub.add_host()
        self.user = self.hub.add_user("bot", password="secret")
        self.hub.add_user("octocat", password="other")
        self.base = self.hub.add_tag(BASE, packages=["foo", "bar", "host-base"])
        self.hub.add_target(BASE, self.base, self.base)
        for name in ("host-base", "foo", "bar"):
            self.hub.add_build(self.base, name)

    async def open(self) -> "Stage":
        await self.hub.start()
        self.reader = self.session()
        self.bot = await self.logged_in("bot", "secret")
        return self

    async def close(self) -> None:
        """Forget the sessions first: one that is collected logs out, and waits for a hub that waits for it."""
        for session in self._sessions:
            session.setSession(None)
            session.rsession.close()
        await self.hub.close()

    def session(self, **options: Any) -> koji.ClientSession:
        """A client that is not logged in, and does not wait before it tries again."""
        self._sessions.append(koji.ClientSession(self.hub.url, OPTIONS | options))
        return self._sessions[-1]

    async def logged_in(self, user: str, password: str) -> koji.ClientSession:
        session = self.session(user=user, password=password)
        await self.call(session.login)
        return session

    async def call(self, function: Callable[..., _T], *args: Any, **named: Any) -> _T:
        """Call something that blocks."""
        return await asyncio.to_thread(function, *args, **named)

    async def ask(self, method: str, *args: Any, **named: Any) -> Any:
        """Call a method as our user."""
        return await asyncio.to_thread(self.bot.callMethod, method, *args, **named)

    async def side_tag(self) -> str:
        return str((await self.ask("createSideTag", BASE))["name"])

    async def built(self, src: str, target: str = BASE, **options: Any) -> int:
        """Ask for a build and let the builders work."""
        task = await self.ask("build", src, target, options, priority=5)
        self.hub.run()
        return int(task)

    async def uploaded(self, name: str = "foo", version: str = "2") -> str:
        """Make a source package and upload it; its path as `build` takes it."""
        file = make_srpm(self.directory / "srpms", name, version)
        await self.call(self.bot.uploadWrapper, str(file), "cli-build/1")
        return f"cli-build/1/{file.name}"


def existing(name: str) -> str:
    """The path of the source package that a stage has of a name."""
    return f"../packages/{name}/1/1/src/{name}-1-1.src.rpm"


def make_srpm(directory: Path, name: str, version: str, text: str = "", release: str = "1") -> Path:
    """Make a real source package out of a spec, or out of next to nothing."""
    directory.mkdir(parents=True, exist_ok=True)
    spec = directory / f"{name}.spec"
    spec.write_text(
        text
        or f"Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: A test\nLicense: MIT\nBuildArch: noarch\n"
        "%description\nA test.\n%files\n"
    )
    command = ["rpmbuild", "-bs", "--define", f"_srcrpmdir {directory}", "--nodeps", str(spec)]
    subprocess.run(command, check=True, capture_output=True)
    return directory / f"{name}-{version}-{release}.src.rpm"
