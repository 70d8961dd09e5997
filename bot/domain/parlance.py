"""How people on a forge speak: what they call a change, how they write its name, what they call what one may do there.

A forge's adapter says which words are its own (`Capabilities.parlance`), and every text about a change is made with
them: whoever reads "merge request" everywhere else should not have to translate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.ids import ChangeId
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef

_PERMISSIONS = {
    Permission.NONE: "no permission",
    **{granted: f"{granted.name.lower()} permission" for granted in Permission if granted},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parlance:
    """The words of one forge; the defaults are GitHub's."""

    change: str = "pull request"
    abbreviation: str = "PR"
    repository: str = "repository"
    sigil: str = "#"
    """What stands before a change's number."""
    example: str = "OWNER/REPO#N"
    """How a change's name looks, for whoever has to write one."""
    permissions: Mapping[Permission, str] = field(default_factory=lambda: _PERMISSIONS)
    """What follows "has" and "without"."""

    @property
    def changes(self) -> str:
        """The plural of `change`."""
        return f"{self.change}s"

    def name(self, change: ChangeRef) -> str:
        """Return how people write a change's name: `octocat/libfoo#7`, `octocat/libfoo!7`."""
        return f"{change.repo}{self.sigil}{change.number}"

    def key(self, change: ChangeId) -> str:
        """Return a change's key with its number as people write it: `gitlab:octocat/libfoo!7`."""
        return change.replace("#", self.sigil, 1)

    def right(self, permission: Permission) -> str:
        """Return what a permission is called: `write permission`, `the Developer role`."""
        return self.permissions[permission]


PULL_REQUESTS = Parlance()
"""GitHub's words, and those of whatever has none of its own."""
