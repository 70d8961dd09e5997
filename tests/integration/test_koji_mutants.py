"""A Koji hub that is wrong is noticed by the adapter's own tests, not only by those of the fake."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bot.ports.errors import RevdepsError
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted
from tests.integration import test_koji as adapter

CAUGHT: list[tuple[str, Callable[[Place], Awaitable[None]]]] = [
    ("one_fault_spoils_a_multicall", adapter.test_a_task_that_somebody_else_cancelled_is_cancelled),
    ("drafts_take_the_real_name", adapter.test_the_change_is_a_draft_that_nobody_sees_before_it_is_published),
    ("uploads_lose_their_last_byte", adapter.test_the_change_is_a_draft_that_nobody_sees_before_it_is_published),
    (
        "a_call_whose_answer_was_lost_is_done_again",
        adapter.test_a_build_whose_answer_was_lost_is_found_and_not_built_twice,
    ),
    ("everything_is_allowed", adapter.test_too_many_side_tags_are_told_as_the_hub_tells_it),
]


@pytest.fixture
def wrong(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A hub that is wrong in one way."""
    with place(tmp_path, Scripted(), ["lib", "app"], request.param) as here:
        base = here.hub.world.tags_by_name[TAG]
        for name in ("lib", "app"):
            here.hub.add_build(base, name)
        yield here


@pytest.mark.parametrize(("wrong", "clause"), CAUGHT, indirect=["wrong"])
async def test_a_wrong_hub_is_noticed(wrong: Place, clause: Callable[[Place], Awaitable[None]]) -> None:
    with pytest.raises((AssertionError, RevdepsError, pytest.fail.Exception)):
        await clause(wrong)
