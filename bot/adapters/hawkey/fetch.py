"""Reads one file from a server or from disk, within bounds: of size, of speed, and of where redirects lead.

librepo is not asked because it follows redirects to any host, cannot be told not to, takes what it gets however long
it is, and has no conditional requests.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import requests
import urllib3

from bot.adapters.hawkey.access import local_path, redirected
from bot.adapters.hawkey.settings import HawkeySettings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 6
_GONE = frozenset({404, 410})
_NOT_MODIFIED = 304
_OK = 200
_SLOWEST = 1000
"""Bytes per second; a server that is slower over the whole `stall_timeout` is given up."""
_CHUNK = 1 << 16


class UnavailableError(Exception):
    """One place does not have what was asked for. Another mirror may have it."""

    def __init__(self, what: str, *, missing: bool = False, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.missing = missing
        """The server answers, but has no such file."""
        self.mend = mend
        """What somebody has to do about it; empty: it may come right by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """By what a server tells whether a file has changed: `ETag` and `Last-Modified`, empty where it gave none."""

    etag: str = ""
    modified: str = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that makes a request conditional; an ETag says more than a time."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.modified} if self.modified else {}


class _Session(requests.Session):
    """One that leaves redirects alone: requests looks ahead to the next address, and reads the answer whole for it."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that an answer is no redirect."""


def fetch(
    url: str, path: Path, *, most: int, settings: HawkeySettings, known: Validators | None = None
) -> Validators | None:
    """Write what is at a URL to `path`, at most `most` bytes; None where it is still what `known` was given for.

    Raises UnavailableError.
    """
    if urlsplit(url).scheme == "file":
        _copy_local(local_path(url), path, most)
        return Validators()
    try:
        return _fetch(url, path, most, settings, known or Validators())
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UnavailableError(f"{url}: {error}") from error


def _copy_local(source: Path, path: Path, most: int) -> None:
    if not source.is_file():
        raise UnavailableError(f"{source} is not there", missing=True)
    with source.open("rb") as stream:
        _copy(stream.read, path, most, stall=None)


def _fetch(origin: str, path: Path, most: int, settings: HawkeySettings, known: Validators) -> Validators | None:
    url = origin
    headers = {"Accept-Encoding": "identity", **known.headers}
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
                if response.status_code != _OK:
                    what = f"{url} answers {response.status_code} {response.reason}"
                    raise UnavailableError(what, missing=response.status_code in _GONE)
                _copy(cast("Callable[[int], bytes]", response.raw.read1), path, most, stall=settings.stall_timeout)
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


def _copy(read: Callable[[int], bytes], path: Path, most: int, *, stall: int | None) -> None:
    """Write all there is to read; `stall` is the time in seconds over which it must not be too slow."""
    size = marked = 0
    mark = time.monotonic()
    with path.open("wb") as stream:
        while chunk := read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise UnavailableError(f"{path.name} is longer than {most} bytes")
            stream.write(chunk)
            now = time.monotonic()
            if stall and now - mark >= stall:
                if size - marked < _SLOWEST * stall:
                    raise UnavailableError(f"{path.name} comes in too slowly")
                mark, marked = now, size
