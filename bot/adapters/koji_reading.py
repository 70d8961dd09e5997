"""A session with a Koji hub that is only read: nobody logs in, and what goes wrong is said in our words."""

import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.parsers.expat import ExpatError

from bot.domain.target import KojiTag
from bot.ports.errors import Misconfigured, Transient

_SESSION = {"anon_retry": True, "max_retries": 1, "timeout": 600}
"""koji's client repeats a call once and at once; after that it is for the engine to wait."""


@contextmanager
def reading(tag: KojiTag) -> Iterator[Any]:
    """Yield a session with a tag's hub, for this thread alone.

    Raises Misconfigured where the hub refuses, Transient where it does not answer.
    """
    import koji  # slow to import, and seldom of use
    import requests

    session = koji.ClientSession(tag.hub, dict(_SESSION))
    try:
        yield session
    except koji.ServerOffline as error:
        raise Transient(f"{tag.hub}: the hub is offline ({error})") from error
    except koji.GenericError as error:
        mend = "Correct `koji` of the target's repository."
        raise Misconfigured(f"{tag.hub} {tag.tag}", f"the hub refuses ({error})", mend) from error
    except (requests.RequestException, xmlrpc.client.Error, ExpatError, OSError) as error:
        raise Transient(f"{tag.hub}: the hub does not answer ({error})") from error
    finally:
        session.rsession.close()
