"""Which waivers count: those that were given for the base as it is now, until their date.

A waiver belongs to a pull request and outlives pushes to it; what it was weighed against is the base branch. So it
lapses at once where that is pushed to or the forge names another base, and by itself when its date comes
(docs/decisions/0011).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from bot.domain.run import ChangeState
from bot.domain.verdict import WAIVABLE, Finding, Verdict, Waiver
from bot.domain.wording import quoted

LONGEST = timedelta(days=366)
"""How far away a waiver's date may be."""


def in_force(waivers: Mapping[str, Waiver], state: ChangeState | None, now: datetime) -> Mapping[str, Waiver]:
    """Return the waivers that count for a change as it is now, by package."""
    return {package: waiver for package, waiver in waivers.items() if _counts(waiver, state, now)}


def taken_along(waivers: Mapping[str, Waiver], state: ChangeState) -> Mapping[str, Waiver]:
    """Return the waivers of a pull request as they count in a merge queue's group with it: for the group's own base."""
    return {
        package: replace(waiver, base_branch=state.base_branch, base_sha=state.base_sha)
        for package, waiver in waivers.items()
    }


def disagree(findings: Iterable[Finding], waivers: Mapping[str, Waiver]) -> bool:
    """Whether a verdict rests on a waiver that is not among these, or leaves one of them out."""
    return any(
        found.judgement.verdict in (WAIVABLE if found.package in waivers else {Verdict.WAIVED}) for found in findings
    )


def lapses_at(findings: Iterable[Finding], waivers: Mapping[str, Waiver]) -> datetime | None:
    """Return when the first of the waivers on which these verdicts rest lapses by itself, None where none does."""
    packages = {found.package for found in findings if found.judgement.verdict is Verdict.WAIVED}
    dates = [waiver.until for package, waiver in waivers.items() if package in packages and waiver.until is not None]
    return min(dates, default=None)


def lapsed_notes(
    waivers: Mapping[str, Waiver], findings: Iterable[Finding], state: ChangeState | None, now: datetime
) -> tuple[str, ...]:
    """Return a sentence about every waiver that lapsed while its package still needs one."""
    open_ones = {found.package for found in findings if found.judgement.verdict in WAIVABLE}
    return tuple(
        f"The waiver of {quoted(package)} by {quoted(waiver.by)} was {waiver.how_long} and has lapsed."
        for package, waiver in waivers.items()
        if package in open_ones and not _counts(waiver, state, now)
    )


def moved_since(waivers: Mapping[str, Waiver], pushed_at: datetime) -> Mapping[str, Waiver]:
    """Return those waivers that lapse because of a push to their base branch at that time, as they are then."""
    return {
        package: replace(waiver, base_moved=True)
        for package, waiver in waivers.items()
        if waiver.given_at <= pushed_at and not waiver.base_moved
    }


def beginning_of(text: str) -> datetime:
    """Return the first moment, in UTC, of a date that is written `2030-01-31`."""
    return datetime.combine(datetime.fromisoformat(text).date(), time(), UTC)


def _counts(waiver: Waiver, state: ChangeState | None, now: datetime) -> bool:
    same_base = state is not None and (waiver.base_branch, waiver.base_sha) == (state.base_branch, state.base_sha)
    return same_base and not waiver.base_moved and (waiver.until is None or now < waiver.until)
