"""From the verdicts on all packages to the run's conclusion: how much was tested, and whether the gate lets it through.

The same count stands in every report's title, so that what a reader sees is what was decided upon.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.domain.run import Conclusion, StopReason
from bot.domain.verdict import Finding, Verdict


class Countable(Protocol):
    """A package on a target, as a finding or as a row of a report."""

    @property
    def target(self) -> str:
        """The target's name."""

    @property
    def own(self) -> bool:
        """Whether it is a package of the change itself, and none of those that it affects."""

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
    """Count; what was not selected is affected, but not planned, and what is changed itself is neither."""
    everything = [package for package in packages if not package.own]
    planned = [package for package in everything if package.planned]
    tested = sum(package.conclusive for package in planned)
    return Coverage(tested=tested, planned=len(planned), affected=len(everything))


def untested(packages: Iterable[Countable]) -> tuple[str, ...]:
    """Return the targets on which something was planned and nothing came to a conclusive verdict."""
    tested: dict[str, bool] = {}
    for package in packages:
        if package.planned and not package.own:
            tested[package.target] = tested.get(package.target, False) or package.conclusive
    return tuple(target for target, any_of_it in tested.items() if not any_of_it)


def conclude(findings: Iterable[Finding], *, min_coverage: int) -> Conclusion:
    """Return the run's conclusion: a regression fails it, and what was not tested is never green.

    Nor is it where that is one target of several: a release that nobody built for is as unknown as a package.
    """
    everything = list(findings)
    if _regressed(everything):
        return Conclusion.FAILURE
    too_little = coverage(everything).percent < min_coverage
    if too_little or untested(everything) or any(found.judgement.needs_order for found in everything):
        return Conclusion.ACTION_REQUIRED
    return Conclusion.SUCCESS


def conclude_stopped(findings: Iterable[Finding], reason: StopReason) -> Conclusion:
    """Return the conclusion of a run that was stopped before its end.

    Who stops a run wants no answer of it. One that is out of time gives the answer that it has: what breaks is broken
    whatever the rest would have come to.
    """
    if reason is not StopReason.DEADLINE:
        return Conclusion.CANCELLED
    return Conclusion.FAILURE if _regressed(findings) else Conclusion.TIMED_OUT


def _regressed(findings: Iterable[Finding]) -> bool:
    return any(found.judgement.verdict is Verdict.REGRESSED for found in findings)
