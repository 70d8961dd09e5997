"""What every HTTP server says in the same way when it refuses: how long to wait, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_WAIT = timedelta(seconds=60)
"""Where nothing is said: GitHub asks for as much ("Exceeding the rate limit"), GitLab counts by the minute."""
MOST_WAIT = timedelta(hours=2)
"""A clock that is wrong must not keep us waiting for days."""
_DIGITS = 12
"""Of a number in a header; more than these no calendar has room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRefusal:
    """An answer with a status of 400 or more. `what` names the request."""

    what: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> timedelta | None:
        """How long the server wants to be left alone, if it says so."""
        return retry_after(self.headers)

    @property
    def explanation(self) -> Mapping[str, object] | None:
        """The body where it is a JSON object."""
        try:
            data = json.loads(self.body)
        except ValueError:
            return None
        return data if isinstance(data, dict) else None


def retry_after(headers: Mapping[str, str], most: timedelta = MOST_WAIT) -> timedelta | None:
    """Return what `Retry-After` asks for in seconds (RFC 9110, section 10.2.3), at most `most`; None for a date."""
    seconds = _number(headers.get("Retry-After", ""))
    return None if seconds is None else min(timedelta(seconds=seconds), most)


def until(moment: str, now: datetime) -> timedelta | None:
    """Return how long it is to a moment in seconds since 1970: at least a second, at most `MOST_WAIT`."""
    seconds = _number(moment)
    if seconds is None:
        return None
    return min(max(timedelta(seconds=seconds - now.timestamp()), timedelta(seconds=1)), MOST_WAIT)


def _number(text: str) -> int | None:
    return int(text[:_DIGITS]) if text.isascii() and text.isdecimal() else None
