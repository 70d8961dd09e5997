# ruff: noqa: N802, N803, N806 - the names are Koji's
"""Sessions: logging in, what a call's headers say about its session, numbers of calls.

A call that is repeated with its number, because its answer was lost, is refused once it has changed something; one that
only read is answered again. That the number outlives the renewal of a session while the client counts from 0 again is
so in the real hub: a session that was renewed after a change is of no more use.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import koji
from tests.fakes.koji.model import Session, User
from tests.fakes.koji.world import World

LOGINS = frozenset({"login", "sslLogin"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the connection and the headers say."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    certificate: str | None = None
    """Common name of the client's certificate, if one was shown and checked."""
    principal: str | None = None
    """Whose ticket was shown and checked."""


class Sessions:
    """The sessions of a hub, and the one whose call is being served."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.current: Session | None = None
        self.caller = Caller({}, {})
        self._callnum: int | None = None
        self._renewing: Session | None = None

    # What serving a call needs.

    def enter(self, caller: Caller, method: str) -> None:
        """Find the session that a call belongs to.

        Read in kojihub/auth.py, Session.__init__ (Koji 1.35.3).
        """
        self.caller, self.current, self._callnum, self._renewing = caller, None, None, None
        found = _credentials(caller)
        if found is None:
            return
        number, key, callnum = found
        session = self._world.sessions.get(number)
        if session is None or session.key != key or session.closed:
            raise koji.AuthError("Invalid session or bad credentials")
        self._expire(session)
        if session.expired and method not in LOGINS:
            raise koji.AuthExpired(f'session "{number}" has expired')
        self._check(session, callnum, method)
        if session.expired:
            self._renewing = session
            return
        if session.user.status != koji.USER_STATUS["NORMAL"]:
            raise koji.AuthError(f"logins by {session.user.name} are not allowed")
        self.current, self._callnum = session, callnum

    def _expire(self, session: Session) -> None:
        since = session.renewed or session.started
        if self._world.now() > since + self._world.limits["SessionRenewalTimeout"] * 60:
            session.expired = True

    def _check(self, session: Session, callnum: int | None, method: str) -> None:
        if callnum is None or session.callnum is None:
            return
        if session.callnum > callnum:
            raise koji.SequenceError(f"{session.callnum} > {callnum} (session {session.id})")
        if session.callnum == callnum:
            raise koji.RetryError(f"unable to retry call {callnum} (method {method}) for session {session.id}")

    def changed(self) -> None:
        """Keep the number of the call that is being served: it has changed something."""
        if self.current is not None and self._callnum is not None:
            self.current.callnum = self._callnum

    def expire(self, caller: Caller) -> None:
        """Let a caller's session expire."""
        found = _credentials(caller)
        if found is not None and found[0] in self._world.sessions:
            self._world.sessions[found[0]].expired = True

    # What methods ask.

    def user(self) -> User:
        """Who is logged in; nobody is an ActionNotAllowed. Read in kojihub/auth.py, assertLogin (Koji 1.35.3)."""
        if self.current is None:
            raise koji.ActionNotAllowed("you must be logged in for this operation")
        return self.current.user

    def has(self, permission: str) -> bool:
        return self.current is not None and permission in self.current.user.perms

    def demand(self, permission: str) -> None:
        """Raise ActionNotAllowed without a permission. Read in kojihub/auth.py, assertPerm (Koji 1.35.3)."""
        if not self.has(permission) and not self.has("admin"):
            who = f"logged in as {self.current.user.name}" if self.current else "user not logged in"
            raise koji.ActionNotAllowed(f"{permission} permission required ({who})")

    def begin(self, user: User, authtype: int, *, renew: bool) -> dict[str, Any]:
        """Make a session, or give the expired one a new key. Read in kojihub/auth.py, createSession (Koji 1.35.3)."""
        if user.status != koji.USER_STATUS["NORMAL"]:
            raise koji.AuthError(f"logins by {user.name} are not allowed")
        key = f"{user.id}-{secrets.token_hex(10)}"
        if renew and self._renewing is not None:
            session = self._renewing
            session.key, session.expired, session.renewed = key, False, self._world.now()
        else:
            session = Session(
                id=self._world.id("session"), key=key, user=user, authtype=authtype, started=self._world.now()
            )
            self._world.sessions[session.id] = session
        return {"session-id": session.id, "session-key": key, "header-auth": True}


def _credentials(caller: Caller) -> tuple[int, str, int | None] | None:
    headers = caller.headers
    if "Koji-Session-Id" in headers:
        number = headers.get("Koji-Session-Callnum")
        return int(headers["Koji-Session-Id"]), headers["Koji-Session-Key"], None if number is None else int(number)
    if "session-id" not in caller.query:
        return None
    if "session-key" not in caller.query:
        raise koji.AuthError("'session-key' not specified in session args")
    number = caller.query.get("callnum")
    return int(caller.query["session-id"]), caller.query["session-key"], None if number is None else int(number)


