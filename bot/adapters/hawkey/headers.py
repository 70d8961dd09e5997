"""Fetches the headers of packages that a build system made of a change: by them they are told by their contents.

A header stands at the beginning of its package, and the metadata say where it ends. It is kept by the checksum of the
package. Whatever stands in the way, nothing is lost but time: a package without its header goes by its checksum.
"""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.hawkey.fetch import UnavailableError, fetch_start
from bot.adapters.hawkey.packages import home_of, kept
from bot.adapters.hawkey.settings import HawkeySettings
from bot.ports.errors import Misconfigured

_AT_ONCE = 8
_MOST_BYTES = 32 << 20
"""So long is a header at most; a file takes some 150 bytes of it."""
_MOST_IN_ALL = 256 << 20
"""So much is fetched for one change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header that is not here: the address of its package, the checksum of that, and its own length in bytes."""

    location: str
    checksum: str
    length: int


def kept_header(cache: Path, checksum: str) -> Path:
    """Return where the header of a package is kept, once it was fetched."""
    return kept(cache, checksum) / "header"


def fetch_headers(wanted: Sequence[Header], repositories: Sequence[str], settings: HawkeySettings) -> None:
    """Fetch headers into the cache, several at once; after the first that cannot be had, none of the others.

    `repositories` are the addresses of those that the packages are from.
    """
    import logging  # both are of no use to solver processes and short commands, which are waited for
    from concurrent.futures import ThreadPoolExecutor

    try:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(lambda header: _fetch(header, repositories, settings), within_bounds(wanted)):
                pass
    except (UnavailableError, Misconfigured) as error:
        logging.getLogger(__name__).warning(
            "a change is not compared with its last commit: the header of a package cannot be had: %s", error
        )


def within_bounds(wanted: Iterable[Header]) -> list[Header]:
    """Return those that are not too long, neither each nor together; one whose length nobody knows is."""
    found, left = [], _MOST_IN_ALL
    for header in wanted:
        if 0 < header.length <= min(_MOST_BYTES, left):
            found.append(header)
            left -= header.length
    return found


def _fetch(header: Header, repositories: Sequence[str], settings: HawkeySettings) -> None:
    home_of(header.location, repositories, settings)
    path = kept_header(settings.cache, header.checksum)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as scratch:
        aside = Path(scratch) / path.name
        fetch_start(header.location, aside, length=header.length, settings=settings)
        aside.replace(path)
