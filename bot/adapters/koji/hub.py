"""Speaks to one hub: one session in one thread, since the client blocks and a session is not for several threads.

Read-only calls that were lost are repeated by the client. A call that changed something is refused when it is repeated
(RetryError): whether it was done is for the caller to find out. A session that was renewed after it changed something
is out of sequence for good (kojihub/auth.py, Koji 1.35): it is left, and another is begun.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import koji

from bot.adapters.koji.kerberos import NotLetIn, Session
from bot.adapters.koji.settings import Certificate, KojiSettings
from bot.adapters.koji_hub.client import options
from bot.adapters.koji_hub.errors import ERRORS, LATER, UNFIT, meaning
from bot.ports.errors import RevdepsError, Transient, login_refused

_T = TypeVar("_T")


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
        except ERRORS as error:
            if isinstance(error, UNFIT):
                self._forget()
            raise self.told(error) from error

    def told(self, error: Exception) -> RevdepsError:
        """Return what an error of the client means; that of a call among others in one request too."""
        return meaning(f"Koji ({self._settings.name})", error)

    def _logged_in(self) -> Any:
        if self._session is None:
            calling = options(self._settings.timeout, self._settings.pause) | {"serverca": self._settings.authority}
            session = Session(self._settings.hub, calling)
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
            return Transient(f"Koji ({self._settings.name}): {error}", LATER)
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
            with contextlib.suppress(*ERRORS):  # it ends by itself
                self._session.logout()
            self._forget()
