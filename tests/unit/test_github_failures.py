"""What each of GitHub's refusals means to the engine."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.github.failures import Refusal, Unauthorised, error_for
from bot.adapters.http_refusal import LEAST_WAIT, MOST_WAIT
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RESET = str(int((NOW + timedelta(minutes=10)).timestamp()))


def refused(status: int, message: str = "no", body: bytes | None = None, **headers: str) -> RevdepsError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = json.dumps({"message": message}).encode() if body is None else body
    return error_for(Refusal(what="GET /x", status=status, headers=named, body=content, now=NOW))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorised),
        (403, Transient),
        (404, Gone),
        (405, Rejected),
        (408, Transient),
        (409, Rejected),
        (410, Gone),
        (413, Rejected),
        (422, Rejected),
        (429, Transient),
        (451, Gone),
        (500, Transient),
        (501, Transient),
        (502, Transient),
        (503, Transient),
        (504, Transient),
        (520, Transient),
    ],
)
def test_every_status_has_a_meaning(status: int, kind: type[RevdepsError]) -> None:
    assert isinstance(refused(status), kind)


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_waited_for_as_long_as_github_says(status: int) -> None:
    error = refused(status, Retry_After="17", X_RateLimit_Remaining="0", X_RateLimit_Reset=RESET)
    assert isinstance(error, Transient)
    assert error.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize("status", [403, 429])
def test_without_a_wish_the_reset_counts(status: int) -> None:
    error = refused(status, X_RateLimit_Remaining="0", X_RateLimit_Reset=RESET)
    assert isinstance(error, Transient)
    assert error.retry_after == timedelta(minutes=10)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry_After": "soon"},
        {"Retry_After": ""},
        {"X_RateLimit_Remaining": "12", "X_RateLimit_Reset": RESET},
        {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "x"},
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_without_either_a_minute_is_waited(status: int, headers: dict[str, str]) -> None:
    error = refused(status, "You have exceeded a secondary rate limit.", **headers)
    assert isinstance(error, Transient)
    assert error.retry_after == LEAST_WAIT


def test_a_wrong_clock_does_not_make_us_wait_for_days() -> None:
    error = refused(429, Retry_After="9" * 9)
    assert isinstance(error, Transient)
    assert error.retry_after == MOST_WAIT
    late = refused(403, X_RateLimit_Remaining="0", X_RateLimit_Reset="1")
    assert isinstance(late, Transient)
    assert late.retry_after == timedelta(seconds=1)


def test_a_server_that_is_down_may_say_for_how_long() -> None:
    error = refused(503, Retry_After="30")
    assert isinstance(error, Transient)
    assert error.retry_after == timedelta(seconds=30)
    assert refused(500).retry_after is None  # type: ignore[attr-defined]


def test_a_missing_permission_is_named() -> None:
    error = refused(403, "Resource not accessible by integration", X_Accepted_GitHub_Permissions="checks=write")
    assert isinstance(error, Misconfigured)
    assert "checks=write" in error.mend


@pytest.mark.parametrize(
    "message",
    [
        "Unable to create comment because issue is locked.",
        "Repository was archived so is read-only.",
        "Invalid app_id `1` - check run can only be modified by the GitHub App that created it.",
    ],
)
def test_what_no_waiting_mends_is_not_waited_for(message: str) -> None:
    assert isinstance(refused(403, message), Rejected)


def test_a_suspended_installation_is_as_good_as_gone() -> None:
    assert isinstance(refused(403, "This installation has been suspended"), Gone)


def test_the_reason_is_told_in_githubs_words() -> None:
    errors = [{"resource": "Issue", "field": "body", "code": "custom", "message": "body is too long"}, "and more"]
    body = json.dumps({"message": "Validation Failed", "errors": errors}).encode()
    assert str(refused(422, body=body)) == (
        "GET /x: GitHub answered 422: Validation Failed; body is too long; and more"
    )


def test_a_field_without_a_message_is_named() -> None:
    body = json.dumps({"message": "Validation Failed", "errors": [{"field": "name", "code": "missing"}]}).encode()
    assert str(refused(422, body=body)).endswith("Validation Failed; name is missing")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b"\xff"])
def test_an_answer_without_words_is_told_as_such(body: bytes) -> None:
    assert str(refused(422, body=body)) == "GET /x: GitHub answered 422: no explanation"
