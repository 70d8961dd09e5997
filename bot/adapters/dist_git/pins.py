"""Implements `bot.ports.pins.SourcePins`: asks the Koji that built a package, and else git for the branch's head."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.adapters.dist_git.koji_commits import commits_of_builds
from bot.adapters.git_checkout import head_of
from bot.domain.packages import SourcePackage
from bot.domain.target import DistGit, KojiTag, Target
from bot.engine.at_once import each


class DistGitPins:
    """Reads without logging in. `parallel` is how many repositories are asked at once, `patience` how long for one."""

    def __init__(self, parallel: int = 8, patience: timedelta = timedelta(seconds=60)) -> None:
        self._parallel = parallel
        self._patience = patience.total_seconds()

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Mapping[str, str]:
        """Return the commit of each package that has one."""
        dist_git = target.dist_git
        if dist_git is None:
            return {}
        found: dict[str, str] = {}
        for tag in {repository.koji for repository in target.repositories if repository.koji is not None}:
            mine = [package for package in packages if _is_from(package, tag)]
            if mine:
                found |= await asyncio.to_thread(commits_of_builds, tag, dist_git, mine)
        others = [package.name for package in packages if package.name not in found]
        return found if dist_git.branch is None else found | await self._heads(dist_git, dist_git.branch, others)

    async def _heads(self, dist_git: DistGit, branch: str, names: Sequence[str]) -> dict[str, str]:
        async def head(name: str) -> str | None:
            return await head_of(dist_git.repository(name), branch, self._patience)

        heads = await each(head, names, self._parallel)
        return {name: commit for name, commit in zip(names, heads, strict=True) if commit is not None}


def _is_from(package: SourcePackage, tag: KojiTag) -> bool:
    return package.location.startswith(f"{tag.topurl.rstrip('/')}/")
