"""From Forgejo's refusals to the port's errors: the one place where a status code means something.

Forgejo itself limits no rates, but what stands in front of it may: 429 and 503 with `Retry-After`. Its own answers are
JSON or empty; others come from such a proxy. The sentences are those of its `routers/api/v1` (Forgejo 10).
"""

import re
from dataclasses import dataclass

from bot.adapters.forgejo.settings import NEEDED_SCOPES
from bot.adapters.http_refusal import LEAST_WAIT, HttpRefusal
from bot.ports.errors import Gone, LoginRefused, Misconfigured, Rejected, RevdepsError, Transient, login_refused

_SCOPE = re.compile(r"scope", re.IGNORECASE)
_ACCOUNT = re.compile(r"not activated|prohibited from signing in|change your password|signed in", re.IGNORECASE)
_RIGHTS = re.compile(r"permission to write|read permission|admin write|only admins|repo admins", re.IGNORECASE)


class Unauthorised(LoginRefused):
    """401: nobody has this token (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(HttpRefusal):
    """An answer with a status of 400 or more; `user` is the account that made the request."""

    user: str


def error_for(refusal: Refusal) -> RevdepsError:
    """Return the error that the engine understands."""
    told = f"{refusal.what}: Forgejo answered {refusal.status}: {_message(refusal)}"
    match refusal.status:
        case 401:
            return unauthorised(told, refusal.user)
        case 403:
            return _forbidden(refusal, told)
        case 404 | 410 | 451:
            return Gone(told)
        case 429:
            return Transient(told, refusal.retry_after or LEAST_WAIT)
        case status if status == 408 or status >= 500:
            return Transient(told, refusal.retry_after)
        case _:
            # 423 among them: the repository is archived.
            return Rejected(told)


def unauthorised(told: str, user: str) -> Unauthorised:
    """Return the error for a token that Forgejo, or its git, does not take."""
    refused = login_refused(
        "the token for Forgejo", told, f"it is wrong, was revoked or has expired: make a new one as {user}."
    )
    return Unauthorised(refused.where, refused.what, refused.mend)


def _forbidden(refusal: Refusal, told: str) -> RevdepsError:
    if _SCOPE.search(told):
        mend = f"make one as {refusal.user} with {', '.join(NEEDED_SCOPES)}, for private repositories too."
        return login_refused("the token for Forgejo", told, mend)
    if _ACCOUNT.search(told):
        return login_refused("the account on Forgejo", told, f"{refusal.user} has to be able to sign in.")
    if _RIGHTS.search(told):
        mend = (
            f"Make {refusal.user} a collaborator with the permission Administrator: nobody else is told who may what."
        )
        return Misconfigured("the repository's collaborators", told, mend)
    if refusal.body and refusal.explanation is None:
        return Transient(told, refusal.retry_after or LEAST_WAIT)
    return Rejected(told)


def _message(refusal: Refusal) -> str:
    """Return Forgejo's own words; in production it has none for what is its own fault."""
    data = refusal.explanation or {}
    errors = data.get("errors")
    parts = [data.get("message"), *(errors if isinstance(errors, list) else [])]
    return "; ".join(str(part) for part in parts if part)[:2000] or "no explanation"
