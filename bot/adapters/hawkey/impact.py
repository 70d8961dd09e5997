"""The impact of a change, in steps that several solver processes can share: plan, examine, look what broke."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from bot.adapters.hawkey.comparison import Comparison
from bot.adapters.hawkey.offers import package_changes
from bot.adapters.hawkey.parcels import Parcels, affected_from, counted, finding_rows, pack
from bot.domain.packages import PackageChange
from bot.domain.plan import Impact

__all__ = ["Comparison", "Examined", "Plan", "examine", "impact", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which packages have to be looked at, source packages and binary ones, and what is known without that."""

    examine: "array[int]"
    suspects: "array[int]"
    sources: int
    changes: tuple[PackageChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found out about some source packages, and which suspects are in one of their buildroots."""

    findings: Parcels
    inside: "array[int]"
    """In how many of their buildroots each source package is (see `counted`)."""
    installed: "array[int]"


def plan(comparison: Comparison) -> Plan:
    """Return what has to be looked at."""
    return Plan(
        examine=comparison.to_examine(),
        suspects=array("I", sorted(comparison.replacement.suspects)),
        sources=len(comparison.sources),
        changes=package_changes(comparison),
    )


def examine(comparison: Comparison, numbers: Iterable[int]) -> Examined:
    """Compare the buildroots of these source packages before and after."""
    findings, installed = comparison.examine(numbers)
    rows = finding_rows(comparison, findings)
    return Examined(findings=pack(rows), inside=counted(rows), installed=array("I", sorted(installed)))


def impact(comparison: Comparison) -> Impact:
    """Return every source package that the change affects, and every binary package that it makes uninstallable."""
    whole = plan(comparison)
    examined = examine(comparison, whole.examine)
    affected = tuple(item for item in affected_from([examined.findings], [examined.inside]) if item is not None)
    return Impact(
        affected=affected,
        uninstallable=comparison.told(comparison.broken),
        sources=whole.sources,
        changes=whole.changes,
    )
