"""Who gets the free slots: every run has its turn."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.allocate import allocate
from bot.domain.build import Build, BuildState
from bot.domain.ids import BuildKey, RunId
from tests.fakes.domain import NOW, built

QUEUED, RUNNING = BuildState.QUEUED, BuildState.RUNNING


def waiting(name: str, run: str | None = "run1", **changes: object) -> Build:
    return built("bar", key=BuildKey(name), run=RunId(run) if run else None, **changes)


def keys(builds: tuple[Build, ...]) -> list[str]:
    return [str(build.key) for build in builds]


def test_within_a_run_the_larger_priority_goes_first_and_then_the_older_build():
    later = NOW.replace(hour=13)
    queue = [waiting("c", queued_at=later), waiting("b"), waiting("a", priority=5, queued_at=later)]
    assert keys(allocate(queue, 3)) == ["a", "b", "c"]


def test_a_small_run_does_not_wait_for_a_large_one():
    queue = [waiting(f"large{number}", "large", priority=9) for number in range(9)] + [waiting("small", "small")]
    assert "small" in keys(allocate(queue, 2))


def test_who_has_less_running_goes_first():
    queue = [waiting("r", "a", state=RUNNING), waiting("a", "a"), waiting("b", "b")]
    assert keys(allocate(queue, 2)) == ["b"]


def test_baselines_take_one_turn_together():
    queue = [waiting("b1", None), waiting("b2", None), waiting("a", "a"), waiting("c", "c")]
    assert keys(allocate(queue, 3)) == ["b1", "a", "c"]


def test_what_is_to_be_cancelled_is_not_started():
    assert allocate([waiting("a", cancel_requested=True)], 1) == ()


def test_a_backend_that_is_overfull_gets_nothing():
    assert allocate([waiting("r", state=RUNNING), waiting("s", state=RUNNING), waiting("a")], 1) == ()


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
    granted = allocate(queue, capacity)
    ready = [build for build in queue if build.state is QUEUED and not build.cancel_requested]
    free = max(0, capacity - sum(build.state is not QUEUED for build in queue))
    assert len(granted) == min(free, len(ready))
    assert len(set(keys(granted))) == len(granted)
    assert all(build in ready for build in granted)


@given(BUILDS, st.integers(0, 12))
def test_nobody_who_waits_has_fewer_builds_than_somebody_served_by_more_than_one(queue, capacity):
    granted = allocate(queue, capacity)
    left = {
        build.run for build in queue if build.state is QUEUED and not build.cancel_requested and build not in granted
    }
    going = Counter(build.run for build in queue if build.state is not QUEUED or build.cancel_requested)
    going.update(build.run for build in granted)
    served = {build.run for build in granted}
    assert all(going[waits] >= going[owner] - 1 for waits in left for owner in served)
