"""Tickets that clients show: what Apache's mod_auth_gssapi does before the hub, with the libraries that it uses.

As the hub's own httpd.conf has it (Koji 1.35.3): AuthType GSSAPI, GssapiCredStore keytab:…, Require valid-user.
"""

from base64 import b64decode, b64encode
from pathlib import Path

from gssapi.creds import Credentials
from gssapi.raw.misc import GSSError
from gssapi.sec_contexts import SecurityContext

_SCHEME = "Negotiate"


class Tickets:
    """Reads tickets for the services whose keys are in a keytab."""

    def __init__(self, keytab: Path) -> None:
        self._store: dict[bytes | str, bytes | str] = {"keytab": str(keytab), "rcache": "none:"}

    def read(self, authorization: str) -> tuple[str | None, str]:
        """Return whose ticket is in a header, None where it is no good, and what `WWW-Authenticate` answers."""
        scheme, _, token = authorization.partition(" ")
        if scheme != _SCHEME:
            return None, _SCHEME
        try:
            context = SecurityContext(usage="accept", creds=Credentials(usage="accept", store=self._store))
            answer = context.step(b64decode(token, validate=True))
            assert context.complete, "one exchange is enough for Kerberos"  # raises also what `step` found wrong
        except (GSSError, ValueError):
            return None, _SCHEME
        return str(context.initiator_name), f"{_SCHEME} {b64encode(answer or b'').decode()}"
