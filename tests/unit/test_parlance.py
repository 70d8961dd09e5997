"""Each forge's own words for changes and for what somebody may do."""

import pytest

from bot.adapters.forgejo.parlance import WITHOUT_TRIAGE
from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.domain.commands import Command, parse
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.permission import Permission
from bot.domain.policy import Actor, Refused, authorize, help_text
from bot.domain.run import ChangeRef, RepoRef
from bot.domain.verbs import Verb

CHANGE = ChangeRef(repo=RepoRef(forge="any", owner="octocat/libs", name="libfoo"), number=12)
ALL = [PULL_REQUESTS, MERGE_REQUESTS, WITHOUT_TRIAGE]


@pytest.mark.parametrize(
    ("parlance", "name"),
    [(PULL_REQUESTS, "octocat/libs/libfoo#12"), (MERGE_REQUESTS, "octocat/libs/libfoo!12")],
)
def test_a_change_is_named_as_its_forge_does_and_is_understood_so(parlance: Parlance, name: str) -> None:
    assert parlance.name(CHANGE) == name
    assert parlance.key(CHANGE.id) == f"any:{name}"
    assert parse([f"/revdeps with {name}"], parlance) == (Command(verb=Verb.WITH, options=(("changes", name),)),)


@pytest.mark.parametrize("parlance", ALL)
def test_a_forge_has_a_word_for_every_permission(parlance: Parlance) -> None:
    assert set(parlance.permissions) == set(Permission)


@pytest.mark.parametrize(
    ("parlance", "permission", "told"),
    [
        (PULL_REQUESTS, Permission.NONE, "triage permission and up; `hubot` has no permission in this repository."),
        (MERGE_REQUESTS, Permission.READ, "the Reporter role and up; `hubot` has no role above Guest in this project."),
        (WITHOUT_TRIAGE, Permission.READ, "write permission and up; `hubot` has read permission in this repository."),
    ],
)
def test_a_refusal_names_what_is_missing(parlance: Parlance, permission: Permission, told: str) -> None:
    refused = authorize(Command(verb=Verb.SKIP), Actor(name="hubot", permission=permission), parlance)
    assert refused == Refused(message=f"`skip` is for {told}")


@pytest.mark.parametrize("parlance", ALL)
def test_help_leaves_no_place_for_a_word_open(parlance: Parlance) -> None:
    told = help_text(parlance)
    assert "{" not in told
    assert f"`/revdeps with {parlance.example}…` | test this {parlance.change} together" in told
