"""What people, bots, forges and time do amiss, from the webhook on, on each forge: nothing is lost, nothing is done
twice, nothing goes on for nobody, and whoever looks sees the truth.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.run import ChangeRef, Conclusion, RunState
from bot.engine.resync import Resync
from tests.fakes.forge_stages import SeenCheck
from tests.fakes.resolver import affected
from tests.scenario.deeds import DEEDS, Deeds
from tests.scenario.harness import CONFIG
from tests.scenario.outcomes import breaks, holds_builds
from tests.scenario.test_several_changes import breaks as breaks_in
from tests.scenario.wire import FORGES, Talk, talking

ALL = ["libfoo", "bar", "baz"]


@pytest.fixture(params=sorted(FORGES))
def forge(request: pytest.FixtureRequest) -> str:
    """The forge's name."""
    name: str = request.param
    return name


@pytest.fixture
async def talk(forge: str, tmp_path: Path) -> AsyncIterator[Talk]:
    """The bot on each forge; two packages depend on the changed one, and nothing breaks."""
    async with talking(FORGES[forge](tmp_path), tmp_path) as made:
        yield made


@pytest.fixture
def deeds(forge: str, talk: Talk) -> Deeds:
    """What else can be done there."""
    return DEEDS[forge](talk.stage)


async def under_way(talk: Talk) -> ChangeRef:
    """Open a pull request whose dependents are being built."""
    talk.engine.builder.outcome_for = holds_builds
    ref = await talk.open()
    assert len(talk.engine.builder.running) == 2
    return ref


async def finish(talk: Talk, minutes: int = 2) -> None:
    """Let the builds end well, and the bot tell it."""
    talk.engine.builder.outcome_for = breaks()
    await talk.engine.finish_all()
    await talk.settle(minutes)


async def sweep(talk: Talk) -> None:
    """Let the bot look for what nobody told it, and work on it."""
    await Resync(world=talk.engine.world, owner="resync", woke=lambda: None).once()
    await talk.settle()


async def conclusions(talk: Talk, ref: ChangeRef) -> list[Conclusion | None]:
    return [found.run.conclusion for found in (await talk.engine.view(ref)).runs]


# Comments.


