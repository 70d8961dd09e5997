"""What goes wrong between the client and a hub, in our words."""

import xmlrpc.client
from datetime import timedelta
from xml.parsers.expat import ExpatError

import koji

from bot.adapters.unreachable import why_unreachable
from bot.ports.errors import Rejected, RevdepsError, Transient

UNFIT = (koji.RetryError, koji.AuthError, koji.ServerOffline, koji.LockError)
"""After these a session is of no use any more, or not now."""
ERRORS = (OSError, koji.GenericError, xmlrpc.client.Error, ExpatError)
"""What the client raises: requests' errors are OSErrors, and what is no answer of a hub's ends in its parser."""
LATER = timedelta(minutes=1)


def meaning(name: str, error: Exception) -> RevdepsError:
    """Return what one of `ERRORS` means, for the hub of a name; that of a call among others in one request too."""
    if isinstance(error, koji.ServerOffline):
        return Transient(f"{name}: the hub is offline ({error})", LATER)
    if isinstance(error, UNFIT):
        return Transient(f"{name}: {error}", LATER)
    if isinstance(error, koji.ActionNotAllowed):
        return Rejected(f"{name} does not allow it: {error}")
    if isinstance(error, koji.GenericError):
        return Rejected(f"{name}: {error}")
    return Transient(f"{name} does not answer as it should: {why_unreachable(error)}", LATER)
