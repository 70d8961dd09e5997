"""The fake Copr's contract proves its worth: every way of getting it wrong is caught by a test of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from copr.v3 import CoprException

from tests.contract import test_fake_copr as contract
from tests.contract import test_fake_copr_results as results
from tests.contract import test_fake_copr_sources as sources
from tests.fakes.copr.mutants import MUTANTS
from tests.fakes.copr.stage import Stage, staged

CAUGHT: dict[str, Callable[[Stage], None]] = {
    "a_failed_batch_holds_up_the_next": contract.test_a_batch_begins_when_the_one_before_has_ended_even_in_failure,
    "batch_options_are_not_checked": contract.test_a_batch_that_has_ended_is_not_added_to,
    "projects_go_with_their_running_builds": contract.test_a_project_with_running_builds_is_not_deleted,
    "cancelling_what_has_ended_succeeds": (
        contract.test_a_running_build_is_cancelled_at_once_and_one_that_has_ended_never
    ),
    "builders_never_hear_of_a_cancellation": (
        contract.test_a_running_build_is_cancelled_at_once_and_one_that_has_ended_never
    ),
    "a_name_can_be_used_twice": contract.test_a_project_is_made_once,
    "editing_adds_to_lists": contract.test_editing_replaces_lists_as_a_whole,
    "a_build_is_pending_once": contract.test_a_build_is_pending_again_once_its_source_is_imported,
    "directories_see_nothing_of_the_project": results.test_a_directory_sees_the_main_one_and_no_other_sees_it,
    "every_directory_is_the_main_one": results.test_a_directory_sees_the_main_one_and_no_other_sees_it,
    "tokens_never_expire": contract.test_a_token_expires,
    "everybody_may_do_everything": contract.test_somebody_elses_project_is_not_deleted,
    "the_monitor_knows_the_first_build": contract.test_the_monitor_knows_the_latest_build_of_a_package_alone,
    "lists_have_the_oldest_first": contract.test_builds_are_listed_the_newest_first,
    "a_failed_build_shows_its_packages": contract.test_a_build_may_be_called_failed_with_its_packages_there,
    "every_dist_git_is_the_first_one": sources.test_a_dist_git_says_where_a_package_is,
    "a_namespace_takes_the_place_of_the_path": sources.test_a_dist_git_says_where_a_package_is,
    "every_commit_is_the_head": sources.test_a_dist_git_says_where_a_package_is,
    "a_clone_knows_one_method_only": sources.test_a_method_of_its_own_is_told_where_and_what,
    "time_outs_are_forgotten": contract.test_a_build_is_stopped_when_its_time_is_over,
    "the_background_comes_first": contract.test_builds_in_the_background_come_last,
    "quotas_mean_nothing": contract.test_over_its_quota_an_owners_builds_stay_pending,
}


def test_every_mutant_is_tried() -> None:
    assert set(CAUGHT) == set(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_copr_is_caught(name: str, tmp_path: Path) -> None:
    with (
        staged(tmp_path, MUTANTS[name]) as stage,
        pytest.raises((AssertionError, CoprException, pytest.fail.Exception)),
    ):
        CAUGHT[name](stage)
