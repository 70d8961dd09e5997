"""Brings what stands on the forge up to date: the only place that publishes.

A report is a projection of what is stored: it is rendered, its digest is compared with that of what was published last,
and it is published where they differ. A crash after publishing repeats a write that finds its own check and comment
again.
"""

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.build import Purpose
from bot.domain.config import CommentPolicy
from bot.domain.decide import ChangeView, RunView
from bot.domain.ids import RunId
from bot.domain.publication import CheckStatus, Published
from bot.domain.report.assemble import stage
from bot.domain.report.check import NAME_OF_GATE, render_check
from bot.domain.report.comment import MARKER, notice_marker, render_comment, render_notice
from bot.domain.report.headline import WAITS
from bot.domain.report.together import seen_from
from bot.domain.report.values import Report, Stage
from bot.domain.run import ChangeRef, Conclusion, Part, RunState
from bot.domain.verdict import Verdict
from bot.engine.companions import joint_after, tested_alone_after
from bot.engine.healing import again_at, outworn
from bot.engine.reports import links_of, report_of, stored_of
from bot.engine.world import World
from bot.ports.errors import Postponed, Rejected
from bot.ports.forge import Forge
from bot.ports.store import Lease

log = logging.getLogger(__name__)

APPROVAL_ASKED = "approval asked"
"""Name under which it is noted since when a run's check has asked for an approval, for its commit the digest: what is
published of the run later does not change what could be seen then.
"""
_COMMENT = "comment"
_NOTICE = "notice"
_IN_PROGRESS = frozenset({Stage.PREPARING, Stage.BUILDING, Stage.RESOLVING, Stage.REBUILDING})
"""Stages of which the news can wait a moment; what begins, waits for somebody, or has ended is told at once."""
_SHARE = 4
"""News of progress wait for a quarter of the time that a run has taken so far."""
_COMPLETED = "/completed"
"""Behind the digest of a check that stands there with its conclusion."""
_LEAST = 2_000
"""Where a forge refuses the whole comment, its header and link alone have to do; never nothing."""


