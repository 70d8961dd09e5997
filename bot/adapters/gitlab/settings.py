"""What connecting to GitLab takes: where it is, and the token of the bot's user."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabSettings:
    """`url` is where people open GitLab, without a slash at its end; `forge` the name that references to it carry."""

    url: str
    token: Callable[[], str] = field(repr=False)
    """Reads the access token; asked again when GitLab takes the old one no more, for tokens are rotated."""
    forge: str = "gitlab"
    hook_url: str = ""
    """Where its webhooks belong, by which ours is known among a project's; empty: deliveries are not looked up."""
    request_seconds: float = 30
    clone_seconds: float = 600
