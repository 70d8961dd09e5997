"""Acting on what people ask for: comments, buttons and re-run requests all end here, in the same commands.

The answer is published before the effect is stored: both are idempotent, so that a crash in between repeats the whole.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.actions import HandleIntent
from bot.domain.build import Build
from bot.domain.commands import Command, Mistake, command_for_button, parse
from bot.domain.decide import ChangeView, RunView
from bot.domain.effects import Asked, Effect, carry_out
from bot.domain.ids import RunId
from bot.domain.intents import ButtonPressed, Commented, RerunRequested, StoredIntent
from bot.domain.permission import Permission
from bot.domain.policy import Actor, Refused, authorize
from bot.domain.publication import Reaction
from bot.domain.report.answers import answer_all
from bot.domain.report.check import NAME_OF_GATE
from bot.domain.report.values import Report
from bot.domain.run import ChangeRef, RunState
from bot.domain.verbs import Verb
from bot.engine.reports import links_of, report_of
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.errors import Gone, Rejected
from bot.ports.forge import Forge
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


async def handle_intent(world: World, view: ChangeView, action: HandleIntent) -> Write:
    """Carry out every command of one intent, in order, and answer."""
    request = _read(world, view, action.intent)
    if request is None or not request.commands:
        return _done(action.intent)
    forge = world.forge(view.change.ref.repo.forge)
    if request.comment is not None:
        await _react(forge, view.change.ref, request.comment, Reaction.SEEN)
    permission = await forge.permission(view.change.ref.repo, request.actor)
    asked = await _circumstances(world, view, request)
    after, answers, records = view, list[tuple[str, str]](), list[AuditRecord]()
    refused = False
    for command in request.commands:
        effect = _one(command, after, asked, permission)
        refused = refused or not effect.done
        if effect.view is not after:
            # The next command of the comment is about the change as this one left it.
            after = effect.view
            asked = replace(asked, report=await _report(world, after))
        if effect.answer:
            answers.append((_written(command), effect.answer))
        records.append(_record(view, request, command, effect, asked))
    if request.comment is not None:
        if answers:
            body = answer_all(request.comment, answers)
            await _answer(forge, view.change.ref, body)
        await _react(forge, view.change.ref, request.comment, Reaction.REFUSED if refused else Reaction.DONE)
    elif refused and answers:
        # A button has no place for a reaction: who pressed it is told in words why nothing happens.
        await _answer(forge, view.change.ref, answer_all(f"press{action.intent.id}", answers))

    async def write(tx: Transaction) -> None:
        await _store_difference(tx, view, after)
        for record in records:
            await tx.audit.add(record)
        await tx.intents.done([action.intent.id])

    return write


async def _react(forge: Forge, change: ChangeRef, comment: str, reaction: Reaction) -> None:
    """React; a comment that was deleted meanwhile is acted upon all the same."""
    try:
        await forge.react(change, comment, reaction)
    except Rejected as refusal:
        log.warning("%s: no reaction to a command: %s", change, refusal)


async def _answer(forge: Forge, change: ChangeRef, body: str) -> None:
    """Answer; where the forge will not have the words, the command is carried out without them."""
    marker, _, words = body.partition("\n")
    # Comments of ours are found again by a marker: a log that is quoted must not pass for another one.
    quoted = words.replace("<!--", "<\u200b!--")
    try:
        await forge.comment(change, f"{marker}\n{quoted}", marker)
    except Gone:
        raise
    except Rejected as refusal:
        log.warning("%s: a command could not be answered: %s", change, refusal)


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
            commands = parse(world.comments(body))
            return _Request(
                actor=author, commands=commands, source=f"comment:{comment}", stored=stored, comment=comment
            )
        case ButtonPressed(user=user, identifier=identifier, head_sha=sha):
            command = command_for_button(identifier, sha)
            commands = () if command is None else (command,)
            return _Request(actor=user, commands=commands, source=f"button:{identifier}", stored=stored)
        case RerunRequested(user=user, head_sha=sha, run=run):
            if state is None or sha != state.head_sha:
                return None
            verb = Verb.RETRY if run is None else Verb.RUN
            return _Request(actor=user, commands=(Command(verb=verb),), source="rerun", stored=stored)
        case _:
            return None


async def _circumstances(world: World, view: ChangeView, request: _Request) -> Asked:
    latest = view.runs[0] if view.runs else None
    waiting_since = None
    if latest is not None and latest.run.state is RunState.WAITING:
        async with world.store.transaction() as tx:
            published = {entry.name: entry for entry in await tx.reports.get(latest.run.id)}
        check = published.get(NAME_OF_GATE)
        waiting_since = check.published_at if check else None
    intent = request.stored.intent
    return Asked(
        actor=request.actor,
        at=intent.written_at if isinstance(intent, Commented) else request.stored.received_at,
        now=world.clock.now(),
        new_run=RunId(secrets.token_hex(6)),
        waiting_since=waiting_since,
        report=await _report(world, view),
        links=links_of(world),
    )


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
    allowed = authorize(command, actor)
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
    known = {found.run.id: found for found in before.runs}
    for run_view in after.runs:
        old = known.get(run_view.run.id, RunView(run=run_view.run))
        if run_view.run.id not in known or run_view.run != old.run:
            await tx.runs.put(run_view.run)
        entries = [entry for entry in run_view.entries if entry not in old.entries]
        if entries:
            await tx.runs.put_entries(entries)
        await _store_builds(tx, old.builds, run_view.builds)


async def _store_builds(tx: Transaction, before: Sequence[Build], after: Sequence[Build]) -> None:
    known = {build.key for build in before}
    await tx.builds.add([build for build in after if build.key not in known])
    stopped = [build.key for build in after if build.key in known and build.cancel_requested]
    if stopped:
        # Read again: the poller may have gone on since.
        fresh = await tx.builds.get(stopped)
        await tx.builds.put([replace(build, cancel_requested=True) for build in fresh.values() if not build.outcome])
