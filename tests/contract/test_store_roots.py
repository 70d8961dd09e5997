"""What was in the roots of builds: read back as it was, stored as differences, and the last good one of a package."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.sql import tables
from bot.adapters.sql.engine import make_engine
from bot.adapters.sql.store import SqlStore
from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason, Outcome, Purpose, Succeeded
from bot.domain.ids import BuildKey, RunId
from bot.domain.target import Target
from bot.ports.stored_builds import GoodBuild
from tests.fakes.stored import (
    MINUTE,
    NOW,
    RUN,
    TARGET,
    baseline,
    build,
    change,
    change_ref,
    difference,
    run,
    run_target,
)

CHANGE = change_ref().id
ROOT = tuple(sorted(f"package-{number}-1-1.x86_64" for number in range(40)))
MOVED = tuple(sorted([*ROOT[1:], "zlib-1.3-1.x86_64"]))


def ended(candidate: Build, outcome: Outcome | None = None, *, minute: int = 0) -> Build:
    """The build at its end, that many minutes from now."""
    return replace(candidate, state=BuildState.DONE, outcome=outcome or Succeeded(), ended_at=NOW + minute * MINUTE)


async def store_runs(store: SqlStore, target: Target = TARGET) -> None:
    """Two runs of a change, and one of another, on a target of the same name."""
    async with store.transaction() as tx:
        for number in (7, 8):
            await tx.changes.put(change(number))
        runs = [run(), run("r2", sequence=2), run("other", number=8)]
        for one in runs:
            await tx.runs.put(one)
            await tx.runs.put_target(replace(run_target(), run=one.id, target=target))


async def keep(store: SqlStore, *builds: Build, root: Sequence[str] = ROOT, subscriber: str = RUN) -> None:
    """Store builds with their roots; the run subscribes to the baselines among them."""
    async with store.transaction() as tx:
        await tx.builds.add(builds)
        await tx.builds.subscribe(RunId(subscriber), [one.key for one in builds if one.run is None])
        await tx.roots.put({one.key: root for one in builds})


async def last_good(store: SqlStore, target: Target = TARGET) -> GoodBuild | None:
    async with store.transaction() as tx:
        return await tx.roots.last_good("bar", target, CHANGE)


async def stored_names(database: str) -> tuple[int, int]:
    """How many sets there are, and how many names stand in the differences from them."""
    engine = make_engine(database)
    async with engine.connect() as connection:
        sets = await connection.scalar(sa.select(sa.func.count()).select_from(tables.package_set))
        rows = (await connection.execute(sa.select(tables.root.c.added, tables.root.c.dropped))).all()
    await engine.dispose()
    return sets or 0, sum(text.count(".x86_64") for row in rows for text in row)


async def test_a_root_is_read_back_as_it_was(store: SqlStore) -> None:
    await store_runs(store)
    first, second, unknown = build(attempt=1), build(attempt=2), build(attempt=3)
    await keep(store, first)
    await keep(store, second, root=[*reversed(MOVED), MOVED[0]])
    async with store.transaction() as tx:
        keys = [first.key, second.key, unknown.key]
        assert await tx.roots.get(keys) == {first.key: ROOT, second.key: MOVED}
        assert await tx.roots.get([]) == {}


async def test_a_root_that_is_put_again_is_replaced(store: SqlStore) -> None:
    await store_runs(store)
    await keep(store, build())
    async with store.transaction() as tx:
        await tx.roots.put({build().key: MOVED})
        await tx.roots.put({build().key: MOVED})
        assert await tx.roots.get([build().key]) == {build().key: MOVED}


async def test_roots_that_are_alike_are_stored_as_differences_from_one(store: SqlStore, database: str) -> None:
    await store_runs(store)
    for attempt in range(1, 6):
        await keep(store, ended(build(attempt=attempt), minute=attempt), root=ROOT if attempt == 1 else MOVED)
    assert await stored_names(database) == (1, 4 * 2)


async def test_what_no_root_refers_to_any_more_is_removed(store: SqlStore, database: str) -> None:
    await store_runs(store)
    others = tuple(name.replace("-1-1.", "-2-1.") for name in ROOT)
    await keep(store, ended(build(attempt=1)))
    await keep(store, ended(build(attempt=1)), root=others)
    assert (await stored_names(database))[0] == 2
    async with store.transaction() as tx:
        assert await tx.roots.prune() == 1
    async with store.transaction() as tx:
        assert await tx.roots.prune() == 0
        assert await tx.roots.get([build(attempt=1).key]) == {build(attempt=1).key: others}


async def test_roots_of_many_builds_are_kept_together(store: SqlStore, database: str) -> None:
    await store_runs(store)
    packages = {f"app{number}": tuple(f"{name}-{number}" for name in ROOT) for number in range(3)}
    for minute, attempt in enumerate((1, 2)):
        builds = [ended(build(package=name, attempt=attempt), minute=minute) for name in packages]
        async with store.transaction() as tx:
            await tx.builds.add(builds)
            await tx.roots.put({one.key: packages[one.package][: len(ROOT) - attempt] for one in builds})
            await tx.roots.put({})
    assert (await stored_names(database))[0] == len(packages)
    async with store.transaction() as tx:
        found = await tx.roots.get([one.key for one in builds])
        assert found == {one.key: tuple(sorted(packages[one.package][: len(ROOT) - 2])) for one in builds}


async def test_a_root_that_is_another_one_altogether_is_stored_whole(store: SqlStore, database: str) -> None:
    await store_runs(store)
    others = tuple(name.replace("-1-1.", "-2-1.") for name in ROOT)
    await keep(store, ended(build(attempt=1)))
    await keep(store, ended(build(attempt=2), minute=1), root=others)
    assert await stored_names(database) == (2, 0)
    await keep(store, ended(build(attempt=3), minute=2), root=[*others, "zlib-1.3-1.x86_64"])
    assert await stored_names(database) == (2, 1)


async def test_equal_roots_of_two_packages_are_one_set(store: SqlStore, database: str) -> None:
    await store_runs(store)
    await keep(store, build("bar"), build("foo"))
    assert await stored_names(database) == (1, 0)


NAMES = st.frozensets(st.sampled_from([f"p{number}-1-1.noarch" for number in range(12)]), min_size=1)


@given(roots=st.lists(NAMES, min_size=1, max_size=6))
@settings(max_examples=15)
def test_any_sequence_of_roots_is_read_back(roots: list[frozenset[str]]) -> None:
    async def story(directory: Path) -> None:
        store = await SqlStore.open(f"sqlite:///{directory / 'revdeps.db'}")
        await store.upgrade()
        await store_runs(store)
        builds = [ended(build(attempt=attempt), minute=attempt) for attempt in range(1, len(roots) + 1)]
        for one, root in zip(builds, roots, strict=True):
            await keep(store, one, root=tuple(root))
        async with store.transaction() as tx:
            found = await tx.roots.get([one.key for one in builds])
        assert found == {one.key: tuple(sorted(root)) for one, root in zip(builds, roots, strict=True)}
        await store.close()

    with TemporaryDirectory() as directory:
        asyncio.run(story(Path(directory)))


async def test_the_last_good_build_is_the_newest_that_passed(store: SqlStore) -> None:
    await store_runs(store)
    assert await last_good(store) is None
    failed = Failed(reason=FailureReason.COMPILE)
    await keep(store, ended(baseline(), minute=1), ended(build(attempt=1), minute=2))
    await keep(store, ended(build(attempt=2), failed, minute=3), ended(build(attempt=3), Cancelled(), minute=4))
    assert await last_good(store) == GoodBuild(key=build(attempt=1).key, ended_at=NOW + 2 * MINUTE, with_change=True)


async def test_a_baseline_is_good_for_everybody_and_a_candidate_for_its_own_change(store: SqlStore) -> None:
    await store_runs(store)
    theirs = replace(build(), key=BuildKey("c/other/fedora/bar/change/0/1"), run=RunId("other"))
    earlier = replace(build(), key=BuildKey("c/r2/fedora/bar/change/0/1"), run=RunId("r2"))
    await keep(store, ended(theirs, minute=9))
    assert await last_good(store) is None
    await keep(store, ended(baseline(), minute=1), subscriber="other")
    assert await last_good(store) == GoodBuild(key=baseline().key, ended_at=NOW + MINUTE, with_change=False)
    await keep(store, ended(earlier, minute=2))
    assert await last_good(store) == GoodBuild(key=earlier.key, ended_at=NOW + 2 * MINUTE, with_change=True)


async def test_a_build_with_one_of_several_changes_alone_is_no_good_build_of_a_change(store: SqlStore) -> None:
    await store_runs(store)
    await keep(store, replace(ended(build()), purpose=Purpose.BLAME))
    assert await last_good(store) is None


async def test_a_good_build_without_a_known_root_tells_nothing(store: SqlStore) -> None:
    await store_runs(store)
    async with store.transaction() as tx:
        await tx.builds.add([ended(build())])
    assert await last_good(store) is None


async def test_another_target_of_the_same_name_is_another_target(store: SqlStore) -> None:
    await store_runs(store, replace(TARGET, arch="aarch64"))
    await keep(store, ended(baseline()))
    assert await last_good(store) is None
    assert await last_good(store, replace(TARGET, arch="aarch64")) is not None


async def test_differences_are_replaced_by_package_and_target(store: SqlStore) -> None:
    await store_runs(store)
    again = replace(difference(), total=2)
    async with store.transaction() as tx:
        await tx.runs.put_differences([difference(), difference("foo"), difference(target="epel")])
        await tx.runs.put_differences([again])
        await tx.runs.put_differences([])
        assert await tx.runs.differences(RUN) == [difference(target="epel"), again, difference("foo")]
        assert await tx.runs.differences(RunId("r2")) == []
