"""From GitLab's refusals to the port's errors: the one place where a status code means something.

Read in GitLab's "Troubleshooting the REST API" (status codes), "Rate limits" (429 with `Retry-After` and
`RateLimit-Reset`; some answers have neither), and lib/api/helpers.rb (405 for a moved project, 409 for what somebody
else is changing).
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from bot.adapters.http_refusal import LEAST_WAIT, HttpRefusal, until
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient, login_refused

_READ_ONLY = re.compile(r"read-only instance|maintenance", re.IGNORECASE)
_EXPIRED = re.compile(r"expired", re.IGNORECASE)
_REVOKED = re.compile(r"revoked", re.IGNORECASE)
_SCOPE = "insufficient_scope"


class Unauthorised(Misconfigured):
    """401: the token is not, or no longer, good."""


class Forbidden(Rejected):
    """403: GitLab knows us, and does not let us do this here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(HttpRefusal):
    """An answer with a status of 400 or more; `now` is when it came."""

    now: datetime


def error_for(refusal: Refusal) -> RevdepsError:
    """Return the error that the engine understands."""
    told = f"{refusal.what}: GitLab answered {refusal.status}: {_message(refusal)}"
    match refusal.status:
        case 401:
            return _unauthorised(told)
        case 403:
            return _forbidden(told)
        case 429:
            reset = until(refusal.headers.get("RateLimit-Reset", ""), refusal.now)
            return Transient(told, refusal.retry_after or reset or LEAST_WAIT)
        case 404 | 410 | 451:
            return Gone(told)
        case status if status in {408, 409} or status >= 500:
            return Transient(told, refusal.retry_after)
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


def _message(refusal: Refusal) -> str:
    """Return GitLab's own words: `message` is a text or says something of each field, OAuth's errors have two texts."""
    data = refusal.explanation
    if data is None:
        return "no explanation"
    message = data.get("message")
    if isinstance(message, dict):
        message = "; ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in message.items())
    parts = [str(part) for part in (message, data.get("error"), data.get("error_description")) if part]
    return ("; ".join(parts) or "no explanation")[:2000]
