"""Fetches what a package's SRPM is made of from hosts that the operator allows, and checks every file.

The repository is somebody else's: neither its addresses nor their redirects may lead into the service's own network.
"""

import asyncio
import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, urljoin

import aiohttp

from bot.adapters.http_refusal import retry_after
from bot.adapters.source_fetcher.disk import Part, directory_of, is_there, plain_files, read_sources, too_large
from bot.adapters.source_fetcher.session import PrivateAddressError, is_public
from bot.adapters.source_fetcher.wanted import Wanted, from_lookaside, from_urls
from bot.domain.config import PackageConfig, SourceMethod
from bot.domain.hosts import checked, is_allowed, is_named
from bot.domain.wording import quoted
from bot.ports.errors import Rejected, Transient
from bot.ports.sources import SpecReader

_CHUNK = 1 << 20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429})
_MOST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much and how long."""

    file_bytes: int = 1 << 30
    files: int = 100
    """For one package."""
    sources_bytes: int = 1 << 20
    """Of the `sources` file itself."""
    redirects: int = 5
    file_time: timedelta = timedelta(minutes=30)
    stall: timedelta = timedelta(seconds=60)
    """Without a byte."""


class HttpSourceFetcher:
    """The port `SourceFetcher` over HTTP. `session` is one of `open_session`, with the same `allowed_hosts`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        specs: SpecReader,
        allowed_hosts: Collection[str],
        limits: FetchLimits | None = None,
    ) -> None:
        self._session = session
        self._specs = specs
        self._allowed = tuple(allowed_hosts)
        self._limits = limits or FetchLimits()

    async def fetch(self, checkout: str, package: PackageConfig) -> None:
        """Put the sources that the package's method needs from outside beside its spec in the checkout.

        Raises Rejected where they cannot be had as they are named, Transient where a server does not answer.
        """
        if package.method not in {SourceMethod.LOOKASIDE, SourceMethod.URLS}:
            return
        directory = await asyncio.to_thread(directory_of, Path(checkout), package)
        wanted = await self._wanted(checkout, directory, package)
        if len(wanted) > self._limits.files:
            raise Rejected(f"{len(wanted)} sources are named; at most {self._limits.files} are fetched")
        for each in wanted:
            if not await asyncio.to_thread(is_there, directory, each):
                await self._fetch_one(directory, each)

    async def _wanted(self, checkout: str, directory: Path, package: PackageConfig) -> Sequence[Wanted]:
        if package.method is SourceMethod.LOOKASIDE:
            if package.lookaside is None:
                raise Rejected(f"the lookaside cache of {quoted(package.spec)} is not known: set `lookaside`")
            text = await asyncio.to_thread(read_sources, directory / "sources", self._limits.sources_bytes)
            name = package.name or (await self._specs.read(checkout, package.spec)).name
            return tuple(from_lookaside(text, name, package.lookaside))
        facts = await self._specs.read(checkout, package.spec)
        present = await asyncio.to_thread(plain_files, directory)
        return tuple(from_urls(facts.sources, package, present))

    async def _fetch_one(self, directory: Path, wanted: Wanted) -> None:
        """Fetch one file into the directory, whole and checked or not at all."""
        try:
            async with asyncio.timeout(self._limits.file_time.total_seconds()):
                await self._download(directory, wanted)
        except TimeoutError:
            raise Transient(f"fetching {quoted(wanted.name)} took too long; it is tried again") from None
        except aiohttp.InvalidURL:
            raise Rejected(f"{quoted(wanted.name)}: {quoted(wanted.url)} is no address that can be asked") from None
        except aiohttp.ClientError as error:
            if isinstance(error.__cause__, PrivateAddressError):
                raise Rejected(f"{quoted(wanted.name)}: {error.__cause__}, and is not allowed by its name") from None
            raise Transient(f"{quoted(wanted.name)} cannot be fetched: {error}; it is tried again") from error
        except OSError as error:
            raise Transient(f"{quoted(wanted.name)} cannot be written: {error.strerror or error}") from error

    async def _download(self, directory: Path, wanted: Wanted) -> None:
        url = wanted.url
        for _ in range(self._limits.redirects + 1):
            parts = self._checked(url, wanted)
            stall = aiohttp.ClientTimeout(total=None, sock_read=self._limits.stall.total_seconds(), sock_connect=30)
            async with self._session.get(
                parts._replace(fragment="").geturl(), allow_redirects=False, timeout=stall
            ) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    url = _joined(url, response.headers["Location"], wanted)
                    continue
                self._check_answer(response, wanted)
                await self._store(response, directory, wanted)
                return
        raise Rejected(
            f"{quoted(wanted.name)}: more than {self._limits.redirects} redirects, the last to {quoted(url)}"
        )

    def _checked(self, url: str, wanted: Wanted) -> SplitResult:
        """Return the parts of an address that may be asked; raise `Rejected` otherwise."""
        try:
            parts = checked(url)
        except ValueError as error:
            raise Rejected(f"{quoted(wanted.name)}: {error}") from None
        host = str(parts.hostname)
        if parts.scheme == "file" or not is_allowed(parts, self._allowed):
            hint = "ask this service's operator to allow it, or put the file into the repository"
            raise Rejected(f"{quoted(wanted.name)}: sources may not be fetched from {quoted(host)}; {hint}")
        literal = _literal(host)
        named = is_named(parts, self._allowed)
        if literal and not named and not is_public(host):
            raise Rejected(f"{quoted(wanted.name)}: {quoted(host)} is no public address, and not allowed by its name")
        loopback = host == "localhost" or (literal is not None and literal.is_loopback)
        if parts.scheme == "http" and not (loopback and named):
            raise Rejected(f"{quoted(wanted.name)}: sources are fetched by https: alone, not from {quoted(url)}")
        return parts

    def _check_answer(self, response: aiohttp.ClientResponse, wanted: Wanted) -> None:
        answer = f"{quoted(wanted.name)}: {quoted(response.host)} answered {response.status}"
        if response.status in _BUSY or response.status >= 500:
            raise Transient(f"{answer}; it is tried again", retry_after(response.headers, _MOST_WAIT))
        if response.status in {404, 410}:
            raise Rejected(f"{answer}: there is no such file, at {quoted(wanted.url)}")
        if response.status != 200:
            raise Rejected(f"{answer} where the file was expected")
        if (response.content_length or 0) > self._limits.file_bytes:
            raise too_large(wanted, self._limits.file_bytes)

    async def _store(self, response: aiohttp.ClientResponse, directory: Path, wanted: Wanted) -> None:
        """Write the body beside its final place, and move it there once it is whole and right."""
        part = await asyncio.to_thread(Part, directory, wanted, self._limits.file_bytes)
        try:
            async for chunk in response.content.iter_chunked(_CHUNK):
                await asyncio.to_thread(part.write, chunk)
            await asyncio.to_thread(part.keep)
        finally:
            await asyncio.to_thread(part.discard)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address where the host is one, None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _joined(url: str, location: str, wanted: Wanted) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Rejected(f"{quoted(wanted.name)}: redirected to {quoted(location)}, which is no address") from None
