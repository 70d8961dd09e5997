"""What people, forges and time do to a conversation beside opening, pushing and commenting: on every forge alike.

Where a forge tells nobody of a deed, nobody is told here either; it has to be found.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from bot.domain.run import ChangeRef, RepoRef
from tests.fakes.forge_stages import Files
from tests.scenario.deeds_forgejo import ForgejoDeeds
from tests.scenario.deeds_github import GitHubDeeds
from tests.scenario.deeds_gitlab import GitLabDeeds


class Deeds(Protocol):
    """What can be done to a stage. Every deed returns when its webhooks, if any, were answered."""

    bots: tuple[str, ...]
    """Whose words are nobody's orders: our own account, and one of a machine's."""

    async def edit(self, comment: str, body: str) -> None: ...
    async def erase(self, comment: str) -> None: ...
    async def erase_ours(self, ref: ChangeRef) -> None:
        """Delete everything that the bot wrote on a pull request."""
        ...

    async def rename(self, name: str) -> RepoRef: ...
    async def transfer(self, owner: str) -> RepoRef: ...
    async def archive(self) -> None: ...
    async def show(self, *, private: bool) -> None: ...
    async def delete(self) -> None: ...
    async def uninstall(self) -> None: ...
    async def install(self) -> None:
        """Let the bot in again."""
        ...

    async def reset(self, ref: ChangeRef, sha: str) -> None:
        """Force-push the head branch to a commit that it had."""
        ...

    async def drop_branch(self, ref: ChangeRef) -> None:
        """Delete the head branch, whereupon the forge closes the pull request."""
        ...

    async def retarget(self, ref: ChangeRef, base: str) -> None: ...
    async def draft(self, ref: ChangeRef, *, draft: bool) -> None: ...
    async def lock(self, ref: ChangeRef) -> None: ...
    async def label(self, ref: ChangeRef, label: str) -> None: ...
    async def branch(self, name: str, files: Files) -> None:
        """Push to a branch of the repository, which is made where there is none."""
        ...

    async def beside(self, name: str, files: Files, change: Files) -> ChangeRef:
        """Make another repository with the bot in it, and open a pull request there."""
        ...

    def end_tokens(self) -> None:
        """Let everything end that the bot showed to be let in."""
        ...

    def renew_tokens(self) -> None:
        """Give the bot new ones, where people have to."""
        ...

    def skew(self, by: timedelta) -> None:
        """Let the forge's clock be ahead of the bot's."""
        ...

    def refuse(self, status: int, times: int) -> Any:
        """Answer the next writes with an error; `hits` of what is returned counts them."""
        ...

    def deafen(self) -> None:
        """Let webhooks arrive no more."""
        ...

    def listen(self) -> None:
        """Let them arrive again."""
        ...

    async def resend(self, *, failed: bool = True, backwards: bool = False) -> int:
        """Send once more what failed to arrive, or what did arrive; return how much that was."""
        ...


DEEDS: Mapping[str, Callable[[Any], Deeds]] = {
    "forgejo": ForgejoDeeds,
    "github": GitHubDeeds,
    "gitlab": GitLabDeeds,
}
"""By the forge's name; made once the stage's webhooks are connected."""
