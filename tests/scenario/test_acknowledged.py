"""A command is acknowledged when it comes in, although somebody is busy with its pull request."""

from datetime import timedelta

import pytest

from bot.domain.intents import Commented, ReceivedDelivery
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef
from bot.engine.acknowledge import Acknowledger
from bot.engine.intake import Intake
from bot.ports.errors import Rejected, Transient
from tests.fakes.forge import FakeComment
from tests.scenario.harness import Stage
from tests.scenario.test_conversations import rebuilding


async def heard(revdeps: Stage, ref: ChangeRef, *bodies: str) -> list[FakeComment]:
    """Let comments come in as webhooks do, with nobody who handles them; return them once all is acknowledged."""
    acknowledger = Acknowledger(revdeps.world)
    intake = Intake(revdeps.world.store, lambda: None, acknowledger.heard)
    written = [revdeps.forge.write(ref, body, "octocat") for body in bodies]
    for each in written:
        await intake.submit(delivery_of(revdeps, each))
    await intake.close()
    await acknowledger.close()
    return written


def delivery_of(revdeps: Stage, comment: FakeComment) -> ReceivedDelivery:
    now = revdeps.clock.now()
    intent = Commented(
        change=comment.change, comment=comment.id, author=comment.author, body=comment.body, written_at=now
    )
    return ReceivedDelivery(forge="github", guid=comment.id, event="test", received_at=now, intents=(intent,))


async def test_a_command_is_seen_while_its_change_is_being_worked_on(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    await revdeps.deliver_refresh(ref)
    lease = await revdeps.world.store.lease_change("somebody busy", revdeps.clock.now(), timedelta(hours=1))
    assert lease is not None
    (written,) = await heard(revdeps, ref, "/revdeps cancel")
    assert written.reactions == [Reaction.SEEN]
    assert len(revdeps.builder.running) == 2
    await revdeps.world.store.release(lease, revdeps.clock.now())
    await revdeps.settle()
    assert written.reactions == [Reaction.SEEN, Reaction.DONE]
    assert revdeps.builder.running == ()


async def test_talk_and_what_stands_on_a_closed_pull_request_are_passed_over(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    quote, command = await heard(revdeps, ref, "> /revdeps status", "/revdeps status")
    assert (quote.reactions, command.reactions) == ([], [Reaction.SEEN])
    revdeps.forge.close(ref)
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    (late,) = await heard(revdeps, ref, "/revdeps status")
    assert late.reactions == []


async def test_the_first_comment_on_a_pull_request_that_nobody_told_of_is_seen(revdeps: Stage) -> None:
    ref = revdeps.forge.open_change().ref
    (written,) = await heard(revdeps, ref, "/revdeps status")
    assert written.reactions == [Reaction.SEEN]


@pytest.mark.parametrize("trouble", [Transient("down"), Rejected("locked"), RuntimeError("a bug")])
async def test_one_that_cannot_be_acknowledged_keeps_no_other_from_it(revdeps: Stage, trouble: Exception) -> None:
    ref = await rebuilding(revdeps)
    revdeps.forge.fail_next("react", trouble)
    written = await heard(revdeps, ref, "/revdeps status", "/revdeps status")
    assert sorted(len(each.reactions) for each in written) == [0, 1]
    await revdeps.settle()
    assert [each.reactions for each in written] == [[Reaction.SEEN, Reaction.DONE]] * 2


async def test_of_a_flood_the_rest_is_acknowledged_when_it_is_handled(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    comment = delivery_of(revdeps, revdeps.forge.write(ref, "/revdeps status", "octocat")).intents[0]
    acknowledger = Acknowledger(revdeps.world)
    acknowledger.heard([comment] * 2_000)
    await acknowledger.close()
    assert revdeps.forge.calls["react"] == 1_000
