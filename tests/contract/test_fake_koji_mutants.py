"""The fake hub's contract proves its worth: every way of getting it wrong is caught by a test of it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import koji
import pytest

from tests.contract import test_fake_koji as hub
from tests.contract import test_fake_koji_failures as failures
from tests.contract import test_fake_koji_tags as tags
from tests.fakes.koji.mutants import MUTANTS, plant
from tests.fakes.koji.stage import Stage

CAUGHT: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "draft_and_scratch_makes_a_draft": hub.test_draft_and_scratch_together_is_scratch,
    "build_looks_at_the_target": hub.test_build_looks_at_nothing_and_the_task_fails,
    "one_fault_spoils_a_multicall": hub.test_a_multicall_has_faults_as_values,
    "cancelling_what_has_ended_raises": hub.test_cancelling_what_has_ended_says_nothing,
    "cancelling_leaves_subtasks": hub.test_a_task_is_cancelled_with_its_subtasks,
    "result_of_what_was_cancelled_is_nothing": hub.test_a_task_is_cancelled_with_its_subtasks,
    "a_repository_is_ready_before_it_is_made": tags.test_a_repository_is_ready_when_it_is_made_and_not_before,
    "any_repository_does_for_a_build_that_waits": tags.test_a_build_may_wait_for_what_is_built_meanwhile,
    "a_removed_side_tag_stays": tags.test_a_removed_side_tag_takes_its_target_along_and_leaves_its_builds,
    "a_side_tag_shows_its_builds_to_its_parent": tags.test_what_is_built_in_a_side_tag_is_seen_nowhere_else,
    "tasks_of_everybody_are_ours": hub.test_our_own_tasks_are_found_by_what_was_asked,
    "uploads_lose_their_last_byte": failures.test_a_file_is_uploaded_in_parts,
    "negative_offsets_count_from_the_front": hub.test_logs_are_read_in_parts_while_the_build_goes_on,
    "everything_is_allowed": hub.test_sources_of_others_are_for_admins,
    "sessions_never_expire": failures.test_a_session_expires_after_a_day,
    "a_call_whose_answer_was_lost_is_done_again": failures.test_a_call_that_changed_something_is_not_done_again,
    "scratch_builds_are_imported": hub.test_a_scratch_build_of_what_is_there_is_built_and_not_imported,
    "drafts_take_the_real_name": hub.test_a_draft_makes_a_change_visible_without_using_up_its_name,
    "a_tag_was_always_set_as_it_is": tags.test_a_tags_settings_are_known_as_they_were,
    "side_tags_of_everybody_are_ours": tags.test_side_tags_are_listed_by_their_owner,
}


def test_every_mutant_is_tried() -> None:
    assert set(CAUGHT) == set(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_wrong_hub_is_caught(name: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    plant(stage.hub, name)
    await stage.open()
    try:
        with pytest.raises((AssertionError, koji.GenericError, ValueError, pytest.fail.Exception)):
            await CAUGHT[name](stage)
    finally:
        await stage.close()
