"""How changes are called."""

from tests.fakes.domain import REF


def test_a_change_is_stored_under_its_forge_repository_and_number():
    assert REF.id == "github:octocat/libfoo#7"


def test_people_call_it_by_repository_and_number():
    assert str(REF) == "octocat/libfoo#7"
