"""The folded sections below the table: functions from the report to Markdown, empty where there is nothing to say."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.domain.plan import Selection
from bot.domain.report.budget import Detail
from bot.domain.report.buildroots import buildroots
from bot.domain.report.escape import clean, code, prose, shorten, tag
from bot.domain.report.groups import Group, blocked_by_others, regressions
from bot.domain.report.outlook import RULE, figures
from bot.domain.report.pieces import NAME, cause, folded, last_lines, link, names, sides
from bot.domain.report.values import BuildView, Links, Report, Row
from bot.domain.report.words import SELECTIONS, UNFINISHED, WORDS, count, outcome_sign, step_words
from bot.domain.verbs import Verb, effect_of, syntax
from bot.domain.verdict import Verdict

_OFFERED = (Verb.RETRY, Verb.WHY, Verb.LOGS, Verb.WAIVE, Verb.SKIP, Verb.RUN, Verb.CANCEL, Verb.HELP)
"""Commands that somebody may want who reads a report; `help` has them all."""
_MORE = "`/revdeps include PKG` tests one all the same, `/revdeps run limit=N` more of them."
_CAUSE = 400
"""Characters of a cause in a list: a waiver's whole reason, with who gave it and until when."""


def sections(report: Report, links: Links, detail: Detail, *, weights: bool = False) -> list[str]:
    """Return all sections that have something to say, in the order in which they are shown.

    With `weights` every package over a limit is listed with its figures; without, they are counted.
    """
    found = [
        needs_rebuild(report, detail),
        *(shared_cause(group, detail) for group in regressions(report)[: detail.worst]),
        logs(report, detail),
        buildroots(report, links, detail),
        blocked(report, detail),
        *(listed(report, links, verdict, detail) for verdict in (Verdict.CHANGED_FAILURE, Verdict.FLAKY)),
        by_cause(report, detail),
        fixed(report, detail),
        already_failing(report, detail),
        listed(report, links, Verdict.WAIVED, detail),
        unfinished(report, detail),
        not_tested(report, detail, weights=weights),
        with_each_other(report, links, detail),
        changed(report, detail),
        notes(report),
        by_hand(report),
    ]
    return [section for section in found if section]


def needs_rebuild(report: Report, detail: Detail) -> str:
    """Return what has to be rebuilt for the same update, as a numbered list in order."""
    found = report.with_verdict(Verdict.NEEDS_REBUILD)
    rows, others = [row for row in found if row.rebuilt], [row for row in found if not row.rebuilt]
    word = WORDS[Verdict.NEEDS_REBUILD]
    if not rows:
        return _mended_by_others(others, detail)
    orders: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for target in dict.fromkeys(row.target for row in rows):
        orders[_order([row for row in rows if row.target == target], detail)].append(target)
    parts = [
        (f"On {', '.join(code(target, NAME) for target in targets)}:\n\n" if len(orders) > 1 else "") + "\n".join(steps)
        for steps, targets in orders.items()
    ]
    tried = not any(row.needs_order for row in rows)
    advice = (
        "They break with this change and work again once they are rebuilt, in this order, for the same update:"
        if tried
        else "They break with this change. Whether a rebuild repairs them was not tried: set `mode: auto` in "
        "`.revdeps.yaml`, and they are rebuilt in this order:"
    )
    what = f"{word.sign} {_number(rows, 'package needs', 'packages need')} a rebuild"
    until = "Until then these cannot be installed, and they need no rebuild themselves:"
    more = f"{until} {names(others, detail.names)}." if others else ""
    return folded(what, "\n\n".join(part for part in (advice, *parts, more) if part))


def _mended_by_others(rows: Sequence[Row], detail: Detail) -> str:
    """Return what needs no rebuild itself, where nothing that needs one is known to be repaired."""
    if not rows:
        return ""
    body = f"They need no rebuild themselves: what they require does. {names(rows, detail.names)}"
    what = f"{_number(rows, 'package')} not installable without the rebuild of others"
    return folded(f"{WORDS[Verdict.NEEDS_REBUILD].sign} {what}", body)


def shared_cause(group: Group, detail: Detail) -> str:
    """Return who else fails with a regressed package's cause, or because of it."""
    parts = []
    if len({row.package for row in group.same}) > 3:
        parts.append(f"Failed with the same cause: {names(group.same, detail.names)}.")
    failed = [row for row in group.caused if row.verdict is Verdict.REGRESSED]
    waiting = [row for row in group.caused if row.verdict is Verdict.BLOCKED]
    if failed:
        parts.append(f"Built, and failed because of it: {names(failed, detail.names)}.")
    if waiting:
        parts.append(f"Not built, because they need its rebuild: {names(waiting, detail.names)}.")
    others = len({row.package for row in (*group.same, *group.caused)})
    summary = f"{WORDS[Verdict.BLOCKED].sign} {count(others, 'package')} with {tag(group.lead.package, NAME)}"
    return folded(summary, "\n\n".join(parts)) if parts else ""


