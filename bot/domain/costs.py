"""What builds are likely to take: what a package took before on this target, else what is usual there.

That is the median of its last builds that passed, or of all where none did.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from bot.domain.history import PastBuild

Place = tuple[str, str]
"""Target and package."""


class Cost(NamedTuple):
    """Seconds, each None where it is not known."""

    wall: float | None = None
    """From start to end."""
    cpu: float | None = None
    """Of all processors together."""


UNKNOWN = Cost()


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What is known of the costs of builds."""

    usual: Mapping[str, Cost] = field(default_factory=dict)
    """Of any build, by target."""
    own: Mapping[Place, Cost] = field(default_factory=dict)

    def of(self, target: str, package: str) -> Cost:
        """Return what a build is likely to take."""
        usual, own = self.usual.get(target, UNKNOWN), self.own.get((target, package), UNKNOWN)
        return Cost(usual.wall if own.wall is None else own.wall, usual.cpu if own.cpu is None else own.cpu)


def usual_cost(builds: Iterable[PastBuild]) -> Cost:
    """Return what builds of whatever packages took."""
    wall, cpu = [], []
    for build in builds:
        if build.duration is not None:
            wall.append(build.duration.total_seconds())
        if build.cpu_seconds is not None:
            cpu.append(build.cpu_seconds)
    return Cost(median(wall) if wall else None, median(cpu) if cpu else None)


def costs_by_package(builds: Iterable[PastBuild]) -> Mapping[str, Cost]:
    """Return what the builds of each package took."""
    packages: defaultdict[str, list[PastBuild]] = defaultdict(list)
    for build in builds:
        packages[build.package].append(build)
    return {
        package: usual_cost([build for build in found if build.passed] or found) for package, found in packages.items()
    }
