"""From the verdicts on all packages to the run's conclusion: how much was tested, and whether the gate lets it through.

The same count stands in every report's title, so that what a reader sees is what was decided upon.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.domain.run import Conclusion
from bot.domain.verdict import Judgement, Verdict


class Countable(Protocol):
    """A package on a target, as a judgement or as a row of a report."""

    @property
    def planned(self) -> bool:
        """Whether it is part of what is to be tested."""

    @property
    def conclusive(self) -> bool:
        """Whether it counts as tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of what was planned came to a conclusive verdict. A package on two targets counts twice."""

    tested: int
    planned: int
    affected: int

    @property
    def percent(self) -> float:
        """Tested in percent of planned; 100 where nothing was planned."""
        return 100.0 * self.tested / self.planned if self.planned else 100.0


def coverage(packages: Iterable[Countable]) -> Coverage:
    """Count; what was not selected is affected, but not planned."""
    everything = list(packages)
    planned = [package for package in everything if package.planned]
    tested = sum(package.conclusive for package in planned)
    return Coverage(tested=tested, planned=len(planned), affected=len(everything))


def conclude(judgements: Iterable[Judgement], *, min_coverage: int) -> Conclusion:
    """Return the run's conclusion: a regression fails it, and what was not tested is never green."""
    everything = list(judgements)
    if any(judgement.verdict is Verdict.REGRESSED for judgement in everything):
        return Conclusion.FAILURE
    counts = coverage(everything)
    nothing_tested = counts.planned > 0 and counts.tested == 0
    if nothing_tested or counts.percent < min_coverage or any(judgement.needs_order for judgement in everything):
        return Conclusion.ACTION_REQUIRED
    return Conclusion.SUCCESS
