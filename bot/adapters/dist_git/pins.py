"""Implements `bot.ports.pins.SourcePins`: asks the Koji that built a package, and else git for the branch's head."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from bot.adapters.dist_git.koji_commits import commits_of_builds
from bot.adapters.git_checkout import head_of
from bot.domain.packages import SourcePackage
from bot.domain.target import DistGit, KojiTag, Target
from bot.engine.at_once import each
from bot.ports.errors import Transient
from bot.ports.pins import Commits


class DistGitPins:
    """Reads without logging in. `parallel` is how many repositories are asked at once, `patience` how long for one."""

    def __init__(self, parallel: int = 8, patience: timedelta = timedelta(seconds=60)) -> None:
        self._parallel = parallel
        self._patience = patience.total_seconds()

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Commits:
        """Return the commit of each package that has one, as far as somebody answers."""
        dist_git = target.dist_git
        if dist_git is None:
            return Commits()
        found: dict[str, str] = {}
        silent: dict[str, str] = {}
        for tag in {repository.koji for repository in target.repositories if repository.koji is not None}:
            mine = [package for package in packages if _is_from(package, tag)]
            try:
                found |= await asyncio.to_thread(commits_of_builds, tag, dist_git, mine) if mine else {}
            except Transient as trouble:
                # The branch may be ahead of what the hub has built: its head is no answer in the hub's place.
                silent |= dict.fromkeys((package.name for package in mine), str(trouble))
        others = [package.name for package in packages if package.name not in found and package.name not in silent]
        heads = Commits() if dist_git.branch is None else await self._heads(dist_git, dist_git.branch, others)
        return Commits(found={**found, **heads.found}, silent={**silent, **heads.silent})

    async def _heads(self, dist_git: DistGit, branch: str, names: Sequence[str]) -> Commits:
        """Ask for one repository after the other, and for no more of them once one did not answer."""
        silent: dict[str, str] = {}

        async def head(name: str) -> str | None:
            if silent:
                silent[name] = next(iter(silent.values()))
                return None
            try:
                return await head_of(dist_git.repository(name), branch, self._patience)
            except Transient as trouble:
                silent[name] = str(trouble)
                return None

        heads = await each(head, names, self._parallel)
        found = {name: commit for name, commit in zip(names, heads, strict=True) if commit is not None}
        return Commits(found=found, silent=silent)


def _is_from(package: SourcePackage, tag: KojiTag) -> bool:
    return package.location.startswith(f"{tag.topurl.rstrip('/')}/")
