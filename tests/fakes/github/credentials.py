"""Who is asking: an App by its JWT, or an installation by its token.

Read in: GitHub docs, "Generating a JSON Web Token (JWT) for a GitHub App" (RS256; `iat` in the past, `exp` at most ten
minutes ahead, `iss` the client id or the App's id) and "Generating an installation access token" (an hour).
"""

import base64
import secrets
from datetime import timedelta
from typing import Any

import jwt

from tests.fakes.github.model import TOKEN_LIFE, App, Installation, Token, World
from tests.fakes.github.wire import ApiError, Principal

JWT_LIFE = timedelta(minutes=10)
TOKEN_LENGTH = 520


def principal(world: World, authorization: str | None, credential: str) -> Principal:
    """Let somebody in by the kind of credential that an endpoint wants, or raise what GitHub answers."""
    scheme, _, value = (authorization or "").partition(" ")
    if not value:
        raise ApiError(401, "Requires authentication")
    if scheme.lower() not in ("bearer", "token"):
        raise ApiError(401, "Bad credentials")
    if credential == "jwt":
        return app_of(world, value)
    return token_of(world, value)


def token_of(world: World, value: str) -> Token:
    """The token that goes by this value."""
    token = world.tokens.get(value)
    if token is None or world.now() >= token.expires_at or token.installation.id not in world.installations:
        raise ApiError(401, "Bad credentials")
    if token.installation.suspended_at:
        raise ApiError(403, "This installation has been suspended")
    return token


def app_of(world: World, value: str) -> App:
    """The App whose JWT this is."""
    try:
        issuer = str(jwt.decode(value, options={"verify_signature": False, "verify_exp": False}).get("iss", ""))
    except jwt.InvalidTokenError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    app = next((app for app in world.apps.values() if issuer in (str(app.id), app.client_id)), None)
    if app is None:
        raise ApiError(404, "Integration not found")
    unchecked = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_iss": False}
    try:
        claims = jwt.decode(value, app.public_key, algorithms=["RS256"], options=unchecked)
    except jwt.InvalidTokenError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    _check_times(world, claims)
    return app


def _check_times(world: World, claims: dict[str, Any]) -> None:
    now = world.clock.now().timestamp()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        raise ApiError(
            401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        )
    if not isinstance(expires, int) or expires <= now:
        raise ApiError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
            "assertion expires",
        )
    if expires > now + JWT_LIFE.total_seconds():
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")


def new_token(
    world: World, installation: Installation, permissions: dict[str, str], repositories: frozenset[str] | None
) -> Token:
    """Issue a token: opaque, and as long as the new ones are."""
    value = "ghs_" + base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_LENGTH)).decode()[: TOKEN_LENGTH - 4]
    token = Token(value, installation, permissions, repositories, world.now() + TOKEN_LIFE)
    world.tokens[value] = token
    return token
