"""Failures with one root are one row: what broke because of X is told with X, once, and not as if it were news.

Two regressed packages belong together where one is the other's root, or where both fail with the same signature. What
is blocked by a regressed package belongs to it too; what is blocked by something else stands by itself.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain.report.values import Report, Row
from bot.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Regressions with one cause. `lead` is the one at the root, or the one with the most dependents."""

    lead: Row
    same: tuple[Row, ...] = ()
    """Others that failed with the lead's own signature."""
    caused: tuple[Row, ...] = ()
    """What failed, or could not be tested, because of the lead."""


def regressions(report: Report) -> tuple[Group, ...]:
    """Return the groups of regressed packages, those with the most dependents first."""
    rows = report.with_verdict(Verdict.REGRESSED)
    blocked = report.with_verdict(Verdict.BLOCKED)
    roots = {row.package: row.root for row in (*blocked, *rows) if row.root}
    first = {row.package for row in rows if not row.root}
    leads: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    caused: defaultdict[str, list[Row]] = defaultdict(list)
    for row in (*rows, *blocked):
        root = root_of(row.package, roots)
        if row.root and root in first:
            caused[root].append(row)
        elif row.verdict is Verdict.REGRESSED:
            leads[_cause(row)].append(row)
    return tuple(_group(members, caused) for members in leads.values())


def blocked_by_others(report: Report) -> Mapping[str, tuple[Row, ...]]:
    """Return what is blocked by packages that did not regress, by the name of the blocker."""
    told = {(row.package, row.target) for group in regressions(report) for row in group.caused}
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in report.with_verdict(Verdict.BLOCKED):
        if (row.package, row.target) not in told:
            found[row.root or ""].append(row)
    return {blocker: tuple(rows) for blocker, rows in found.items()}


def root_of(package: str, roots: Mapping[str, str]) -> str:
    """Follow roots to the first cause; a circle ends where it closes."""
    seen = {package}
    while package in roots and roots[package] not in seen:
        package = roots[package]
        seen.add(package)
    return package


def _group(members: Sequence[Row], caused: dict[str, list[Row]]) -> Group:
    names = dict.fromkeys(row.package for row in members)
    return Group(
        lead=members[0],
        same=tuple(members[1:]),
        caused=tuple(row for name in names for row in caused.pop(name, ())),
    )


def _cause(row: Row) -> tuple[str, ...]:
    """Return what two rows with the same cause have in common."""
    whose = tuple(str(change) for change in row.blame.culprits) if row.blame else ()
    return (row.signature, *whose) if row.signature and not row.root else (row.package, row.target)
