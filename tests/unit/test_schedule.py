"""When builds will be done, with so many slots and others who use them too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedule import Job, seconds_until_done, seconds_until_each
from bot.domain.turns import Owner


def job(name: str, seconds: float = 10, *needs: str, owner: str = "me", **changes: object) -> Job:
    wanted = frozenset(("f44", need) for need in needs)
    whose = Owner(repository=owner, run=owner)
    return Job(name=("f44", name), seconds=seconds, needs=wanted, owner=whose, **changes)  # type: ignore[arg-type]


def theirs(name: str, seconds: float = 10, *, owner: str = "other", running: bool = False) -> Job:
    return job(name, seconds, owner=owner, ours=False, running=running)


PLAYS = [
    ("nothing takes no time", [], 4, 0),
    ("one after the other", [job("a"), job("b"), job("c")], 1, 30),
    ("two at once", [job("a"), job("b"), job("c")], 2, 20),
    ("no slot is one", [job("a"), job("b")], 0, 20),
    ("a chain is as long as all its links", [job("c", 10, "b"), job("b", 10, "a"), job("a", 5)], 9, 25),
    ("who needs two waits for the later", [job("a", 3), job("b", 8), job("c", 1, "a", "b")], 9, 9),
    (
        "what becomes free goes before what waits",
        [job("a", 1), job("b"), job("c"), job("d", 20, "a", priority=1)],
        2,
        21,
    ),
    ("what nobody builds is not waited for", [job("a", 10, "gone")], 1, 10),
    ("nobody waits for itself", [job("a", 10, "a")], 1, 10),
    ("a cycle ends with what can be built", [job("a", 10, "b"), job("b", 10, "a"), job("c")], 1, 10),
    ("what runs keeps its slot", [theirs("x", 7, running=True), job("a")], 1, 17),
    ("runs take turns", [job("a"), job("b"), *(theirs(f"x{n}") for n in range(50))], 2, 20),
    (
        "of many runs in turn",
        [*(theirs(f"x{n}", owner="p") for n in range(50)), theirs("y", owner="q"), job("a", owner="z")],
        1,
        30,
    ),
    ("others' builds after ours do not count", [job("a"), theirs("x", 1000, owner="zoo")], 2, 10),
    ("others of the same name are others", [job("b", 10, "a"), job("a"), theirs("a", 1)], 3, 20),
]


@pytest.mark.parametrize(("jobs", "slots", "expected"), [row[1:] for row in PLAYS], ids=[row[0] for row in PLAYS])
def test_how_long_it_takes(jobs, slots, expected):
    assert seconds_until_done(jobs, slots) == expected


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(1, 8))
def test_the_end_is_between_the_bounds_that_nobody_can_beat_and_nobody_need_miss(lengths, slots):
    took = seconds_until_done([job(f"p{number}", length) for number, length in enumerate(lengths)], slots)
    assert max(*lengths, sum(lengths) / slots) <= took <= sum(lengths) / slots + max(lengths)


@given(st.lists(st.integers(0, 100), max_size=30), st.integers(1, 8), st.integers(1, 3))
def test_each_ends_when_it_would_if_it_alone_were_asked_about(lengths, slots, owners):
    jobs = [job(f"p{number}", length, owner=f"o{number % owners}") for number, length in enumerate(lengths)]
    for number, end in enumerate(seconds_until_each(jobs, slots)):
        alone = [each._replace(ours=at == number) for at, each in enumerate(jobs)]
        assert seconds_until_done(alone, slots) == end
