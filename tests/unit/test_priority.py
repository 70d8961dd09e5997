"""What a package weighs where not all of them can be rebuilt, and how it stood before."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.history import NEVER, Known, PastBuild, Previous, previous_states
from bot.domain.priority import Weight, boost_of, weigh
from tests.fakes.domain import NOW


def weighed(
    distance: int = 1, dependents: int = 0, known: Known = Known.PASSED, hours: float = 6, boost: int = 0
) -> Weight:
    previous = Previous(known=known, ended_at=NOW - timedelta(hours=hours))
    return weigh(distance=distance, dependents=dependents, previous=previous, boost=boost, now=NOW)


@pytest.mark.parametrize(("distance", "points"), [(0, 256), (1, 256), (2, 128), (3, 85), (8, 32), (300, 0)])
def test_the_nearer_the_more(distance, points):
    assert weighed(distance=distance).distance == points


@pytest.mark.parametrize(("dependents", "points"), [(0, 0), (1, 16), (3, 32), (7, 48), (255, 128), (30_000, 128)])
def test_dependents_count_by_their_doublings(dependents, points):
    assert weighed(dependents=dependents).dependents == points


@pytest.mark.parametrize(
    ("hours", "points"), [(-1, -30), (0, -30), (3, -30), (5, -14), (6, 0), (24, 107), (7 * 24, 256), (9999, 256)]
)
def test_time_alone_reaches_256_after_seven_days(hours, points):
    assert weighed(hours=hours).age == points


def test_only_what_newly_failed_has_points_for_its_state():
    assert {known: weighed(known=known).previous for known in Known if known is not Known.NEVER} == {
        Known.PASSED: 0,
        Known.FAILED: 0,
        Known.NEWLY_FAILED: 200,
    }


def test_what_was_never_built_weighs_like_what_was_not_built_for_long():
    never = weigh(distance=1, dependents=0, previous=NEVER, boost=0, now=NOW)
    assert (never.total, never.built_before, never.known) == (512, None, Known.NEVER)


def test_the_terms_add_up():
    weight = weighed(distance=2, dependents=1, known=Known.NEWLY_FAILED, hours=24, boost=-50)
    assert weight.total == 128 + 16 + 200 + 107 - 50
    assert weight.built_before == timedelta(days=1)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 2000), st.sampled_from(Known), st.floats(0, 500))
def test_further_away_never_weighs_more(distance, more, dependents, known, hours):
    near, far = (weighed(each, dependents, known, hours).total for each in (distance, distance + more))
    assert far <= near


def test_every_glob_that_matches_adds_its_points():
    boosts = (("python-*", 100), ("*-docs", -30), ("gcc", 5))
    assert [boost_of(name, boosts) for name in ("python-docs", "python-x", "gcc", "zlib")] == [70, 100, 5, 0]


def past(passed: bool, hours: int, *, baseline: bool = False, package: str = "bar") -> PastBuild:
    return PastBuild(package=package, passed=passed, baseline=baseline, ended_at=NOW - timedelta(hours=hours))


STATES = [
    ("passed lately", [past(False, 9), past(True, 2)], Known.PASSED, 2),
    ("failed lately", [past(True, 9), past(False, 2)], Known.FAILED, 2),
    ("a baseline alone", [past(False, 2, baseline=True)], Known.FAILED, 2),
    ("fails with a change alone", [past(False, 3), past(True, 2, baseline=True)], Known.NEWLY_FAILED, 2),
    ("fails without one as well", [past(False, 3), past(False, 2, baseline=True)], Known.FAILED, 2),
    ("works again with a change", [past(False, 4), past(True, 3, baseline=True), past(True, 1)], Known.PASSED, 1),
    ("mended by a change", [past(True, 3), past(False, 2, baseline=True)], Known.FAILED, 2),
]


@pytest.mark.parametrize(("builds", "known", "hours"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_the_state_follows_from_the_last_build_on_either_side(builds, known, hours):
    for order in (builds, builds[::-1]):
        assert previous_states(order) == {"bar": Previous(known=known, ended_at=NOW - timedelta(hours=hours))}


def test_every_package_has_its_own_state():
    states = previous_states([past(True, 1), past(False, 1, package="baz")])
    assert {name: state.known for name, state in states.items()} == {"bar": Known.PASSED, "baz": Known.FAILED}
