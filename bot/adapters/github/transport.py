"""One request to GitHub through gidgethub, with errors in the port's words.

gidgethub knows GitHub's headers, URL templates and pages. It does not tell 429 and secondary limits from a bad request,
and hides the answer's headers; so the answer is looked at here, before gidgethub does. An object is one call's: it
holds the entity tag of the last answer, and its bytes where these are a file's.
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import gidgethub.abc

from bot.adapters.github.budget import Budget
from bot.adapters.github.failures import Refusal, error_for
from bot.adapters.github.settings import GitHubSettings
from bot.ports.clock import Clock
from bot.ports.errors import Transient

_USER_AGENT = "revdeps"
API_VERSION = "2022-11-28"
_JSON = frozenset({"application/json", "application/vnd.github+json"})


class NotModified(Exception):
    """304: what we know of it is still so."""


class Transport(gidgethub.abc.GitHubAPI):
    """gidgethub's client over an aiohttp session, within a budget. `etag` is that of the last answer, empty where it
    had none; `raw` is a file's contents, None where something else came; `patient` says that what is asked can wait.
    """

    def __init__(
        self, session: aiohttp.ClientSession, settings: GitHubSettings, clock: Clock, authorization: str, budget: Budget
    ) -> None:
        super().__init__(_USER_AGENT, base_url=settings.api_url)
        self._session = session
        self._clock = clock
        self._authorization = authorization
        self._budget = budget
        self._timeout = aiohttp.ClientTimeout(total=settings.request_seconds)
        self.etag = ""
        self.raw: bytes | None = None
        self.patient = False

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        sent = {**headers, "authorization": self._authorization, "x-github-api-version": API_VERSION}
        path = urlsplit(url).path
        async with self._budget.request(method, path, patient=self.patient):
            return await self._ask(f"{method} {path}", method, url, sent, body)

    async def _ask(
        self, what: str, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with self._session.request(method, url, headers=headers, data=body, timeout=self._timeout) as answer:
                content = await answer.read()
        except TimeoutError:
            raise Transient(f"{what}: GitHub did not answer within {self._timeout.total:.0f} s") from None
        except aiohttp.ClientError as error:
            raise Transient(f"{what}: GitHub cannot be reached: {error or type(error).__name__}") from error
        if answer.status == 304:
            raise NotModified
        if answer.status >= 400:
            refusal = Refusal(
                what=what, status=answer.status, headers=answer.headers, body=content, now=self._now(answer.headers)
            )
            raise error_for(refusal)
        self._budget.heard(answer.headers)
        if "raw" in answer.content_type:
            self.raw = content
            return answer.status, answer.headers, b""
        if content and answer.content_type not in _JSON:
            raise Transient(f"{what}: {answer.content_type} came instead of JSON; is {self.base_url} GitHub's API?")
        self.etag = answer.headers.get("ETag", "")
        return answer.status, answer.headers, content

    def _now(self, headers: Mapping[str, str]) -> datetime:
        """Return the time by GitHub's clock, which its limits go by; ours may be wrong."""
        try:
            return parsedate_to_datetime(headers["Date"])
        except (KeyError, ValueError):
            return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Never called: who has to wait is told so by `Transient`, and does it without holding anything up."""
        raise NotImplementedError(seconds)
