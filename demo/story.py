"""The story that the demo tells: two pull requests, and what must come out of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A change to one package of the demo's distribution, and its expected end."""

    package: str
    title: str
    conclusion: str
    """Of the check."""
    verdicts: Mapping[str, Verdict]
    """Of every affected package."""
    roots: Mapping[str, str] = field(default_factory=dict)
    """What failed because of another package, and of which."""
    cause: str = ""
    """Stands in the comment."""
    commands: tuple[str, ...] = ()
    """Given by a maintainer once the check is done."""

    @property
    def repository(self) -> str:
        """The package's repository on the embedded forge."""
        return f"octocat/{self.package}"