class AuthExports:
    """What a client calls to come and go."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def login(
        self, user: str, password: str, opts: Any = None, renew: bool = False, exclusive: bool = False
    ) -> dict[str, Any]:
        """Log in with a password. Read in kojihub/auth.py, Session.login (Koji 1.35.3)."""
        assert not exclusive, "exclusive sessions are not modelled"
        if self._sessions.current is not None:
            raise koji.AuthError("Already logged in")
        found = next((u for u in self._world.users.values() if u.name == user), None)
        if not isinstance(password, str) or not password or found is None or found.password != password:
            raise koji.AuthError("invalid username or password")
        return self._sessions.begin(found, koji.AUTHTYPES["NORMAL"], renew=renew)

    def sslLogin(
        self, proxyuser: str | None = None, proxyauthtype: int | None = None, renew: bool = False,
        exclusive: bool | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Log in with a ticket or a certificate. Read in kojihub/auth.py, Session.sslLogin (Koji 1.35.3).

        The user is who has the ticket's principal, or the common name of the connection's certificate
        (DNUsernameComponent); users are not made by logging in (LoginCreatesUser is off, as hubs for people have it),
        and every realm will do (AllowedKrbRealms).
        """
        assert not exclusive, "exclusive sessions are not modelled"
        assert proxyauthtype is None, "proxies are not modelled"
        if self._sessions.current is not None:
            raise koji.AuthError("Already logged in")
        principal, name = self._sessions.caller.principal, self._sessions.caller.certificate
        if principal is None and name is None:
            raise koji.AuthError("could not verify client: NONE")
        if proxyuser:
            raise koji.AuthError(f"{principal or f'CN={name}'} is not authorized to login other users")
        if principal is None:
            found = self._world.user(name, strict=False)
        else:
            found = next((user for user in self._world.users.values() if principal in user.principals), None)
        if found is None:
            raise koji.AuthError(f"Unknown user: {principal or name}")
        return self._sessions.begin(found, koji.AUTHTYPES["GSSAPI" if principal else "SSL"], renew=renew)

    def logout(self, session_id: int | None = None) -> None:
        """End the session. Read in kojihub/auth.py, Session.logout (Koji 1.35.3)."""
        assert session_id is None, "logging other sessions out is not modelled"
        if self._sessions.current is None:
            raise koji.AuthError("Not logged in")
        self._sessions.current.closed = self._sessions.current.expired = True

    def subsession(self) -> dict[str, Any]:
        """Make another session of the same user. Read in kojihub/auth.py, Session.subsession (Koji 1.35.3)."""
        current = self._sessions.current
        if current is None:
            raise koji.AuthError("Not logged in")
        return self._sessions.begin(current.user, current.authtype, renew=False)

    def getLoggedInUser(self) -> dict[str, Any] | None:
        """Who is logged in. Read in kojihub/kojihub.py, RootExports.getLoggedInUser (Koji 1.35.3)."""
        current = self._sessions.current
        if current is None:
            return None
        principals = current.user.principals
        return shown(current.user) | {
            "authtype": current.authtype, "krb_principal": principals[0] if principals else None,
        }  # fmt: skip

    def getUser(
        self,
        userInfo: Any = None,
        strict: bool = False,
        krb_princs: bool = True,
        groups: bool = False,
    ) -> dict[str, Any] | None:
        """A user. Read in kojihub/kojihub.py, RootExports.getUser and get_user (Koji 1.35.3)."""
        assert not groups, "groups are not modelled"
        if userInfo is None:
            if self._sessions.current is None:
                raise koji.GenericError("No user provided")
            userInfo = self._sessions.current.user.id
        found = self._world.user(userInfo, strict=strict)
        return None if found is None else shown(found, principals=krb_princs)

    def getPerms(self) -> list[str]:
        """Permissions of who is logged in. Read in kojihub/auth.py, Session.getPerms (Koji 1.35.3)."""
        return sorted(self._sessions.current.user.perms) if self._sessions.current else []

    def hasPerm(self, perm: str, strict: bool = False) -> bool:
        """Whether who is logged in has a permission. Read in kojihub/kojihub.py, RootExports.hasPerm (Koji 1.35.3)."""
        assert not strict, "the list of permissions is not modelled"
        return self._sessions.has(perm)


def shown(user: User, *, principals: bool = True) -> dict[str, Any]:
    """A user as the hub shows it. Read in kojihub/kojihub.py, get_user (Koji 1.35.3)."""
    row = {"id": user.id, "name": user.name, "status": user.status, "usertype": koji.USERTYPES["NORMAL"]}
    return row | {"krb_principals": list(user.principals)} if principals else row
