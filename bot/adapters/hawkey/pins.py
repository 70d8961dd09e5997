"""Snapshots on disk: which metadata a target had at a moment, and where its packages are to be fetched.

A snapshot's id is a digest over its architecture and its repositories' repomd.xml, in order. Priorities and excludes
are the target's and not part of it.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.access import write_whole
from bot.domain.ids import SnapshotId
from bot.domain.target import Target
from bot.ports.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedSources:
    """Source packages that a Koji hub told of: the address under which they are, and the digest of what it told."""

    url: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedRepository:
    """A repository as it was: its address, and the digest under which its metadata are kept."""

    url: str
    """Where it was read, and where its packages are."""
    digest: str
    mirrors: tuple[str, ...] = ()
    """Other addresses that have the same packages."""
    sources: PinnedSources | None = None
    """The source packages, where they are not in the repository itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What is known of a snapshot."""

    id: SnapshotId
    arch: str
    taken_at: datetime
    repositories: tuple[PinnedRepository, ...]

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of all metadata, in order."""
        each = ((repository, repository.sources) for repository in self.repositories)
        return tuple(part.digest for parts in each for part in parts if part is not None)


FILELISTS = "filelists"
"""The name under which filelists are kept, once they were needed."""
UNPACKED = "unpacked-primary.xml"
"""The name under which the primary metadata, which are unpacked to check them, are kept until they are loaded."""


def make_pin(arch: str, repositories: Sequence[PinnedRepository], taken_at: datetime) -> Pin:
    """Return the pin of these repositories."""
    pin = Pin(id=SnapshotId(""), arch=arch, taken_at=taken_at, repositories=tuple(repositories))
    text = "\n".join([arch, *pin.digests])
    return replace(pin, id=SnapshotId(hashlib.sha256(text.encode()).hexdigest()))


def write_pin(cache: Path, target: Target, pin: Pin) -> None:
    """Record a snapshot, and that it is the target's latest."""
    text = json.dumps(asdict(pin) | {"taken_at": pin.taken_at.isoformat()})
    write_whole(_path(cache, pin.id), text)
    write_whole(_latest(cache, target), text)


def read_pin(cache: Path, snapshot: SnapshotId) -> Pin:
    """Read a snapshot's record, which uses it; raise Misconfigured where it, or its metadata, are gone."""
    pin = find_pin(cache, snapshot)
    if pin is None:
        raise Misconfigured(
            str(cache), f"the pinned metadata {snapshot[:12]} are gone from the cache", "Start the run anew."
        )
    for digest in pin.digests:
        os.utime(metadata_directory(cache, digest))  # what was not used for the longest time is evicted first
    return pin


def find_pin(cache: Path, snapshot: SnapshotId) -> Pin | None:
    """Return a snapshot's record, without using it; None where it, or any of its metadata, are not there any more."""
    return _whole(cache, _read(_path(cache, snapshot)))


def latest_pin(cache: Path, target: Target) -> Pin | None:
    """Return the last snapshot of this target's repositories, if there is one whose metadata are still there."""
    return _whole(cache, _read(_latest(cache, target)))


def metadata_directory(cache: Path, digest: str) -> Path:
    """Return where the metadata with this repomd.xml digest are kept."""
    return cache / "metadata" / digest


def _whole(cache: Path, pin: Pin | None) -> Pin | None:
    if pin is None or not all(metadata_directory(cache, digest).is_dir() for digest in pin.digests):
        return None
    return pin


def _read(path: Path) -> Pin | None:
    try:
        return _pin(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _pin(plain: dict[str, Any]) -> Pin:
    repositories = tuple(_repository(each) for each in plain["repositories"])
    return Pin(**plain | {"taken_at": datetime.fromisoformat(plain["taken_at"]), "repositories": repositories})


def _repository(plain: dict[str, Any]) -> PinnedRepository:
    sources = PinnedSources(**plain["sources"]) if plain.get("sources") else None
    return PinnedRepository(**plain | {"mirrors": tuple(plain.get("mirrors", ())), "sources": sources})


def _path(cache: Path, snapshot: SnapshotId) -> Path:
    return cache / "snapshots" / snapshot / "snapshot.json"


def _latest(cache: Path, target: Target) -> Path:
    addresses = (f"{repository.kind} {repository.url}" for repository in target.repositories)
    text = "\n".join([target.arch, *addresses])
    return cache / "latest" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
