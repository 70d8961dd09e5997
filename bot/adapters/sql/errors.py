"""The one place where a database's errors become the port's.

A database that is down, busy, full or going down is worth another try. One that was never upgraded, or that refuses
the account, has to be mended by the operator. Anything else is a mistake of ours and passes through as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.ports.errors import Misconfigured, RevdepsError, Transient

_TRANSIENT_STATES = ("08", "25006", "40", "53", "55P03", "57", "58", "XX")
"""SQLSTATE classes and codes: connection, read-only, rollback, resources (a full disk), lock, operator, system, bug."""

_REFUSED_STATES = ("28", "3D", "42501")
"""Authorization, no such database, no privilege."""

_UNKNOWN_SCHEMA = ("no such table", "no such column", "has no column named")
_NO_DATABASE = ("file is not a database", "malformed")


def outdated(what: str) -> Misconfigured:
    """Return the error for a schema that is not this version's."""
    return Misconfigured("database", what, "Run `revdeps db upgrade`")


@contextmanager
def translated() -> Iterator[None]:
    """Raise `Transient` or `Misconfigured` for what the database does wrong inside; all else passes through."""
    try:
        yield
    except PoolTimeout as error:
        raise Transient(f"every database connection is in use: {error}") from error
    except DBAPIError as error:
        translation = _translate(error)
        if translation is None:
            raise
        raise translation from error


@contextmanager
def reaching() -> Iterator[None]:
    """Raise `Transient` for errors of the socket, which asyncpg lets through; only for connecting."""
    try:
        yield
    except OSError as error:
        raise Transient(f"the database cannot be reached: {error}") from error


def _translate(error: DBAPIError) -> RevdepsError | None:
    text = str(error.orig)
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:
        return _translate_text(error, text)
    if state in ("42P01", "42703"):
        return outdated(f"its schema is not current ({text})")
    if state.startswith(_REFUSED_STATES):
        return Misconfigured("database", f"PostgreSQL refuses: {text}", "Check the database's address and account")
    return Transient(f"the database cannot do it now: {text}") if state.startswith(_TRANSIENT_STATES) else None


def _translate_text(error: DBAPIError, text: str) -> RevdepsError | None:
    """SQLite says only in words what is wrong; a connection that broke says it by its class."""
    if any(part in text for part in _UNKNOWN_SCHEMA):
        return outdated(f"its schema is not current ({text})")
    if any(part in text for part in _NO_DATABASE):
        return Misconfigured("database", text, "Restore it from a backup, or move the file away to begin anew")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return Transient(f"the database cannot do it now: {text}")
    return None
