"""Speaks to one Copr: its client blocks, so calls are made in a few threads, each with a time limit.

Read in the client's copr/v3 (2.7): it makes a new connection for every call, so that proxies can be used in several
threads; it knows no time limit, which `_Request` adds.
"""

import asyncio
import email.utils
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import requests
from copr.v3 import Client, CoprException, CoprRequestException
from copr.v3.requests import FileRequest, Request, munchify

from bot.adapters.copr.settings import CoprSettings
from bot.adapters.http_refusal import retry_after
from bot.adapters.unreachable import why_unreachable
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient, login_refused

_T = TypeVar("_T")
_BUSY = (408, 423, 425, 429)


class _Timed:
    """Gives every request a time limit, in seconds, and takes no refusal for an answer.

    The client knows a refusal by an `error` in its JSON (copr/v3/requests.py, handle_errors); not all that stands
    before a Copr speaks so.
    """

    timeout: float

    def send(self, *arguments: Any, **named: Any) -> requests.Response:
        response: requests.Response = super().send(*arguments, **named)  # type: ignore[misc]
        if not response.ok:
            raise CoprRequestException(response.reason, response=response)
        return response

    def _request_params(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        params: dict[str, Any] = super()._request_params(*arguments, **named)  # type: ignore[misc]
        return params | {"timeout": self.timeout}


class _Request(_Timed, Request):  # type: ignore[misc] # the client has no types
    pass


class _Upload(_Timed, FileRequest):  # type: ignore[misc] # as above
    pass


class CoprClient:
    """Runs pieces of work, each given the client. The errors they raise are those of `bot.ports.errors`."""

    def __init__(self, settings: CoprSettings) -> None:
        self.settings = settings
        self._executor = ThreadPoolExecutor(settings.connections, thread_name_prefix=f"copr-{settings.name}")
        self._client = Client(
            {
                "copr_url": settings.url.rstrip("/"),
                "login": settings.login,
                "token": settings.token,
                "username": settings.owner,
            }
        )
        for name in ("base_proxy", "project_proxy", "build_proxy", "build_chroot_proxy", "monitor_proxy"):
            proxy = getattr(self._client, name)
            proxy.request = _timed(_Request(api_base_url=proxy.api_base_url), settings)

    async def call(self, work: Callable[[Any], _T]) -> _T:
        """Run work that makes calls."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._translated, work)

    def close(self) -> None:
        """End the threads; what they are at is finished."""
        self._executor.shutdown()

    def _translated(self, work: Callable[[Any], _T]) -> _T:
        try:
            return work(self._client)
        except CoprException as error:
            raise self._meaning(error) from error
        except (requests.RequestException, OSError) as error:
            raise Transient(f"Copr ({self.settings.name}) cannot be reached: {why_unreachable(error)}") from error

    def _meaning(self, error: CoprException) -> RevdepsError:
        """Say what an answer means: whose fault it is, and whether to ask again."""
        response, text = error.result.get("__response__"), str(error.result.error).strip()
        name = f"Copr ({self.settings.name})"
        if response is None:
            return Transient(f"{name} cannot be reached")
        status = int(response.status_code)
        if status >= 500 or status in _BUSY:
            return Transient(f"{name} answers {status}: {_short(text)}", _wish(response))
        if not _is_coprs(response):
            return Transient(f"what answers at {self.settings.url} is no Copr (status {status})")
        if status == 401:
            return login_refused(
                str(self.settings.credentials or f"build system {self.settings.name}"),
                f"{name} turns the login away: its token is wrong, or has expired",
                f"Get a new one at {self.settings.url.rstrip('/')}/api/.",
            )
        if status == 403:
            mend = f"Let this login build in, and make, projects of {self.settings.owner}."
            return Misconfigured(f"build system {self.settings.name}", f"{name} refuses: {_short(text)}", mend)
        return Gone(f"{name}: {_short(text)}") if status == 404 else Rejected(f"{name}: {_short(text)}")


def upload(client: Any, data: dict[str, Any], file: Path, settings: CoprSettings) -> Any:
    """Upload a source package and ask for its build; for use within work."""
    proxy = client.build_proxy
    with file.open("rb") as opened:
        files = {"pkgs": (file.name, opened, "application/x-rpm")}
        request = _timed(_Upload(api_base_url=proxy.api_base_url, files=files), settings)
        return munchify(request.send(endpoint="/build/create/upload", method="POST", data=data, auth=proxy.auth))


def _timed(request: Any, settings: CoprSettings) -> Any:
    request.timeout = settings.timeout.total_seconds()
    return request


def _is_coprs(response: requests.Response) -> bool:
    """Whether a refusal is worded as a Copr's are (coprs/error_handlers.py)."""
    try:
        told = response.json()
    except ValueError:
        return False
    return isinstance(told, dict) and "error" in told


def _short(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:400]}…"


def _wish(response: requests.Response) -> timedelta | None:
    """Read Retry-After: seconds, or a date (RFC 9110, section 10.2.3)."""
    seconds = retry_after(response.headers, timedelta(days=1))
    if seconds is not None:
        return seconds
    try:
        at = email.utils.parsedate_to_datetime(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return max(at.astimezone(UTC) - datetime.now(UTC), timedelta(0))
