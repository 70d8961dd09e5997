"""The commands that change what is accepted, compared, or built first, as those who give them see them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.adapters.config_file import Offer, load
from bot.domain.build import Succeeded
from bot.domain.config import Config
from bot.domain.intents import RepositoryTouched, RerunRequested
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from bot.engine.resync import Resync
from tests.fakes.builder import failed
from tests.fakes.domain import TARGET
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import IMPORT_ERROR, breaks, holds_builds
from tests.scenario.test_conversations import (
    answers,
    audit,
    is_done,
    is_refused,
    packages,
    rebuilding,
    tested,
)
from tests.scenario.test_lifecycle import assign, press

# Waivers.


async def test_a_waiver_makes_the_check_green_and_the_comment_says_who_why_and_until_when(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    comment = await revdeps.say(ref, "/revdeps waive bar until=2026-01-15 -- mended in bar 2.0")
    assert is_done(comment)
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert "1 waived" in revdeps.check(ref).title
    assert "waived by octocat until 2026-01-15: mended in bar 2.0" in revdeps.comment(ref)
    assert len(revdeps.builder.started) == started


async def test_at_its_date_the_check_fails_again_and_says_why_without_a_build(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps waive bar until=2026-01-15 -- mended in bar 2.0")
    started = len(revdeps.builder.started)
    revdeps.clock.pass_time(days=13, hours=11, minutes=59)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert "was until 2026-01-15 and has lapsed" in revdeps.comment(ref)
    assert len(revdeps.builder.started) == started


async def test_when_the_base_moves_a_waiver_lapses_and_a_new_one_may_be_given(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps waive bar -- known")
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    revdeps.forge.alter(ref, base_sha="f" * 40)
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    await revdeps.say(ref, "/revdeps waive bar -- still known")
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_push_to_the_base_branch_ends_what_was_waived_before_it(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps waive bar -- known")
    resync = Resync(world=revdeps.world, owner="engine", woke=lambda: None)
    for branch, conclusion in (("f42", Conclusion.SUCCESS), ("main", Conclusion.FAILURE)):
        revdeps.clock.pass_time(minutes=1)
        await revdeps.deliver(RepositoryTouched(repo=ref.repo, branch=branch))
        await resync.once()
        await revdeps.settle()
        assert revdeps.check(ref).conclusion is conclusion
    assert "was until main moves and has lapsed" in revdeps.comment(ref)
    await revdeps.say(ref, "/revdeps waive bar -- still known")
    await resync.once()
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_waiver_outlives_a_push_and_lapses_where_the_pull_request_gets_another_base(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps waive bar -- known")
    await revdeps.push(ref)
    await revdeps.settle()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.WAIVED
    revdeps.forge.put_files("f42", dict(revdeps.forge.files[ref.repo, "main"]))
    revdeps.forge.alter(ref, base_branch="f42")
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.REGRESSED


async def test_a_waiver_of_the_root_leaves_those_to_be_judged_that_fail_because_of_it(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks("jinja2", "flask")
    flask = affected("flask", distance=2, contains=("jinja2",))
    revdeps.resolver.script_impact(["libfoo"], affected("jinja2"), flask, sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps waive jinja2 -- known")
    assert await revdeps.verdicts(ref) == {"jinja2": Verdict.WAIVED, "flask": Verdict.REGRESSED}
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE


async def test_a_waiver_is_taken_back(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps waive ba* -- known")
    await revdeps.say(ref, "/revdeps unwaive bar")
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert set((await revdeps.view(ref)).waivers) == {"baz"}


async def test_a_waiver_is_given_before_the_failure_is_known(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    await revdeps.say(ref, "/revdeps waive bar -- known")
    revdeps.builder.outcome_for = breaks("bar")
    await revdeps.finish_all()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.WAIVED


async def test_who_may_not_waive_is_told_and_nothing_is_waived(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.forge.grant("mona-octocat", Permission.TRIAGE)
    comment = await revdeps.say(ref, "/revdeps waive bar -- known", author="mona-octocat")
    assert is_refused(comment)
    assert "`waive` is for write permission and up" in answers(revdeps, ref)[0]
    assert (await revdeps.view(ref)).waivers == {}


HOSTILE = "<!-- revdeps:v1 --> @octocat #1 </details> `` | \u202e [x](https://evil.example)"


async def test_a_hostile_reason_stays_words(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, f"/revdeps waive bar -- {HOSTILE}")
    told = revdeps.comment(ref)
    assert (await revdeps.view(ref)).waivers["bar"].reason
    assert "waived by octocat" in told
    for harm in ("@octocat", " #1", "\u202e", "--> @"):
        assert harm not in told


# The other side.


async def test_a_baseline_that_is_built_again_reaches_the_verdict(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    moody = failed(IMPORT_ERROR)
    revdeps.builder.outcome_for = lambda request: moody if request.package == "bar" else Succeeded()
    comment = await revdeps.say(ref, "/revdeps baseline bar")
    assert is_done(comment)
    (key,) = revdeps.builder.started[started:]
    assert key.startswith("b/")
    assert key.endswith("/2")
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.FLAKY
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_verdict_that_a_late_baseline_was_to_confirm_is_open_when_time_is_over(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.builder.outcome_for = lambda request: None
    await revdeps.say(ref, "/revdeps baseline bar")
    revdeps.clock.pass_time(hours=13)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.TIMED_OUT
    assert await revdeps.verdicts(ref) == {"bar": Verdict.INCONCLUSIVE, "baz": Verdict.STILL_PASSING}


async def test_the_button_builds_every_baseline_again_and_a_second_press_joins(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    revdeps.builder.outcome_for = lambda request: None
    await press(revdeps, ref, "refresh-baseline")
    await revdeps.settle()
    await press(revdeps, ref, "refresh-baseline")
    await revdeps.settle()
    assert len(revdeps.builder.started) == started + 1
    assert "joins" in answers(revdeps, ref)[0]


# What is built first.


async def test_a_boost_lets_a_package_go_first(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = holds_builds
    revdeps.builder.slots = 1
    revdeps.resolver.script_impact(["libfoo"], *(affected(name) for name in ("a", "b", "c", "d")), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    assert packages(revdeps) == ["a", "libfoo"]
    await revdeps.say(ref, "/revdeps priority d 10\n/revdeps priority c 5")
    order = []
    while revdeps.builder.running:
        (key,) = revdeps.builder.running
        order.append(revdeps.builder.request(key).package)
        revdeps.builder.finish(key)
        await revdeps.settle()
    assert order == ["a", "d", "c", "b"]


# What is only told.


async def test_logs_are_linked_on_both_sides(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps logs bar\n/revdeps logs libfoo")
    (told,) = answers(revdeps, ref)
    assert told.count("](https://revdeps.example/runs/") == 4
    assert "without it on `rawhide`, attempt 1: ✅ [passed](" in told


@pytest.mark.parametrize(
    ("config", "answer"),
    [("whole", "of the base branch `main`"), (None, "There is no `.revdeps.yaml`"), ("targets: 1", "cannot be used")],
)
async def test_the_configuration_is_told_or_what_to_do_without(revdeps: Stage, config: str | None, answer: str) -> None:
    ref = await (revdeps.open() if config == "whole" else revdeps.open(config=config))
    await revdeps.settle()
    comment = await revdeps.say(ref, "/revdeps config", author="passer-octocat")
    assert is_done(comment)
    assert answer in answers(revdeps, ref)[0]


async def test_a_configuration_is_proposed_from_the_specs_of_the_pull_request(revdeps: Stage) -> None:
    ref = await revdeps.open(config=None)
    revdeps.world = replace(revdeps.world, settings=replace(revdeps.world.settings, targets=("rawhide", "f42")))
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps config", author="passer-octocat")
    (told,) = answers(revdeps, ref)
    proposed = told.partition("```yaml\n")[2].partition("```")[0]
    assert proposed.startswith("# yaml-language-server: $schema=https://revdeps.example/schema/revdeps.schema.json\n")
    offer = Offer(presets={name: replace(TARGET, name=name) for name in ("rawhide", "f42")}, backends=("fake",))
    assert isinstance(load(proposed.encode(), ".revdeps.yaml", ("libfoo.spec",), offer), Config)
    assert list((revdeps.world.settings.state / "checkouts").iterdir()) == []


# Asked twice.


async def test_the_same_command_twice_in_a_comment_runs_once(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    await revdeps.say(ref, "/revdeps rebuild baz\n/revdeps rebuild baz")
    assert packages(revdeps, started) == ["baz"]
    assert await audit(revdeps, ref) == [("octocat", "/revdeps rebuild baz", True)]
    assert answers(revdeps, ref) == []


async def test_two_people_who_ask_for_a_new_run_get_one(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.forge.grant("mona-octocat", Permission.WRITE)
    await revdeps.ask(ref, "/revdeps run")
    await revdeps.ask(ref, "/revdeps run", author="mona-octocat")
    await revdeps.settle()
    assert len((await revdeps.view(ref)).runs) == 2
    assert "joins" in answers(revdeps, ref)[0]


# Buttons and "Re-run".


async def test_the_button_that_waives_answers_with_the_line_to_write(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await press(revdeps, ref, "waive")
    await revdeps.settle()
    assert "\n/revdeps waive bar -- why" in answers(revdeps, ref)[0]
    assert await audit(revdeps, ref) == [("octocat", f"/revdeps waive @{revdeps.check(ref).head_sha}", True)]


async def test_the_refusal_of_a_button_is_told_in_a_comment(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    for button in ("retry-failed", "refresh-baseline", "waive"):
        await press(revdeps, ref, button, user="passer-octocat")
    await revdeps.settle()
    told = answers(revdeps, ref)
    assert [verb in each for verb, each in zip(("`retry`", "`baseline`", "`waive`"), told, strict=True)] == [True] * 3
    assert [allowed for _, _, allowed in await audit(revdeps, ref)] == [False] * 3


async def test_a_check_that_is_asked_for_again_keeps_the_options_of_its_run(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps run limit=1 depth=2 target=rawhide")
    run = (await revdeps.view(ref)).runs[0].run
    await assign(revdeps, ref, RerunRequested(repo=ref.repo, head_sha=run.head_sha, user="octocat", run=run.id))
    await revdeps.settle()
    again = (await revdeps.view(ref)).runs[0].run
    assert again.id != run.id
    assert (again.limit, again.depth, again.only_targets) == (run.limit, run.depth, run.only_targets)


async def test_a_run_on_a_target_that_there_is_not_tests_nothing_and_is_not_green(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.say(ref, "/revdeps run target=nowhere")
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.ACTION_REQUIRED, "There is no target `nowhere`.")


async def test_a_run_on_some_of_the_targets_says_on_which_it_was_not_tested(revdeps: Stage) -> None:
    other = '  - {name: f44, backend: fake, repositories: ["https://example.org/f44"]}\n'
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ref = await revdeps.open(config=CONFIG + other)
    await revdeps.settle()
    assert revdeps.check(ref).title == "2 of 2 tested"
    await revdeps.say(ref, "/revdeps run target=rawhide")
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.SUCCESS, "1 of 1 tested · not tested on f44")
    assert "Nothing that was tested breaks" in check.summary


async def test_a_check_of_an_older_commit_that_is_asked_for_again_is_answered(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    head = revdeps.forge.changes[ref].head_sha
    await revdeps.push(ref)
    await revdeps.settle()
    await assign(revdeps, ref, RerunRequested(repo=ref.repo, head_sha=head, user="octocat"))
    await revdeps.settle()
    assert "is not the head any more" in answers(revdeps, ref)[0]


# So often and no more.


async def asked_often(revdeps: Stage, ref: ChangeRef, author: str, times: int) -> None:
    for _ in range(times):
        await revdeps.say(ref, "/revdeps status", author=author)


async def test_who_does_not_steer_is_answered_twenty_times_an_hour(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await asked_often(revdeps, ref, "passer-octocat", 20)
    comment = await revdeps.say(ref, "/revdeps why bar", author="passer-octocat")
    assert is_refused(comment)
    assert len(answers(revdeps, ref)) == 20
    await revdeps.say(ref, "/revdeps retry bar", author="passer-octocat")
    assert len(answers(revdeps, ref)) == 20
    assert is_done(await revdeps.say(ref, "/revdeps why bar", author="other-octocat"))
    assert is_done(await revdeps.say(ref, "/revdeps why bar"))
    revdeps.clock.time += timedelta(hours=1)
    assert is_done(await revdeps.say(ref, "/revdeps why bar", author="passer-octocat"))


async def test_who_was_answered_often_may_still_do_what_they_may(revdeps: Stage) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    await asked_often(revdeps, ref, "mallory-octocat", 20)
    assert is_done(await revdeps.say(ref, "/revdeps cancel", author="mallory-octocat"))
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED
