"""Fetches rpm-md metadata and keeps it, addressed by the digest of its repomd.xml.

Equal metadata are stored once, whoever asks and from wherever they come. A directory appears as a whole or not at all
(it is written aside and renamed), so that many processes may share the cache.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.adapters.hawkey import zchunk
from bot.adapters.hawkey.fetch import UnavailableError
from bot.adapters.hawkey.mirrors import Places, find_places
from bot.adapters.hawkey.packed import PACKINGS, unpacked
from bot.adapters.hawkey.pins import FILELISTS, UNPACKED, PinnedRepository, metadata_directory
from bot.adapters.hawkey.reader import MEND, Reader
from bot.adapters.hawkey.repomd import Record, parse_repomd
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository
from bot.ports.errors import Misconfigured, Transient

KINDS: Mapping[str, Sequence[str]] = {
    "primary": ("primary", "primary_zck"),
    "modules": ("modules", "modules_zck"),
    "group": ("group_gz", "group_xz", "group_zst", "group", "group_zck"),
}
"""What is kept, by the name under which it is, and the types under which repomd.xml may have it, best first."""
_LATER: Mapping[str, Sequence[str]] = {FILELISTS: ("filelists", "filelists_zck")}
"""What is fetched when it is needed: more than all the rest, and often of no use."""

_KEPT_UNPACKED = 1 << 29
"""Bytes of unpacked metadata that are written down for who loads them next; more is unpacked once again."""
_READINGS = 3
"""So often a repository that changes while it is read is read in all."""


def fetch_metadata(url: str, settings: HawkeySettings) -> str:
    """Fetch the metadata of the repository at this address; see `fetch_repository`. Return their digest."""
    return fetch_repository(Repository(url=url), settings).digest


def fetch_repository(repository: Repository, settings: HawkeySettings) -> PinnedRepository:
    """Fetch a repository's metadata unless they are here already; return what they are, and where they came from.

    Whether the address is allowed is for the caller to check; mirrors, redirects and the address of keys are held
    against the allowed hosts here. Checksums and sizes are verified, and the signature where the repository names keys.
    Raises Misconfigured where there is no repository, or none that can be used, and Transient where it cannot be
    reached or where repomd.xml names what is not there (yet).
    """
    cache = settings.cache / "metadata"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as name:
        scratch = Path(name)
        reader = Reader(repository, find_places(repository, scratch, settings), scratch, settings)
        failure: tuple[str, UnavailableError] | None = None
        for number in range(_READINGS):
            digest = reader.read_repomd()
            if (cache / digest).is_dir():
                os.utime(cache / digest)
                return reader.pinned(digest)
            if failure is not None and failure[0] == digest:
                break  # it has not changed: what it names is not there
            try:
                _keep(reader, scratch / str(number), cache / digest, settings)
            except UnavailableError as error:
                failure = digest, error
            else:
                return reader.pinned(digest)
    what = failure[1].what if failure else "it changes all the time"
    raise Transient(f"{repository.url}: the repository is down, or being written just now ({what})")


def _keep(reader: Reader, aside: Path, final: Path, settings: HawkeySettings) -> None:
    """Read all files of a repomd.xml into a directory, and put that in its place."""
    url = reader.repository.url
    if not any(kind in reader.records for kind in KINDS["primary"]):
        raise Misconfigured(url, "its repomd.xml names no primary metadata", MEND)
    aside.mkdir()
    shutil.copyfile(reader.repomd, aside / "repomd.xml")
    for name, kinds in KINDS.items():
        record = next((reader.records[kind] for kind in kinds if kind in reader.records), None)
        if record is not None:
            _read(reader, name, record, aside, settings)
    try:
        aside.rename(final)
    except OSError:
        if not final.is_dir():  # else another process was faster, with the same contents
            raise


def fetch_later(pinned: PinnedRepository, name: str, settings: HawkeySettings) -> None:
    """Fetch what was left out at first, unless it is here already or the repository has none.

    Raises Transient where it cannot be reached or is not there any more, because the repository has moved on.
    """
    directory = metadata_directory(settings.cache, pinned.digest)
    record = _missing(directory, name)
    if record is None:
        return
    with tempfile.TemporaryDirectory(prefix=".new-", dir=directory.parent) as scratch:
        places = Places(bases=(pinned.url, *pinned.mirrors))
        reader = Reader(Repository(url=pinned.url), places, Path(scratch), settings)
        try:
            path = _read(reader, name, record, Path(scratch), settings)
        except UnavailableError as error:
            raise Transient(f"{pinned.url}: its {name} are not there, or not any more ({error.what})") from error
        path.replace(directory / path.name)


def is_whole(digest: str, name: str, settings: HawkeySettings) -> bool:
    """Whether nothing is missing of what was left out at first: it is here, or the repository has none."""
    return _missing(metadata_directory(settings.cache, digest), name) is None


def _missing(directory: Path, name: str) -> Record | None:
    if any(directory.glob(f"{name}.*")):
        return None
    records = parse_repomd((directory / "repomd.xml").read_bytes())
    return next((records[kind] for kind in _LATER[name] if kind in records), None)


def _read(reader: Reader, name: str, record: Record, directory: Path, settings: HawkeySettings) -> Path:
    """Read a file that repomd.xml names into a directory, and check it; return the path of what is to be kept."""
    url = reader.repository.url
    _check_sizes(url, name, record, settings)
    path = directory / f"{name}{_ending(name, record.href)}"
    reader.read(record, path)
    return _checked(url, name, path, record, settings)


def _ending(name: str, href: str) -> str:
    packing = Path(href).suffix
    return (".yaml" if name == "modules" else ".xml") + (packing if packing in {*PACKINGS, zchunk.ENDING} else "")


def _check_sizes(url: str, name: str, record: Record, settings: HawkeySettings) -> None:
    """Refuse what is too long by its own word, before any of it is read."""
    if max(record.size or 0, record.open_size or 0) > settings.metadata_bytes:
        raise _too_long(url, name, settings)


def _checked(url: str, name: str, path: Path, record: Record, settings: HawkeySettings) -> Path:
    """Unpack a file: a short one may hold any amount, all of which the solver would read.

    Returns its path, or that of another with the same contents where not every solver can read it. What is always
    loaded next is kept unpacked beside it, if it says how long it is.
    """
    wanted = record.open_size
    most = settings.metadata_bytes if wanted is None else wanted
    try:
        if path.suffix == zchunk.ENDING:
            packed, path = path, path.with_suffix(".gz")
            zchunk.repack(packed, path, most)
            packed.unlink()
        is_kept = name == "primary" and path.suffix in PACKINGS and wanted is not None and wanted <= _KEPT_UNPACKED
        size = _unpack(path, path.with_name(UNPACKED) if is_kept else None, most)
    except ValueError:
        if wanted is None:
            raise _too_long(url, name, settings) from None
        raise Misconfigured(
            url, f"its {name} metadata are longer than the {wanted} bytes of repomd.xml", MEND
        ) from None
    except OSError as error:
        if error.errno is not None:  # of rpm's files it has none: this disk is at fault
            raise
        raise Misconfigured(url, f"its {name} metadata cannot be unpacked ({error})", MEND) from None
    if wanted is not None and size != wanted:
        raise Misconfigured(url, f"its {name} metadata are cut short: {size} bytes instead of {wanted}", MEND)
    return path


def _unpack(path: Path, to: Path | None, most: int) -> int:
    """Return how long the contents of a file are, and write them down where `to` says so."""
    if to is None:
        return sum(map(len, unpacked(path, most)))
    with to.open("wb") as stream:
        return sum(map(stream.write, unpacked(path, most)))


def _too_long(url: str, name: str, settings: HawkeySettings) -> Misconfigured:
    return Misconfigured(
        url,
        f"its {name} metadata are longer than {settings.metadata_bytes} bytes",
        "If that is right, let the operator raise REVDEPS_METADATA_FILE_MIB.",
    )
