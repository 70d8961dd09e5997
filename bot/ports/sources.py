"""Reading specs and fetching the sources that they name, before the build, which has no network."""

from dataclasses import dataclass
from typing import Protocol

from bot.domain.config import PackageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFacts:
    """What a parsed spec says. Parsing runs its author's code, so it happens inside the sandbox."""

    name: str
    version: str
    release: str
    sources: tuple[str, ...]
    """Every `Source:` and `Patch:`, expanded: a URL or a file name."""


class SpecReader(Protocol):
    """Parses specs."""

    async def read(self, checkout: str, spec: str) -> SpecFacts:
        """Parse `spec` (a path in the checkout); raise `Rejected` with rpm's own message where it does not parse."""
        ...


class SourceFetcher(Protocol):
    """Fetches from allowed hosts alone, and checks what it got."""

    async def fetch(self, checkout: str, package: PackageConfig) -> None:
        """Put the sources that the package's method needs from outside beside its spec in the checkout.

        Nothing is fetched for methods that need nothing. Raises `Rejected` where a host is not allowed or a checksum
        is missing or does not match, and `Transient` where a host does not answer.
        """
        ...
