"""From GitHub's refusals to the port's errors: the one place where a status code means something.

The rules on waiting are GitHub's own ("Rate limits for the REST API", "Exceeding the rate limit"): `retry-after`, then
`x-ratelimit-reset` where nothing remains, else at least a minute. A secondary limit may come as 403 or as 429.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient

LEAST_WAIT = timedelta(seconds=60)
MOST_WAIT = timedelta(hours=2)
"""A clock that is wrong must not keep us waiting for days."""

_NOT_ALLOWED = re.compile(r"not accessible by integration|permission|must have|must be", re.IGNORECASE)
_LIMITED = re.compile(r"rate limit|abuse", re.IGNORECASE)
_FINAL = re.compile(r"locked|blocked|archived|read-only|can only be modified", re.IGNORECASE)
_SUSPENDED = re.compile(r"suspended", re.IGNORECASE)


class Unauthorised(Misconfigured):
    """401: the credential is not, or no longer, good. An installation token is tried once more, anew."""


class Limited(Transient):
    """A limit is exceeded. `told`: GitHub itself said how long to wait."""

    def __init__(self, message: str, retry_after: timedelta, *, told: bool) -> None:
        super().__init__(message, retry_after)
        self.told = told


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
    told = f"{refusal.what}: GitHub answered {refusal.status}: {_message(refusal.body)}"
    match refusal.status:
        case 401:
            return Unauthorised(
                "the GitHub App's credentials",
                told,
                "Compare REVDEPS_GITHUB_APP_ID and the private key with the App's page, and this machine's clock with "
                "the time.",
            )
        case 403 | 429:
            return _forbidden(refusal, told)
        case 404 | 410 | 451:
            return Gone(told)
        case 408 | 500 | 502 | 503 | 504:
            return Transient(told, _retry_after(refusal))
        case status if status > 500:
            return Transient(told, _retry_after(refusal))
        case _:
            return Rejected(told)


def _forbidden(refusal: Refusal, told: str) -> RevdepsError:
    wait = _retry_after(refusal) or _until_reset(refusal)
    if wait is None and refusal.status == 403 and not _LIMITED.search(told):
        if _SUSPENDED.search(told):
            return Gone(told)
        if _FINAL.search(told):
            return Rejected(told)
        if _NOT_ALLOWED.search(told):
            needed = refusal.headers.get("X-Accepted-GitHub-Permissions", "")
            mend = f"Grant the App {needed}" if needed else "Grant the App the permissions in app.yml"
            return Misconfigured(
                "the GitHub App's permissions", told, f"{mend}, and accept them where it is installed."
            )
    return Limited(told, wait or LEAST_WAIT, told=wait is not None)


def _retry_after(refusal: Refusal) -> timedelta | None:
    value = refusal.headers.get("Retry-After", "")
    return min(timedelta(seconds=int(value)), MOST_WAIT) if value.isascii() and value.isdecimal() else None


def _until_reset(refusal: Refusal) -> timedelta | None:
    reset = refusal.headers.get("X-RateLimit-Reset", "")
    if refusal.headers.get("X-RateLimit-Remaining") != "0" or not (reset.isascii() and reset.isdecimal()):
        return None
    wait = datetime.fromtimestamp(int(reset[:12]), UTC) - refusal.now
    return min(max(wait, timedelta(seconds=1)), MOST_WAIT)


def _message(body: bytes) -> str:
    """Return GitHub's own words, with what it says of each field."""
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        return "no explanation"
    parts = [str(data.get("message", "no explanation"))]
    errors = data.get("errors")
    for error in errors if isinstance(errors, list) else [errors] if errors else []:
        if isinstance(error, dict):
            parts.append(str(error.get("message") or f"{error.get('field')} is {error.get('code')}"))
        else:
            parts.append(str(error))
    return "; ".join(parts)[:2000]
