"""Speaks to one hub: one session in one thread, since the client blocks and a session is not for several threads.

Read-only calls that were lost are repeated by the client. A call that changed something is refused when it is repeated
(RetryError): whether it was done is for the caller to find out. A session that was renewed after it changed something
is out of sequence for good (kojihub/auth.py, Koji 1.35): it is left, and another is begun.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import koji

from bot.adapters.koji.kerberos import NotLetIn, Session
from bot.adapters.koji.settings import Certificate, KojiSettings
from bot.ports.errors import Rejected, RevdepsError, Transient, login_refused

_T = TypeVar("_T")
_LATER = timedelta(minutes=1)
_UNFIT = (koji.RetryError, koji.AuthError, koji.ServerOffline, koji.LockError)
"""After these a session is of no use any more, or not now."""


class Hub:
    """Runs pieces of work, each given a session that is logged in, one after the other."""

    def __init__(self, settings: KojiSettings) -> None:
        self._settings = settings
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"koji-{settings.name}")
        self._session: Any = None
        self._user: dict[str, Any] = {}

    async def call(self, work: Callable[[Any], _T]) -> _T:
        """Run work that makes calls; it may be run again where the session had ended before its first call."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._translated, work)

    async def close(self) -> None:
        """Log out and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._leave)
        self._executor.shutdown()

    @property
    def user(self) -> dict[str, Any]:
        """Who is logged in; for use within work."""
        return self._user

    def _translated(self, work: Callable[[Any], _T]) -> _T:
        try:
            try:
                return work(self._logged_in())
            except koji.RetryError:
                raise
            except koji.AuthError:
                self._forget()
                return work(self._logged_in())
        except (OSError, koji.GenericError, koji.xmlrpcplus.Fault) as error:  # requests' errors are OSErrors
            if isinstance(error, _UNFIT):
                self._forget()
            raise self.told(error) from error

    def told(self, error: Exception) -> RevdepsError:
        """Return what an error of the client means; that of a call among others in one request too."""
        name = f"Koji ({self._settings.name})"
        if isinstance(error, _UNFIT):
            return Transient(f"{name}: {error}", _LATER)
        if isinstance(error, koji.ActionNotAllowed):
            return Rejected(f"{name} does not allow it: {error}")
        if isinstance(error, koji.GenericError):
            return Rejected(f"{name}: {error}")
        return Transient(f"{name} does not answer as it should: {error}", _LATER)

    def _logged_in(self) -> Any:
        if self._session is None:
            options = {
                "timeout": self._settings.timeout.total_seconds(),
                "max_retries": 2,
                "retry_interval": self._settings.pause.total_seconds(),
                "anon_retry": True,
                "serverca": self._settings.authority,
            }
            session = Session(self._settings.hub, options)
            session.getAPIVersion()  # a hub that is down would look like one that does not know us
            try:
                self._log_in(session)
            except koji.AuthError as error:
                session.rsession.close()
                raise self._refused(error) from error
            self._user = session.getLoggedInUser()
            self._session = session
        return self._session

    def _refused(self, error: koji.AuthError) -> RevdepsError:
        if isinstance(error, NotLetIn) and error.passing:
            return Transient(f"Koji ({self._settings.name}): {error}", _LATER)
        mend = "Check the credentials in the settings: whether they have expired, and whom they stand for."
        return login_refused(
            f"Koji hub {self._settings.name}",
            f"it does not log us in: {error}",
            error.mend if isinstance(error, NotLetIn) else mend,
        )

    def _log_in(self, session: Any) -> None:
        credentials = self._settings.credentials
        if isinstance(credentials, Certificate):
            session.ssl_login(str(credentials.file), serverca=self._settings.authority)
        else:
            session.gssapi_login(principal=credentials.principal, keytab=str(credentials.file))

    def _forget(self) -> None:
        """Leave the session without a word: it is of no use any more."""
        session, self._session = self._session, None
        if session is not None:
            session.setSession(None)
            session.rsession.close()

    def _leave(self) -> None:
        if self._session is not None:
            with contextlib.suppress(OSError, koji.GenericError, koji.xmlrpcplus.Fault):  # it ends by itself
                self._session.logout()
            self._forget()
