"""What becomes of repositories and pull requests while the bot works on them, from the webhook on, on each forge."""

import pytest

from bot.domain.run import ChangeRef, Conclusion
from tests.scenario.deeds import Deeds
from tests.scenario.harness import CONFIG
from tests.scenario.outcomes import breaks
from tests.scenario.test_wire_bad_input import ALL
from tests.scenario.wire import Talk

# Repositories.


@pytest.mark.parametrize("deed", ["rename", "transfer"])
async def test_a_repository_that_moves_in_mid_run_goes_on_where_it_is(
    forge: str, talk: Talk, deeds: Deeds, deed: str
) -> None:
    ref = await talk.under_way()
    head = (await talk.stage.forge.change(ref)).head_sha
    repo = await (deeds.rename("libfoo2") if deed == "rename" else deeds.transfer("hubot"))
    await talk.sweep()
    await talk.finish()
    assert await talk.conclusions(ref) == [Conclusion.CANCELLED]
    assert talk.engine.builder.running == ()
    if (forge, deed) == ("github", "transfer"):
        # An App is installed by the owner; the new one has not done so.
        return
    moved = ChangeRef(repo=repo, number=ref.number)
    assert await talk.conclusions(moved) == [Conclusion.SUCCESS]
    assert talk.stage.checks(head)[-1].conclusion == "success"
    assert {check.status for check in talk.stage.checks(head)} == {"completed"}


async def test_in_an_archived_repository_nothing_is_tried_for_ever(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    await deeds.archive()
    await talk.finish()
    for _ in range(6):
        await talk.settle(minutes=30)
    calls = talk.calls
    await talk.settle(minutes=60)
    assert talk.calls == calls
    assert talk.engine.builder.running == ()
    assert await talk.conclusions(ref) == [Conclusion.SUCCESS]


async def test_a_repository_that_becomes_private_goes_on(talk: Talk, deeds: Deeds) -> None:
    await deeds.show(private=False)
    ref = await talk.under_way()
    await deeds.show(private=True)
    await talk.finish()
    assert (await talk.gate(ref)).conclusion == "success"
    asked = await talk.say(ref, "/revdeps rebuild bar")
    assert asked.reactions == ("eyes", "rocket")


@pytest.mark.parametrize("deed", ["delete", "uninstall"])
async def test_where_the_bot_is_not_let_in_any_more_nothing_goes_on(talk: Talk, deeds: Deeds, deed: str) -> None:
    ref = await talk.under_way()
    await (deeds.delete() if deed == "delete" else deeds.uninstall())
    await talk.sweep()
    await talk.settle(minutes=20)
    assert await talk.conclusions(ref) == [Conclusion.CANCELLED]
    assert talk.engine.builder.running == ()
    calls = talk.calls
    await talk.settle(minutes=60)
    assert talk.calls == calls


async def test_where_the_bot_is_let_in_again_it_begins_anew(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    await deeds.uninstall()
    await talk.sweep()
    await deeds.install()
    await talk.sweep()
    await talk.finish()
    assert await talk.conclusions(ref) == [Conclusion.SUCCESS, Conclusion.CANCELLED]
    assert (await talk.gate(ref)).conclusion == "success"


# Pull requests.


async def test_a_force_push_to_an_earlier_commit_is_checked_again(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.open()
    first = (await talk.stage.forge.change(ref)).head_sha
    second = await talk.push(ref)
    await deeds.reset(ref, first)
    await talk.settle()
    runs = (await talk.engine.view(ref)).runs
    assert [found.run.head_sha for found in runs] == [first, second, first]
    assert (await talk.gate(ref)).conclusion == "success"


async def test_another_base_ends_what_is_under_way_and_begins_anew(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    await deeds.branch("stable", {"notes.txt": "of the stable branch"})
    await deeds.retarget(ref, "stable")
    await talk.settle()
    runs = (await talk.engine.view(ref)).runs
    assert [(found.run.base_branch, found.run.conclusion) for found in runs] == [
        ("stable", None),
        ("main", Conclusion.CANCELLED),
    ]
    await talk.finish()
    assert (await talk.gate(ref)).conclusion == "success"


async def test_a_draft_that_nobody_wants_checked_waits_until_it_is_ready(talk: Talk, deeds: Deeds) -> None:
    await talk.stage.commit({".revdeps.yaml": f"{CONFIG}drafts: skip\n"})
    ref = await talk.open(draft=True)
    assert talk.built() == []
    await deeds.draft(ref, draft=False)
    await talk.settle()
    assert talk.built() == ALL
    assert (await talk.gate(ref)).conclusion == "success"
    await deeds.draft(ref, draft=True)
    await talk.settle()
    assert talk.built() == ALL


async def test_a_draft_in_mid_run_goes_on_where_drafts_are_checked(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    await deeds.draft(ref, draft=True)
    await talk.settle()
    await deeds.draft(ref, draft=False)
    await talk.finish()
    assert await talk.conclusions(ref) == [Conclusion.SUCCESS]
    assert talk.built() == ALL


async def test_where_the_conversation_is_locked_the_check_says_it_all(forge: str, talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    await deeds.lock(ref)
    talk.engine.builder.outcome_for = breaks("bar")
    await talk.engine.finish_all()
    for _ in range(4):
        await talk.settle(minutes=30)
    assert (await talk.gate(ref)).conclusion == "failure"
    # A member may write in a locked conversation, and so may a bot that is one; an App is none.
    assert len(talk.stage.comments(ref)) == (0 if forge == "github" else 1)


async def test_a_deleted_head_branch_ends_it(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    await deeds.drop_branch(ref)
    await talk.settle()
    assert await talk.conclusions(ref) == [Conclusion.CANCELLED]
    assert talk.engine.builder.running == ()
    assert (await talk.gate(ref)).status == "completed"


async def test_a_fork_s_pull_request_is_told_where_it_is_looked_at(forge: str, talk: Talk) -> None:
    ref = await talk.stage.open({"libfoo.spec": "Name: libfoo\n# of a fork\n"}, author="hubot-friend", from_fork=True)
    await talk.settle()
    assert talk.built() == []
    head = (await talk.stage.forge.change(ref)).head_sha
    await talk.say(ref, f"/revdeps ok @{head[:10]}")
    assert talk.built() == ALL
    if forge == "gitlab":
        # A status belongs to the project that the commit is in, and a fork's people have not invited the bot.
        assert talk.stage.checks(head) == []
        [told] = [seen.body for seen in talk.stage.comments(ref) if "revdeps:check" in seen.body]
        assert "**success**" in told
    else:
        assert (await talk.gate(ref)).conclusion == "success"
