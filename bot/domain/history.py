"""What earlier builds of packages on a target tell: how the last ones ended, when, and what they cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBuild:
    """A build that came to a result of the package's own: neither cancelled nor lost to infrastructure."""

    package: str
    passed: bool
    baseline: bool
    """Without any change."""
    ended_at: datetime
    duration: timedelta | None = None
    """Wall time, None where it was not recorded."""
    cpu_seconds: float | None = None
    """Processor time of all its processes, None where the backend does not tell."""


class Known(Enum):
    """How a package's last builds ended; the words are shown."""

    NEVER = "never built here"
    PASSED = "passed"
    FAILED = "failed"
    NEWLY_FAILED = "newly failed"
    """Its last build with a change failed, and its last one without any passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """A package's state before a run. `ended_at` is the end of its last build, None exactly where there is none."""

    known: Known = Known.NEVER
    ended_at: datetime | None = None


NEVER = Previous()


def previous_states(builds: Iterable[PastBuild]) -> Mapping[str, Previous]:
    """Return the state of every package that has a build among these."""
    latest: dict[tuple[str, bool], PastBuild] = {}
    for build in sorted(builds, key=lambda build: build.ended_at):
        latest[build.package, build.baseline] = build
    sides: defaultdict[str, list[PastBuild]] = defaultdict(list)
    for (package, _), build in latest.items():
        sides[package].append(build)
    return {package: _state(found) for package, found in sides.items()}


def _state(sides: list[PastBuild]) -> Previous:
    """Return the state that the last build with and the last one without a change come to."""
    last = max(sides, key=lambda build: (build.ended_at, build.baseline))
    passed = {build.baseline: build.passed for build in sides}
    if passed.get(False) is False and passed.get(True) is True:
        return Previous(known=Known.NEWLY_FAILED, ended_at=last.ended_at)
    return Previous(known=Known.PASSED if last.passed else Known.FAILED, ended_at=last.ended_at)