@dataclass(slots=True)
class _Publisher:
    """One pass over one change. `due` is when something that was held back is to be published."""

    world: World
    lease: Lease
    view: ChangeView
    forge: Forge
    now: datetime
    new: Collection[RunId] = ()
    """Runs of which nothing was ever told, so that nothing of theirs need be looked for."""
    due: datetime | None = None
    _read: dict[str, dict[str, Published]] = field(default_factory=dict)
    """What was published before, by scope and name, as far as it was asked for."""

    async def checks(self, run_view: RunView, report: Report, *, silent: bool = False) -> None:
        """Publish a run's check, on each of its pull requests where these are several; `silent` on its own."""
        known = {} if report.run in self.new else await self._known(report.run)
        own, *companions = run_view.run.parts
        if not silent:
            await self._check(run_view, seen_from(report, own), own, known.get(NAME_OF_GATE), NAME_OF_GATE)
            if report.stage is Stage.WAITING and APPROVAL_ASKED not in known:
                await self._store(report.run, APPROVAL_ASKED, report.head_sha, "")
        for part in companions:
            one_line = not self.forge.capabilities.rich_checks
            if one_line and await tested_alone_after(self.world, run_view.run, part):
                continue  # that run tells of the commit now, by itself
            name = f"{NAME_OF_GATE} on {part.change}"
            await self._check(run_view, seen_from(report, part), part, known.get(name), name)

    async def _check(
        self, run_view: RunView, report: Report, part: Part, before: Published | None, stored_as: str
    ) -> None:
        capabilities, settings = self.forge.capabilities, self.world.settings
        ours = part.change == run_view.run.change
        if not ours:
            # A button there would be about that pull request's own run.
            capabilities = replace(capabilities, buttons=False, annotations=False)
        check = render_check(report, links_of(self.world), capabilities)
        digest = _digest(f"{replace(check, completed_at=None)!r}{self._place(part.change, report.head_sha)}")
        digest += _COMPLETED if check.status is CheckStatus.COMPLETED else ""
        interval = timedelta() if _plan_is_news(run_view) else self._interval(run_view, settings.check_interval)
        if self._stands(before, digest, report) or self._waits(before, report, interval):
            return
        renewed = before is not None and outworn(before, report, self.now)
        check = replace(check, new=renewed or report.run in self.new)
        forge_id = before.forge_id or None if before and not renewed else None
        try:
            forge_id = await self.forge.publish_check(part.change.repo, check, forge_id)
        except Postponed as later:
            self._hold_back(self.now + later.wait)
            return
        except Rejected as refusal:
            if ours:
                raise
            # The run's own pull request must not wait for another one's repository; what is news is tried again.
            log.warning("%s: no check on %s: %s", report.run, report.parlance.key(part.change.id), refusal)
        stored = await self._store(report.run, stored_as, digest, forge_id or "")
        self._stands(stored, digest, report)

    def _place(self, change: ChangeRef, head_sha: str) -> str:
        state = self.view.change.state
        return state.place if state is not None and (state.ref, state.head_sha) == (change, head_sha) else ""

    async def comment(self, run_view: RunView, report: Report) -> None:
        """Publish the summary comment of a change, about its newest run."""
        if len(self.view.runs) == 1 and run_view.run.config is None and run_view.run.state is not RunState.FINISHED:
            return  # of a change that was never told of, nothing is told before it is known what it asks for
        scope = self.view.change.ref.id
        known = await self._known(scope)
        before = known.get(_COMMENT)
        if not _wants_comment(run_view, report, exists=before is not None, told=self.forge.capabilities.rich_checks):
            return
        body = render_comment(report, links_of(self.world), self.forge.capabilities.comment_limit)
        digest = _digest(body)
        stands = before is not None and before.digest == digest
        if stands or self._waits(before, report, self._interval(run_view, self.world.settings.comment_interval)):
            return
        ref, forge_id = self.view.change.ref, before.forge_id if before else None
        try:
            comment = await self.forge.upsert_comment(ref, body, MARKER, forge_id)
        except Postponed as later:
            self._hold_back(self.now + later.wait)
            return
        except Rejected:
            body = render_comment(report, links_of(self.world), _LEAST)
            comment = await self.forge.upsert_comment(ref, body, MARKER, forge_id)
        await self._store(scope, _COMMENT, digest, comment)
        if before is not None and _now_failing(report) and self.view.change.failing_sha != report.head_sha:
            await self._notice(report, known.get(_NOTICE))
        if _now_failing(report) and self.view.change.failing_sha != report.head_sha:
            async with self.world.store.transaction(self.lease) as tx:
                await tx.changes.put(replace(self.view.change, failing_sha=report.head_sha))

    async def _notice(self, report: Report, older: Published | None) -> None:
        """Edits notify nobody: say once per head commit, in a comment of its own, that it fails now."""
        ref, marker = self.view.change.ref, notice_marker(report.head_sha)
        notice = await self.forge.comment(ref, render_notice(report, links_of(self.world)), marker)
        await self._store(ref.id, _NOTICE, _digest(marker), notice)
        if older is not None and older.forge_id != notice:
            await self.forge.minimise(ref, older.forge_id)

    async def nothing_due(self, run_view: RunView, *, newest: bool) -> bool:
        """Whether a run's progress can wait, so that its report, the larger part of a pass, need not even be made."""
        if (
            stage(stored_of(run_view)) not in _IN_PROGRESS
            or run_view.run.problem is not None
            or _plan_is_news(run_view)
        ):
            return False
        settings = self.world.settings
        places: list[tuple[str, str, timedelta]] = [(run_view.run.id, NAME_OF_GATE, settings.check_interval)]
        if newest:
            places.append((self.view.change.ref.id, _COMMENT, settings.comment_interval))
        times = []
        for scope, name, interval in places:
            before = (await self._known(scope)).get(name)
            if before is not None and before.digest.endswith(_COMPLETED):
                return False
            if before is not None:
                times.append(before.published_at + self._interval(run_view, interval))
            elif name != _COMMENT or _may_need_comment(run_view):
                return False
        if min(times) <= self.now:
            return False
        self._hold_back(min(times))
        return True

    def _interval(self, run_view: RunView, least: timedelta) -> timedelta:
        """Return how long news of progress waits: the longer a run has been going on, the less a minute matters, and
        so the number of updates grows with the logarithm of its time, not with its time.
        """
        return max(least, (self.now - run_view.run.created_at) / _SHARE)

    def _hold_back(self, until: datetime) -> None:
        self.due = until if self.due is None else min(self.due, until)

    def _stands(self, before: Published | None, digest: str, report: Report) -> bool:
        """Whether a check stands there as it is to be, as far as we know, and need not be written again yet; where it
        will have to be, the change becomes due then.
        """
        if before is None or before.digest != digest:
            return False
        at = again_at(before, report)
        if at is not None and at > self.now:
            self._hold_back(at)
        return at is None or at > self.now

    def _waits(self, before: Published | None, report: Report, interval: timedelta) -> bool:
        """Whether what is news is progress that can wait."""
        if before is None or before.digest.endswith(_COMPLETED):
            return False  # a run that goes on again takes its verdict back at once
        at = before.published_at + interval
        if report.stage not in _IN_PROGRESS or report.problem is not None or at <= self.now:
            return False
        self._hold_back(at)
        return True

    async def _known(self, scope: str) -> dict[str, Published]:
        """Return what was published under a scope; whoever holds the lease is the only one to publish."""
        if scope not in self._read:
            async with self.world.store.transaction() as tx:
                for asked in {scope, self.view.change.ref.id} - self._read.keys():
                    self._read[asked] = {published.name: published for published in await tx.reports.get(asked)}
        return self._read[scope]

    async def _store(self, scope: str, name: str, digest: str, forge_id: str) -> Published:
        published = Published(scope=scope, name=name, digest=digest, published_at=self.now, forge_id=forge_id)
        async with self.world.store.transaction(self.lease) as tx:
            await tx.reports.put(published)
        if scope in self._read:
            self._read[scope][name] = published
        return published


