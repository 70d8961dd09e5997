"""The forge's contract proves its worth on GitLab: every way of getting it wrong is caught by a test of it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.ports.errors import RevdepsError
from tests.contract import test_forge as contract
from tests.contract.test_forge_mutants import needs_change
from tests.fakes.gitlab.mutants import MUTANTS
from tests.fakes.gitlab_stage import GitLabStage

CAUGHT: dict[str, Callable[..., Awaitable[None]]] = {
    "statuses_pile_up": contract.test_a_check_whose_id_was_lost_is_found_again,
    "a_status_keeps_its_first_words": contract.test_a_check_appears_and_is_brought_up_to_date,
    "what_ended_stays_ended": contract.test_a_completed_check_can_begin_again,
    "links_of_statuses_are_dropped": contract.test_a_check_appears_and_is_brought_up_to_date,
    "emoji_can_be_given_twice": contract.test_a_command_is_answered_with_reactions_each_once,
    "there_is_one_page_of_notes": contract.test_ours_is_found_among_many,
    "there_is_one_page_of_diffs": contract.test_changed_files_are_named,
    "notes_are_never_edited": contract.test_our_comment_is_written_once_and_edited_in_place,
    "everybody_has_written_every_note": contract.test_a_strangers_comment_with_our_marker_is_left_alone,
    "what_is_closed_is_listed_as_open": contract.test_open_pull_requests_are_listed,
    "nothing_ever_changes": contract.test_a_push_moves_the_head,
    "everything_changes_all_the_time": contract.test_what_has_not_changed_is_not_read_again,
    "everybody_is_a_developer": contract.test_a_stranger_may_read_at_most,
    "files_are_taken_for_text": contract.test_any_bytes_come_through_at_any_path,
    "files_are_always_those_of_the_default_branch": contract.test_files_are_read_at_a_branch_and_at_a_commit,
    "labels_are_left_out": contract.test_labels_and_drafts_show,
    "projects_of_others_are_listed": contract.test_our_repositories_are_listed,
    "strangers_are_members": contract.test_where_we_are_not_installed_there_is_nothing_to_see,
    "an_event_is_sent_again_under_another_key": (
        contract.test_deliveries_that_never_arrived_are_known_and_can_be_asked_for_again
    ),
    "events_are_forgotten": contract.test_deliveries_that_never_arrived_are_known_and_can_be_asked_for_again,
}


def test_every_mutant_is_tried() -> None:
    assert set(CAUGHT) == set(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_wrong_gitlab_is_caught(name: str, tmp_path: Path) -> None:
    async with GitLabStage(tmp_path) as stage:
        wanted = [await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"})] if needs_change(CAUGHT[name]) else []
        MUTANTS[name](stage.server)
        with pytest.raises((AssertionError, RevdepsError, pytest.fail.Exception)):
            await CAUGHT[name](stage, *wanted)
