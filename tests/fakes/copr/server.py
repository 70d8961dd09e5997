"""The wire: HTTP with JSON, basic authentication, files, and what goes wrong on purpose.

Read in frontend/coprs_frontend/coprs/error_handlers.py and views/misc.py (_check_api_login).
"""

import asyncio
import base64
import json
import re
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.copr.api import Api, Call
from tests.fakes.copr.builds import Builds
from tests.fakes.copr.failures import Failure, Failures
from tests.fakes.copr.farm import Farm
from tests.fakes.copr.model import Build, CoprError, Project, User
from tests.fakes.copr.projects import Projects
from tests.fakes.copr.storage import Storage
from tests.fakes.copr.worker import Scripted, Worker

CHROOTS = ("fedora-42-x86_64", "fedora-42-i386", "fedora-42-aarch64", "fedora-41-x86_64", "fedora-rawhide-x86_64")
_YEAR = 365 * 86_400.0


class CoprServer:
    """A Copr. `moves_when_asked`: the builders take a step with every request to the API. `pulp`: packages and their
    metadata are served elsewhere than results are (coprs/config.py, PULP_CONTENT_URL; backend/copr_backend/storage.py).

    `calls` counts requests by endpoint, `asked` those for results by file name, `violations` are arguments that no
    endpoint knows.
    """

    def __init__(
        self,
        directory: Path,
        worker: Worker | None = None,
        now: Callable[[], float] = time.time,
        *,
        moves_when_asked: bool = False,
        pulp: bool = False,
    ) -> None:
        self.now = now
        self.users: dict[str, User] = {}
        self.projects = Projects(now, lambda: f"{self.url}/content" if pulp else self.results_url)
        self.projects.kept_in = "pulp" if pulp else "backend"
        self.builds = Builds(self.projects, now, lambda: self.results_url)
        self.storage = Storage(directory / "results")
        self.farm = Farm(self.projects, self.storage, worker or Scripted(), now)
        self.api = Api(self.projects, self.builds)
        self.failures = Failures()
        self.calls: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.violations: list[str] = []
        self.url = ""
        self._moves = moves_when_asked
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self._connections: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self.projects.mock_chroots = dict.fromkeys(CHROOTS, True)
        self.projects.made = self.storage.make
        self.projects.deleted = self._deleted
        self.builds.cancelled = self.farm.cancel
        self.storage.root.mkdir(parents=True, exist_ok=True)
        self._routes = self._table()

    @property
    def results_url(self) -> str:
        """Where results are: another host than the API's in real life, another path here."""
        return f"{self.url}/results"

    def add_user(self, name: str, token: str = "token", *, admin: bool = False, groups: tuple[str, ...] = ()) -> User:
        user = User(name, f"{name}-login", token, self.now() + _YEAR / 2, admin, set(groups))
        self.users[user.login] = user
        return user

    def config(self, user: User) -> dict[str, str]:
        """What the client needs, as the page /api/ shows it."""
        return {"copr_url": self.url, "login": user.login, "token": user.token, "username": user.name}

    async def start(self) -> None:
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/api_3{path:.*}", self._serve)
        application.router.add_route("*", "/results/{path:.*}", self._file)
        application.router.add_route("*", "/content/{path:.*}", self._file)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self._closing.set()
        for connection in list(self._connections):
            connection.abort()
        if self._runner is not None:
            await self._runner.cleanup()

    @asynccontextmanager
    async def driven(self, pause: float = 0.05) -> AsyncIterator[None]:
        """Let the builders move by themselves, a step at a time, as long as this lasts."""

        async def drive() -> None:
            while True:
                self.farm.advance()
                await asyncio.sleep(pause)

        task = asyncio.create_task(drive())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def run(self) -> None:
        """Let the builders work until nothing moves."""
        self.farm.run()

    def _deleted(self, project: Project) -> None:
        self.storage.remove(project)

    def _table(self) -> list[tuple[str, re.Pattern[str], str, Callable[[Call], Any]]]:
        api = self.api
        change, remove = "PUT|POST", "DELETE|POST"
        rows: list[tuple[str, str, Callable[[Call], Any]]] = [
            ("GET", "", lambda call: {"version": 3}),
            ("GET", "auth-check", api.auth_check),
            ("GET", "project", api.project),
            ("GET", "project/list", api.project_list),
            ("GET", "project/search", api.project_search),
            ("POST", "project/add/*", api.project_add),
            (change, "project/edit/*/*", api.project_edit),
            (remove, "project/delete/*/*", api.project_delete),
            (change, "project/regenerate-repos/*/*", api.regenerate),
            ("GET", "build/list", api.build_list),
            ("GET", "build/source-chroot/*", api.source_chroot),
            ("GET", "build/source-build-config/*", api.source_config),
            ("GET", "build/built-packages/*", api.built_packages),
            (change, "build/cancel/*", api.cancel),
            *(
                ("POST", f"build/create/{kind}", api.create(kind))
                for kind in ("url", "upload", "scm", "distgit", "custom")
            ),
            ("POST", "build/check-before-build", api.check_before_build),
            (remove, "build/delete/list", api.delete_builds),
            (remove, "build/delete/*", api.delete_build),
            ("GET", "build/*", api.build),
            ("GET", "build-chroot", api.chroot),
            ("GET", "build-chroot/list", api.chroot_list),
            ("GET", "build-chroot/built-packages", api.chroot_packages),
            ("GET", "monitor", api.monitor),
            ("GET", "mock-chroots/list", api.chroots),
        ]
        return [(methods, _pattern(name), name.rstrip("/*") or "home", answer) for methods, name, answer in rows]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            self._connections.add(request.transport)
        path = request.path.removeprefix("/api_3").strip("/")
        found = [
            (name, match, answer, ways) for ways, at, name, answer in self._routes if (match := at.fullmatch(path))
        ]
        name = found[0][0] if found else "unknown"
        self.calls[name] += 1
        if self._moves:
            self.farm.advance()
        failure = self.failures.take(name)
        if failure is not None and (broken := await self._break(failure, request)):
            return broken
        fitting = [each for each in found if request.method in each[3].split("|")]
        if not fitting:
            code = 405 if found else 404
            told = "The method is not allowed for the requested URL." if found else "Such API endpoint doesn't exist"
            return web.json_response({"error": told}, status=code)
        _, match, answer, _ = fitting[0]
        response = await self._answer(request, name, match.groups(), answer)
        if failure is not None and failure.lose_answer:
            return _dropped(request)
        return response

    async def _answer(
        self, request: web.Request, name: str, path: tuple[str, ...], answer: Callable[[Call], Any]
    ) -> web.Response:
        body = await self._body(request)
        query = {key: request.query.getall(key) for key in request.query}
        call = Call(path, query, body, lambda: self._user(request))
        try:
            result = answer(call)
        except CoprError as error:
            told = {"output": "notok", "error": str(error)} if error.code == 401 else {"error": str(error)}
            return web.json_response(told, status=error.code)
        finally:
            self.violations += [f"{name}: {unknown}" for unknown in sorted(call.unknown)]
        return web.json_response(result)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        """Return what was sent as JSON, or as a form with a part "json" and a file "pkgs"."""
        if request.content_type == "application/json":
            return dict(json.loads(await request.read()) or {})
        if not request.content_type.startswith("multipart/"):
            return {}
        form = await request.post()
        described, file = form["json"], form["pkgs"]
        assert isinstance(described, web.FileField)
        assert isinstance(file, web.FileField)
        kept = self.storage.root.parent / "uploads" / str(self.calls.total()) / Path(file.filename).name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(file.file.read())
        data = dict(json.loads(described.file.read()))
        return data | {"filename": kept.name, "url": kept.as_uri(), "pkgs": kept.as_uri()}

    def _user(self, request: web.Request) -> User:
        """views/misc.py, _check_api_login."""
        header = request.headers.get("Authorization", "")
        login, _, token = base64.b64decode(header.split()[1]).decode().partition(":") if header else ("", "", "")
        user = self.users.get(login)
        if user is None or user.token != token or user.expires < self.now():
            raise CoprError(401, f"Login invalid/expired. Please visit {self.url}/api to get or renew your API token.")
        return user

    async def _break(self, failure: Failure, request: web.Request) -> web.StreamResponse | None:
        if failure.drop:
            return _dropped(request)
        if failure.hang:
            while failure.times != 0 and not self._closing.is_set():
                await asyncio.wait([asyncio.ensure_future(self._closing.wait())], timeout=0.02)
            return _dropped(request)
        headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
        if failure.error:
            return web.json_response({"error": failure.error}, status=failure.status, headers=headers)
        if failure.status:
            return web.Response(status=failure.status, text=failure.body, content_type="text/html", headers=headers)
        return None

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """backend/conf/lighttpd: files as they are, in parts where asked; `….log.gz` says that it is compressed text.

        What is asked for as `builder-live.log` and is there compressed only is redirected
        (background_worker_build.py, _compress_logs).
        """
        if request.transport is not None:
            self._connections.add(request.transport)
        path = (self.storage.root / request.match_info["path"]).resolve()
        self.asked[path.name] += 1
        failure = self.failures.take(f"results/{path.name}")
        if failure is not None and (broken := await self._break(failure, request)):
            return broken
        packed = path.with_name(f"{path.name}.gz")
        if not path.is_file() and path.name in ("builder-live.log", "backend.log") and packed.is_file():
            raise web.HTTPFound(f"{request.path}.gz")
        in_repository = path.suffix == ".rpm" or path.parent.name == "repodata"
        here = self.projects.kept_in == "backend" or in_repository == request.path.startswith("/content/")
        if not here or not path.is_file() or not path.is_relative_to(self.storage.root):
            return web.Response(status=404, text="404 Not Found\n")
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"} if path.name.endswith(".log.gz") else {}
        return web.FileResponse(path, headers=headers)

    def results(self, build: Build, chroot: str = "") -> Path:
        """The directory of a build's results in one chroot, or its only one; for a test to tamper with."""
        (found,) = [each for each in build.chroots if chroot in ("", each.name)]
        return self.storage.results(found)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile("/".join("([^/]+)" if part == "*" else re.escape(part) for part in name.split("/")))


def _dropped(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
