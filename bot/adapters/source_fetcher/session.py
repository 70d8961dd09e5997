"""Connections to the outside that cannot be turned to the inside.

Names are resolved by a resolver that leaves out private addresses, so that a name which resolves to one now, or on the
second question, is no way into the service's network. Hosts that the operator allows by their very name are exempt.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import SplitResult

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.domain.hosts import is_named

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public Internet; every way to write a private one is seen through."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses alone, except for hosts in `named`."""

    def __init__(self, named: Collection[str], inner: AbstractResolver) -> None:
        self._named = named
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host; raise OSError where none may be used."""
        found = await self._inner.resolve(host, port, family)
        if is_named(SplitResult("https", f"{host}:{port}", "", "", ""), self._named):
            return found
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise PrivateAddressError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Release what the resolver below holds."""
        await self._inner.close()


class PrivateAddressError(OSError):
    """A host that is not allowed by its name has private addresses only."""


def open_session(allowed_hosts: Collection[str]) -> aiohttp.ClientSession:
    """Return a session for `HttpSourceFetcher`; the caller closes it.

    It keeps no cookies, reads no proxy from the environment, and hands out bodies as they are (a `.tar.gz` is no
    encoding to be undone).
    """
    resolver = PublicResolver(allowed_hosts, aiohttp.ThreadedResolver())
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, limit_per_host=4),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "revdeps", "Accept-Encoding": "identity"},
    )
