"""At which commits the source packages of dependents are made, where a target's dependents come from a dist-git."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.packages import SourcePackage
from bot.domain.target import Target


class SourcePins(Protocol):
    """Finds commits, once for each plan: what is built again is built from the same."""

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Mapping[str, str]:
        """Return the commit of each package in the target's dist-git, in full, by the package's name.

        That is the one it was built from, where the Koji among the target's repositories tells it, and else the head
        of the branch. A package that has neither is left out. Raises `Transient` where a server does not answer, and
        `Misconfigured` where a hub refuses.
        """
        ...
