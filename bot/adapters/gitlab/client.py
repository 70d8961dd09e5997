"""Calls as the bot's user: the token, projects by their numbers, and holding still when told.

A project is asked for by its path once an hour, and by its number else: that goes on working when it is renamed or
transferred in the middle of a run, and no proxy stumbles over an encoded slash.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
from cachetools import TTLCache
from gidgetlab.exceptions import GitLabException

from bot.adapters.gitlab.failures import Unauthorised
from bot.adapters.gitlab.settings import GitLabSettings
from bot.adapters.gitlab.transport import Transport
from bot.adapters.holding_still import HoldingStill
from bot.domain.run import RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Gone, Transient

_T = TypeVar("_T")
_REMEMBERED = 10_000
_PROJECT_LIFE = timedelta(hours=1)
_GUEST = 10
"""From this access level on somebody is a member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An answer and its entity tag."""

    data: Any
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is remembered of a project. `path` is `group/subgroup/name`."""

    id: int
    path: str
    everybody_reads: bool
    """Whether people who are no members may read it."""
    access: int
    """Our own access level in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotUser:
    """The bot's user."""

    id: int
    username: str


class GitLabClient:
    """All traffic with GitLab's API passes through here. Addresses are relative to `/api/v4`."""

    def __init__(self, settings: GitLabSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.settings = settings
        self._session = session
        self._clock = clock
        self._token = ""
        self._me: BotUser | None = None
        self._still = HoldingStill(clock, "GitLab")
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

        def now() -> float:
            return clock.now().timestamp()

        life = _PROJECT_LIFE.total_seconds()
        self._projects: TTLCache[str, Project] = TTLCache(_REMEMBERED, ttl=life, timer=now)
        self._paths: TTLCache[int, str] = TTLCache(_REMEMBERED, ttl=life, timer=now)

    async def get(self, url: str, *, etag: str = "", **query: str | int) -> Read:
        """Read one thing; raises `NotModified` where `etag` still names it."""

        async def send(api: Transport) -> Read:
            api.condition = etag
            data = await api.getitem(_with(url, query))
            return Read(data=data, etag=api.etag)

        return await self._as_us(send)

    async def file(self, url: str, **query: str | int) -> bytes:
        """Read a file's contents."""

        async def send(api: Transport) -> bytes:
            api.wants_raw = True
            await api.getitem(_with(url, query))
            return api.raw or b""

        return await self._as_us(send)

    async def pages(
        self, url: str, enough: Callable[[Any], bool] = lambda _item: False, **query: str | int
    ) -> list[Any]:
        """Read a list, up to the first item that is `enough`."""

        async def send(api: Transport) -> list[Any]:
            items = []
            async with contextlib.aclosing(api.getiter(_with(url, {"per_page": 100, **query}))) as found:
                async for item in found:
                    if enough(item):
                        break
                    items.append(item)
            return items

        return await self._as_us(send)

    async def post(self, url: str, data: Mapping[str, object]) -> Any:
        """Create something."""
        return await self._as_us(lambda api: api.post(url, data=data))

    async def put(self, url: str, data: Mapping[str, object]) -> Any:
        """Change something."""
        return await self._as_us(lambda api: api.put(url, data=data))

    async def me(self) -> BotUser:
        """Return who we are."""
        if self._me is None:
            data = (await self.get("user")).data
            self._me = BotUser(id=data["id"], username=data["username"])
        return self._me

    async def project(self, repo: RepoRef) -> Project:
        """Return the project of a repository; raises `Gone` where we are no member of it."""
        name = str(repo).lower()
        async with self._asking[name]:  # Several who need it wait for the one who asks.
            known = self._projects.get(name)
            if known is None:
                known = self.remember((await self.get(f"projects/{quote(str(repo), safe='')}")).data)
                if not known.access:
                    known = await self._by_membership(repo, known)
                self._projects[name] = known
        return known

    async def address(self, repo: RepoRef) -> str:
        """Return how a repository's addresses begin."""
        return f"projects/{(await self.project(repo)).id}"

    def remember(self, data: Mapping[str, Any]) -> Project:
        """Take note of a project that GitLab described."""
        rights = data.get("permissions") or {}
        levels = [(rights.get(kind) or {}).get("access_level") or 0 for kind in ("project_access", "group_access")]
        project = Project(
            id=data["id"],
            path=data["path_with_namespace"],
            everybody_reads=data.get("visibility") in {"public", "internal"},
            access=max(levels),
        )
        self._paths[project.id] = project.path
        if project.access:
            self._projects[project.path.lower()] = project
        return project

    async def path(self, project: int) -> str:
        """Return the path of a project by its number, empty where we cannot see it."""
        known = self._paths.get(project)
        if known is None:
            try:
                known = self.remember((await self.get(f"projects/{project}")).data).path
            except Gone:
                known = self._paths[project] = ""
        return known

    async def token(self) -> str:
        """Return the access token."""
        if not self._token:
            self._token = await asyncio.to_thread(self.settings.token)
        return self._token

    async def renew(self, refused: str) -> bool:
        """Read the token again after it was refused, and tell whether there is a new one."""
        if self._token == refused:
            self._token = ""
        return await self.token() != refused

    async def _by_membership(self, repo: RepoRef, project: Project) -> Project:
        """Look for a membership that `permissions` does not tell, such as that of an invited group.

        A public project can be read, and even commented on, by everybody: that its people took the bot out must end its
        work there all the same.
        """
        gone = Gone(f"{repo}: the bot is no member of the project")
        try:
            member = await self.get(f"projects/{project.id}/members/all/{(await self.me()).id}")
        except Gone:
            raise gone from None
        if member.data["access_level"] < _GUEST:
            raise gone
        return replace(project, access=member.data["access_level"])

    async def _as_us(self, send: Callable[[Transport], Awaitable[_T]]) -> _T:
        for last in (False, True):
            token = await self.token()
            try:
                with self._still.obeyed(), _making_sense():
                    return await send(Transport(self._session, self.settings, self._clock, token))
            except Unauthorised:
                if last or not await self.renew(token):
                    raise
        raise AssertionError("the second try returns or raises")


@contextlib.contextmanager
def _making_sense() -> Iterator[None]:
    """Take an answer that nobody can read for a passing trouble of GitLab's."""
    try:
        yield
    except (GitLabException, ValueError) as error:
        raise Transient(f"GitLab's answer makes no sense: {error}") from error


def _with(url: str, query: Mapping[str, str | int]) -> str:
    return f"{url}?{urlencode(query)}" if query else url
