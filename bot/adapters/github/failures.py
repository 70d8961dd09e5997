"""From GitHub's refusals to the port's errors: the one place where a status code means something.

The rules on waiting are GitHub's own ("Rate limits for the REST API", "Exceeding the rate limit"): `retry-after`, then
`x-ratelimit-reset` where nothing remains, else at least a minute. A secondary limit may come as 403 or as 429.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.adapters.http_refusal import LEAST_WAIT, HttpRefusal, until
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient

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
class Refusal(HttpRefusal):
    """An answer with a status of 400 or more; `now` is when it came."""

    now: datetime


def error_for(refusal: Refusal) -> RevdepsError:
    """Return the error that the engine understands."""
    told = f"{refusal.what}: GitHub answered {refusal.status}: {_message(refusal)}"
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
            return Transient(told, refusal.retry_after)
        case status if status > 500:
            return Transient(told, refusal.retry_after)
        case _:
            return Rejected(told)


def _forbidden(refusal: Refusal, told: str) -> RevdepsError:
    wait = refusal.retry_after or _until_reset(refusal)
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


def _until_reset(refusal: Refusal) -> timedelta | None:
    if refusal.headers.get("X-RateLimit-Remaining") != "0":
        return None
    return until(refusal.headers.get("X-RateLimit-Reset", ""), refusal.now)


def _message(refusal: Refusal) -> str:
    """Return GitHub's own words, with what it says of each field."""
    data = refusal.explanation
    if data is None:
        return "no explanation"
    parts = [str(data.get("message", "no explanation"))]
    errors = data.get("errors")
    for error in errors if isinstance(errors, list) else [errors] if errors else []:
        if isinstance(error, dict):
            parts.append(str(error.get("message") or f"{error.get('field')} is {error.get('code')}"))
        else:
            parts.append(str(error))
    return "; ".join(parts)[:2000]
