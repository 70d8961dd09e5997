"""Acting on what people ask for: comments, buttons and re-run requests all end here, in the same commands.

The answer is published before the effect is stored: both are idempotent, so that a crash in between repeats the whole.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from bot.domain.actions import HandleIntent
from bot.domain.asked import Asked, Effect
from bot.domain.build import Build, BuildState
from bot.domain.commands import Command, Mistake, command_for_button, parse, without_repetitions
from bot.domain.commits import problem
from bot.domain.decide import ChangeView, RunView
from bot.domain.effects import carry_out
from bot.domain.ids import RunId
from bot.domain.intents import ButtonPressed, Commented, RerunRequested, StoredIntent
from bot.domain.permission import Permission
from bot.domain.policy import HOUR, Actor, Refused, authorize, may_be_answered
from bot.domain.publication import Reaction
from bot.domain.report.answers import answer_all
from bot.domain.report.escape import prose
from bot.domain.report.values import Report
from bot.domain.run import ChangeRef, Run, RunState, StopReason
from bot.domain.verbs import Verb
from bot.engine.companions import look_up
from bot.engine.pinning import newest_at_commits
from bot.engine.proposing import proposed
from bot.engine.publishing import APPROVAL_ASKED
from bot.engine.reports import links_of, report_of
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.errors import Gone, Misconfigured, Rejected
from bot.ports.store import AuditRecord, Transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What an intent asks for, and by whom."""

    actor: str
    commands: tuple[Command | Mistake, ...]
    source: str
    stored: StoredIntent
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carried:
    """What the commands of one intent come to."""

    view: ChangeView
    answers: tuple[tuple[str, str], ...]
    records: tuple[AuditRecord, ...]

    @property
    def refused(self) -> bool:
        """Whether any of them was not done."""
        return not all(record.allowed for record in self.records)


async def handle_intent(world: World, view: ChangeView, action: HandleIntent) -> Write:
    """Carry out every command of one intent, in order, and answer."""
    request = _read(world, view, action.intent)
    if request is None or not request.commands:
        return _done(action.intent)
    if request.comment is not None:
        await _react(world, view.change.ref, request.comment, Reaction.SEEN)
    permission = await world.forge(view.change.ref.repo.forge).permission(view.change.ref.repo, request.actor)
    carried = await _carry_out_all(world, view, request, permission)
    # A button has no place for a reaction: who pressed it is told in words whatever there is to tell.
    to = request.comment if request.comment is not None else f"press{action.intent.id}"
    if carried.answers:
        await _answer(world, view.change.ref, answer_all(to, carried.answers))
    if request.comment is not None:
        reaction = Reaction.REFUSED if carried.refused else Reaction.DONE
        await _react(world, view.change.ref, request.comment, reaction)

    async def write(tx: Transaction) -> None:
        await _store_difference(tx, view, carried.view)
        for record in carried.records:
            await tx.audit.add(record)
        await tx.intents.done([action.intent.id])

    return write


async def _carry_out_all(world: World, view: ChangeView, request: _Request, permission: Permission) -> _Carried:
    """Carry the commands out, in order; whoever was answered often enough for now is not answered in words."""
    told = await _told(world, view, request.actor, permission)
    in_words = may_be_answered(permission, told, world.clock.now())
    asked = await _circumstances(world, view, request, in_words=in_words)
    if permission >= Permission.WRITE and view.change.state is not None:
        # Nobody else may ask for it, or learn by it what else there is.
        found = await look_up(world, view.change.state, request.actor, request.commands)
        asked = replace(asked, companions=found)
    after, answers, records = view, list[tuple[str, str]](), list[AuditRecord]()
    for command in without_repetitions(request.commands):
        effect = _one(command, after, asked, permission)
        if effect.view is after and effect.answer and not may_be_answered(permission, told, asked.now):
            effect = Effect(view=after, done=False)
        if effect.view is not after:
            effect = await _at_commits(world, after, effect)
        if effect.view is not after:
            # The next command of the comment is about the change as this one left it.
            after = effect.view
            asked = replace(asked, report=await _report(world, after))
        if effect.answer:
            answers.append((_written(command), effect.answer))
            told.append(asked.now)
        records.append(_record(view, request, command, effect, asked))
    return _Carried(view=after, answers=tuple(answers), records=tuple(records))


