"""Calls as the App or as an installation: tokens, one more try after 401, each within its budget."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from gidgethub import GitHubException

from bot.adapters.github.budget import Budget
from bot.adapters.github.credentials import Credentials, Token
from bot.adapters.github.failures import Unauthorised
from bot.adapters.github.settings import GitHubSettings
from bot.adapters.github.transport import Transport
from bot.domain.run import RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Gone, Transient

Variables = Mapping[str, str | int | Sequence[str]]
Send = Callable[[Transport], Awaitable[Any]]
"""A request, whoever it is made as."""

_RAW = "application/vnd.github.raw+json"
_APP = 0
"""Stands for the App itself where installations are numbered."""


@dataclass(frozen=True, slots=True)
class Read:
    """An answer and its entity tag."""

    data: Any
    etag: str


class GitHubClient:
    """All traffic with GitHub's API passes through here."""

    def __init__(self, settings: GitHubSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.settings = settings
        self._session = session
        self._clock = clock
        self._credentials = Credentials(settings, clock)
        self._budgets: dict[int, Budget] = {}

    async def get(self, repo: RepoRef, url: str, variables: Variables, *, etag: str = "") -> Read:
        """Read one thing of a repository; raises `NotModified` where `etag` still names it."""
        condition = {"if-none-match": etag} if etag else None

        async def send(api: Transport) -> Read:
            data = await api.getitem(url, _about(repo, variables), extra_headers=condition)
            return Read(data, api.etag)

        read: Read = await self._as_installation(await self._installation(repo), send)
        return read

    async def file(self, repo: RepoRef, url: str, variables: Variables) -> bytes | None:
        """Read a file's contents, None where something else stands there."""

        async def send(api: Transport) -> bytes | None:
            await api.getitem(url, _about(repo, variables), accept=_RAW)
            return api.raw

        contents: bytes | None = await self._as_installation(await self._installation(repo), send)
        return contents

    async def pages(
        self, repo: RepoRef, url: str, variables: Variables, key: str = "items", *, patient: bool = False
    ) -> list[Any]:
        """Read a whole list of a repository; `key` is where the list stands in an answer that is an object.

        `patient` where nobody waits for it.
        """

        async def send(api: Transport) -> list[Any]:
            api.patient = patient
            return [item async for item in api.getiter(url, _about(repo, variables), iterable_key=key)]

        items: list[Any] = await self._as_installation(await self._installation(repo), send)
        return items

    async def post(self, repo: RepoRef, url: str, variables: Variables, data: object) -> Any:
        """Create something in a repository."""

        async def send(api: Transport) -> Any:
            return await api.post(url, _about(repo, variables), data=data)

        return await self._write(repo, send)

    async def patch(self, repo: RepoRef, url: str, variables: Variables, data: object, *, patient: bool = False) -> Any:
        """Change something in a repository; `patient` where it is news of progress, which others' needs come before."""

        async def send(api: Transport) -> Any:
            api.patient = patient
            return await api.patch(url, _about(repo, variables), data=data)

        return await self._write(repo, send)

    async def app_pages(self, url: str, enough: Callable[[Any], bool] = lambda _item: False) -> list[Any]:
        """Read a list of the App's own, up to the first item that is `enough`."""

        async def send(api: Transport) -> list[Any]:
            items = []
            async with contextlib.aclosing(api.getiter(url)) as found:
                async for item in found:
                    if enough(item):
                        break
                    items.append(item)
            return items

        read: list[Any] = await self._as_app(send)
        return read

    async def app_get(self, url: str) -> Any:
        """Read something of the App's own."""
        return await self._as_app(lambda api: api.getitem(url))

    async def app_post(self, url: str, variables: Variables) -> Any:
        """Ask for something as the App."""
        return await self._as_app(lambda api: api.post(url, variables, data=b""))

    async def installation_repositories(self, installation: int) -> list[RepoRef]:
        """Return the repositories that an installation covers, and remember that it does."""

        async def send(api: Transport) -> list[Any]:
            url = "/installation/repositories?per_page=100"
            return [item async for item in api.getiter(url, iterable_key="repositories")]

        found = await self._as_installation(installation, send)
        forge = self.settings.forge
        repos = [RepoRef(forge=forge, owner=item["owner"]["login"], name=item["name"]) for item in found]
        for repo in repos:
            self._credentials.remember(repo, installation)
        return repos

    async def token(self, repo: RepoRef) -> Token:
        """Return a token for git, good for at least the next five minutes."""
        return await self._token(await self._installation(repo))

    async def refuse(self, repo: RepoRef, token: Token) -> None:
        """Take note that git was turned away with a token."""
        self._credentials.refuse(await self._installation(repo), token)

    async def _write(self, repo: RepoRef, send: Send) -> Any:
        return await self._as_installation(await self._installation(repo), send)

    async def _as_app(self, send: Send) -> Any:
        with _making_sense():
            return await send(self._transport(_APP, self._as_itself()))

    async def _as_installation(self, installation: int, send: Send) -> Any:
        for last in (False, True):
            token = await self._token(installation)
            try:
                with _making_sense():
                    return await send(self._transport(installation, f"token {token.value}"))
            except Unauthorised:
                # It may have been revoked, which no clock tells; with a new one it has to work.
                self._credentials.refuse(installation, token)
                if last:
                    raise
        raise AssertionError("the second try returns or raises")

    async def _installation(self, repo: RepoRef) -> int:
        known = self._credentials.installation(repo)
        if known is not None:
            return known
        url, variables = "/repos/{owner}/{name}/installation", _about(repo, {})
        try:
            found = await self._as_app(lambda api: api.getitem(url, variables))
        except Gone:
            raise Gone(f"{repo}: the App is not installed there, or there is no such repository") from None
        installation = int(found["id"])
        self._credentials.remember(repo, installation)
        return installation

    async def _token(self, installation: int) -> Token:
        async def mint() -> Token:
            url, variables = "/app/installations/{id}/access_tokens", {"id": str(installation)}
            try:
                made = await self._as_app(lambda api: api.post(url, variables, data=b""))
            except Gone:
                # Removed, and perhaps installed again under another number.
                self._credentials.forget(installation)
                raise
            return Token(made["token"], datetime.fromisoformat(made["expires_at"]))

        return await self._credentials.token(installation, mint)

    def _as_itself(self) -> str:
        return f"bearer {self._credentials.jwt()}"

    def _transport(self, who: int, authorization: str) -> Transport:
        budget = self._budgets.get(who)
        if budget is None:
            budget = self._budgets[who] = Budget(self.settings.limits, self._clock)
        return Transport(self._session, self.settings, self._clock, authorization, budget)


@contextlib.contextmanager
def _making_sense() -> Iterator[None]:
    """Take an answer that nobody can read for a passing trouble of GitHub's."""
    try:
        yield
    except (GitHubException, ValueError) as error:
        raise Transient(f"GitHub's answer makes no sense: {error}") from error


def _about(repo: RepoRef, variables: Variables) -> dict[str, Any]:
    return {"owner": repo.owner, "name": repo.name} | {
        key: str(value) if isinstance(value, int) else value for key, value in variables.items()
    }
