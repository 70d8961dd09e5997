"""Keeps the cache on disk within its bound: the least recently used goes first, what is in use never does.

What is used is touched (`os.utime`), since file systems are often mounted without times of access. Something goes as a
whole: it is renamed before it is removed, so that nobody reads half of it.
"""

import logging
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.hawkey.pins import find_pin
from bot.domain.ids import SnapshotId

log = logging.getLogger(__name__)

_GRACE = 3600
"""Seconds for which something stays after its last use: a run that pins it may not be stored yet."""
_ASIDE = ".old-"
_UNFINISHED = (".new-", _ASIDE)
_LEFTOVER = 24 * 3600
"""Seconds after which what somebody was writing, or removing, has been left behind."""
_PLAIN = ("packages/*/*", "worked-out/*")
"""What stands for itself. `koji/` is kept for ever, and what else there is in the cache comes to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """What is evicted together, when it was last used (as `time.time`), and how many bytes it has."""

    paths: tuple[Path, ...]
    used: float
    size: int


def evict(cache: Path, most_bytes: int, in_use: Collection[SnapshotId]) -> int:
    """Remove what was not used for the longest time until the cache has at most `most_bytes`; return how many went.

    The metadata of the snapshots in use stay, and so does what was used within the last hour.
    """
    _remove_leftovers(cache)
    protected = {
        digest for snapshot in in_use if (pin := find_pin(cache, snapshot)) is not None for digest in pin.digests
    }
    items = [*_metadata(cache, protected), *_plain(cache)]
    total = sum(item.size for item in items) + sum(_size(path) for path in _of_digests(cache, protected))
    before = total
    for item in sorted(items, key=lambda item: item.used):
        if total <= most_bytes or item.used > time.time() - _GRACE:
            break
        _remove(cache, item.paths)
        total -= item.size
    _remove_empty_pins(cache, in_use)
    if total > most_bytes:
        log.warning("the cache has %s bytes that are in use, more than the %s it may have", total, most_bytes)
    return before - total


def _metadata(cache: Path, protected: Collection[str]) -> Iterator[_Item]:
    """Yield each repository's metadata with what libsolv made of them, but for the protected."""
    solved = _solved(cache)
    for directory in _children(cache / "metadata"):
        if directory.name not in protected:
            # The directory last: as long as it is there, it is taken to be whole.
            paths = (directory, *solved.get(directory.name, ()))
            yield _Item(paths=paths, used=directory.stat().st_mtime, size=sum(_size(path) for path in paths))


def _solved(cache: Path) -> Mapping[str, list[Path]]:
    """Return libsolv's files by the digest of the metadata that they are of, which their names begin with."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in _children(cache / "solv"):
        found[path.name.removeprefix("change-")[:64]].append(path)
    return found


def _of_digests(cache: Path, digests: Collection[str]) -> Iterable[Path]:
    solved = _solved(cache)
    for digest in digests:
        yield cache / "metadata" / digest
        yield from solved.get(digest, ())


def _plain(cache: Path) -> Iterator[_Item]:
    for pattern in _PLAIN:
        for path in cache.glob(pattern):
            if not path.name.startswith(_UNFINISHED):
                yield _Item(paths=(path,), used=path.stat().st_mtime, size=_size(path))


def _remove_leftovers(cache: Path) -> None:
    for pattern in ("*", "metadata/*", "packages/*/*/*"):
        for path in cache.glob(pattern):
            if path.name.startswith(_UNFINISHED) and path.lstat().st_mtime < time.time() - _LEFTOVER:
                _delete(path)


def _remove_empty_pins(cache: Path, in_use: Collection[SnapshotId]) -> None:
    for directory in _children(cache / "snapshots"):
        snapshot = SnapshotId(directory.name)
        if snapshot not in in_use and find_pin(cache, snapshot) is None:
            _delete(directory)


def _remove(cache: Path, paths: Iterable[Path]) -> None:
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=cache))
    for number, path in enumerate(paths):
        path.rename(aside / str(number))
    _delete(aside)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _children(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return [path for path in directory.iterdir() if not path.name.startswith(_UNFINISHED)]


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size if path.exists() else 0
    files = (Path(home) / name for home, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_size for file in files)
