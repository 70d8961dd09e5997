"""At which commits the source packages of dependents are made, where a target's dependents come from a dist-git."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.packages import SourcePackage
from bot.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits:
    """What was found out about packages, by name. One that is in neither is not in the dist-git."""

    found: Mapping[str, str] = field(default_factory=dict)
    """Their commits, in full."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Why nothing is known of them for now: who was asked did not answer."""


class SourcePins(Protocol):
    """Finds commits, once for each plan: what is built again is built from the same."""

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Commits:
        """Return the commit of each package in the target's dist-git.

        That is the one it was built from, where the Koji among the target's repositories tells it, and else the head
        of the branch. Raises `Misconfigured` where a hub refuses.
        """
        ...
