"""What connecting to a Forgejo takes: where it is, and the account that the service acts as."""

from collections.abc import Callable
from dataclasses import dataclass

NEEDED_SCOPES = ("write:repository", "write:issue", "read:user")
"""Of the access token: statuses and files; comments and reactions; the list of our repositories, which Forgejo keeps
under the user.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgejoSettings:
    """`url` is the server's address without a slash at its end, `user` the login of the account that `token` is of,
    `forge` the name that references to this forge carry. `token` reads it: whoever renews it need not start us anew.
    """

    url: str
    user: str
    token: Callable[[], str]
    forge: str = "forgejo"
    request_seconds: float = 30
    clone_seconds: float = 600

    @property
    def api_url(self) -> str:
        """Where the API is."""
        return f"{self.url}/api/v1"
