"""What people say and see on each forge, from webhook to comment, over servers that behave like the real ones."""

from bot.domain.permission import Permission
from tests.scenario.outcomes import breaks, holds_builds
from tests.scenario.wire import Talk

NEEDED = {"forgejo": "write permission", "github": "triage permission", "gitlab": "the Reporter role"}
CALLED = {"forgejo": "pull request", "github": "pull request", "gitlab": "merge request"}


async def test_a_change_that_breaks_nothing_passes_without_a_word(talk: Talk) -> None:
    ref = await talk.open()
    gate = await talk.gate(ref)
    assert (gate.status, gate.conclusion) == ("completed", "success")
    assert "2 of 2 tested" in gate.title
    assert gate.url.startswith("https://revdeps.example/runs/")
    assert talk.stage.comments(ref) == []


async def test_a_break_is_told_and_taken_back_when_it_is_mended(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    gate = await talk.gate(ref)
    assert (gate.status, gate.conclusion) == ("completed", "failure")
    assert gate.title.startswith("1 regressed")
    summary = talk.summary(ref)
    assert "**`bar`**" in summary
    assert "soft_unicode" in summary
    assert "`/revdeps retry bar`" in summary
    told = len(talk.stage.comments(ref))

    talk.engine.builder.outcome_for = breaks()
    await talk.push(ref)
    assert (await talk.gate(ref)).conclusion == "success"
    assert "bar" not in talk.summary(ref).partition("<details>")[0]
    assert len(talk.stage.comments(ref)) == told


async def test_a_second_push_supersedes_what_the_first_one_began(talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    ref = await talk.open()
    first = (await talk.stage.forge.change(ref)).head_sha
    assert (await talk.gate(ref)).status != "completed"
    await talk.push(ref)
    assert talk.stage.checks(first)[-1].status == "completed"
    assert talk.stage.checks(first)[-1].conclusion != "success"
    assert (await talk.gate(ref)).status != "completed"
    assert len(talk.engine.builder.cancelled) == 2


async def test_a_passer_by_may_ask_and_is_answered(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    asked = await talk.say(ref, "/revdeps why bar", author="hubot-friend")
    assert asked.reactions == ("eyes", "rocket")
    assert "depends on" in talk.answers(ref)[-1]


async def test_everybody_is_spoken_to_in_the_words_of_their_forge(talk: Talk) -> None:
    ref = await talk.open()
    await talk.say(ref, "/revdeps help")
    assert f"| test this {CALLED[ref.repo.forge]} anew | {NEEDED[ref.repo.forge]} and up" in talk.answers(ref)[-1]


async def test_a_slip_of_the_pen_is_answered_with_what_was_meant(talk: Talk) -> None:
    ref = await talk.open()
    asked = await talk.say(ref, "/revdeps retyr bar")
    assert asked.reactions == ("eyes", "confused")
    assert "`retry`" in talk.answers(ref)[-1]


async def test_one_who_may_not_is_told_what_is_missing(talk: Talk) -> None:
    ref = await talk.open()
    builds = talk.built()
    asked = await talk.say(ref, "/revdeps rebuild baz", author="hubot-friend")
    assert asked.reactions == ("eyes", "confused")
    assert f"`rebuild` is for {NEEDED[ref.repo.forge]} and up; `hubot-friend` has " in talk.answers(ref)[-1]
    assert talk.built() == builds


async def test_a_command_builds_again_and_the_gate_follows(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    talk.engine.builder.outcome_for = breaks()
    asked = await talk.say(ref, "/revdeps retry bar")
    assert asked.reactions == ("eyes", "rocket")
    gate = await talk.gate(ref)
    assert gate.conclusion == "success"
    assert "flaky" in gate.title


async def test_what_is_quoted_or_in_code_is_no_command(talk: Talk) -> None:
    ref = await talk.open()
    builds = talk.built()
    asked = await talk.say(ref, "> /revdeps rebuild baz\n\n```\n/revdeps rebuild baz\n```\n<!-- /revdeps cancel -->")
    assert asked.reactions == ()
    assert talk.built() == builds


async def test_a_strangers_change_waits_for_somebody_to_read_it(talk: Talk) -> None:
    ref = await talk.open(author="hubot-friend")
    assert talk.built() == []
    gate = await talk.gate(ref)
    assert gate.conclusion not in {"success", "neutral", "skipped"}
    head = (await talk.stage.forge.change(ref)).head_sha
    if not talk.stage.forge.capabilities.rich_checks:
        assert f"/revdeps ok @{head[:7]}" in talk.summary(ref)

    own = await talk.say(ref, "/revdeps ok", author="hubot-friend")
    assert own.reactions == ("eyes", "confused")
    assert talk.built() == []

    await talk.say(ref, f"/revdeps ok @{head[:10]}")
    assert talk.built() == ["libfoo", "bar", "baz"]
    assert (await talk.gate(ref)).conclusion == "success"

    await talk.push(ref)
    assert talk.built() == ["libfoo", "bar", "baz"]
    assert (await talk.gate(ref)).conclusion not in {"success", "neutral", "skipped"}


async def test_a_permission_that_was_taken_away_is_worth_nothing(talk: Talk) -> None:
    ref = await talk.open()
    builds = talk.built()
    await talk.stage.grant("hubot-friend", Permission.WRITE)
    await talk.stage.write(ref, "/revdeps rebuild baz", "hubot-friend")
    await talk.stage.grant("hubot-friend", Permission.READ)
    await talk.settle()
    assert talk.built() == builds
    assert f"`rebuild` is for {NEEDED[ref.repo.forge]} and up; `hubot-friend` has " in talk.answers(ref)[-1]


async def test_closing_ends_it(talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    ref = await talk.open()
    await talk.stage.close(ref)
    await talk.settle()
    gate = await talk.gate(ref)
    assert gate.status == "completed"
    assert gate.conclusion != "success"
    assert talk.engine.builder.running == ()
    await talk.say(ref, "/revdeps run")
    assert talk.answers(ref) == []


async def test_a_configuration_that_is_wrong_is_told_with_its_line(talk: Talk) -> None:
    await talk.stage.commit({".revdeps.yaml": "version: 2\n"})
    ref = await talk.open()
    gate = await talk.gate(ref)
    assert gate.conclusion not in {"success", "neutral", "skipped"}
    assert talk.built() == []
    if not talk.stage.forge.capabilities.rich_checks:
        assert "expected the number 1" in talk.summary(ref)


async def test_without_a_configuration_nothing_is_done_and_nobody_disturbed(talk: Talk) -> None:
    await talk.stage.commit({".revdeps.yaml": None})
    ref = await talk.open()
    assert talk.stage.comments(ref) == []
    assert talk.built() == []
    assert (await talk.gate(ref)).conclusion in {"skipped", "success"}


async def test_a_waiver_lets_the_gate_pass_and_says_who_gave_it_and_why(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    bare = await talk.say(ref, "/revdeps waive bar")
    assert bare.reactions == ("eyes", "confused")
    assert "--" in talk.answers(ref)[-1]

    given = await talk.say(ref, "/revdeps waive bar -- ported in octocat/bar#3")
    assert given.reactions == ("eyes", "rocket")
    gate = await talk.gate(ref)
    assert gate.conclusion == "success"
    assert "waived" in gate.title
    assert "ported in" in talk.summary(ref)

    await talk.say(ref, "/revdeps unwaive bar")
    assert (await talk.gate(ref)).conclusion == "failure"


async def test_the_same_asked_for_by_two_joins_one_job(talk: Talk) -> None:
    ref = await talk.open()
    await talk.stage.grant("hubot-friend", Permission.WRITE)
    talk.engine.builder.outcome_for = holds_builds
    await talk.stage.write(ref, "/revdeps rebuild baz", "octocat")
    await talk.stage.write(ref, "/revdeps rebuild baz", "hubot-friend")
    await talk.settle()
    assert talk.built() == ["libfoo", "bar", "baz", "baz"]
    assert "joins" in talk.answers(ref)[-1]


async def test_what_was_asked_for_is_on_record(talk: Talk) -> None:
    ref = await talk.open()
    await talk.say(ref, "/revdeps status\n/revdeps cancel", author="hubot-friend")
    async with talk.engine.world.store.transaction() as tx:
        kept = [(entry.actor, entry.action, entry.allowed) for entry in await tx.audit.of_change(ref.id)]
    assert kept == [("hubot-friend", "/revdeps status", True), ("hubot-friend", "/revdeps cancel", False)]


async def test_where_there_are_no_buttons_the_commands_are_beside_each_package(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    gate = await talk.gate(ref)
    if talk.stage.forge.capabilities.buttons:
        assert "retry-failed" in gate.buttons
    assert "`/revdeps retry bar`" in talk.summary(ref)
    assert "https://revdeps.example/runs/" in talk.summary(ref)


async def test_a_new_run_of_the_same_commit_is_what_counts(talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    ref = await talk.open()
    assert (await talk.gate(ref)).status != "completed"
    talk.engine.builder.outcome_for = breaks()
    asked = await talk.say(ref, "/revdeps run limit=1")
    assert asked.reactions == ("eyes", "rocket")
    gate = await talk.gate(ref)
    assert (gate.status, gate.conclusion) == ("completed", "success")
    assert "1 of 2" in gate.title
