"""`KojiHub`: a hub with its builders and its files on a loopback port.

    async with KojiHub() as hub:
        hub.add_user("bot", password="secret")
        base = hub.add_tag("f44", packages=["foo"]); hub.add_target("f44", base, base)
        session = koji.ClientSession(hub.url, {"user": "bot", "password": "secret"}); session.login()

The client blocks: it belongs into a thread. The builders move when a test says `run()`, with every call where
`moves_when_asked`, or on their own with `driven()`. Tests and the demo act as the hub's people do (`cancel`, `free`,
`remove_tag`, `prune` …), let it fail (`fail`), and read what it was asked (`calls`, `asked`). `violations` lists what
no proper client asks: unknown methods and arguments, and what is not modelled; a test asserts that it is empty.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from aiohttp import web

import koji
from tests.fakes.koji.auth import AuthExports, Sessions
from tests.fakes.koji.builds import BuildExports
from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.failures import Failure
from tests.fakes.koji.farm import Farm
from tests.fakes.koji.files import read
from tests.fakes.koji.gate import Gate
from tests.fakes.koji.handlers import Handlers
from tests.fakes.koji.imports import Imports
from tests.fakes.koji.model import FREE, Build, Channel, Host, Tag, Target, Task, User
from tests.fakes.koji.policies import Policies
from tests.fakes.koji.repos import OldRepoExports, RepoExports
from tests.fakes.koji.repositories import Repositories
from tests.fakes.koji.tags import TagExports
from tests.fakes.koji.tasks import TaskExports, cancel
from tests.fakes.koji.uploads import UploadExports
from tests.fakes.koji.worker import Made, Scripted, Source, Worker
from tests.fakes.koji.world import Clock, World

VERSION = "1.35.3"


class KojiHub:
    """The hub.

    clock             the time that sessions, repositories and waiting go by
    topdir            where packages, repositories and uploads lie; by default a directory that goes with the hub
    worker            who builds; by default `Scripted()`, to which everything succeeds
    policies          rules instead of the defaults, by policy (policies.py)
    suffixes          those that side tags may have
    certificates      serve over TLS, and log users in by their certificates
    version           what the hub says it is; before 1.35 there is no `repo.request`, and Kojira makes repositories
    moves_when_asked  let the builders take a step with every request
    """

    def __init__(
        self, *, clock: Clock | None = None, topdir: Path | None = None, worker: Worker | None = None,
        policies: Mapping[str, str] | None = None, suffixes: tuple[str, ...] = (),
        certificates: Certificates | None = None, version: str = VERSION, moves_when_asked: bool = False,
    ) -> None:  # fmt: skip
        self._temporary = None if topdir else tempfile.TemporaryDirectory(prefix="fake-koji-")
        self.topdir = topdir or Path(self._temporary.name if self._temporary else "")
        self.world = World(self.topdir, **({"clock": clock} if clock else {}))
        self.sessions = Sessions(self.world)
        self.policies = Policies(self.world, policies or {})
        self._executor = ThreadPoolExecutor(max_workers=2)
        self.worker = worker or Scripted()
        self.repositories = Repositories(self.world, self._executor)
        self.handlers = Handlers(self.world, self.policies, self.worker, self.repositories)
        self.farm = Farm(self.world, self.handlers)
        self.imports = Imports(self.world)
        self.tags = TagExports(self.world, self.sessions, self.policies, suffixes)
        self.gate = Gate(self.sessions, version)
        self._certificates = certificates
        self._runner: web.AppRunner | None = None
        self.url = self.topurl = ""
        self._offer(version)
        if moves_when_asked:
            self.gate.before = self.farm.advance
        for name in ("default", "createrepo"):
            number = self.world.id("channel")
            self.world.channels[number] = Channel(id=number, name=name)
        self.admin = self.add_user("kojiadmin", perms=["admin"])

    def _offer(self, version: str) -> None:
        world, sessions = self.world, self.sessions
        uploads = UploadExports(world, sessions)
        for exports in (
            AuthExports(world, sessions), self.tags, TaskExports(world, sessions), BuildExports(world, sessions),
            OldRepoExports(world, sessions), uploads,
        ):  # fmt: skip
            self.gate.register(exports)
        self.gate.upload = self.gate.methods.pop("raw")
        self.gate.methods |= {"getAPIVersion": lambda: koji.API_VERSION, "getKojiVersion": lambda: version}
        if [int(part) for part in version.split(".")] >= [1, 35]:
            self.gate.register(RepoExports(world, sessions), "repo.")
        else:
            self.repositories.by_themselves = True

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, port: int = 0) -> None:
        """Serve on loopback, on a free port unless told otherwise."""
        self.topdir.mkdir(parents=True, exist_ok=True)
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/kojihub", self.gate.serve)
        application.router.add_route("*", "/kojihub/ssllogin", self.gate.serve)
        application.router.add_static("/kojifiles", self.topdir, follow_symlinks=True)
        self._runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        context = self._certificates.server() if self._certificates else None
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context).start()
        base = f"{'https' if context else 'http'}://127.0.0.1:{self._runner.addresses[0][1]}"
        self.url, self.topurl = f"{base}/kojihub", f"{base}/kojifiles"

    async def close(self) -> None:
        """Stop serving and building."""
        self.gate.close()
        if self._runner is not None:
            await self._runner.cleanup()
            await asyncio.sleep(0.01)  # connections are let go of when the loop comes round
        for task in self.world.tasks.values():
            if not task.finished:
                self.worker.stop(task.id)
        self._executor.shutdown()
        if self._temporary is not None:
            self._temporary.cleanup()

    # The builders.

    def run(self) -> None:
        """Let the builders work until nothing begins or ends any more."""
        self.farm.run()

    @contextlib.asynccontextmanager
    async def driven(self, every: float = 0.02) -> AsyncIterator[None]:
        """Let the builders work on their own, a step every so many seconds, for builds that take real time."""

        async def drive() -> None:
            while True:
                self.farm.advance()
                await asyncio.sleep(every)

        driver = asyncio.create_task(drive())
        try:
            yield
        finally:
            driver.cancel()
            await asyncio.gather(driver, return_exceptions=True)

    # What there is.

    def add_user(
        self, name: str, *, password: str | None = None, perms: Iterable[str] = (), principals: Iterable[str] = ()
    ) -> User:
        user = User(
            id=self.world.id("user"), name=name, password=password, perms=set(perms), principals=list(principals)
        )
        self.world.users[user.id] = user
        return user

    def add_host(
        self, name: str = "builder", arches: str = "x86_64", capacity: float = 8.0,
        channels: Iterable[str] = ("default", "createrepo"),
    ) -> Host:  # fmt: skip
        found = {self.world.channel(each) for each in channels}
        host = Host(
            id=self.world.id("host"), name=name, user=self.add_user(f"host/{name}"), arches=arches, capacity=capacity,
            channels={each.id for each in found if each},
        )  # fmt: skip
        self.world.hosts[host.id] = host
        return host

    def add_tag(
        self, name: str, *, arches: str = "x86_64", parent: Tag | None = None, packages: Iterable[str] = (),
        **extra: Any,
    ) -> Tag:  # fmt: skip
        tag = self.world.add_tag(name, arches, parent, **extra)
        tag.packages |= dict.fromkeys(packages, False)
        return tag

    def add_target(self, name: str, build_tag: Tag, dest_tag: Tag) -> Target:
        return self.world.add_target(name, build_tag, dest_tag)

    def add_build(
        self, tag: Tag, name: str, version: str = "1", release: str = "1", *, binaries: Iterable[Made] | None = None,
        file: Path | None = None, **source: Any,
    ) -> Build:  # fmt: skip
        """A finished build in a tag, by default with one package of its name; `file` is its source package."""
        described = read(file) if file else Source(name=name, version=version, release=release, **source)
        tag.packages.setdefault(described.name, False)
        made = [Made(name=described.name, arch="x86_64")] if binaries is None else list(binaries)
        build = self.imports.add(described, self.admin, made)
        self.world.list_build(tag, build)
        return build

    # What people and machines do.

    def cancel(self, task_id: int) -> None:
        """Cancel a task as an administrator."""
        cancel(self.world, self.world.tasks[task_id], recurse=True)

    def free(self, task_id: int) -> None:
        """Take a task from its host, so that it begins again."""
        task = self.world.tasks[task_id]
        task.state, task.host_id, task.waiting = FREE, None, False
        self.world.fresh.append(task)

    def remove_tag(self, name: str) -> None:
        """Remove a tag with its targets, as an administrator or the clean-up of side tags does."""
        self.world.delete_tag(self.world.tags_by_name[name])

    def prune(self, task_id: int) -> None:
        """Remove what a task and its subtasks left on disk, as the clean-up of scratch builds does."""
        for task in self.family(task_id):
            task.output.clear()

    def family(self, task_id: int) -> list[Task]:
        """A task and all its subtasks."""
        task = self.world.tasks[task_id]
        return [task, *(each for child in task.children for each in self.family(child))]

    def subtask(self, task_id: int, method: str) -> Task:
        """The last subtask of a method."""
        return [each for each in self.family(task_id) if each.method == method][-1]

    def expire_sessions(self) -> None:
        """Let all sessions expire: the next call of each is refused until it has logged in again."""
        for session in self.world.sessions.values():
            session.expired = True

    def end_sessions(self) -> None:
        """Close all sessions: what they say is worth nothing any more."""
        for session in self.world.sessions.values():
            session.closed = session.expired = True

    def fail(self, **what: Any) -> Failure:
        """Plan a failure (failures.py). Returns it, to be counted (`hits`) or stopped."""
        failure = Failure(**what)
        self.gate.failures.planned.append(failure)
        return failure

    # What can be seen from outside.

    @property
    def violations(self) -> list[str]:
        """What no proper client asks for."""
        return self.gate.violations

    @property
    def calls(self) -> Mapping[str, int]:
        """How many requests came in, by method; a multicall is one."""
        return self.gate.calls

    @property
    def asked(self) -> Mapping[str, int]:
        """How often each method was called, in a multicall or by itself."""
        return self.gate.asked
