"""From GitLab's refusals to the port's errors: the one place where a status code means something.

Read in GitLab's "Troubleshooting the REST API" (status codes), "Rate limits" (429 with `Retry-After` and
`RateLimit-Reset`; some answers have neither), and lib/api/helpers.rb (405 for a moved project, 409 for what somebody
else is changing).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient, login_refused

LEAST_WAIT = timedelta(seconds=60)
"""GitLab counts by the minute where it does not say otherwise."""
MOST_WAIT = timedelta(hours=2)
"""A clock that is wrong must not keep us waiting for days."""

_READ_ONLY = re.compile(r"read-only instance|maintenance", re.IGNORECASE)
_EXPIRED = re.compile(r"expired", re.IGNORECASE)
_REVOKED = re.compile(r"revoked", re.IGNORECASE)
_SCOPE = "insufficient_scope"


class Unauthorised(Misconfigured):
    """401: the token is not, or no longer, good."""


class Forbidden(Rejected):
    """403: GitLab knows us, and does not let us do this here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer with a status of 400 or more. `what` names the request, `now` is when the answer came."""

    what: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    now: datetime


def error_for(refusal: Refusal) -> RevdepsError:
    """Return the error that the engine understands."""
    told = f"{refusal.what}: GitLab answered {refusal.status}: {_message(refusal.body)}"
    match refusal.status:
        case 401:
            return _unauthorised(told)
        case 403:
            return _forbidden(told)
        case 429:
            return Transient(told, _retry_after(refusal) or _until_reset(refusal) or LEAST_WAIT)
        case 404 | 410 | 451:
            return Gone(told)
        case status if status in {408, 409} or status >= 500:
            return Transient(told, _retry_after(refusal))
        case _:
            return Rejected(told)


def _unauthorised(told: str) -> Unauthorised:
    why = "has expired" if _EXPIRED.search(told) else "was revoked" if _REVOKED.search(told) else "is not taken"
    refused = login_refused(
        "the GitLab access token",
        f"it {why} ({told})",
        "make a new one with the scope api, or rotate it, and write it into the forge's token-file.",
    )
    return Unauthorised(refused.where, refused.what, refused.mend)


def _forbidden(told: str) -> RevdepsError:
    if _SCOPE in told:
        return login_refused("the GitLab access token", f"it lacks the scope api ({told})", "make one that has it.")
    return Transient(told, LEAST_WAIT) if _READ_ONLY.search(told) else Forbidden(told)


def _retry_after(refusal: Refusal) -> timedelta | None:
    value = refusal.headers.get("Retry-After", "")
    return min(timedelta(seconds=int(value)), MOST_WAIT) if value.isascii() and value.isdecimal() else None


def _until_reset(refusal: Refusal) -> timedelta | None:
    reset = refusal.headers.get("RateLimit-Reset", "")
    if not (reset.isascii() and reset.isdecimal()):
        return None
    wait = datetime.fromtimestamp(int(reset[:12]), UTC) - refusal.now
    return min(max(wait, timedelta(seconds=1)), MOST_WAIT)


def _message(body: bytes) -> str:
    """Return GitLab's own words: `message` is a text or says something of each field, OAuth's errors have two texts."""
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return "no explanation"
    message = data.get("message")
    if isinstance(message, dict):
        message = "; ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in message.items())
    parts = [str(part) for part in (message, data.get("error"), data.get("error_description")) if part]
    return ("; ".join(parts) or "no explanation")[:2000]
