"""One request to GitLab through gidgetlab, with errors in the port's words.

gidgetlab knows GitLab's addresses, headers and pages. It does not tell 429 from a bad request, does not hand out the
answer's headers, and follows whatever link to a next page comes; so the answer, and where a request goes, are looked at
here. An object is one call's: it holds the entity tag of the last answer, and its bytes where these are a file's.
"""

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import aiohttp
import gidgetlab.abc
from yarl import URL

from bot.adapters.gitlab.failures import Refusal, error_for
from bot.adapters.gitlab.settings import GitLabSettings
from bot.ports.clock import Clock
from bot.ports.errors import Misconfigured, Transient

_USER_AGENT = "revdeps"
_MOVED = frozenset({301, 302, 307, 308})


class NotModified(Exception):
    """304: what we know of it is still so."""


class Transport(gidgetlab.abc.GitLabAPI):
    """gidgetlab's client over an aiohttp session. `condition` is an entity tag to ask by, `etag` that of the last
    answer, empty where it had none; `raw` is a file's contents where `wants_raw` was set.
    """

    def __init__(self, session: aiohttp.ClientSession, settings: GitLabSettings, clock: Clock, token: str) -> None:
        super().__init__(_USER_AGENT, url=settings.url, access_token=token)
        self._session = session
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=settings.request_seconds)
        self.condition = ""
        self.etag = ""
        self.wants_raw = False
        self.raw: bytes | None = None

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        sent = dict(headers) | ({"if-none-match": self.condition} if self.condition else {})
        status, answered, content = await self._send(method, url, sent, body)
        if status in _MOVED and method == "GET":
            # A project that was moved; the new address carries its number.
            status, answered, content = await self._send(method, urljoin(url, answered.get("Location", "")), sent, body)
        what = f"{method} {urlsplit(url).path}"
        if status in _MOVED:
            raise Transient(f"{what}: GitLab sends us from one address to the next")
        if status == 304:
            raise NotModified
        if status >= 400:
            raise error_for(Refusal(what=what, status=status, headers=answered, body=content, now=self._clock.now()))
        if self.wants_raw:
            self.raw = content
            return status, {}, b""
        if content and not answered.get("Content-Type", "").startswith("application/json"):
            kind = answered.get("Content-Type", "nothing that says what it is")
            raise Transient(f"{what}: {kind} came instead of JSON; is {self.api_url} GitLab's API?")
        self.etag = answered.get("ETag", "")
        return status, answered, content

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        self._check_address(url)
        what = f"{method} {urlsplit(url).path}"
        try:
            async with self._session.request(
                method, URL(url, encoded=True), headers=headers, data=body, timeout=self._timeout, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await answer.read()
        except TimeoutError:
            raise Transient(f"{what}: GitLab did not answer within {self._timeout.total:.0f} s") from None
        except aiohttp.ClientError as error:
            raise Transient(f"{what}: GitLab cannot be reached: {error or type(error).__name__}") from error

    def _check_address(self, url: str) -> None:
        """Send the token nowhere else, whatever address an answer names."""
        if not url.startswith(self.api_url):
            theirs = urlsplit(url)
            raise Misconfigured(
                "REVDEPS_FORGES_FILE",
                f"{self.api_url} answers with addresses at {theirs.scheme}://{theirs.netloc}",
                "Set the forge's url to where GitLab itself says that it is (its external_url).",
            )

    async def sleep(self, seconds: float) -> None:
        """Never called: who has to wait is told so by `Transient`, and does it without holding anything up."""
        raise NotImplementedError(seconds)
