"""What a store keeps of builds, on SQLite and on PostgreSQL: what becomes of them, whose turn it is, what they were."""

from dataclasses import fields, replace

import pytest

from bot.adapters.sql.store import SqlStore
from bot.domain.allocate import Line
from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason, Outcome, Phase, Purpose, Succeeded
from bot.domain.ids import BuildKey, BuildRef, RunId
from tests.fakes.stored import (
    MINUTE,
    NOW,
    REPO,
    RUN,
    baseline,
    build,
    change,
    change_ref,
    run,
    run_target,
    with_run,
)


async def test_a_build_that_exists_is_not_added_again(store: SqlStore) -> None:
    await with_run(store)
    running = replace(build(), state=BuildState.RUNNING, submitted_at=NOW)
    async with store.transaction() as tx:
        await tx.builds.add([running, replace(running, priority=1)])
        await tx.builds.add([build(), build("baz")])
        assert await tx.builds.get([running.key]) == {running.key: running}


AS_ASKED_FOR = {
    "key",
    "run",
    "target",
    "backend",
    "request",
    "attempt",
    "queued_at",
    "reused_from",
    "snapshot",
    "buildroot",
}


async def test_what_becomes_of_a_build_is_kept(store: SqlStore) -> None:
    await with_run(store)
    begun = replace(
        build(),
        purpose=Purpose.BY_HAND,
        state=BuildState.RUNNING,
        not_before=NOW,
        priority=7,
        ref=BuildRef("42"),
        submitted_at=NOW,
        started_at=NOW + MINUTE,
        cancel_requested=True,
        trouble="it does not answer",
    )
    ended = replace(begun, state=BuildState.DONE, ended_at=NOW + 2 * MINUTE, cpu_seconds=1.5, outcome=Cancelled())
    alike = {each.name for each in fields(Build) if getattr(build(), each.name) == getattr(ended, each.name)}
    # A new field of a build is one of these, or one that `ended` has another value of.
    assert alike == AS_ASKED_FOR
    async with store.transaction() as tx:
        await tx.builds.add([build(), build("baz")])
        for each in (begun, ended, build()):
            await tx.builds.put([each])
            assert await tx.builds.get([each.key]) == {each.key: each}
        assert await tx.builds.of_run(RUN) == [build(), build("baz")]
        await tx.builds.put([])


OUTCOMES = [
    None,
    Succeeded(),
    Cancelled(),
    Failed(reason=FailureReason.COMPILE),
    Failed(reason=FailureReason.CHECK, phase=Phase.CHECK, signature="check: x", cause="nul \x00 \udcff \U0001f4a5"),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=repr)
async def test_an_outcome_is_read_back_as_it_was(store: SqlStore, outcome: Outcome | None) -> None:
    await with_run(store)
    done = replace(build(), state=BuildState.DONE, ended_at=NOW, outcome=outcome)
    async with store.transaction() as tx:
        await tx.builds.add([build()])
        await tx.builds.put([done])
        assert await tx.builds.get([done.key]) == {done.key: done}


