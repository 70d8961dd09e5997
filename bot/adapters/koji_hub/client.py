"""The client's session, with what each of its calls cost made less: it is called some hundred times a minute."""

from datetime import timedelta
from typing import Any

import koji
import requests
from requests.utils import get_netrc_auth

_TRIES = 3


def options(timeout: timedelta, pause: timedelta) -> dict[str, Any]:
    """Return how the client is to call: with how long for one answer, and before a call is tried for the third time.

    Calls of a session that is logged in are tried again only where the hub has not carried them out (RetryError).
    """
    return {
        "timeout": timeout.total_seconds(),
        "max_retries": _TRIES - 1,
        "retry_interval": pause.total_seconds(),
        "anon_retry": True,
    }


class Client(koji.ClientSession):  # type: ignore[misc]
    """Reads the environment (proxies, authorities, .netrc) once instead of at each call."""

    def new_session(self) -> None:
        """Begin a session of requests."""
        super().new_session()
        session: requests.Session = self.rsession
        found = session.merge_environment_settings(self.baseurl, {}, None, None, None)
        session.proxies, session.verify = found["proxies"], found["verify"]
        session.auth = get_netrc_auth(self.baseurl)
        session.trust_env = False
        session.hooks["response"].append(_let_go)


def _let_go(response: requests.Response, **_: Any) -> None:
    """Let go of the connection of an answer that nobody reads: koji's client raises, and begins another session."""
    if not response.ok:
        response.close()