def logs(report: Report, detail: Detail) -> str:
    """Return how the logs of the changed packages and of the regressions end, and what the solver says of them."""
    parts = [
        f"{code(subject.package, NAME)} itself{_in_step(subject.builds)}:\n\n{tail}"
        for subject in report.subjects
        for tail in [last_lines(subject.log_tail, detail.log_lines)]
        if tail
    ]
    for group in regressions(report)[: detail.worst]:
        row = group.lead
        solver = "\n".join(dict.fromkeys([row.problem, *(broken.problem for broken in row.uninstallable)])).strip()
        tail = last_lines(row.log_tail or solver, detail.log_lines)
        if tail:
            where = f"{code(row.package, NAME)} on {code(row.target, NAME)}{_in_step(row.candidate)}"
            parts.append(f"{where}:\n\n{tail}")
    return folded("📜 Where it fails", "\n\n".join(parts)) if parts else ""


def _in_step(builds: Sequence[BuildView]) -> str:
    step = step_words(build.outcome for build in builds)
    return f", {step}" if step else ""


def blocked(report: Report, detail: Detail) -> str:
    """Return what could not be tested because of packages that did not themselves regress."""
    blockers = blocked_by_others(report)
    rows = [row for waiting in blockers.values() for row in waiting]
    lines = (
        f"- by {code(blocker, NAME)}: {names(waiting, detail.names)}"
        for blocker, waiting in _first(blockers, detail.names)
    )
    return folded(_counted(Verdict.BLOCKED, rows), "\n".join(lines)) if rows else ""


def listed(report: Report, links: Links, verdict: Verdict, detail: Detail) -> str:
    """Return the packages with a verdict, each with both outcomes and its cause."""
    rows = report.with_verdict(verdict)
    if not rows:
        return ""
    lines = [
        f"- {code(row.package, NAME)} {sides(row, report, links)}"
        + (f" {code(cause(row), _CAUSE)}" if cause(row) else "")
        for row in rows[: detail.names]
    ]
    rest = len(rows) - detail.names
    lines += [f"- and {rest:,} more"] if rest > 0 else []
    return folded(_counted(verdict, rows), f"{WORDS[verdict].meaning}\n\n" + "\n".join(lines))


def by_cause(report: Report, detail: Detail) -> str:
    """Return what is not conclusive, by cause."""
    rows = report.with_verdict(Verdict.INCONCLUSIVE)
    causes: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        causes[clean(cause(row))].append(row)
    lines = (
        f"- {code(why) if why else 'no cause known'}: {names(members, detail.names)}"
        for why, members in _first(causes, detail.names)
    )
    return folded(_counted(Verdict.INCONCLUSIVE, rows), "\n".join(lines)) if rows else ""


def fixed(report: Report, detail: Detail) -> str:
    """Return what failed before and works now."""
    return _only_names(report, Verdict.FIXED, detail.fixed)


def already_failing(report: Report, detail: Detail) -> str:
    """Return what fails with and without the change."""
    return _only_names(report, Verdict.STILL_FAILING, detail.failing)


def unfinished(report: Report, detail: Detail) -> str:
    """Return what a run that ended early did not come to."""
    rows = [row for row in report.rows if row.pending] if report.finished else []
    summary = f"{UNFINISHED.sign} {_number(rows, 'package')} {UNFINISHED.counted}"
    return folded(summary, f"{UNFINISHED.meaning} {names(rows, detail.names)}") if rows else ""


def not_tested(report: Report, detail: Detail, *, weights: bool) -> str:
    """Return what was not selected, by reason."""
    rows = report.with_verdict(Verdict.NOT_TESTED)
    reasons: defaultdict[Selection, list[Row]] = defaultdict(list)
    for row in rows:
        reasons[row.selection].append(row)
    lines = (
        _over_limit(members, report, detail.left_out if weights else 0)
        if why is Selection.OVER_LIMIT
        else f"- {SELECTIONS[why]}: {names(members, detail.names)}"
        for why, members in reasons.items()
    )
    return folded(_counted(Verdict.NOT_TESTED, rows), "\n".join(lines)) if rows else ""


