"""What connecting to GitHub takes: which App we are, and where GitHub is (github.com or an Enterprise Server)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.adapters.github.budget import RateLimits

NEEDED_PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "checks": "write",  # publish_check
        "contents": "read",  # clone_source, read_file
        "issues": "write",  # upsert_comment, comment, react: a pull request's comments are an issue's
        "merge_queues": "read",  # the event merge_group
        "metadata": "read",  # permission, repositories
        "pull_requests": "write",  # change, open_changes, changed_files; comments on pull requests, and minimise
    }
)
"""What this adapter's calls need, in the words of GitHub's "Permissions required for GitHub Apps". `app.yml` asks for
the same.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubSettings:
    """`private_key` is the App's key as PEM text. `forge` is the name that references to this forge carry."""

    app_id: int
    private_key: str = field(repr=False)
    api_url: str = "https://api.github.com"
    """`https://HOST/api/v3` on an Enterprise Server."""
    web_url: str = "https://github.com"
    """Where git repositories are cloned from."""
    forge: str = "github"
    request_seconds: float = 30
    clone_seconds: float = 600
    limits: RateLimits = field(default_factory=RateLimits)

    @property
    def graphql_url(self) -> str:
        """Beside the REST API: `/graphql`, on an Enterprise Server `/api/graphql`."""
        return f"{self.api_url.rstrip('/').removesuffix('/v3')}/graphql"
