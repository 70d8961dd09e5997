"""The fake GitHub's contract proves its worth: every way of getting it wrong is caught by a test of it."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from inspect import signature
from typing import Any

import pytest

from tests.contract import test_fake_github as contract
from tests.contract import test_fake_github_events as events
from tests.fakes.github.hub import a_hub, receiving
from tests.fakes.github.mutants import MUTANTS, plant

_CHECKS = contract.test_a_check_is_made_updated_and_found_again
_COMMENTS = contract.test_comments_are_written_rewritten_reacted_to_and_folded_away
_MISSED = events.test_a_missed_delivery_is_found_and_comes_again_with_its_guid

CAUGHT: dict[str, Callable[..., Awaitable[None]]] = {
    "anybody_may_write_to_a_check": contract.test_only_the_app_that_made_a_check_may_write_to_it,
    "annotations_replace_those_before": _CHECKS,
    "a_conclusion_completes_nothing": _CHECKS,
    "a_wrong_check_is_taken": partial(
        contract.test_a_check_that_breaks_a_rule_is_refused, body={"status": "completed"}, described=False
    ),
    "checks_lose_what_we_call_them": _CHECKS,
    "a_check_of_a_fork_knows_its_pull_request": events.test_a_check_of_a_fork_names_no_pull_request,
    "reactions_pile_up": _COMMENTS,
    "an_edit_is_lost": _COMMENTS,
    "nothing_is_folded_away": _COMMENTS,
    "roles_have_their_old_names": contract.test_roles_are_told_by_their_own_name,
    "there_is_no_second_page": contract.test_pull_requests_are_read_whole_and_by_page,
    "no_answer_is_like_the_one_before": contract.test_unchanged_answers_are_304_and_free,
    "files_are_never_raw": contract.test_files_come_as_json_or_raw_at_any_commit,
    "everything_is_granted": contract.test_a_token_can_do_what_it_was_granted_and_no_more,
    "private_repositories_are_shown": contract.test_a_private_repository_of_others_does_not_exist,
    "deliveries_are_kept_for_ever": _MISSED,
    "a_redelivery_has_another_guid": _MISSED,
    "a_tree_that_is_cut_off_passes_for_whole": contract.test_a_whole_tree_is_listed_until_it_is_too_large,
    "a_renamed_repository_is_lost": (
        contract.test_a_renamed_repository_is_found_at_its_old_address_until_it_is_deleted
    ),
    "there_are_no_secondary_limits": contract.test_the_secondary_limits_hold,
}


def test_every_mutant_is_tried() -> None:
    assert set(CAUGHT) == set(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_wrong_github_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test, wanted = CAUGHT[name], dict[str, Any]()
    if "monkeypatch" in signature(test).parameters:
        wanted["monkeypatch"] = monkeypatch
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(a_hub())
        plant(hub.github, name)
        if "receiver" in signature(test).parameters:
            await stack.enter_async_context(receiving(hub))
        with pytest.raises((AssertionError, KeyError, ValueError)):
            await test(hub, **wanted)
