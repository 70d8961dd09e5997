"""Implements `bot.ports.pins.SourcePins`: asks the Koji that built a package, and else git for the branch's head."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from bot.adapters.dist_git.koji_commits import BATCH, commits_of_builds
from bot.adapters.git_checkout import head_of
from bot.domain.packages import SourcePackage
from bot.domain.target import DistGit, KojiTag, Target
from bot.engine.at_once import each
from bot.ports.errors import Transient
from bot.ports.pins import Commits


class DistGitPins:
    """Reads without logging in. `parallel` is how many repositories are asked at once, `patience` how long for one, and
    how long a hub is asked for as many packages as a request of its is about.
    """

    def __init__(self, parallel: int = 8, patience: timedelta = timedelta(seconds=60)) -> None:
        self._parallel = parallel
        self._patience = patience.total_seconds()

    async def commits(self, target: Target, packages: Sequence[SourcePackage]) -> Commits:
        """Return the commit of each package that has one, as far as somebody answers."""
        dist_git = target.dist_git
        if dist_git is None:
            return Commits()
        found, silent = dict[str, str](), dict[str, str]()
        for tag in {repository.koji for repository in target.repositories if repository.koji is not None}:
            mine = [package for package in packages if _is_from(package, tag)]
            told = await self._built(tag, dist_git, mine) if mine else Commits()
            found, silent = {**found, **told.found}, {**silent, **told.silent}
        others = [package.name for package in packages if package.name not in found and package.name not in silent]
        heads = Commits() if dist_git.branch is None else await self._heads(dist_git, dist_git.branch, others)
        return Commits(found={**found, **heads.found}, silent={**silent, **heads.silent})

    async def _built(self, tag: KojiTag, dist_git: DistGit, packages: Sequence[SourcePackage]) -> Commits:
        """Ask a hub. Where it is silent nobody else is asked: the branch may be ahead of what it has built."""
        seconds = self._patience * ceil(len(packages) / BATCH)
        try:
            async with asyncio.timeout(seconds):
                return Commits(found=await asyncio.to_thread(commits_of_builds, tag, dist_git, packages))
        except Transient as trouble:
            why = str(trouble)
        except TimeoutError:
            why = f"{tag.hub}: no answer within {seconds:.0f} s"
        return Commits(silent=dict.fromkeys((package.name for package in packages), why))

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
