"""Reads one file from a server: redirects followed no further than allowed, and only if it has changed."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import requests
import urllib3

from bot.adapters.hawkey.access import redirected
from bot.adapters.hawkey.fetch import UnavailableError, Validators, copy
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.unreachable import why_unreachable

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 6
_GONE = frozenset({404, 410})
_NOT_MODIFIED = 304
_OK = 200
_PARTIAL = 206


class _Session(requests.Session):
    """One that leaves redirects alone: requests looks ahead to the next address, and reads the answer whole for it."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that an answer is no redirect."""


def fetch_http(
    url: str, path: Path, most: int, settings: HawkeySettings, known: Validators, *, start: bool = False
) -> Validators | None:
    """Write what is at a URL to `path`; see `fetch`, of which this is the part that asks servers.

    With `start` it is the first `most` bytes, and nothing is read beyond them, whatever a server makes of a range.
    """
    try:
        return _fetch(url, path, most, settings, known, start=start)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UnavailableError(f"{url}: {why_unreachable(error)}") from error


def _fetch(
    origin: str, path: Path, most: int, settings: HawkeySettings, known: Validators, *, start: bool
) -> Validators | None:
    url = origin
    headers = {"Accept-Encoding": "identity", **known.headers, **({"Range": f"bytes=0-{most - 1}"} if start else {})}
    with _Session() as session:
        for _ in range(_MOST_REDIRECTS):
            with session.get(
                url,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(settings.connect_timeout, settings.stall_timeout),
            ) as response:
                if response.status_code in _REDIRECTS:
                    url = _redirected(url, response, settings)
                    continue
                if response.status_code == _NOT_MODIFIED and known.headers:
                    return None
                if response.status_code != _OK and not (start and _is_start(response)):
                    what = f"{url} answers {response.status_code} {response.reason}"
                    raise UnavailableError(what, missing=response.status_code in _GONE)
                read = cast("Callable[[int], bytes]", response.raw.read1)
                copy(_first(read, most) if start else read, path, most, stall=settings.stall_timeout)
                found = response.headers
                return Validators(etag=found.get("ETag", ""), modified=found.get("Last-Modified", ""))
    raise UnavailableError(f"{origin} redirects more than {_MOST_REDIRECTS} times")


def _redirected(url: str, response: requests.Response, settings: HawkeySettings) -> str:
    to = response.headers.get("Location", "")
    address = redirected(url, to, settings)
    if address is None:
        raise UnavailableError(
            f"{url} redirects to {to!r}, which is not among the allowed hosts",
            mend="Ask the operator to allow that host, or name another repository.",
        )
    return address


def _is_start(response: requests.Response) -> bool:
    return response.status_code == _PARTIAL and response.headers.get("Content-Range", "").startswith("bytes 0-")


def _first(read: Callable[[int], bytes], length: int) -> Callable[[int], bytes]:
    """Return what reads until there are so many bytes, and then no more."""
    left = length

    def limited(size: int) -> bytes:
        nonlocal left
        chunk = read(min(size, left)) if left else b""
        left -= len(chunk)
        return chunk

    return limited
