"""From GitHub's events to intents, on payloads cut down to what the handlers read."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.intents import ButtonPressed, Commented, Refresh, RepositoryTouched, RerunRequested
from bot.domain.run import ChangeRef, RepoRef
from bot.engine.intake import MalformedEvent
from handlers.github.translate import GitHubTranslator

APP = 4711
REPO = RepoRef(forge="github", owner="octocat", name="libfoo")
OTHER = RepoRef(forge="github", owner="octocat", name="libbar")
PULL = ChangeRef(repo=REPO, number=7)
REPOSITORY = {"full_name": "octocat/libfoo", "name": "libfoo"}
PERSON = {"login": "hubot-friend", "type": "User"}

COMMENT = {
    "action": "created",
    "repository": REPOSITORY,
    "sender": PERSON,
    "issue": {"number": 7, "state": "open", "pull_request": {"url": "https://api.example/pulls/7"}},
    "comment": {"id": 5_000_000_000, "body": "/revdeps help", "created_at": "2026-01-02T03:04:05Z", "user": PERSON},
}
CHECK = {
    "action": "rerequested",
    "repository": REPOSITORY,
    "sender": PERSON,
    "check_run": {"external_id": "r1/revdeps", "head_sha": "abc", "app": {"id": APP}},
    "requested_action": {"identifier": "retry-failed"},
}
SUITE = {
    "action": "rerequested",
    "repository": REPOSITORY,
    "sender": PERSON,
    "check_suite": {"head_sha": "abc", "app": {"id": APP}},
}
PUSH = {"ref": "refs/heads/release/1.x", "deleted": False, "repository": REPOSITORY}


def pull_request(action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "repository": REPOSITORY, "pull_request": {"number": 7}, "sender": PERSON, **more}


def altered(payload: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    copy = deepcopy(payload)
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


async def intents(event: str, payload: object) -> tuple[Any, ...]:
    return await GitHubTranslator("github", APP)(event, payload)


@pytest.mark.parametrize(
    "action",
    [
        "opened",
        "reopened",
        "ready_for_review",
        "converted_to_draft",
        "closed",
        "labeled",
        "unlabeled",
    ],
)
async def test_a_pull_request_that_moved_is_looked_at_again(action: str) -> None:
    assert await intents("pull_request", pull_request(action)) == (Refresh(change=PULL),)


async def test_a_push_tells_who_pushed_what() -> None:
    payload = pull_request("synchronize", sender={"login": "hubot-friend", "type": "User"})
    payload["pull_request"]["head"] = {"sha": "a1b2c3d"}
    assert await intents("pull_request", payload) == (
        Refresh(change=PULL, pushed_sha="a1b2c3d", pushed_by="hubot-friend"),
    )


async def test_an_edit_counts_only_where_the_base_changed() -> None:
    retitled = pull_request("edited", changes={"title": {"from": "old"}})
    rebased = pull_request("edited", changes={"base": {"ref": {"from": "main"}}})
    assert await intents("pull_request", retitled) == ()
    assert await intents("pull_request", rebased) == (Refresh(change=PULL),)


@pytest.mark.parametrize("event", ["pull_request", "star", "check_run", "nonsense"])
async def test_what_is_of_no_interest_asks_for_nothing(event: str) -> None:
    assert await intents(event, {"action": "assigned"}) == ()
    assert await intents(event, {}) == ()


async def test_a_comment_is_passed_on_with_its_writer_and_its_time() -> None:
    [intent] = await intents("issue_comment", COMMENT)
    assert intent == Commented(
        change=PULL,
        comment="5000000000",
        author="hubot-friend",
        body="/revdeps help",
        written_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (None, ("issue", "pull_request")),
        ("closed", ("issue", "state")),
        ("Bot", ("comment", "user", "type")),
        ("Bot", ("sender", "type")),
        (None, ("comment", "user")),
        ("edited", ("action",)),
        ("deleted", ("action",)),
    ],
)
async def test_comments_that_do_not_count_are_not_passed_on(value: object, path: tuple[str, ...]) -> None:
    assert await intents("issue_comment", altered(COMMENT, value, *path)) == ()


async def test_text_that_no_database_takes_is_made_storable() -> None:
    [intent] = await intents("issue_comment", altered(COMMENT, "a\0b\ud800c", "comment", "body"))
    assert intent.body == "a\N{REPLACEMENT CHARACTER}b?c"


async def test_a_comment_without_text_is_an_empty_one() -> None:
    [intent] = await intents("issue_comment", altered(COMMENT, None, "comment", "body"))
    assert intent.body == ""


async def test_asking_for_a_check_again_names_its_run() -> None:
    expected = RerunRequested(repo=REPO, head_sha="abc", user="hubot-friend", run="r1")
    assert await intents("check_run", CHECK) == (expected,)


async def test_a_button_carries_its_run_and_commit() -> None:
    pressed = altered(CHECK, "requested_action", "action")
    expected = ButtonPressed(repo=REPO, run="r1", head_sha="abc", identifier="retry-failed", user="hubot-friend")
    assert await intents("check_run", pressed) == (expected,)


async def test_a_suite_is_asked_for_again_as_a_whole() -> None:
    assert await intents("check_suite", SUITE) == (RerunRequested(repo=REPO, head_sha="abc", user="hubot-friend"),)


@pytest.mark.parametrize("action", ["rerequested", "requested_action"])
async def test_checks_of_other_apps_are_none_of_our_business(action: str) -> None:
    foreign = altered(altered(CHECK, APP + 1, "check_run", "app", "id"), action, "action")
    assert await intents("check_run", foreign) == ()
    assert await intents("check_suite", altered(SUITE, APP + 1, "check_suite", "app", "id")) == ()


@pytest.mark.parametrize(
    ("action", "removed"),
    [
        ("created", False),
        ("unsuspend", False),
        ("new_permissions_accepted", False),
        ("deleted", True),
        ("suspend", True),
    ],
)
async def test_an_installation_touches_its_repositories(action: str, removed: bool) -> None:
    payload = {"action": action, "repositories": [REPOSITORY, {"full_name": "octocat/libbar"}]}
    expected = tuple(RepositoryTouched(repo=repo, removed=removed) for repo in (REPO, OTHER))
    assert await intents("installation", payload) == expected


async def test_an_installation_that_names_no_repositories_is_left_to_resync() -> None:
    assert await intents("installation", {"action": "unsuspend"}) == ()


async def test_repositories_come_and_go() -> None:
    payload = {
        "action": "added",
        "repositories_added": [REPOSITORY],
        "repositories_removed": [{"full_name": "octocat/libbar"}],
    }
    expected = (RepositoryTouched(repo=REPO), RepositoryTouched(repo=OTHER, removed=True))
    assert await intents("installation_repositories", payload) == expected


async def test_a_push_touches_its_branch() -> None:
    assert await intents("push", PUSH) == (RepositoryTouched(repo=REPO, branch="release/1.x"),)


@pytest.mark.parametrize(("value", "key"), [("refs/tags/v1", "ref"), (True, "deleted")])
async def test_tags_and_deleted_branches_are_of_no_interest(value: object, key: str) -> None:
    assert await intents("push", altered(PUSH, value, key)) == ()


@pytest.mark.parametrize("value", [None, "7", 7.5, True, 0, -1, 2**40, [], {}])
async def test_a_number_that_is_none_is_malformed(value: object) -> None:
    with pytest.raises(MalformedEvent, match=r"pull_request\.number"):
        await intents("pull_request", altered(pull_request("opened"), value, "pull_request", "number"))


@pytest.mark.parametrize("value", [None, "libfoo", "/libfoo", "octocat/", "a/b/c", 3])
async def test_a_repository_without_owner_and_name_is_malformed(value: object) -> None:
    with pytest.raises(MalformedEvent, match=r"repository\.full_name"):
        await intents("push", altered(PUSH, value, "repository", "full_name"))


@pytest.mark.parametrize(
    ("event", "payload", "names"),
    [
        ("issue_comment", altered(COMMENT, "yesterday", "comment", "created_at"), "created_at"),
        ("issue_comment", altered(COMMENT, "x", "comment", "id"), "comment.id"),
        ("issue_comment", altered(COMMENT, [], "comment"), "comment is no object"),
        ("check_run", altered(CHECK, None, "check_run", "app"), "check_run.app.id"),
        ("check_run", altered(CHECK, 5, "check_run", "head_sha"), "head_sha"),
        ("installation", {"action": "created", "repositories": {}}, "repositories"),
        ("installation", {"action": "created", "repositories": ["octocat/libfoo"]}, "no object"),
        ("pull_request", {"action": ["opened"]}, "action"),
        ("pull_request", [], "no object"),
        ("pull_request", None, "no object"),
        ("pull_request", 7, "no object"),
    ],
)
async def test_what_is_wrong_with_an_event_is_named(event: str, payload: object, names: str) -> None:
    with pytest.raises(MalformedEvent, match=names):
        await intents(event, payload)


def test_there_is_one_handler_for_an_event_and_its_action() -> None:
    translator = GitHubTranslator("github", APP)
    router = translator.router
    assert set(router._deep_routes) | set(router._shallow_routes) == translator.events
    for actions in router._deep_routes.values():  # gidgethub has no public way to list routes
        for handlers in actions["action"].values():
            assert len(handlers) == 1
    assert {event: len(handlers) for event, handlers in router._shallow_routes.items()} == {"push": 1}