def _over_limit(rows: Sequence[Row], report: Report, most: int) -> str:
    """Return how many packages a limit left out and by which rule, with the figures of the heaviest of them."""
    heaviest = sorted(rows, key=lambda row: (-row.weight.total if row.weight else 0, row.package, row.target))
    where = len(report.targets) > 1
    lines = [
        f"  - {code(row.package, NAME)}{f' on {code(row.target, NAME)}' if where else ''}: {figures(row)}"
        for row in heaviest[:most]
        if row.weight
    ]
    rest = len(rows) - len(lines)
    if lines and rest:
        lines.append(f"  - and {rest:,} more")
    told = f"- {SELECTIONS[Selection.OVER_LIMIT]}: {count(len(rows), 'package')}. {RULE} {_MORE}"
    return "\n".join([told, *lines])


def with_each_other(report: Report, links: Links, detail: Detail) -> str:
    """Return with which others the changed packages were built that were built again with more of them."""
    told = [each for each in report.subjects if each.built_again]
    where = len(report.targets) > 1
    lines = [
        f"- {code(each.package, NAME)}: "
        + ", ".join(
            link(outcome_sign(build.outcome), links.log(report.run, build.key))
            + (f" with {', '.join(code(name, NAME) for name in others)} there" if others else " by itself")
            + (f" on {code(build.target, NAME)}" if where else "")
            for build in each.builds
            for others in [report.company(each, build)[: detail.names]]
        )
        for each in told[: detail.names]
    ]
    return (
        folded(f"🧩 {count(len(told), 'changed package')} built with others of them", "\n".join(lines)) if told else ""
    )


def changed(report: Report, detail: Detail) -> str:
    """Return what the changed packages provide no longer, and what they provide now."""
    lines = [
        f"- {code(each.package, NAME)} {what} {', '.join(code(item) for item in items[: detail.names])}"
        + (f" and {len(items) - detail.names:,} more" if len(items) > detail.names else "")
        for each in report.changes[: detail.names]
        for what, items in (("no longer has", each.removed), ("now has", each.added))
        if items
    ]
    return folded("📦 What changed in the package", "\n".join(lines)) if lines else ""


def notes(report: Report) -> str:
    """Return what a reader should know besides."""
    lines = "\n".join(f"- {prose(note)}" for note in report.notes)
    return folded(f"📝 {count(len(report.notes), 'note')}", lines) if report.notes else ""


def by_hand(report: Report) -> str:
    """Return how to repeat the run at home, and the commands; nothing where nothing was built."""
    if not report.rows and not any(subject.builds for subject in report.subjects):
        return ""
    commands = "\n".join(
        f"- `{syntax(verb, report.parlance)}` – {effect_of(verb, report.parlance)}"  # noqa: RUF001  a dash between a term and its meaning
        for verb in _OFFERED
    )
    head, base = _hexadecimal(report.head_sha), _hexadecimal(report.base_sha)
    shell = f"```sh\ngit checkout {head}\nrevdeps check --base {base}\n```"
    body = f"{shell}\n\nIn a comment, each on a line of its own:\n\n{commands}"
    return folded("🔧 Reproduce locally · Commands", body)


def _order(rows: Sequence[Row], detail: Detail) -> tuple[str, ...]:
    """Return the steps of a rebuild, numbered from 1: what stands in one step can be built at once."""
    levels = sorted({row.level for row in rows})
    return tuple(
        f"{step}. {names([row for row in rows if row.level == level], detail.names)}"
        for step, level in enumerate(levels, start=1)
    )


def _only_names(report: Report, verdict: Verdict, most: int) -> str:
    rows = report.with_verdict(verdict)
    body = names(rows, most) if most else "Their names are in the full report."
    return folded(_counted(verdict, rows), body) if rows else ""


def _counted(verdict: Verdict, rows: Sequence[Row]) -> str:
    return f"{WORDS[verdict].sign} {len(rows):,} {WORDS[verdict].counted}"


def _number(rows: Iterable[Row], singular: str, plural: str = "") -> str:
    return count(len({row.package for row in rows}), singular, plural)


def _first(
    groups: Mapping[str, list[Row]] | Mapping[str, tuple[Row, ...]], most: int
) -> Iterable[tuple[str, Sequence[Row]]]:
    """Return the largest groups."""
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[: max(most, 1)]


def _hexadecimal(sha: str) -> str:
    """Return a commit as it may stand in a shell line."""
    return shorten("".join(char for char in sha if char in "0123456789abcdefABCDEF"), 64) or "HEAD"
