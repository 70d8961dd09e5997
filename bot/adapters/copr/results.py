"""Reads results of builds over HTTP, with bounded memory: logs in parts, what was in the root, what came out, metadata.

A log is there as `builder-live.log` while its build runs, and as `.gz` some time after its end; a server may send
either in place of the other.
"""

import json
import os
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import requests

from bot.adapters.copr.settings import CoprSettings
from bot.domain.packages import Nevra
from bot.ports.builder import LOGS_AT_ONCE
from bot.ports.errors import Transient

LOG = "builder-live.log"
_BACKEND = "backend.log"
_ROOT = "installed_pkgs.log"
_CHUNK = 64 * 1024
_SMALL = 16 * 1024 * 1024
"""Bytes, unpacked, of anything but a log."""
_KEPT = LOGS_AT_ONCE
"""How many whole logs are kept unpacked on disk."""
_LOG_LIMIT = 256 * 1024 * 1024
_COMMON = "{http://linux.duke.edu/metadata/common}"
_REPO = "{http://linux.duke.edu/metadata/repo}"


class Results:
    """Reads from the server that a Copr names in its addresses of results."""

    def __init__(self, settings: CoprSettings) -> None:
        self._timeout = settings.timeout.total_seconds()
        self._name = settings.name
        self._logs: OrderedDict[str, IO[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the logs on disk."""
        for log in self._logs.values():
            log.close()
        self._logs.clear()

    @contextmanager
    def _open(self, url: str, **headers: str) -> Iterator[requests.Response | None]:
        """Ask for a file as it is stored; None where there is none."""
        asked = {"Accept-Encoding": "identity"} | headers
        with requests.get(url, headers=asked, timeout=self._timeout, stream=True) as response:
            if response.status_code in (403, 404, 410):
                yield None
            elif response.status_code in (200, 206, 416):
                yield response
            else:
                raise Transient(f"the results of Copr ({self._name}) cannot be read: status {response.status_code}")

    def running_log(self, base: str, offset: int, length: int) -> bytes:
        """Return a part of a log that is being written; empty where there is none yet."""
        wanted = f"bytes=-{-offset}" if offset < 0 else f"bytes={offset}-{offset + length - 1}"
        with self._open(urljoin(base, LOG), Range=wanted) as response:
            if response is None or response.status_code == 416:
                return b""
            packed = _is_packed(response)
            if response.status_code == 206 and not packed:
                return _most(response.iter_content(_CHUNK), length)
        if not packed:
            self.forget(base)  # a server that knows no ranges: the log may have grown since
        return self.ended_log(base, offset, length)

    def ended_log(self, base: str, offset: int, length: int) -> bytes:
        """Return a part of a whole log, which is fetched and unpacked once for all parts."""
        if base not in self._logs:
            log = self._fetch_log(base)
            with self._lock:
                self._keep(base, log)
        with self._lock:
            if (kept := self._logs.get(base)) is None:
                return b""  # let go of since: whoever reads on asks again
            size = kept.seek(0, os.SEEK_END)
            kept.seek(offset if offset >= 0 else max(0, size + offset))
            return kept.read(length)

    def _keep(self, base: str, log: IO[bytes]) -> None:
        if (former := self._logs.pop(base, None)) is not None:
            former.close()
        self._logs[base] = log
        while len(self._logs) > _KEPT:
            self._logs.popitem(last=False)[1].close()

    def forget(self, base: str) -> None:
        """Fetch a log anew when it is asked for again."""
        with self._lock:
            if (log := self._logs.pop(base, None)) is not None:
                log.close()

    def _fetch_log(self, base: str) -> IO[bytes]:
        log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it is let go
        for name in (f"{LOG}.gz", LOG):
            with self._open(urljoin(base, name)) as response:
                if response is not None and response.status_code == 200:
                    for chunk in _unpacked(response.raw):
                        log.write(chunk)
                        if log.tell() > _LOG_LIMIT:
                            break
                    return log
        return log

    def installed(self, base: str) -> tuple[str, ...]:
        """Return what was in the root, by mock's plug-in package_state, sorted; empty where it is not told."""
        text = self._small(urljoin(base, f"{_ROOT}.gz")) or self._small(urljoin(base, _ROOT)) or b""
        found = set()
        for line in text.decode(errors="replace").splitlines():
            word = line.split(" ", 1)[0]
            try:
                found.add(str(Nevra.parse(word)))
            except ValueError:
                continue  # a truncated line, or a key (gpg-pubkey has no architecture)
        return tuple(sorted(found))

    def backend_log(self, base: str) -> str:
        """Return what the dispatcher wrote; empty where it wrote nothing."""
        found = self._small(urljoin(base, f"{_BACKEND}.gz")) or self._small(urljoin(base, _BACKEND)) or b""
        return found.decode(errors="replace")

    def packages(self, base: str) -> list[dict[str, Any]]:
        """Return what a build says that came out, by its own list; empty where there is none."""
        try:
            content = json.loads(self._small(urljoin(base, "results.json")) or b"{}")
        except ValueError:
            return []
        found = content.get("packages") if isinstance(content, dict) else None
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def succeeded(self, base: str) -> bool:
        """Whether the builder wrote down that the build itself went well."""
        return self._small(urljoin(base, "success")) is not None

    def repository(self, base: str) -> tuple[bytes, frozenset[str]]:
        """Return a repository's repomd.xml and the NEVRAs in it; both empty while there is none."""
        repomd = self._small(urljoin(base, "repodata/repomd.xml"))
        if repomd is None:
            return b"", frozenset()
        try:
            places = {data.get("type"): data.find(f"{_REPO}location") for data in _parsed(repomd)}
            place = places.get("primary")
            primary = self._small(urljoin(base, place.get("href", ""))) if place is not None else None
            packages = _parsed(primary).iter(f"{_COMMON}package") if primary else ()
            return repomd, frozenset(_nevra(package) for package in packages)
        except (ET.ParseError, ValueError) as error:
            raise Transient(f"the repository at {base} is being written: {error}") from error

    def _small(self, url: str) -> bytes | None:
        with self._open(url) as response:
            if response is None or response.status_code != 200:
                return None
            return _most(_unpacked(response.raw), _SMALL)


def _is_packed(response: requests.Response) -> bool:
    return response.url.endswith(".gz") or response.headers.get("Content-Encoding") == "gzip"


def _most(chunks: Iterator[bytes], length: int) -> bytes:
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) >= length:
            break
    return bytes(found[:length])


def _unpacked(raw: Any) -> Iterator[bytes]:
    """Yield a stream's bytes, unpacked where they are gzip's, as far as they are sound."""
    first = raw.read(_CHUNK)
    if first[:2] != b"\x1f\x8b":
        while first:
            yield first
            first = raw.read(_CHUNK)
        return
    unpack = zlib.decompressobj(wbits=31)
    while first:
        try:
            yield unpack.decompress(first, _SMALL)
            while unpack.unconsumed_tail:
                yield unpack.decompress(unpack.unconsumed_tail, _SMALL)
        except zlib.error:
            return
        first = raw.read(_CHUNK)
    yield unpack.flush()


def _parsed(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314 - expat bounds what entities come to; the size is bounded, too


def _nevra(package: ET.Element) -> str:
    version = package.find(f"{_COMMON}version")
    name, arch = package.findtext(f"{_COMMON}name") or "", package.findtext(f"{_COMMON}arch") or ""
    if version is None:
        raise ValueError(f"the package {name} has no version")
    epoch = int(version.get("epoch") or 0)
    return str(Nevra(name=name, epoch=epoch, version=version.get("ver", ""), release=version.get("rel", ""), arch=arch))
