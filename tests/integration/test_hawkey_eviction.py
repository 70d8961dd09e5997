"""The cache on disk stays within its bound: what was not used for long goes first, and what is in use never does."""

import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.hawkey.eviction import evict
from bot.adapters.hawkey.pins import PinnedRepository, find_pin, latest_pin, make_pin, read_pin, write_pin
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.worker import start
from bot.domain.ids import SnapshotId
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured
from bot.ports.resolver import Question
from tests.fakes.rpmmd import Rpm, soname_move, write_repository

DAY = 24 * 3600


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


class Cache:
    """A cache in which every repository has metadata of 1000 bytes and a `.solv` file of 500."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def target(self, name: str) -> Target:
        return Target(name=name, arch="x86_64", backend="x", repositories=(Repository(url=f"http://a.example/{name}"),))

    def add(self, name: str, days: float) -> SnapshotId:
        """Add a snapshot of one repository that was last used so many days ago."""
        digest = (name * 64)[:64]
        directory = self.path / "metadata" / digest
        self.write(directory / "repomd.xml", 1000)
        self.write(self.path / "solv" / f"{digest}.solv", 500)
        pin = make_pin("x86_64", [PinnedRepository(url=f"http://a.example/{name}", digest=digest)], datetime.now(UTC))
        write_pin(self.path, self.target(name), pin)
        age(directory, days)
        return pin.id

    def write(self, path: Path, size: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        return path

    def names(self, part: str) -> list[str]:
        """The first letters of what is in a part of the cache."""
        return sorted(path.name[0] for path in (self.path / part).iterdir())


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_what_was_not_used_for_the_longest_time_goes_first(cache: Cache) -> None:
    for name, days in (("a", 3), ("b", 9), ("c", 1)):
        cache.add(name, days)
    assert evict(cache.path, 3000, ()) == 1500
    assert cache.names("metadata") == cache.names("solv") == ["a", "c"]


def test_reading_a_pin_uses_its_metadata(cache: Cache) -> None:
    old, _ = cache.add("a", 9), cache.add("b", 3)
    read_pin(cache.path, old)
    evict(cache.path, 1500, ())
    assert cache.names("metadata") == ["a"]


def test_what_is_in_use_stays_even_over_the_bound(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    old, young = cache.add("a", 9), cache.add("b", 3)
    assert evict(cache.path, 100, (old,)) == 1500
    assert find_pin(cache.path, old) is not None
    assert find_pin(cache.path, young) is None
    assert "1500 bytes that are in use" in caplog.text


def test_what_was_used_just_now_stays(cache: Cache) -> None:
    cache.add("a", 0)
    assert evict(cache.path, 0, ()) == 0
    assert cache.names("metadata") == ["a"]


def test_nothing_goes_while_there_is_room(cache: Cache) -> None:
    cache.add("a", 9)
    assert evict(cache.path, 1500, ()) == 0


def test_an_empty_cache_has_nothing_to_evict(cache: Cache) -> None:
    assert evict(cache.path / "nothing", 0, ()) == 0


def test_packages_and_what_was_worked_out_go_as_well(cache: Cache) -> None:
    cache.add("a", 1)
    package = cache.write(cache.path / "packages" / "sha256" / "p" / "p-1-1.x86_64.rpm", 4000).parent
    worked_out = cache.write(cache.path / "worked-out" / "w" / "cones", 4000).parent
    told = cache.write(cache.path / "koji" / "hub" / "1.json", 4000)
    age(package, 2)
    age(worked_out, 3)
    assert evict(cache.path, 5500, ()) == 4000
    assert (package.exists(), worked_out.exists()) == (True, False)
    assert evict(cache.path, 0, ()) == 5500
    assert not package.exists()
    assert told.exists()


def test_what_a_killed_process_left_behind_is_removed(cache: Cache) -> None:
    left = cache.write(cache.path / "metadata" / ".new-left" / "primary.xml", 10).parent
    removed = cache.write(cache.path / ".old-left" / "0", 10).parent
    young = cache.write(cache.path / "metadata" / ".new-young" / "primary.xml", 10).parent
    age(left, 2)
    age(removed, 2)
    evict(cache.path, 1 << 30, ())
    assert [path.exists() for path in (left, removed, young)] == [False, False, True]


def test_a_snapshot_whose_metadata_went_is_gone(cache: Cache) -> None:
    snapshot = cache.add("a", 9)
    evict(cache.path, 0, ())
    assert not any((cache.path / "snapshots").iterdir())
    assert latest_pin(cache.path, cache.target("a")) is None
    with pytest.raises(Misconfigured, match=r"gone from the cache.*Start the run anew"):
        read_pin(cache.path, snapshot)


@pytest.fixture
async def resolver(tmp_path: Path) -> AsyncIterator[HawkeyResolver]:
    settings = HawkeySettings(cache=tmp_path / "cache", workers=1, allow_file=True, cache_bytes=0)
    resolver = HawkeyResolver(settings)
    yield resolver
    await resolver.close()


async def test_reading_what_was_worked_out_uses_it(tmp_path: Path) -> None:
    target = Target(
        name="x", arch="x86_64", backend="x", repositories=(Repository(url=write_repository(tmp_path, soname_move())),)
    )
    for _ in range(2):  # in the second resolver nothing is loaded yet
        resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=0, allow_file=True))
        snapshot = await resolver.snapshot(target)
        assert await resolver.cone(snapshot.id, target, Question(subject="libfoo"))
        await resolver.close()
        (worked_out,) = (path for path in (tmp_path / "cache" / "worked-out").iterdir() if path.is_dir())
        assert worked_out.stat().st_mtime > time.time() - DAY
        age(worked_out, 9)
        start(2)  # forgets what this process has loaded


async def test_a_snapshot_in_use_answers_after_everything_else_was_evicted(
    tmp_path: Path, resolver: HawkeyResolver
) -> None:
    def target(name: str, *packages: Rpm) -> Target:
        url = write_repository(tmp_path / name, packages or soname_move())
        return Target(name=name, arch="x86_64", backend="x", repositories=(Repository(url=url),))

    used, other = target("used"), target("other", Rpm(name="other"))
    pinned, unused = await resolver.snapshot(used), await resolver.snapshot(other)
    for path in (tmp_path / "cache" / "metadata").iterdir():
        age(path, 1)
    assert await resolver.prune([pinned.id]) > 0
    found = await resolver.reverse_dependencies(pinned.id, used, Question(subject="libfoo"))
    assert [item.source.name for item in found] == ["libbar", "prog-a", "prog-b", "app"]
    with pytest.raises(Misconfigured, match="gone from the cache"):
        await resolver.reverse_dependencies(unused.id, other, Question(subject="other"))
