"""Calls as the bot's account: one request over aiohttp, pages, a few writes at once, and holding still when told.

Why no client library: of the asynchronous ones on PyPI, `gitea-async-sdk` is generated, with a model for each of 450
endpoints, and `forgejo` has had one release so far. What takes thought below, namely what a refusal means, when to wait
and where a token may follow a redirection, would be ours with either; the rest are a dozen requests.
"""

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bot.adapters.forgejo.failures import Refusal, Unauthorised, error_for
from bot.adapters.forgejo.settings import ForgejoSettings
from bot.adapters.holding_still import HoldingStill
from bot.domain.run import RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Misconfigured, Transient

Query = Mapping[str, str | int]

_PAGE = 50
"""Forgejo's own bound of a page, unless its operator set another (`[api] MAX_RESPONSE_ITEMS`)."""
_WRITES = 8
"""At once: many servers are small, and keep everything in a file."""
_REDIRECTIONS = 5
_HEADERS = {"User-Agent": "revdeps", "Accept-Language": "en-US"}
"""Some refusals come in the language that is asked for."""
_OBJECT_TYPES = ("X-Forgejo-Object-Type", "X-Gitea-Object-Type")


@dataclass(frozen=True, slots=True)
class _Answer:
    headers: Mapping[str, str]
    content_type: str
    content: bytes
    more: bool
    """Whether a next page is linked."""

    @property
    def total(self) -> int:
        """How many items a list has on all its pages, as far as that is told: not every list is linked."""
        count = self.headers.get("X-Total-Count", "")
        return int(count) if count.isascii() and count.isdecimal() else 0


def in_repository(repo: RepoRef, *parts: str | int) -> str:
    """Return the path of something in a repository; a part is one name, however odd."""
    return "/".join(("/repos", *(quote(str(part), safe="") for part in (repo.owner, repo.name, *parts))))


class ForgejoClient:
    """All traffic with Forgejo's API passes through here."""

    def __init__(self, settings: ForgejoSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.settings = settings
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=settings.request_seconds)
        self._token = ""
        self._writing = asyncio.Semaphore(_WRITES)
        self._still = HoldingStill(clock, "Forgejo")

    @property
    def token(self) -> str:
        """The token, as it was read last."""
        self._token = self._token or self.settings.token()
        return self._token

    def renewed(self) -> bool:
        """Read the token again, and tell whether it is another one."""
        before, self._token = self._token, self.settings.token()
        return self._token != before

    def wrote(self, user: Mapping[str, Any] | None) -> bool:
        """Tell whether an account is ours: Forgejo's names know no case."""
        return user is not None and str(user["login"]).casefold() == self.settings.user.casefold()

    async def get(self, path: str, query: Query | None = None) -> Any:
        """Read one thing, or a list that has no pages."""
        return self._json(path, await self._ask("GET", path, query or {}))

    async def pages(self, path: str, query: Query | None = None) -> list[Any]:
        """Read a whole list."""
        items: list[Any] = []
        for number in itertools.count(1):
            answer = await self._ask("GET", path, {**(query or {}), "page": number, "limit": _PAGE})
            read = self._json(path, answer) or []
            items += read
            if not read or not (answer.more or len(items) < answer.total):
                break
        return items

    async def raw(self, path: str, query: Query) -> bytes:
        """Read a file's contents."""
        answer = await self._ask("GET", path, query)
        if not any(name in answer.headers for name in _OBJECT_TYPES):
            raise Transient(f"GET {path}: something else than a file of Forgejo's came ({answer.content_type})")
        return answer.content

    async def post(self, path: str, data: Mapping[str, object]) -> Any:
        """Create something."""
        return await self._write("POST", path, data)

    async def patch(self, path: str, data: Mapping[str, object]) -> Any:
        """Change something."""
        return await self._write("PATCH", path, data)

    async def _write(self, method: str, path: str, data: Mapping[str, object]) -> Any:
        async with self._writing:
            return self._json(path, await self._ask(method, path, {}, data))

    async def _ask(self, method: str, path: str, query: Query, data: Mapping[str, object] | None = None) -> _Answer:
        url = URL(f"{self.settings.api_url}{path}" + (f"?{urlencode(query)}" if query else ""), encoded=True)
        with self._still.obeyed():
            try:
                return await self._follow(method, url, data)
            except Unauthorised:
                if not self.renewed():
                    raise
                return await self._follow(method, url, data)

    async def _follow(self, method: str, url: URL, data: Mapping[str, object] | None) -> _Answer:
        for _ in range(_REDIRECTIONS):
            answer = await self._send(method, url, data)
            if isinstance(answer, _Answer):
                return answer
            url = self._redirected(url, answer)
        raise Transient(f"{method} {url.path}: Forgejo redirects in a circle")

    async def _send(self, method: str, url: URL, data: Mapping[str, object] | None) -> _Answer | URL:
        """Return the answer, or where it is to be had instead."""
        headers = {**_HEADERS, "Authorization": f"token {self.token}"}
        what = f"{method} {url.path}"
        try:
            async with self._session.request(
                method, url, headers=headers, json=data, timeout=self._timeout, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except TimeoutError:
            raise Transient(f"{what}: Forgejo did not answer within {self._timeout.total:.0f} s") from None
        except aiohttp.ClientError as error:
            raise Transient(f"{what}: Forgejo cannot be reached: {error or type(error).__name__}") from error
        if answer.status >= 400:
            user = self.settings.user
            raise error_for(Refusal(what=what, user=user, status=answer.status, headers=answer.headers, body=content))
        if answer.status >= 300:
            return url.join(URL(answer.headers.get("Location", ""), encoded=True))
        return _Answer(answer.headers, answer.content_type, content, "next" in answer.links)

    def _redirected(self, asked: URL, target: URL) -> URL:
        """Follow a renamed repository or owner, with the same method (they are 307); the token goes nowhere else."""
        here, there = (f"{url.scheme}://{url.authority}" for url in (asked, target))
        if there != here:
            mend = "Set `url` to where Forgejo itself answers."
            raise Misconfigured("the address of Forgejo", f"{here} redirects to {there}", mend)
        return target

    def _json(self, path: str, answer: _Answer) -> Any:
        if not answer.content:
            return None
        if answer.content_type != "application/json":
            url = self.settings.url
            raise Transient(f"{path}: {answer.content_type} came instead of JSON; is {url} the address of a Forgejo?")
        try:
            return json.loads(answer.content)
        except ValueError as error:
            raise Transient(f"{path}: Forgejo's answer is no JSON: {error}") from None