async def test_a_run_has_its_candidates_and_the_baselines_it_subscribes_to(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.builds.add(
            [build("foo", queued=3), baseline("foo", queued=2), build("bar"), baseline("other", queued=1)]
        )
        await tx.builds.subscribe(RUN, [baseline("foo").key])
        await tx.builds.subscribe(RUN, [baseline("foo").key, baseline("foo").key])
        keys = [known.key for known in await tx.builds.of_run(RUN)]
    assert keys == [build("bar").key, baseline("foo").key, build("foo").key]


async def test_subscribers_are_told_by_baseline(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.runs.put(run("r2", sequence=2))
        await tx.builds.add([baseline("foo"), baseline("bar"), baseline("baz")])
        await tx.builds.subscribe(RunId("r2"), [baseline("foo").key])
        await tx.builds.subscribe(RUN, [baseline("foo").key, baseline("bar").key])
        keys = [baseline(name).key for name in ("foo", "bar", "baz")]
        assert await tx.builds.subscribers(keys) == {keys[0]: ["r1", "r2"], keys[1]: ["r1"]}


async def test_unfinished_builds_are_those_of_a_backend_that_are_not_done(store: SqlStore) -> None:
    await with_run(store)
    done = replace(build("done"), state=BuildState.DONE)
    submitting = replace(build("late", queued=2), state=BuildState.SUBMITTING)
    waiting = [submitting, build("early", queued=1), build("urgent", queued=3, priority=9), baseline("old")]
    async with store.transaction() as tx:
        await tx.builds.add([done, *waiting, build("elsewhere", backend="koji")])
        found = await tx.builds.unfinished("sandbox")
    assert sorted(found, key=lambda each: each.key) == sorted(waiting, key=lambda each: each.key)


async def test_at_hand_is_what_goes_on_and_what_waits_to_be_cancelled(store: SqlStore) -> None:
    await with_run(store)
    wanted = [
        replace(build("going"), state=BuildState.RUNNING),
        replace(build("begun"), state=BuildState.SUBMITTING, cancel_requested=True),
        replace(baseline("unwanted"), cancel_requested=True),
    ]
    others = [replace(build("done"), state=BuildState.DONE, cancel_requested=True), build("waits"), baseline("old")]
    elsewhere = replace(build("elsewhere", backend="koji"), state=BuildState.RUNNING)
    async with store.transaction() as tx:
        await tx.builds.add([*wanted, *others, elsewhere])
        found = await tx.builds.at_hand("sandbox")
    assert sorted(found, key=lambda each: each.key) == sorted(wanted, key=lambda each: each.key)


async def test_what_may_be_begun_is_counted_by_run_and_told_of_in_order(store: SqlStore) -> None:
    await with_run(store)
    first, second, third = build("urgent", queued=5, priority=9), build("late", queued=4), baseline("old", queued=1)
    soon = replace(build("soon", queued=3), not_before=NOW + 3 * MINUTE)
    others = [
        replace(build("going"), state=BuildState.RUNNING),
        replace(build("unwanted"), cancel_requested=True),
        build("elsewhere", backend="koji"),
    ]
    async with store.transaction() as tx:
        await tx.builds.add([first, second, third, soon, *others])
        assert set(await tx.builds.lines("sandbox", NOW)) == {
            Line(run=None, builds=1, oldest=third.queued_at),
            Line(run=RUN, builds=2, oldest=second.queued_at),
        }
        assert await tx.builds.in_line("sandbox", RUN, NOW, 9) == [first.key, second.key]
        assert await tx.builds.in_line("sandbox", RUN, NOW + 3 * MINUTE, 2) == [first.key, soon.key]
        assert await tx.builds.in_line("sandbox", None, NOW, 9) == [third.key]
        # What has become of a build since it was added counts.
        await tx.builds.put([replace(second, priority=10), replace(first, cancel_requested=True)])
        assert await tx.builds.in_line("sandbox", RUN, NOW, 9) == [second.key]
        assert await tx.builds.lines("koji", NOW) == [Line(run=RUN, builds=1, oldest=others[2].queued_at)]


async def test_thousands_of_rows_fit_into_one_call(store: SqlStore) -> None:
    await with_run(store)
    builds = [build(f"p{number:04}") for number in range(6_000)]
    async with store.transaction() as tx:
        await tx.builds.add(builds)
        assert len(await tx.builds.get([known.key for known in builds])) == 6_000
        assert await tx.builds.subscribers([known.key for known in builds]) == {}


def ended(package: str, minutes: int, outcome: Outcome | None = None, **changes: object) -> Build:
    """A candidate that took a minute and ended that many minutes from now."""
    at = NOW + minutes * MINUTE
    plain = replace(
        build(package),
        key=BuildKey(f"c/{package}/{minutes}"),
        state=BuildState.DONE,
        started_at=at - MINUTE,
        ended_at=at,
        outcome=outcome or Succeeded(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


PAST = [
    ended("bar", 1, cpu_seconds=90.5),
    ended("bar", 2, Failed(reason=FailureReason.COMPILE)),
    ended("bar", 3, run=None, purpose=Purpose.BASELINE, started_at=None),
    ended("bar", 4, Cancelled()),
    ended("bar", 5, Failed(reason=FailureReason.INFRASTRUCTURE)),
    ended("bar", 6, target="epel"),
    ended("bar", 7, purpose=Purpose.SUBJECT),
    ended("baz", 1),
    ended("other", 1),
    build("bar"),
]
"""Seven that count in one way or another, and three that are no results."""


async def test_the_last_results_of_many_packages_are_told_by_side(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.builds.add(PAST)
        found = await tx.builds.past("fedora", {"bar", "baz", "unknown"}, 2)
        one = await tx.builds.past("fedora", ["bar"], 1)
    assert [(each.package, each.baseline, each.passed, each.ended_at) for each in found[:-2]] == [
        ("bar", True, True, NOW + 3 * MINUTE),
        ("bar", False, False, NOW + 2 * MINUTE),
    ]
    assert {(each.package, each.cpu_seconds) for each in found[-2:]} == {("bar", 90.5), ("baz", None)}
    assert [each.duration for each in found] == [None, MINUTE, MINUTE, MINUTE]
    assert one == found[:2]


async def test_earlier_results_with_a_change_are_those_of_the_repository_on_that_very_target(store: SqlStore) -> None:
    moved = replace(run_target(), run=RunId("r2"), target=replace(run_target().target, arch="aarch64"))
    foreign = replace(change_ref(9), repo=replace(REPO, owner="hubot"))
    async with store.transaction() as tx:
        await tx.changes.put(change())
        await tx.changes.put(replace(change(9), ref=foreign, state=None))
        for one in (run(), run("r2", sequence=2), replace(run("r3"), change=foreign)):
            await tx.runs.put(one)
            await tx.runs.put_target(replace(run_target(), run=one.id))
        await tx.runs.put_target(moved)
        others = [replace(ended("bar", 1), key=BuildKey(f"c/{name}"), run=RunId(name)) for name in ("r2", "r3")]
        await tx.builds.add([*PAST, *others])
        target, wanted = run_target().target, ["bar", "unknown"]
        found = await tx.builds.earlier(REPO, target, wanted, NOW)
        later = await tx.builds.earlier(REPO, target, wanted, NOW + 3 * MINUTE)
    assert sorted(each.ended_at for each in found if each.ended_at) == [NOW + MINUTE * n for n in (1, 2, 5)]
    assert {each.package for each in found} == {"bar"}
    assert [each.ended_at for each in later] == [NOW + 5 * MINUTE]


async def test_the_last_results_on_a_target_count_changes_too(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.builds.add(PAST)
        found = [(each.package, each.ended_at) for each in await tx.builds.lately("fedora", 3)]
        assert await tx.builds.past("fedora", [], 5) == []
    assert found == [("bar", NOW + 7 * MINUTE), ("bar", NOW + 3 * MINUTE), ("bar", NOW + 2 * MINUTE)]