async def test_what_is_edited_into_a_comment_is_no_command(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.open()
    plain = await talk.stage.write(ref, "looks good", "octocat")
    await deeds.edit(plain, "/revdeps rebuild bar")
    await talk.settle()
    assert (talk.built(), talk.stage.comments(ref)[0].reactions, talk.answers(ref)) == (ALL, (), [])


async def test_a_command_counts_as_it_was_when_it_was_written(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.open()
    order = await talk.stage.write(ref, "/revdeps rebuild bar", "octocat")
    await deeds.edit(order, "/revdeps rebuild baz")
    await talk.settle()
    assert talk.built() == [*ALL, "bar"]


async def test_a_command_that_is_deleted_at_once_is_carried_out_and_answered_to_nobody_s_harm(
    talk: Talk, deeds: Deeds
) -> None:
    ref = await talk.open()
    order = await talk.stage.write(ref, "/revdeps rebuild bar", "octocat")
    await deeds.erase(order)
    await talk.settle(minutes=20)
    assert talk.built() == [*ALL, "bar"]
    assert (await talk.gate(ref)).conclusion == "success"


@pytest.mark.parametrize("which", [0, 1], ids=["itself", "another"])
async def test_no_bot_gives_orders(talk: Talk, deeds: Deeds, which: int) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    started = list(talk.engine.builder.started)
    own = "<!-- revdeps:answer -->\n" if which == 0 else ""
    asked = await talk.say(ref, f"{own}/revdeps rebuild bar", author=deeds.bots[which])
    assert (asked.reactions, talk.answers(ref)[which == 0 :]) == ((), [])
    assert talk.engine.builder.started == started


async def test_a_summary_that_somebody_deletes_comes_back_with_the_next_news(talk: Talk, deeds: Deeds) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    await deeds.erase_ours(ref)
    assert talk.summary(ref) == ""
    await talk.say(ref, "/revdeps retry bar")
    assert "`bar`" in talk.summary(ref)


@pytest.mark.parametrize("line", ["/revdeps retyr", "/revdeps rebuild bar", "/revdeps rebuild package-{}"])
async def test_five_hundred_commands_get_one_answer_and_build_nothing_twice(talk: Talk, line: str) -> None:
    ref = await talk.open()
    asked = await talk.say(ref, "\n".join(line.format(number) for number in range(500)))
    assert "eyes" in asked.reactions
    assert len(talk.answers(ref)) <= 1
    assert len(talk.built()) <= len(ALL) + 1


async def test_a_command_is_understood_in_any_company(talk: Talk) -> None:
    ref = await talk.open()
    for words in (
        "もう一度お願いします。\n\n/revdeps rebuild bar\n\nმადლობა 🙏",
        "\ufeff/revdeps rebuild bar",
        "/revdeps rebuild bar\r\n\r\nありがとう\r\n",
        "/revdeps\u00a0rebuild\u00a0bar\u200b",
    ):
        asked = await talk.say(ref, words)
        assert asked.reactions == ("eyes", "rocket")
    assert talk.built() == [*ALL, *["bar"] * 4]


async def test_what_is_no_package_is_refused_and_repeated_harmlessly(talk: Talk) -> None:
    ref = await talk.open()
    for package in ("ბაზარი", "\u202erab", "\uff42\uff41\uff52", "@octocat", "<img>", "a" * 5_000):
        asked = await talk.say(ref, f"/revdeps rebuild {package}")
        assert asked.reactions == ("eyes", "confused")
        answer = talk.answers(ref)[-1]
        assert "\u202e" not in answer
        assert "<img>" not in answer.replace("`<img>`", "")
        assert "@octocat" not in answer.replace("`@octocat`", "")
        assert len(answer) < 4_000
    assert len(talk.answers(ref)) == 6
    assert talk.built() == ALL


async def test_a_comment_and_a_label_in_the_same_second_are_both_heard(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.open()
    talk.stage.clock.stop()
    await talk.stage.write(ref, "/revdeps rebuild bar", "octocat")
    await deeds.label(ref, "urgent")
    await talk.settle()
    assert talk.built() == [*ALL, "bar"]
    state = (await talk.engine.view(ref)).change.state
    assert state is not None
    assert state.labels == ("urgent",)
    assert len((await talk.engine.view(ref)).runs) == 1


# Repositories.


@pytest.mark.parametrize("deed", ["rename", "transfer"])
async def test_a_repository_that_moves_in_mid_run_goes_on_where_it_is(
    forge: str, talk: Talk, deeds: Deeds, deed: str
) -> None:
    ref = await under_way(talk)
    head = (await talk.stage.forge.change(ref)).head_sha
    repo = await (deeds.rename("libfoo2") if deed == "rename" else deeds.transfer("hubot"))
    await sweep(talk)
    await finish(talk)
    assert await conclusions(talk, ref) == [Conclusion.CANCELLED]
    assert talk.engine.builder.running == ()
    if (forge, deed) == ("github", "transfer"):
        # An App is installed by the owner; the new one has not done so.
        return
    moved = ChangeRef(repo=repo, number=ref.number)
    assert await conclusions(talk, moved) == [Conclusion.SUCCESS]
    assert talk.stage.checks(head)[-1].conclusion == "success"
    assert {check.status for check in talk.stage.checks(head)} == {"completed"}


async def test_in_an_archived_repository_nothing_is_tried_for_ever(talk: Talk, deeds: Deeds) -> None:
    ref = await under_way(talk)
    await deeds.archive()
    await finish(talk)
    for _ in range(6):
        await talk.settle(minutes=30)
    calls = await calls_of(talk)
    await talk.settle(minutes=60)
    assert await calls_of(talk) == calls
    assert talk.engine.builder.running == ()
    assert await conclusions(talk, ref) == [Conclusion.SUCCESS]


async def test_a_repository_that_becomes_private_goes_on(talk: Talk, deeds: Deeds) -> None:
    await deeds.show(private=False)
    ref = await under_way(talk)
    await deeds.show(private=True)
    await finish(talk)
    assert (await talk.gate(ref)).conclusion == "success"
    asked = await talk.say(ref, "/revdeps rebuild bar")
    assert asked.reactions == ("eyes", "rocket")


@pytest.mark.parametrize("deed", ["delete", "uninstall"])
async def test_where_the_bot_is_not_let_in_any_more_nothing_goes_on(talk: Talk, deeds: Deeds, deed: str) -> None:
    ref = await under_way(talk)
    await (deeds.delete() if deed == "delete" else deeds.uninstall())
    await sweep(talk)
    await talk.settle(minutes=20)
    assert await conclusions(talk, ref) == [Conclusion.CANCELLED]
    assert talk.engine.builder.running == ()
    calls = await calls_of(talk)
    await talk.settle(minutes=60)
    assert await calls_of(talk) == calls


async def test_where_the_bot_is_let_in_again_it_begins_anew(talk: Talk, deeds: Deeds) -> None:
    ref = await under_way(talk)
    await deeds.uninstall()
    await sweep(talk)
    await deeds.install()
    await sweep(talk)
    await finish(talk)
    assert await conclusions(talk, ref) == [Conclusion.SUCCESS, Conclusion.CANCELLED]
    assert (await talk.gate(ref)).conclusion == "success"


async def calls_of(talk: Talk) -> int:
    """How often the forge was asked for something."""
    return sum(talk.stage.server.calls.values())


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
    ref = await under_way(talk)
    await deeds.branch("stable", {"notes.txt": "of the stable branch"})
    await deeds.retarget(ref, "stable")
    await talk.settle()
    runs = (await talk.engine.view(ref)).runs
    assert [(found.run.base_branch, found.run.conclusion) for found in runs] == [
        ("stable", None),
        ("main", Conclusion.CANCELLED),
    ]
    await finish(talk)
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
    ref = await under_way(talk)
    await deeds.draft(ref, draft=True)
    await talk.settle()
    await deeds.draft(ref, draft=False)
    await finish(talk)
    assert await conclusions(talk, ref) == [Conclusion.SUCCESS]
    assert talk.built() == ALL


async def test_where_the_conversation_is_locked_the_check_says_it_all(forge: str, talk: Talk, deeds: Deeds) -> None:
    ref = await under_way(talk)
    await deeds.lock(ref)
    talk.engine.builder.outcome_for = breaks("bar")
    await talk.engine.finish_all()
    for _ in range(4):
        await talk.settle(minutes=30)
    assert (await talk.gate(ref)).conclusion == "failure"
    # A member may write in a locked conversation, and so may a bot that is one; an App is none.
    assert len(talk.stage.comments(ref)) == (0 if forge == "github" else 1)


async def test_a_deleted_head_branch_ends_it(talk: Talk, deeds: Deeds) -> None:
    ref = await under_way(talk)
    await deeds.drop_branch(ref)
    await talk.settle()
    assert await conclusions(talk, ref) == [Conclusion.CANCELLED]
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


# The forge and the way there.


async def test_tokens_that_end_in_mid_run_cost_nothing_but_time(talk: Talk, deeds: Deeds) -> None:
    ref = await under_way(talk)
    deeds.end_tokens()
    await finish(talk, minutes=10)
    deeds.renew_tokens()
    await talk.settle(minutes=30)
    assert (await talk.gate(ref)).conclusion == "success"
    assert talk.built() == ALL


@pytest.mark.parametrize("minutes", [2, -2])
async def test_a_clock_that_is_wrong_by_two_minutes_is_no_matter(talk: Talk, deeds: Deeds, minutes: int) -> None:
    deeds.skew(timedelta(minutes=minutes))
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    assert (await talk.gate(ref)).conclusion == "failure"
    given = await talk.say(ref, "/revdeps waive bar -- ported in octocat/bar#3")
    assert given.reactions == ("eyes", "rocket")
    await sweep(talk)
    assert (await talk.gate(ref)).conclusion == "success"
    assert len(talk.answers(ref)) <= 1


async def test_deliveries_that_come_twice_are_one(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.open()
    await talk.say(ref, "/revdeps rebuild bar")
    assert await deeds.resend(failed=False) >= 2
    await talk.settle()
    assert talk.built() == [*ALL, "bar"]
    assert len((await talk.engine.view(ref)).runs) == 1


async def test_deliveries_that_come_late_and_out_of_order_end_the_same(talk: Talk, deeds: Deeds) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    deeds.deafen()
    await talk.push(ref)
    newest = await talk.push(ref, "# newest\n")
    await talk.say(ref, "/revdeps waive bar -- ported in octocat/bar#3")
    deeds.listen()
    assert await deeds.resend(backwards=True) >= 3
    await talk.settle()
    assert (await talk.engine.view(ref)).runs[0].run.head_sha == newest
    assert (await talk.gate(ref)).conclusion == "success"


async def test_a_command_that_comes_before_its_pull_request_is_carried_out(talk: Talk, deeds: Deeds) -> None:
    deeds.deafen()
    ref = await talk.open()
    await talk.say(ref, "/revdeps run limit=1")
    deeds.listen()
    assert await deeds.resend(backwards=True) >= 2
    await talk.settle()
    assert talk.stage.comments(ref)[0].reactions == ("eyes", "rocket")
    assert talk.built() == ["libfoo", "bar"]
    assert len((await talk.engine.view(ref)).runs) == 1


async def test_what_no_delivery_told_is_found_by_one_sweep(talk: Talk, deeds: Deeds) -> None:
    deeds.deafen()
    ref = await talk.open()
    assert talk.built() == []
    deeds.listen()
    await sweep(talk)
    assert (await talk.gate(ref)).conclusion == "success"
    deeds.deafen()
    await talk.push(ref)
    deeds.listen()
    await sweep(talk)
    assert [found.run.state for found in (await talk.engine.view(ref)).runs] == [RunState.FINISHED] * 2
    assert (await talk.gate(ref)).conclusion == "success"


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_what_the_forge_refuses_for_a_while_is_written_in_the_end_and_once(
    talk: Talk, deeds: Deeds, status: int
) -> None:
    ref = await under_way(talk)
    refused = deeds.refuse(status, 4)
    talk.engine.builder.outcome_for = breaks("bar")
    await talk.engine.finish_all()
    for _ in range(8):
        await talk.settle(minutes=16)
    assert refused.hits == 4
    assert (await talk.gate(ref)).conclusion == "failure"
    assert "`bar`" in talk.summary(ref)
    assert len(talk.stage.comments(ref)) == 1


async def test_a_command_that_no_delivery_told_is_found_by_one_sweep_and_not_heard_again_later(
    talk: Talk, deeds: Deeds
) -> None:
    ref = await talk.open()
    deeds.deafen()
    await talk.say(ref, "/revdeps rebuild bar")
    deeds.listen()
    await talk.settle()
    assert talk.built() == ALL
    await sweep(talk)
    [asked] = [seen for seen in talk.stage.comments(ref) if seen.body == "/revdeps rebuild bar"]
    assert asked.reactions == ("eyes", "rocket")
    assert await deeds.resend() >= 1
    await talk.settle()
    assert talk.built() == [*ALL, "bar"]


# Longer conversations.


async def test_a_waiver_is_until_its_date_or_until_the_base_moves(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    started = list(talk.engine.builder.started)
    date = (talk.stage.now() + timedelta(days=30)).date().isoformat()
    given = await talk.say(ref, f"/revdeps waive bar until={date} -- ported in octocat/bar#3")
    assert given.reactions == ("eyes", "rocket")
    assert (await talk.gate(ref)).conclusion == "success"
    assert f"until {date}" in talk.summary(ref)

    await talk.stage.commit({"notes.txt": "the base moves"})
    await sweep(talk)
    assert (await talk.gate(ref)).conclusion == "failure"
    assert "has lapsed" in talk.summary(ref)

    await talk.say(ref, f"/revdeps waive bar until={date} -- still so")
    assert (await talk.gate(ref)).conclusion == "success"
    talk.stage.clock.shift += timedelta(days=31)
    await talk.settle()
    assert (await talk.gate(ref)).conclusion == "failure"
    assert talk.engine.builder.started == started


async def test_packages_of_two_repositories_pass_or_fail_together_and_each_gate_says_why(
    talk: Talk, deeds: Deeds
) -> None:
    for changed in (["libfoo"], ["libbar"], ["libfoo", "libbar"]):
        talk.engine.resolver.script_impact(changed, affected("app", buildroot_after=" and ".join(changed)))
    lead = await talk.open()
    files = {".revdeps.yaml": CONFIG.replace("libfoo", "libbar"), "libbar.spec": "Name: libbar\n"}
    other = await deeds.beside("other", files, {"libbar.spec": "Name: libbar\n# new\n"})
    asked = await talk.say(lead, f"/revdeps with {other}")
    assert asked.reactions == ("eyes", "rocket")
    for ref, companion in ((lead, other), (other, lead)):
        gate = await gate_of(talk, ref)
        assert gate.conclusion == "success"
        assert f"with {companion}" in gate.title

    talk.engine.resolver.script_impact(["libbar"], affected("app", buildroot_after="libbar since"))
    talk.engine.resolver.script_impact(["libfoo", "libbar"], affected("app", buildroot_after="both since"))
    talk.engine.builder.outcome_for = breaks_in({"app": ("together", "1")})
    await talk.say(lead, f"/revdeps with {other}")
    assert (await gate_of(talk, other)).conclusion == "failure"
    own = await gate_of(talk, lead)
    assert own.conclusion not in {"success", "neutral", "skipped"}
    assert own.title.startswith(f"Not this change: {other} is to blame.")
    assert "caused by" in talk.summary(lead)


async def gate_of(talk: Talk, ref: ChangeRef) -> SeenCheck:
    """Return the check of a pull request in whichever repository."""
    own = talk.stage.repo
    talk.stage.repo = ref.repo
    try:
        return await talk.gate(ref)
    finally:
        talk.stage.repo = own
