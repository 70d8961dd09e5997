"""What differs in the buildroots of what failed: the words, and the section of the check and the comment."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from bot.domain.difference import Basis, RootChange, RootDifference
from bot.domain.report.budget import Detail
from bot.domain.report.escape import code
from bot.domain.report.groups import regressions
from bot.domain.report.pieces import folded, link, names
from bot.domain.report.values import Links, Report, Row, Subject
from bot.domain.verdict import Verdict

_OTHERS = (Verdict.CHANGED_FAILURE, Verdict.STILL_FAILING, Verdict.INCONCLUSIVE, Verdict.WAIVED)


def buildroots(report: Report, links: Links, detail: Detail) -> str:
    """Return what differs, for the worst failures first; where the same differs for several, it is told once."""
    stories: dict[tuple[Basis, bool, tuple[RootChange, ...]], list[tuple[Row | Subject, RootDifference]]] = {}
    for failure, found in _failures(report, detail) if detail.changes else ():
        stories.setdefault((found.basis, found.with_change, found.changes), []).append((failure, found))
    parts = [
        f"{names([failure for failure, _ in story], detail.names)}, {basis([found for _, found in story])}:\n\n"
        + _listed(story[0][1], report, links, detail)
        for story in list(stories.values())[: detail.names]
    ]
    return folded("🧩 What differs in the buildroots", "\n\n".join(parts)) if parts else ""


def _failures(report: Report, detail: Detail) -> Iterable[tuple[Row | Subject, RootDifference]]:
    """Return the changed packages that do not build, the regressions, and what else failed."""
    for subject in report.subjects:
        yield from ((subject, found) for found in subject.differences)
    leads = [group.lead for group in regressions(report)[: detail.worst]]
    for row in (*leads, *report.with_verdict(*_OTHERS)):
        if row.difference is not None:
            yield row, row.difference


def basis(differences: Sequence[RootDifference]) -> str:
    """Return what the roots were compared with; the differences have that in common."""
    first = differences[0]
    match first.basis:
        case Basis.GOOD_BUILD:
            side = "with an earlier state of this change" if first.with_change else "without this change"
            oldest = min((each.good_at for each in differences if each.good_at is not None), default=None)
            when = f"{oldest:%Y-%m-%d %H:%M} UTC, {side}" if oldest else side
            if len(differences) == 1:
                return f"since its last good build ({when})"
            return f"since their last good builds (the oldest {when})"
        case Basis.SOLVED:
            return "with and without this change as resolved, because no earlier good build is known"
        case Basis.NOTHING:
            return "of which no earlier good build is known, and no buildroot without this change"
        case _ as never:
            assert_never(never)


def change_words(change: RootChange) -> str:
    """Return which package differs, and how: `zlib 1.2-1 → 1.3-1`. Plain text, not escaped."""
    sides = ((change.old, change.old_arch), (change.new, change.arch))
    told = [f"{evr} ({arch})" if change.old_arch else evr for evr, arch in sides if evr]
    return f"{change.name} {' → '.join(dict.fromkeys(told))}".rstrip()


def change_notes(change: RootChange) -> str:
    """Return what else there is to say of it: whether it came or went, whose it is, how far away it is."""
    same = change.old == change.new and not change.old_arch
    notes = (
        "added" if change.old is None else "",
        "dropped" if change.new is None else "",
        "other contents" if same else "",
        "of this change" if change.ours else "",
        f"distance {change.distance}" if change.distance is not None else "",
    )
    return ", ".join(note for note in notes if note)


def _listed(difference: RootDifference, report: Report, links: Links, detail: Detail) -> str:
    if not difference.total:
        return "- no package differs" if difference.basis is not Basis.NOTHING else "- nothing to compare"
    lines = []
    for change in difference.changes[: detail.changes]:
        noted = change_notes(change)
        lines.append(f"- {code(change_words(change))}" + (f" ({noted})" if noted else ""))
    rest = difference.total - len(lines)
    more = f": see the {link('full report', links.run(report.run))}" if links.pages else ""
    return "\n".join([*lines, *([f"- and {rest:,} more{more}"] if rest > 0 else [])])