async def publish(world: World, lease: Lease, view: ChangeView, new: Collection[RunId] = ()) -> datetime | None:
    """Bring the checks of all runs and the comment up to date; return when something held back becomes due.

    `new` are runs that began under this very lease and of which nothing was told yet.
    """
    if view.change.state is None or not view.runs:
        return None
    forge = world.forge(view.change.ref.repo.forge)
    publisher = _Publisher(world=world, lease=lease, view=view, forge=forge, now=world.clock.now(), new=new)
    for index, run_view in enumerate(view.runs):
        if index > 0 and run_view.run.cleaned and run_view.run.state is RunState.FINISHED:
            continue
        silent = not forge.capabilities.rich_checks and _has_successor(view, index)
        if silent and not run_view.run.companions:
            continue
        if await publisher.nothing_due(run_view, newest=index == 0):
            continue
        joint = await joint_after(world, run_view.run) if index == 0 else None
        report = replace(await report_of(world, view, run_view), joint=joint)
        silent = silent or (joint is not None and not forge.capabilities.rich_checks)
        await publisher.checks(run_view, report, silent=silent)
        if index == 0 and not view.change.ref.queue:
            await publisher.comment(run_view, seen_from(report, run_view.run.parts[0]))
    return publisher.due


def _has_successor(view: ChangeView, index: int) -> bool:
    """Whether a newer run tests the same commit, of which a forge may show one check only."""
    head = view.runs[index].run.head_sha
    return any(newer.run.head_sha == head for newer in view.runs[:index])


def _plan_is_news(run_view: RunView) -> bool:
    """Whether the plan is made and none of its builds is written down: what is to come is told before it begins."""
    begun = any(build.run and build.purpose is not Purpose.SUBJECT for build in run_view.builds)
    return stage(stored_of(run_view)) is Stage.REBUILDING and not begun and any(e.buildable for e in run_view.entries)


def _wants_comment(run_view: RunView, report: Report, *, exists: bool, told: bool) -> bool:
    """Whether there is to be a comment. `told` says whether the check itself tells what somebody has to decide or mend;
    where a forge has but one line for it, a comment does.
    """
    config = run_view.run.config
    ended_in_trouble = report.finished and bool(report.problem or report.config_problems)
    stuck = not told and (report.stage in WAITS or ended_in_trouble)
    if config is None or config.comment is CommentPolicy.OFF or report.conclusion is Conclusion.SKIPPED:
        # A comment that stands already must not go on telling of a commit that is history.
        return (exists or stuck) and config is None and report.conclusion is not Conclusion.SKIPPED
    if exists or stuck:
        return True
    if config.comment is CommentPolicy.ALWAYS:
        return report.stage not in {Stage.QUEUED, Stage.PREPARING}
    return _now_failing(report) or report.stage is Stage.PAUSED or report.conclusion is Conclusion.ACTION_REQUIRED


def _may_need_comment(run_view: RunView) -> bool:
    """Whether a run in progress may be the reason for the change's first comment."""
    config = run_view.run.config
    regressed = any(found.judgement.verdict is Verdict.REGRESSED for found in run_view.findings)
    return regressed or (config is not None and config.comment is CommentPolicy.ALWAYS)


def _now_failing(report: Report) -> bool:
    return report.conclusion is Conclusion.FAILURE or any(row.verdict is Verdict.REGRESSED for row in report.rows)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
