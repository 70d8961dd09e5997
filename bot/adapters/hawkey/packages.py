"""Fetches packages that a universe offers, with their checksums verified.

Packages of `file:` repositories are used where they lie. Others are downloaded once into the cache, by checksum, from
the next mirror where one does not have them. An address outside of the repository's own place (`xml:base`) needs the
same permission as a repository.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters.hawkey.access import check_allowed, local_path
from bot.adapters.hawkey.fetch import UnavailableError, fetch
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.packages import BinaryPackage
from bot.ports.errors import Misconfigured, Transient

_MOST_BYTES = 8 << 30
"""So long is a package at most; rpm itself has no bound, and the largest that distributions have are of some 2 GiB."""


def fetch_packages(
    packages: Sequence[BinaryPackage], trusted: Mapping[str, Sequence[str]], settings: HawkeySettings
) -> list[str]:
    """Return paths of the packages' files. `trusted` are the URLs of the universe's repositories, with their mirrors.

    Raises Transient where a file is not what the pinned metadata say: the repository has moved on.
    """
    return [str(_fetch(package, trusted, settings)) for package in packages]


def _fetch(package: BinaryPackage, trusted: Mapping[str, Sequence[str]], settings: HawkeySettings) -> Path:
    home = home_of(package.location, trusted, settings)
    if urlsplit(package.location).scheme == "file":
        path = local_path(package.location)
        _verify(path, package)
        return path
    path = kept(settings.cache, package.checksum) / f"{package.nevra}.rpm"
    if path.is_file():
        os.utime(path.parent)  # the least recently used are evicted first
        return path
    places = [package.location]
    if home is not None:
        inner = package.location.removeprefix(home.rstrip("/"))
        places += [mirror.rstrip("/") + inner for mirror in trusted[home] if inner != package.location]
    _download(package, places, path, settings)
    return path


def kept(cache: Path, checksum: str) -> Path:
    """Return the directory in which a package is kept, or what was fetched of it."""
    kind, _, digest = checksum.partition(":")
    return cache / "packages" / kind / digest


def home_of(location: str, repositories: Iterable[str], settings: HawkeySettings) -> str | None:
    """Return in which of a universe's repositories a package lies; raise Misconfigured where it may not be fetched."""
    home = next((url for url in repositories if _is_under(location, url)), None)
    if home is None:
        check_allowed(location, settings)
    return home


def _is_under(location: str, repository: str) -> bool:
    inner, outer = urlsplit(location), urlsplit(repository)
    if (inner.scheme, inner.netloc) != (outer.scheme, outer.netloc):
        return False
    return local_path(location).resolve().is_relative_to(local_path(repository).resolve())


def _download(package: BinaryPackage, places: Sequence[str], path: Path, settings: HawkeySettings) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    failures: list[UnavailableError | Transient] = []
    with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as scratch:
        aside = Path(scratch) / path.name
        for place in places:
            try:
                fetch(place, aside, most=_MOST_BYTES, settings=settings)
                _verify(aside, package)
            except (UnavailableError, Transient) as error:
                failures.append(error)
            else:
                aside.replace(path)
                return
    last = failures[-1]
    told = "; ".join(dict.fromkeys(str(failure) for failure in failures))
    if isinstance(last, UnavailableError) and last.mend:
        raise Misconfigured(package.location, told, last.mend)
    raise Transient(told)


def _verify(path: Path, package: BinaryPackage) -> None:
    kind, _, digest = package.checksum.partition(":")
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, kind).hexdigest()
    except FileNotFoundError:
        raise Transient(f"{package.location} is not there (any more): the repository has moved on") from None
    if found != digest:
        raise Transient(f"{package.location} is not the package that the metadata describe: its {kind} is {found}")
