"""A Koji hub that is wrong is noticed by the adapter's own tests, not only by those of the fake."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bot.ports.errors import RevdepsError
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted
from tests.integration import test_koji as adapter
from tests.integration import test_koji_chain as chain

CAUGHT: list[tuple[str, Callable[[Place], Awaitable[None]]]] = [
    ("one_fault_spoils_a_multicall", adapter.test_a_task_that_somebody_else_cancelled_is_cancelled),
    ("drafts_take_the_real_name", adapter.test_the_change_is_a_draft_that_nobody_sees_before_it_is_published),
    ("uploads_lose_their_last_byte", adapter.test_the_change_is_a_draft_that_nobody_sees_before_it_is_published),
    (
        "a_call_whose_answer_was_lost_is_done_again",
        adapter.test_a_build_whose_answer_was_lost_is_found_and_not_built_twice,
    ),
    ("a_removed_side_tag_stays", chain.test_nothing_is_left_of_what_was_discarded),
    (
        "a_repository_is_ready_before_it_is_made",
        adapter.test_a_repository_that_never_comes_is_waited_for_some_other_time,
    ),
    ("cancelling_leaves_subtasks", chain.test_a_build_that_takes_too_long_is_ended_and_says_so),
    ("scratch_builds_are_imported", chain.test_a_rebuild_that_nobody_waits_for_stays_a_scratch_build),
    ("side_tags_of_everybody_are_ours", chain.test_side_tags_and_tasks_of_others_are_left_alone),
    ("tasks_of_everybody_are_ours", chain.test_side_tags_and_tasks_of_others_are_left_alone),
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
