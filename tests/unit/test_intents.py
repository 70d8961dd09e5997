"""What somebody wants of the bot."""

from datetime import UTC, datetime

from bot.domain.intents import Commented, Refresh, name_of_delivery
from bot.domain.run import ChangeRef, RepoRef

CHANGE = ChangeRef(repo=RepoRef(forge="forgejo", owner="octocat", name="libfoo"), number=1)
COMMENTED = Commented(
    change=CHANGE,
    comment="1001",
    author="octocat",
    body="/revdeps run",
    written_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_comment_is_one_delivery_under_whatever_name_it_is_told_again() -> None:
    assert name_of_delivery("0f2c", [COMMENTED]) == name_of_delivery("77ab", [COMMENTED]) == "comment-1001"


def test_any_other_delivery_goes_by_its_own_name() -> None:
    assert name_of_delivery("0f2c", [Refresh(change=CHANGE)]) == "0f2c"
    assert name_of_delivery("0f2c", []) == "0f2c"
