"""A session with a Koji hub that is only read: nobody logs in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bot.domain.target import KojiTag
from bot.ports.errors import Misconfigured, Rejected

_TIMEOUT = timedelta(minutes=5)
"""For one answer: what is in a tag takes a hub a while to gather."""
_CONNECTING = 30.0
"""Seconds until a hub is to take the call at all."""


@contextmanager
def reading(tag: KojiTag) -> Iterator[Any]:
    """Yield a session with a tag's hub, for this thread alone.

    Raises Misconfigured where the hub refuses, Transient where it does not answer.
    """
    from bot.adapters.koji_hub.client import Client, options  # slow to import, and seldom of use
    from bot.adapters.koji_hub.errors import ERRORS, meaning

    calling = options(_TIMEOUT, pause=timedelta(0)) | {"timeout": (_CONNECTING, _TIMEOUT.total_seconds())}
    session = Client(tag.hub, calling)
    try:
        yield session
    except ERRORS as error:
        means = meaning(tag.hub, error)
        if not isinstance(means, Rejected):
            raise means from error
        mend = "Correct `koji` of the target's repository."
        raise Misconfigured(f"{tag.hub} {tag.tag}", f"the hub refuses ({error})", mend) from error
    finally:
        session.rsession.close()
