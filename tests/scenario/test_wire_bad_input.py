"""What people, bots, forges and time do amiss, from the webhook on, on each forge: nothing is lost, nothing is done
twice, nothing goes on for nobody, and whoever looks sees the truth.
"""

from datetime import timedelta

import pytest

from bot.domain.run import ChangeRef, RunState
from tests.fakes.forge_stages import SeenCheck
from tests.fakes.resolver import affected
from tests.scenario.deeds import Deeds
from tests.scenario.harness import CONFIG
from tests.scenario.outcomes import breaks
from tests.scenario.several import breaks as breaks_in
from tests.scenario.wire import Talk

ALL = ["libfoo", "bar", "baz"]


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


# The forge and the way there.


async def test_tokens_that_end_in_mid_run_cost_nothing_but_time(talk: Talk, deeds: Deeds) -> None:
    ref = await talk.under_way()
    deeds.end_tokens()
    await talk.finish(minutes=10)
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
    await talk.sweep()
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
    await talk.sweep()
    assert (await talk.gate(ref)).conclusion == "success"
    deeds.deafen()
    await talk.push(ref)
    deeds.listen()
    await talk.sweep()
    assert [found.run.state for found in (await talk.engine.view(ref)).runs] == [RunState.FINISHED] * 2
    assert (await talk.gate(ref)).conclusion == "success"


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_what_the_forge_refuses_for_a_while_is_written_in_the_end_and_once(
    talk: Talk, deeds: Deeds, status: int
) -> None:
    ref = await talk.under_way()
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
    await talk.sweep()
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
    await talk.sweep()
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
    name = talk.stage.forge.capabilities.parlance.name
    asked = await talk.say(lead, f"/revdeps with {name(other)}")
    assert asked.reactions == ("eyes", "rocket")
    for ref, companion in ((lead, other), (other, lead)):
        gate = await gate_of(talk, ref)
        assert gate.conclusion == "success"
        assert f"with {name(companion)}" in gate.title

    talk.engine.resolver.script_impact(["libbar"], affected("app", buildroot_after="libbar since"))
    talk.engine.resolver.script_impact(["libfoo", "libbar"], affected("app", buildroot_after="both since"))
    talk.engine.builder.outcome_for = breaks_in({"app": ("together", "1")})
    await talk.say(lead, f"/revdeps with {name(other)}")
    assert (await gate_of(talk, other)).conclusion == "failure"
    own = await gate_of(talk, lead)
    assert own.conclusion not in {"success", "neutral", "skipped"}
    assert own.title.startswith(f"Not this change: {name(other)} is to blame")
    assert "caused by" in talk.summary(lead)


async def gate_of(talk: Talk, ref: ChangeRef) -> SeenCheck:
    """Return the check of a pull request in whichever repository."""
    own = talk.stage.repo
    talk.stage.repo = ref.repo
    try:
        return await talk.gate(ref)
    finally:
        talk.stage.repo = own
