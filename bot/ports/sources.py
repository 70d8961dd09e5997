"""Fetching the sources that a spec names, before the build, which has no network."""

from typing import Protocol

from bot.domain.config import PackageConfig


class SourceFetcher(Protocol):
    """Fetches from allowed hosts alone, and checks what it got."""

    async def fetch(self, checkout: str, package: PackageConfig) -> None:
        """Put the sources that the package's method names beside its spec in the checkout.

        Raises `Rejected` where a host is not allowed, a checksum is missing or does not match, and `Transient` where
        a host does not answer.
        """
        ...
