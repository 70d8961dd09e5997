"""Reads one file from a server or from disk, within bounds: of size, of speed, and of where redirects lead.

Why not with librepo: docs/decisions/0007-metadata-are-read-without-librepo.md.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters.hawkey.access import local_path
from bot.adapters.hawkey.settings import HawkeySettings

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


def fetch(
    url: str, path: Path, *, most: int, settings: HawkeySettings, known: Validators | None = None
) -> Validators | None:
    """Write what is at a URL to `path`, at most `most` bytes; None where it is still what `known` was given for.

    Raises UnavailableError.
    """
    if urlsplit(url).scheme == "file":
        _copy_local(local_path(url), path, most)
        return Validators()
    # Importing requests takes longer than reading a local repository that has not changed.
    from bot.adapters.hawkey.http import fetch_http

    return fetch_http(url, path, most, settings, known or Validators())


def fetch_start(url: str, path: Path, *, length: int, settings: HawkeySettings) -> None:
    """Write the first `length` bytes of what a server has at a URL to `path`; raise UnavailableError."""
    from bot.adapters.hawkey.http import fetch_http

    fetch_http(url, path, length, settings, Validators(), start=True)
    if path.stat().st_size != length:
        raise UnavailableError(f"{url} has not the {length} bytes that its metadata tell of")


def _copy_local(source: Path, path: Path, most: int) -> None:
    if not source.is_file():
        raise UnavailableError(f"{source} is not there", missing=True)
    with source.open("rb") as stream:
        copy(stream.read, path, most, stall=None)


def copy(read: Callable[[int], bytes], path: Path, most: int, *, stall: int | None) -> None:
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