async def _at_commits(world: World, before: ChangeView, effect: Effect) -> Effect:
    """Return what a command does, with the commits of what it adds to the plan: nothing, where these are refused."""
    try:
        after = await newest_at_commits(world, before, effect.view)
    except Misconfigured as refusal:
        log.warning("%s: %s", world.name(before.change.ref.id), refusal)
        answer = f"Nothing was done, since the dist-git cannot be asked for commits: {prose(str(refusal))}"
        return Effect(view=before, answer=answer, done=False)
    latest, known = after.runs[0], {entry for found in before.runs for entry in found.entries}
    waits = problem(latest.run, [entry for entry in latest.entries if entry not in known])
    told = prose(f"{waits.what} {waits.hint}") if waits is not None else ""
    return replace(effect, view=after, answer=" ".join(filter(None, (effect.answer, told))))


async def _told(world: World, view: ChangeView, actor: str, permission: Permission) -> list[datetime]:
    """Return when somebody whose answers are counted was answered lately."""
    if permission >= Permission.TRIAGE:
        return []
    since = world.clock.now() - HOUR
    async with world.store.transaction() as tx:
        records = await tx.audit.of_change(view.change.ref.id)
    return [record.at for record in records if record.actor == actor and record.answer and record.at > since]


async def _react(world: World, change: ChangeRef, comment: str, reaction: Reaction) -> None:
    """React; a comment that was deleted meanwhile is acted upon all the same."""
    try:
        await world.forge(change.repo.forge).react(change, comment, reaction)
    except Rejected as refusal:
        log.warning("%s: no reaction to a command: %s", world.name(change.id), refusal)


async def _answer(world: World, change: ChangeRef, body: str) -> None:
    """Answer; where the forge will not have the words, the command is carried out without them."""
    if change.queue:
        return  # there is nobody to talk to: a button was pressed on a commit of a merge queue
    marker, _, words = body.partition("\n")
    # Comments of ours are found again by a marker: a log that is quoted must not pass for another one.
    quoted = words.replace("<!--", "<\u200b!--")
    try:
        await world.forge(change.repo.forge).comment(change, f"{marker}\n{quoted}", marker)
    except Gone:
        raise
    except Rejected as refusal:
        log.warning("%s: a command could not be answered: %s", world.name(change.id), refusal)


def _done(intent: StoredIntent) -> Write:
    async def write(tx: Transaction) -> None:
        await tx.intents.done([intent.id])

    return write


def _read(world: World, view: ChangeView, stored: StoredIntent) -> _Request | None:
    """Return what the intent asks for; None where it asks for nothing (any more)."""
    state = view.change.state
    match stored.intent:
        case Commented(author=author, body=body, comment=comment):
            if state is not None and not state.open:
                return None
            commands = parse(world.comments(body), view.parlance)
            return _Request(
                actor=author, commands=commands, source=f"comment:{comment}", stored=stored, comment=comment
            )
        case ButtonPressed(user=user, identifier=identifier, head_sha=sha):
            command = command_for_button(identifier, sha)
            commands = () if command is None else (command,)
            return _Request(actor=user, commands=commands, source=f"button:{identifier}", stored=stored)
        case RerunRequested(user=user, head_sha=sha, run=run):
            if state is None or not state.open:
                return None
            command = Command(verb=Verb.RETRY, sha=sha) if run is None else _same_again(view, run, sha)
            return _Request(actor=user, commands=(command,), source="rerun", stored=stored)
        case _:
            return None


def _same_again(view: ChangeView, run: RunId, sha: str) -> Command:
    """Return the command for a new run of the same plan as that of an earlier one."""
    found = next((each.run for each in view.runs if each.run.id == run), None)
    if found is not None and found.companions:
        changes = ",".join(view.parlance.name(part.change) for part in found.companions)
        return Command(verb=Verb.WITH, options=(("changes", changes),), sha=sha)
    return Command(verb=Verb.RUN, options=() if found is None else _options(found), sha=sha)


def _options(run: Run) -> tuple[tuple[str, str], ...]:
    limit = () if run.limit is None else (("limit", str(run.limit)),)
    depth = () if run.depth is None else (("depth", str(run.depth)),)
    return (*limit, *depth, *(("target", target) for target in run.only_targets))


async def _circumstances(world: World, view: ChangeView, request: _Request, *, in_words: bool) -> Asked:
    intent, received_at = request.stored.intent, request.stored.received_at
    return Asked(
        actor=request.actor,
        # The forge's clock may be ahead of ours, by which it is known what could be seen.
        at=min(intent.written_at, received_at) if isinstance(intent, Commented) else received_at,
        now=world.clock.now(),
        new_run=RunId(secrets.token_hex(6)),
        waiting_since=await _waiting_since(world, view),
        report=await _report(world, view),
        links=links_of(world),
        proposal=await _proposal(world, view, request) if in_words else "",
    )


