"""From GitLab's events to intents, on payloads cut down to what the handlers read."""

import logging
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.intents import Commented, Refresh, RepositoryTouched
from bot.domain.run import ChangeRef, RepoRef
from handlers.gitlab.translate import GitLabTranslator

REPO = RepoRef(forge="gitlab", owner="octocat/rpms", name="libfoo")
CHANGE = ChangeRef(repo=REPO, number=7)
PROJECT = {"id": 15, "path_with_namespace": "octocat/rpms/libfoo"}
PERSON = {"id": 4, "username": "hubot-friend"}
SHA = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
REQUEST = {
    "object_kind": "merge_request",
    "user": PERSON,
    "project": PROJECT,
    "object_attributes": {"iid": 7, "action": "open", "last_commit": {"id": SHA}},
    "changes": {},
}
NOTE = {
    "object_kind": "note",
    "user": PERSON,
    "project": PROJECT,
    "object_attributes": {
        "id": 5_000_000_000,
        "note": "/revdeps help",
        "noteable_type": "MergeRequest",
        "system": False,
        "action": "create",
        "created_at": "2026-01-02 03:04:05 UTC",
    },
    "merge_request": {"iid": 7, "state": "opened"},
}
PUSH = {"object_kind": "push", "ref": "refs/heads/release/1.x", "after": SHA, "project": PROJECT}
PIPELINE = {
    "object_kind": "pipeline",
    "object_attributes": {"id": 31, "source": "merge_request_event", "status": "pending", "ref": "refs/heads/x"},
    "merge_request": {"iid": 7},
    "project": PROJECT,
}
COMMENTED = Commented(
    change=CHANGE,
    comment="5000000000",
    author="hubot-friend",
    body="/revdeps help",
    written_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def altered(payload: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    copy = deepcopy(payload)
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


async def intents(event: str, payload: object) -> tuple[Any, ...]:
    return await GitLabTranslator("gitlab")(event, payload)


async def merge_request(**attributes: Any) -> tuple[Any, ...]:
    changes = attributes.pop("changes", {})
    about = {**REQUEST["object_attributes"], **attributes}  # type: ignore[dict-item]
    return await intents("Merge Request Hook", {**REQUEST, "object_attributes": about, "changes": changes})


@pytest.mark.parametrize("action", ["open", "reopen", "close", "merge"])
async def test_a_merge_request_that_moved_is_looked_at_again(action: str) -> None:
    assert await merge_request(action=action) == (Refresh(change=CHANGE),)


async def test_a_push_to_a_merge_request_tells_who_pushed_what() -> None:
    assert await merge_request(action="update", oldrev="abc") == (
        Refresh(change=CHANGE, pushed_sha=SHA, pushed_by="hubot-friend"),
    )


@pytest.mark.parametrize("key", ["draft", "labels", "state_id", "target_branch", "title"])
async def test_an_edit_that_matters_is_looked_at(key: str) -> None:
    changed = {key: {"previous": "a", "current": "b"}}
    assert await merge_request(action="update", changes=changed) == (Refresh(change=CHANGE),)


@pytest.mark.parametrize("action", ["approved", "unapproved", "approval", "unapproval", "update"])
async def test_what_changes_nothing_that_is_tested_is_of_no_interest(action: str) -> None:
    changed = {"updated_at": {"previous": 1, "current": 2}, "description": {"previous": "", "current": "b"}}
    assert await merge_request(action=action, changes=changed) == ()


async def test_a_note_on_an_open_merge_request_is_heard() -> None:
    assert await intents("Note Hook", NOTE) == (COMMENTED,)


async def test_older_gitlabs_tell_of_new_notes_only_and_name_no_action() -> None:
    assert await intents("Note Hook", altered(NOTE, None, "object_attributes", "action")) == (COMMENTED,)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("object_attributes", "action"), "update"),
        (("object_attributes", "noteable_type"), "Issue"),
        (("object_attributes", "noteable_type"), "Commit"),
        (("object_attributes", "system"), True),
        (("object_attributes", "internal"), True),
        (("object_attributes", "note"), "<!-- revdeps:v1 run=r1 sha=abc -->\n/revdeps retry"),
        (("merge_request", "state"), "merged"),
        (("user", "username"), "project_15_bot"),
        (("user", "username"), "project_15_bot_0123456789abcdef"),
        (("user", "username"), "group_3_bot_0123456789abcdef"),
        (("user", "username"), "service_account_group_3_0123456789abcdef"),
    ],
)
async def test_other_notes_are_not_heard(path: tuple[str, ...], value: object) -> None:
    assert await intents("Note Hook", altered(NOTE, value, *path)) == ()


async def test_a_push_touches_what_is_based_on_the_branch() -> None:
    assert await intents("Push Hook", PUSH) == (RepositoryTouched(repo=REPO, branch="release/1.x"),)


@pytest.mark.parametrize(("key", "value"), [("after", "0" * 40), ("ref", "refs/tags/v1")])
async def test_a_deleted_branch_and_a_tag_touch_nothing(key: str, value: str) -> None:
    assert await intents("Push Hook", altered(PUSH, value, key)) == ()


@pytest.mark.parametrize("status", ["created", "pending", "running"])
async def test_a_new_pipeline_has_to_hear_of_the_check(status: str) -> None:
    assert await intents("Pipeline Hook", altered(PIPELINE, status, "object_attributes", "status")) == (
        Refresh(change=CHANGE),
    )


@pytest.mark.parametrize("status", ["created", "success", "failed", "canceled"])
async def test_a_merge_trains_pipeline_is_about_a_commit_of_its_own(status: str) -> None:
    train = altered(PIPELINE, "refs/merge-requests/7/train", "object_attributes", "ref")
    assert await intents("Pipeline Hook", altered(train, status, "object_attributes", "status")) == (
        Refresh(change=replace(CHANGE, queue="refs/merge-requests/7/train")),
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("object_attributes", "status"), "success"),
        (("object_attributes", "source"), "external"),
        (("merge_request",), None),
    ],
)
async def test_other_pipelines_and_their_ends_are_of_no_interest(path: tuple[str, ...], value: object) -> None:
    assert await intents("Pipeline Hook", altered(PIPELINE, value, *path)) == ()


@pytest.mark.parametrize("event", ["Job Hook", "Emoji Hook", "System Hook", "Confidential Note Hook"])
async def test_other_events_are_of_no_interest(event: str) -> None:
    assert await intents(event, NOTE) == ()


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("Push Hook", None),
        ("Push Hook", []),
        ("Push Hook", {}),
        ("Push Hook", altered(PUSH, "libfoo", "project", "path_with_namespace")),
        ("Note Hook", {"object_attributes": []}),
        ("Note Hook", altered(NOTE, ["create"], "object_attributes", "action")),
        ("Note Hook", altered(NOTE, "yesterday", "object_attributes", "created_at")),
        ("Merge Request Hook", altered(REQUEST, "7", "object_attributes", "iid")),
        ("Merge Request Hook", altered(REQUEST, None, "project")),
    ],
)
async def test_a_malformed_event_is_logged_and_answered_like_any_other(
    event: str, payload: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await intents(event, payload) == ()
    assert "malformed" in caplog.text
