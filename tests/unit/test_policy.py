from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.commands import Command
from bot.domain.permission import Permission
from bot.domain.policy import (
    ANSWERS_AN_HOUR,
    REQUIREMENTS,
    Actor,
    Allowed,
    Refused,
    authorize,
    help_text,
    is_trusted,
    may_be_answered,
)
from bot.domain.verbs import Verb

READS = [Verb.HELP, Verb.STATUS, Verb.WHY, Verb.LOGS, Verb.CONFIG]
TRIAGE = [Verb.RUN, Verb.RETRY, Verb.REBUILD, Verb.CANCEL, Verb.BASELINE, Verb.INCLUDE, Verb.SKIP, Verb.PRIORITY]
WRITE = [Verb.WITH, Verb.OK, Verb.REVOKE, Verb.WAIVE, Verb.UNWAIVE]


def allowed(verb, permission, **who):
    return authorize(Command(verb=verb), Actor(name="octocat", permission=permission, **who)) == Allowed()


def test_every_verb_has_a_requirement():
    assert set(REQUIREMENTS) == set(Verb) == {*READS, *TRIAGE, *WRITE}


@pytest.mark.parametrize("permission", list(Permission))
def test_permission_alone_opens_what_it_is_enough_for(permission):
    assert all(allowed(verb, permission) for verb in READS)
    assert all(allowed(verb, permission) == (permission >= Permission.TRIAGE) for verb in TRIAGE)
    assert all(allowed(verb, permission) == (permission >= Permission.WRITE) for verb in WRITE)


def test_a_trusted_author_may_run_retry_and_cancel():
    mine = {verb for verb in Verb if allowed(verb, Permission.READ, is_author=True, author_trusted=True)}
    assert mine == {*READS, Verb.RUN, Verb.RETRY, Verb.CANCEL}


def test_an_author_who_is_not_trusted_may_cancel_and_no_more():
    assert {verb for verb in Verb if allowed(verb, Permission.READ, is_author=True)} == {*READS, Verb.CANCEL}


def test_a_trusted_author_gives_no_right_to_others():
    assert {verb for verb in Verb if allowed(verb, Permission.READ, author_trusted=True)} == set(READS)


@pytest.mark.parametrize(
    ("verb", "who"),
    [
        (Verb.REBUILD, "triage permission and up"),
        (Verb.RETRY, "triage permission and up, or the author if trusted"),
        (Verb.CANCEL, "triage permission and up, or the author"),
        (Verb.OK, "write permission and up"),
    ],
)
def test_a_refusal_names_the_missing_permission(verb, who):
    refused = authorize(Command(verb=verb), Actor(name="octocat", permission=Permission.READ))
    assert refused == Refused(message=f"`{verb.value}` is for {who}; `octocat` has read permission in this repository.")


@pytest.mark.parametrize(
    ("people", "trusted"),
    [
        ([("octocat", Permission.WRITE)], True),
        ([("octocat", Permission.TRIAGE)], False),
        ([("octocat", Permission.ADMIN), ("hubot", Permission.READ)], False),
        ([("octocat", Permission.ADMIN), ("hubot", Permission.MAINTAIN)], True),
        ([("Updates[bot]", Permission.NONE)], True),
        ([], False),
    ],
)
def test_everyone_who_wrote_the_change_has_to_be_trusted(people, trusted):
    assert is_trusted(people, apps=("updates[bot]",)) is trusted


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("permission", "told", "answered"),
    [
        (Permission.READ, [NOW] * (ANSWERS_AN_HOUR - 1), True),
        (Permission.READ, [NOW] * ANSWERS_AN_HOUR, False),
        (Permission.NONE, [NOW - timedelta(minutes=59)] * ANSWERS_AN_HOUR, False),
        (Permission.READ, [NOW - timedelta(hours=1)] * ANSWERS_AN_HOUR, True),
        (Permission.TRIAGE, [NOW] * ANSWERS_AN_HOUR, True),
    ],
)
def test_who_does_not_steer_is_answered_so_often_in_an_hour(permission, told, answered):
    assert may_be_answered(permission, told, NOW) is answered


def test_help_lists_every_command():
    text = help_text()
    assert all(f"`/revdeps {verb.value}" in text for verb in Verb)
    assert "depth=direct\\|transitive\\|N" in text
    assert "| anyone |" in text