async def _waiting_since(world: World, view: ChangeView) -> datetime | None:
    """Return since when the present head has been shown as waiting for an approval, None where it is not.

    That may be by the check of an earlier run, which this one took the place of; a head that came back after another
    one, or that was stopped meanwhile, is not what was shown then.
    """
    if not view.runs or view.runs[0].run.state is not RunState.WAITING:
        return None
    latest, *earlier = (found.run for found in view.runs)
    asked = [
        latest,
        *takewhile(lambda run: run.head_sha == latest.head_sha and run.stop is StopReason.SUPERSEDED, earlier),
    ]
    async with world.store.transaction() as tx:
        shown = [entry for run in asked for entry in await tx.reports.get(run.id) if entry.name == APPROVAL_ASKED]
    return min((entry.published_at for entry in shown), default=None)


async def _proposal(world: World, view: ChangeView, request: _Request) -> str:
    """Return a configuration for a repository that has none, where one is asked for."""
    state = view.change.state
    asked_for = any(isinstance(each, Command) and each.verb is Verb.CONFIG for each in request.commands)
    if not asked_for or state is None or not view.runs:
        return ""
    run = view.runs[0].run
    missing = run.config is None and not run.config_problems and run.state is RunState.FINISHED
    return await proposed(world, view.change.ref, state.head_sha) if missing else ""


async def _report(world: World, view: ChangeView) -> Report | None:
    """Return the report about the newest run."""
    return await report_of(world, view, view.runs[0]) if view.runs else None


def _one(command: Command | Mistake, view: ChangeView, asked: Asked, permission: Permission) -> Effect:
    if isinstance(command, Mistake):
        return Effect(view=view, answer=command.answer, done=False)
    state = view.change.state
    actor = Actor(
        name=asked.actor,
        permission=permission,
        is_author=state is not None and state.author == asked.actor,
        # An approval lets one commit be built; it does not make its author one of those who may ask for more.
        author_trusted=bool(view.runs and view.runs[0].run.trusted) and view.change.approved_sha is None,
    )
    allowed = authorize(command, actor, view.parlance)
    if isinstance(allowed, Refused):
        return Effect(view=view, answer=allowed.message, done=False)
    return carry_out(command, view, asked)


def _written(command: Command | Mistake) -> str:
    return command.line if isinstance(command, Mistake) else str(command)


def _record(
    view: ChangeView, request: _Request, command: Command | Mistake, effect: Effect, asked: Asked
) -> AuditRecord:
    return AuditRecord(
        at=asked.now,
        change=view.change.ref.id,
        actor=request.actor,
        action=_written(command),
        allowed=effect.done,
        answer=effect.answer,
        source=request.source,
    )


async def _store_difference(tx: Transaction, before: ChangeView, after: ChangeView) -> None:
    if after.change != before.change:
        await tx.changes.put(after.change)
    for package in sorted({*before.waivers, *after.waivers}):
        waiver = after.waivers.get(package)
        if waiver != before.waivers.get(package):
            await tx.waivers.put(after.change.ref.id, package, waiver)
    known = {found.run.id: found for found in before.runs}
    for run_view in after.runs:
        old = known.get(run_view.run.id, RunView(run=run_view.run))
        if run_view.run.id not in known or run_view.run != old.run:
            await tx.runs.put(run_view.run)
        if run_view.run.id not in known:
            for part in run_view.run.companions:
                # Looked at again before anybody compares it with what the run tests.
                await tx.changes.touch(part.change, run_view.run.created_at)
        planned = {(entry.target, entry.package): entry for entry in old.entries}
        entries = [entry for entry in run_view.entries if entry != planned.get((entry.target, entry.package))]
        if entries:
            await tx.runs.put_entries(entries)
        await _store_builds(tx, old.builds, run_view.builds)


async def _store_builds(tx: Transaction, before: Sequence[Build], after: Sequence[Build]) -> None:
    known = {build.key: build for build in before}
    await tx.builds.add([build for build in after if build.key not in known])
    changed = {build.key: build for build in after if build.key in known and build != known[build.key]}
    if changed:
        # Read again: the poller may have gone on since.
        fresh = await tx.builds.get(list(changed))
        await tx.builds.put([_as_asked(build, changed[build.key]) for build in fresh.values() if not build.outcome])


def _as_asked(fresh: Build, wanted: Build) -> Build:
    """Return a build as it is by now, with what a command can change of one: that it ends, or when it begins."""
    stopped = fresh.cancel_requested or wanted.cancel_requested
    if fresh.state is not BuildState.QUEUED:
        return replace(fresh, cancel_requested=stopped)
    return replace(
        fresh,
        cancel_requested=stopped,
        purpose=wanted.purpose,
        priority=wanted.priority,
        not_before=wanted.not_before,
    )
