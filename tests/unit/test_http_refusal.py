"""What is read out of a refusal, however odd its headers and its body are."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.holding_still import HoldingStill
from bot.adapters.http_refusal import MOST_WAIT, HttpRefusal, retry_after, until
from bot.ports.errors import Transient

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("0", timedelta(0)),
        ("9" * 20, MOST_WAIT),
        ("9" * 5_000, MOST_WAIT),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("Fri, 31 Dec 2027 23:59:59 GMT", None),
    ],
)
def test_a_wish_to_wait_is_taken_in_seconds_and_has_a_bound(said: str, wait: timedelta | None) -> None:
    assert retry_after({"Retry-After": said}) == wait


@pytest.mark.parametrize(
    ("moment", "wait"),
    [
        (str(int(NOW.timestamp()) + 90), timedelta(seconds=90)),
        ("1", timedelta(seconds=1)),
        ("9" * 12, MOST_WAIT),
        ("9" * 40, MOST_WAIT),
        ("", None),
        ("soon", None),
    ],
)
def test_a_moment_to_wait_for_has_a_bound_too(moment: str, wait: timedelta | None) -> None:
    assert until(moment, NOW) == wait


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b"\xff\xfe"])
def test_only_an_object_explains_anything(body: bytes) -> None:
    assert HttpRefusal(what="GET /x", status=500, headers={}, body=body).explanation is None


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


def test_who_is_told_to_wait_sends_nothing_until_then() -> None:
    clock = Clock()
    still = HoldingStill(clock, "The forge")
    with pytest.raises(Transient, match="busy"), still.obeyed():
        raise Transient("busy", timedelta(seconds=30))
    clock.time += timedelta(seconds=10)
    with pytest.raises(Transient, match="The forge wants to be left alone") as refused, still.obeyed():
        raise AssertionError("nothing is sent")
    assert refused.value.retry_after == timedelta(seconds=20)
    clock.time += timedelta(seconds=20)
    with still.obeyed():
        pass


def test_trouble_without_a_wish_holds_nothing_up() -> None:
    still = HoldingStill(Clock(), "The forge")
    with pytest.raises(Transient, match="broken"), still.obeyed():
        raise Transient("broken")
    with still.obeyed():
        pass
