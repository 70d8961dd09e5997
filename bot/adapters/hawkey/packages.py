"""Fetches packages that a universe offers, with their checksums verified.

Packages of `file:` repositories are used where they lie. Others are downloaded once into the cache, by checksum. An
address outside of the repository's own place (`xml:base`) needs the same permission as a repository.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters.hawkey.metadata import check_allowed, local_path
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.packages import BinaryPackage
from bot.ports.errors import Transient


def fetch_packages(packages: Sequence[BinaryPackage], trusted: Sequence[str], settings: HawkeySettings) -> list[str]:
    """Return paths of the packages' files. `trusted` are the URLs of the universe's repositories.

    Raises Transient where a file is not what the pinned metadata say: the repository has moved on.
    """
    return [str(_fetch(package, trusted, settings)) for package in packages]


def _fetch(package: BinaryPackage, trusted: Sequence[str], settings: HawkeySettings) -> Path:
    if not any(_is_under(package.location, url) for url in trusted):
        check_allowed(package.location, settings)
    if urlsplit(package.location).scheme == "file":
        path = local_path(package.location)
        _verify(path, package)
        return path
    kind, _, digest = package.checksum.partition(":")
    path = settings.cache / "packages" / kind / digest / f"{package.nevra}.rpm"
    if not path.is_file():
        _download(package, path, settings)
    return path


def _is_under(location: str, repository: str) -> bool:
    inner, outer = urlsplit(location), urlsplit(repository)
    if (inner.scheme, inner.netloc) != (outer.scheme, outer.netloc):
        return False
    return local_path(location).resolve().is_relative_to(local_path(repository).resolve())


def _download(package: BinaryPackage, path: Path, settings: HawkeySettings) -> None:
    import librepo

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as scratch:
        handle = librepo.Handle()
        handle.repotype = librepo.YUMREPO
        handle.connecttimeout = settings.connect_timeout
        handle.lowspeedtime = settings.stall_timeout
        handle.lowspeedlimit = 1000
        aside = Path(scratch) / path.name
        base, _, name = package.location.rpartition("/")
        wanted = librepo.PackageTarget(name, base_url=base, dest=str(aside), handle=handle)
        try:
            librepo.download_packages([wanted], failfast=True)
        except librepo.LibrepoException as error:
            raise Transient(f"{package.location}: {error.args[1]}") from error
        if wanted.err:
            raise Transient(f"{package.location}: {wanted.err}")
        _verify(aside, package)
        aside.replace(path)


def _verify(path: Path, package: BinaryPackage) -> None:
    kind, _, digest = package.checksum.partition(":")
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, kind).hexdigest()
    except FileNotFoundError:
        raise Transient(f"{package.location} is not there (any more): the repository has moved on") from None
    if found != digest:
        raise Transient(f"{package.location} is not the package that the metadata describe: its {kind} is {found}")
