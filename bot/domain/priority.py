"""How much a package's rebuild is worth where not all of them can be built: a sum of five terms, larger goes first.

The shape is Koschei's (`dependency_priority`, `build_priority`, the logarithm of the time, the manual priority; and its
figures 256, 200, 6 hours and 7 days), with two differences. The time stops at 256, so that a package that was never
built here and one that was not built for a year weigh the same; and a package's own dependents count, because
whatever breaks it breaks them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.config import matches
from bot.domain.history import Known, Previous

DIRECT = 256
"""A direct dependent's term; one at distance d has 256 / d."""
A_DOUBLING = 16
"""For each doubling of one more than the number of dependents."""
MOST_FOR_DEPENDENTS = 128
NEWLY_FAILED = 200
FULL_AGE = 256
"""After `A_WEEK`, and for what was never built here."""
LEAST_AGE = -30
"""For what was built a moment ago."""
NO_AGE_YET, A_WEEK = timedelta(hours=6), timedelta(days=7)
"""Between these the term for time rises from 0 to 256, with the logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """The five terms, and the two facts behind them that a plan would not tell otherwise."""

    distance: int
    dependents: int
    previous: int
    age: int
    boost: int = 0
    known: Known = Known.NEVER
    built_before: timedelta | None = None
    """How long before the plan its last build ended, None where it was never built here."""

    @property
    def total(self) -> int:
        """What packages are compared by."""
        return self.distance + self.dependents + self.previous + self.age + self.boost


def weigh(*, distance: int, dependents: int, previous: Previous, boost: int, now: datetime) -> Weight:
    """Return the weight of a package at a distance (from 1), with so many dependents, at a time."""
    built_before = None if previous.ended_at is None else max(now - previous.ended_at, timedelta())
    return Weight(
        distance=DIRECT // max(1, distance),
        dependents=min(MOST_FOR_DEPENDENTS, round(A_DOUBLING * math.log2(1 + dependents))),
        previous=NEWLY_FAILED if previous.known is Known.NEWLY_FAILED else 0,
        age=_age(built_before),
        boost=boost,
        known=previous.known,
        built_before=built_before,
    )


def boost_of(package: str, boosts: Sequence[tuple[str, int]]) -> int:
    """Return what all the globs that match a package's name add up to."""
    return sum(points for glob, points in boosts if matches(package, (glob,)))


def _age(built_before: timedelta | None) -> int:
    if built_before is None or built_before >= A_WEEK:
        return FULL_AGE
    hours = max(built_before / NO_AGE_YET, 1e-6)
    return max(LEAST_AGE, round(FULL_AGE * math.log(hours) / math.log(A_WEEK / NO_AGE_YET)))
