"""Baselines that need no build: the distribution's own build was done in the very root that there is now.

Only a hint that saves time: whatever stands in the way of asking, the baseline is built.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.domain.build import Build
from bot.domain.decide import RunView
from bot.domain.ids import BuildKey
from bot.domain.packages import Nevra
from bot.domain.reuse import LatestBuild, first_baselines, passed_already
from bot.domain.run import RunTarget
from bot.engine.world import World
from bot.ports.errors import RevdepsError
from bot.ports.resolver import Buildroot

log = logging.getLogger(__name__)


async def known_to_pass(
    world: World, view: RunView, builds: Iterable[Build]
) -> Mapping[BuildKey, tuple[Build, Sequence[str]]]:
    """Return those of new baselines that are known to pass, as they end, each with what is in its root."""
    by_target: defaultdict[str, list[Build]] = defaultdict(list)
    for build in first_baselines(builds):
        by_target[build.target].append(build)
    found: dict[BuildKey, tuple[Build, Sequence[str]]] = {}
    for target in view.targets:
        wanted = by_target[target.target.name]
        if wanted:
            try:
                found |= await _passed(world, view, target, wanted)
            except RevdepsError as trouble:
                log.warning("%s: baselines are built, not looked up: %s", target.target.backend, trouble)
    return found


async def _passed(
    world: World, view: RunView, target: RunTarget, builds: Sequence[Build]
) -> dict[BuildKey, tuple[Build, Sequence[str]]]:
    assert target.snapshot is not None  # the change was built on it
    builder = world.builder(target.target.backend)
    latest = await builder.latest_builds(target.target, [build.package for build in builds])
    same = _of_the_same_source(view, target, latest)
    if not same:
        return {}
    roots = await world.resolver.buildroots(target.snapshot, target.target, sorted(same))
    found: dict[BuildKey, tuple[Build, Sequence[str]]] = {}
    for build in builds:
        root = roots.get(build.package)
        if isinstance(root, Buildroot) and root.digest == build.buildroot:
            known = same[build.package]
            done = passed_already(build, known, {package.nevra for package in root.packages})
            if done is not build:
                found[build.key] = done, [str(nevra) for nevra in known.installed]
    return found


def _of_the_same_source(
    view: RunView, target: RunTarget, latest: Mapping[str, LatestBuild]
) -> Mapping[str, LatestBuild]:
    """Return the builds of those source packages that the run rebuilds."""
    planned: Mapping[str, Nevra] = {
        entry.package: entry.affected.source.nevra for entry in view.entries if entry.target == target.target.name
    }
    return {name: build for name, build in latest.items() if planned.get(name) == build.source}
