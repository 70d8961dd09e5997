"""Logs in with a keytab: a ticket is fetched for each log-in, and kept no longer than that.

The client asks for a ticket as well, but keeps to itself why it gets none: all that it tells is that the hub answered
with 401 (requests_gssapi, authenticate_user; Koji's own page on debugging Kerberos). So the ticket is fetched first.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import koji
from gssapi.creds import Credentials
from gssapi.names import Name
from gssapi.raw.misc import GSSError
from gssapi.raw.types import MechType, NameType
from gssapi.sec_contexts import SecurityContext

from bot.adapters.koji_hub.client import Client

_ENVIRONMENT = threading.Lock()
"""The client names a ticket to the libraries by variables of the process, which has one of each for all hubs."""
_TABLE = 1765328384
"""MIT Kerberos numbers its errors from here, downwards from zero: first those of RFC 4120, 7.5.9, then its own."""
_UNREACHABLE = frozenset({156, 220})
"""KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE."""
_NO_KEY = frozenset({181, 195})
"""KRB5_KT_NOTFOUND, KRB5_FCC_NOFILE: the library speaks of the tickets that it could not fetch."""
_LOOK = "See with `klist -k` whether the keytab is there and has a key of the principal, spelt as in the settings."
_LOCKED = "Have the realm's administrator let the principal in again, or have its keytab made anew."
_MEND = {
    1: _LOCKED,
    6: "Check how the principal is spelt in the settings; its realm does not know it.",
    7: "The hub's address has to be the name that its service has in the realm, after HTTP/. Where that is another "
    "name of the same host, set `dns_canonicalize_hostname = false` in krb5.conf.",
    18: _LOCKED,
    23: _LOCKED,
    24: "Make the keytab anew: its key is not that of the principal (any more). Each `ktadd` makes a new key, which "
    "voids older keytabs.",
    37: "Set this machine's clock, and keep it right (with chrony, for example): it differs from that of the Kerberos "
    "server by more than is tolerated, by default five minutes.",
    154: "Name the realm's Kerberos servers in krb5.conf, or have them in DNS.",
    181: _LOOK,
    195: _LOOK,
}
_REFUSED = (
    "There is a ticket, and the hub does not take it: whoever runs the hub has to look at the key of its service HTTP "
    "and at its clock."
)


@dataclass(frozen=True, slots=True)
class _Why:
    told: str
    mend: str
    passing: bool = False


class NotLetIn(koji.AuthError):  # type: ignore[misc]
    """There is no ticket, or the hub does not take it: why, what to do, and whether it may pass by itself."""

    def __init__(self, why: _Why) -> None:
        super().__init__(why.told)
        self.mend = why.mend
        self.passing = why.passing


class Session(Client):
    """The client, with a log-in by keytab that leaves no ticket behind; it comes by here also to renew a session."""

    def gssapi_login(self, principal: str, keytab: str, **others: Any) -> bool:
        """Log in; raise NotLetIn, or what the client raises."""
        with TemporaryDirectory(prefix="revdeps-ticket-") as directory:  # only we can enter it
            others["ccache"] = f"FILE:{Path(directory, 'ticket')}"
            _fetch(principal, keytab, str(urlsplit(self.baseurl).hostname), others["ccache"])
            try:
                with _ENVIRONMENT:
                    return bool(super().gssapi_login(principal=principal, keytab=keytab, **others))
            except koji.GSSAPIAuthError as error:
                raise _answered(str(error).partition("\n")[0]) from error


def _fetch(principal: str, keytab: str, host: str, ccache: str) -> None:
    """Fetch the tickets of a principal, and of the hub for it."""
    try:
        name = Name(principal, NameType.user)
        store: dict[bytes | str, bytes | str] = {"client_keytab": keytab, "ccache": ccache}
        credentials = Credentials(name=name, usage="initiate", store=store)
        service = Name(f"HTTP@{host}", NameType.hostbased_service)
        mechanism = MechType.kerberos
        SecurityContext(name=service, creds=credentials, usage="initiate", mech=mechanism).step()
    except GSSError as error:
        raise NotLetIn(_why(error, principal, keytab)) from error


def _answered(told: str) -> koji.AuthError:
    """Return the error for what the client tells of the hub's answer: the error in it is there by its name only."""
    if "requests.exceptions." not in told:
        return koji.GSSAPIAuthError(told)
    return NotLetIn(_Why(told, _REFUSED, passing="401 Client Error" not in told))


def _why(error: GSSError, principal: str, keytab: str) -> _Why:
    number = (error.min_code + _TABLE) % (1 << 32)
    found = f"{keytab} has no key of {principal}" if number in _NO_KEY else str(error).rpartition("): ")[2]
    told = f"no Kerberos ticket: {found}"
    mend = _MEND.get(number, "Try it by hand, as the service's user: `kinit -k -t KEYTAB PRINCIPAL`.")
    return _Why(told, mend, passing=number in _UNREACHABLE)
