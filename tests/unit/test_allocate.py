"""Who gets the free slots: every repository has its turn, and within one the small plans go first."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.allocate import Line, Quotas, allocate, is_held
from bot.domain.build import Build, BuildState, Purpose
from bot.domain.ids import BuildKey, RunId
from bot.domain.run import ChangeRef, Pause, RepoRef, Run
from tests.fakes.domain import NOW, TARGET, built
from tests.fakes.domain import run as plain_run
from tests.fakes.lined_up import in_turn

QUEUED, RUNNING = BuildState.QUEUED, BuildState.RUNNING


def run(name: str, repository: str = "", **changes: object) -> Run:
    """A run in a repository of its own, unless another is named."""
    repo = RepoRef(forge="github", owner="octocat", name=repository or name)
    return plain_run(id=RunId(name), change=ChangeRef(repo=repo, number=1), **changes)


RUNS = {RunId(name): run(name) for name in ("run1", "a", "b", "c", "large", "small")}
TOGETHER = {RunId(name): run(name, "shared") for name in ("a", "b", "c")}


def waiting(name: str, run: str | None = "run1", **changes: object) -> Build:
    return built("bar", key=BuildKey(name), run=RunId(run) if run else None, **changes)


def granted(
    queue: list[Build],
    capacity: int,
    runs: dict[RunId, Run] = RUNS,
    quotas: Quotas = (),
    served: dict[str, int] | None = None,
) -> list[str]:
    return [str(build.key) for build in in_turn(queue, capacity, runs, quotas, served)[0]]


def test_within_a_run_the_larger_priority_goes_first_and_then_the_older_build():
    later = NOW.replace(hour=13)
    queue = [waiting("c", queued_at=later), waiting("b"), waiting("a", priority=5, queued_at=later)]
    assert granted(queue, 3) == ["a", "b", "c"]


def test_a_small_run_does_not_wait_for_a_large_one():
    queue = [waiting(f"large{number}", "large", priority=9) for number in range(9)] + [waiting("small", "small")]
    assert "small" in granted(queue, 2)
    assert granted(queue, 1, {RunId(name): run(name, "shared") for name in ("large", "small")}) == ["small"]


def test_who_has_less_running_goes_first():
    queue = [waiting("r", "a", state=RUNNING), waiting("a", "a"), waiting("b", "b")]
    assert granted(queue, 2) == ["b"]


def test_a_repository_with_many_runs_has_no_more_turns_than_one_with_one():
    runs = {**TOGETHER, RunId("large"): run("large")}
    queue = [waiting(f"{name}{number}", name) for name in runs for number in range(4)]
    assert Counter(key[0] for key in granted(queue, 4, runs))["l"] == 2


def test_with_one_slot_turns_go_round_whatever_a_repository_is_called():
    queue = [waiting(f"{name}{number}", name) for name in ("a", "b", "c") for number in range(3)]
    served: dict[str, int] = {}
    order = []
    while queue:
        builds, last = in_turn(queue, 1, RUNS, (), served)
        served = dict(last)
        order.append(str(builds[0].key))
        queue = [build for build in queue if build not in builds]
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_among_those_that_had_no_turn_the_one_that_has_waited_longest_is_served():
    earlier = NOW - timedelta(minutes=5)
    assert granted([waiting("a", "a"), waiting("b", "b", queued_at=earlier)], 1) == ["b"]


def test_among_plans_of_one_size_the_older_is_served():
    earlier = NOW - timedelta(minutes=5)
    assert granted([waiting("a", "a"), waiting("b", "b", queued_at=earlier)], 1, TOGETHER) == ["b"]


def test_baselines_take_their_turns_together():
    queue = [waiting("b1", None), waiting("b2", None), waiting("a", "a"), waiting("c", "c")]
    assert granted(queue, 3) == ["b1", "a", "c"]


def test_a_backend_that_is_overfull_gets_nothing():
    assert granted([waiting("r", state=RUNNING), waiting("s", state=RUNNING), waiting("a")], 1) == []


def test_whoever_has_more_waiting_than_there_is_room_for_counts_with_all_of_it():
    lines = [Line(run=RunId(name), builds=builds, oldest=NOW) for name, builds in (("a", 900), ("b", 800), ("c", 2000))]
    assert [turn.run for turn in allocate(lines, [], 2, TOGETHER).turns] == ["b", "b"]


def test_a_pause_holds_what_is_not_about_the_packages_that_failed():
    pause = Pause(target=TARGET.name, signature="x", cause="x", packages=("baz",))
    runs = {RunId("a"): run("a", pause=pause), RunId("b"): run("b")}
    assert is_held(waiting("held", "a"), runs)
    assert not is_held(waiting("another's", "b"), runs)
    assert not is_held(waiting("baseline", None), runs)
    assert not is_held(built("baz", key=BuildKey("again"), run=RunId("a"), purpose=Purpose.CONFIRMATION), runs)


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ((), 4),
        ((("octocat/*", 2),), 2),
        ((("octocat/shared", 3), ("*", 1)), 3),
        ((("elsewhere/*", 1),), 4),
    ],
)
def test_a_quota_bounds_what_a_repository_has_running(quotas, expected):
    queue = [waiting("r", "a", state=RUNNING), *(waiting(f"{name}{n}", name) for name in "ab" for n in range(3))]
    assert 1 + len(granted(queue, 4, TOGETHER, quotas)) == expected


def test_baselines_have_no_quota():
    assert len(granted([waiting(f"b{number}", None) for number in range(5)], 5, quotas=(("*", 1),))) == 5


def test_ten_thousand_builds_are_shared_out_in_no_time():
    runs = {RunId(f"r{number}"): run(f"r{number}", f"repository{number % 20}") for number in range(50)}
    queue = [waiting(f"{number:05}", f"r{number % 50}", priority=number % 7) for number in range(10_000)]
    begun = process_time()
    assert len(granted(queue, 10_000, runs)) == 10_000
    assert process_time() - begun < 3


BUILDS = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "b", "c"]),
        st.sampled_from([QUEUED, QUEUED, BuildState.SUBMITTING, RUNNING]),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=20,
).map(
    lambda rows: [
        waiting(str(number), owner or None, state=state, priority=priority, cancel_requested=cancel)
        for number, (owner, state, priority, cancel) in enumerate(rows)
    ]
)


@given(BUILDS, st.integers(0, 12))
def test_all_free_slots_are_used_and_no_more(queue, capacity):
    builds = in_turn(queue, capacity, RUNS)[0]
    ready = [build for build in queue if build.state is QUEUED and not build.cancel_requested]
    free = max(0, capacity - sum(build.state is not QUEUED for build in queue))
    assert len(builds) == len({build.key for build in builds}) == min(free, len(ready))
    assert all(build in ready for build in builds)


@given(BUILDS, st.integers(0, 12), st.integers(1, 4))
def test_no_repository_is_given_more_than_its_quota(queue, capacity, most):
    builds = in_turn(queue, capacity, TOGETHER, (("octocat/shared", most),))[0]
    going = sum(build.run is not None and build.state is not QUEUED for build in queue)
    given = sum(build.run is not None for build in builds)
    assert given == 0 or going + given <= most


@given(BUILDS, st.integers(0, 12))
def test_nobody_who_waits_has_fewer_builds_than_somebody_served_by_more_than_one(queue, capacity):
    builds = in_turn(queue, capacity, RUNS)[0]
    left = {
        build.run for build in queue if build.state is QUEUED and not build.cancel_requested and build not in builds
    }
    going = Counter(build.run for build in queue if build.state is not QUEUED or build in builds)
    served = {build.run for build in builds}
    assert all(going[waits] >= going[owner] - 1 for waits in left for owner in served)


@given(BUILDS, st.integers(1, 3))
def test_whoever_waits_is_served_before_anybody_has_had_two_more_turns(queue, capacity):
    served: dict[str, int] = {}
    queue = [replace(build, state=QUEUED, cancel_requested=False) for build in queue]
    turns: Counter[RunId | None] = Counter()
    while queue:
        builds, last = in_turn(queue, capacity, RUNS, (), served)
        served = dict(last)
        turns.update(build.run for build in builds)
        queue = [build for build in queue if build not in builds]
        assert all(turns[build.run] >= most - 1 for build in queue for most in turns.values())
