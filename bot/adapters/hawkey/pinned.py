"""Writes pinned metadata down as a repository that any package manager reads: the packages stay where they are.

A package manager that builds roots by itself then chooses among what was pinned, whatever its repositories have by now,
and holds what it fetches against the checksums that were pinned. `xml:base` says where a package is that does not lie
beside its metadata (createrepo_c --baseurl writes the same).
"""

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from bot.adapters.hawkey.access import local_path, write_whole
from bot.adapters.hawkey.mirrors import REPOMD
from bot.adapters.hawkey.packed import unpacked
from bot.adapters.hawkey.pins import FILELISTS, PinnedRepository, metadata_directory
from bot.adapters.hawkey.settings import HawkeySettings
from bot.ports.errors import Transient

_REPO = "http://linux.duke.edu/metadata/repo"
_KINDS = ("primary", FILELISTS, "group", "modules")
"""Filelists are among them once a dependency was found that asks for them."""
_UNPLACED = re.compile(rb"<location\s+(?![^>]*\bxml:base\s*=)")
_LEVEL = 1
"""Of packing: the file is read once."""


def write_pinned(pinned: PinnedRepository, directory: Path, settings: HawkeySettings) -> str:
    """Write a repository into a directory, unless it is there; return its address. One of this machine stays its own.

    Raises Transient where one of this machine is not what was pinned any more.
    """
    if urlsplit(pinned.url).scheme == "file":
        _check_unmoved(pinned)
        return pinned.url
    if not (directory / REPOMD).exists():
        _write_repository(pinned, directory, settings)
    return directory.resolve().as_uri()


def _write_repository(pinned: PinnedRepository, directory: Path, settings: HawkeySettings) -> None:
    kept = metadata_directory(settings.cache, pinned.digest)
    (directory / REPOMD).parent.mkdir(parents=True, exist_ok=True)
    records = []
    for kind in _KINDS:
        for path in kept.glob(f"{kind}.*"):
            contents: Iterable[bytes] = unpacked(path, settings.metadata_bytes)
            if kind == "primary":
                contents = _placed(contents, pinned.url)
            records.append(_write(kind, f"{kind}{_ending(kind)}", contents, directory))
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="{_REPO}">{"".join(records)}</repomd>\n'
    write_whole(directory / REPOMD, text)


def _check_unmoved(pinned: PinnedRepository) -> None:
    try:
        found = hashlib.sha256((local_path(pinned.url) / REPOMD).read_bytes()).hexdigest()
    except FileNotFoundError:
        found = ""
    if found != pinned.digest:
        raise Transient(f"{pinned.url}: the repository has moved on since its metadata were pinned")


def _placed(chunks: Iterable[bytes], url: str) -> Iterator[bytes]:
    """Say of every package that does not say it where it is."""
    base = b"<location xml:base=" + quoteattr(f"{url.rstrip('/')}/").encode() + b" "
    rest = b""
    for chunk in chunks:
        whole, tag, rest = (rest + chunk).rpartition(b"<")
        rest = tag + rest
        yield _UNPLACED.sub(lambda _: base, whole)
    yield _UNPLACED.sub(lambda _: base, rest)


def _ending(kind: str) -> str:
    return ".yaml.gz" if kind == "modules" else ".xml.gz"


def _write(kind: str, name: str, contents: Iterable[bytes], directory: Path) -> str:
    """Write a file and return what repomd.xml is to say of it."""
    path = directory / "repodata" / name
    with gzip.open(path, "wb", compresslevel=_LEVEL) as file:
        for chunk in contents:
            file.write(chunk)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    described = "group_gz" if kind == "group" else kind
    return (
        f'<data type="{described}"><checksum type="sha256">{digest}</checksum><location href="repodata/{name}"/></data>'
    )
