"""Dependents that are made from a dist-git: every build of a plan from the commits that it was made with."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, Outcome, SrpmSource, Succeeded
from bot.domain.plan import Selection
from bot.domain.publication import Reaction
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from bot.ports.errors import Misconfigured
from tests.fakes.builder import failed
from tests.fakes.pins import FakePins, load_with_dist_git
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, OFFER, Stage, stage

OLD, NEW = "a" * 40, "b" * 40
SILENCE = "git.example.org does not answer"
FAULT = failed("error: no member named foo")


@pytest.fixture
def pins() -> FakePins:
    return FakePins(heads={"bar": OLD})


@pytest.fixture
async def revdeps(tmp_path: Path, pins: FakePins) -> AsyncIterator[Stage]:
    async with stage(tmp_path, load_config=partial(load_with_dist_git, offer=OFFER), pins=pins) as made:
        made.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
        yield made


def sources(revdeps: Stage, package: str) -> list[str]:
    """Where each build of a package so far had its source from."""
    requests = [revdeps.builder.request(key) for key in revdeps.builder.started]
    return [
        each.source.location for each in requests if each.package == package and isinstance(each.source, SrpmSource)
    ]


async def minutes_pass(revdeps: Stage, minutes: int) -> None:
    revdeps.clock.time += timedelta(minutes=minutes)
    await revdeps.settle()


def commit(sha: str) -> str:
    return f"git+https://src.example.org/rpms/bar#{sha}"


def bar_breaks(request: BuildRequest) -> Outcome:
    with_change = "baseline" not in request.workspace
    return FAULT if request.package == "bar" and with_change else Succeeded()


async def test_candidate_confirmation_and_baseline_are_made_from_one_commit(revdeps: Stage, pins: FakePins) -> None:
    def moves_on(request: BuildRequest) -> Outcome:
        if request.package == "bar":
            pins.heads["bar"] = NEW
        return bar_breaks(request)

    revdeps.builder.outcome_for = moves_on
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps retry bar")

    assert (await revdeps.verdicts(ref))["bar"] is Verdict.REGRESSED
    assert sources(revdeps, "bar") == [commit(OLD)] * 4
    assert pins.asked == [("bar", "baz")]
    assert (
        "1 package built from the dist-git, at commits that were found in planning, and 1 package that it does not "
        "have from source packages."
    ) in revdeps.comment(ref)
    await revdeps.say(ref, "/revdeps config")
    answer = revdeps.forge.comments_on(ref)[-1].body
    assert "built by `fake`, dependents from `https://src.example.org/rpms/{name}`" in answer


async def test_a_baseline_serves_the_runs_of_its_commit_alone(revdeps: Stage, pins: FakePins) -> None:
    revdeps.builder.outcome_for = bar_breaks
    await revdeps.open()
    await revdeps.settle()
    await revdeps.open()
    await revdeps.settle()
    baselines = [key for key in revdeps.builder.started if key.startswith("b/")]
    pins.heads["bar"] = NEW
    await revdeps.open()
    await revdeps.settle()

    assert len(baselines) == 1
    assert len([key for key in revdeps.builder.started if key.startswith("b/")]) == 2
    assert sources(revdeps, "bar") == [commit(OLD)] * 4 + [commit(NEW)] * 3


async def test_what_the_dist_git_does_not_have_is_built_from_its_source_package(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()

    assert sources(revdeps, "baz") == [affected("baz").source.location]
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_only_what_is_planned_is_asked_for(revdeps: Stage, pins: FakePins) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open(config=f"{CONFIG}reverse-dependencies: {{exclude: [bar]}}\n")
    await revdeps.settle()

    (bar,) = [entry for entry in (await revdeps.view(ref)).runs[0].entries if entry.package == "bar"]
    assert pins.asked == [("baz",)]
    assert (bar.selection, bar.affected.source) == (Selection.EXCLUDED, affected("bar").source)


async def test_a_server_that_does_not_answer_is_asked_again(revdeps: Stage, pins: FakePins) -> None:
    pins.silent["bar"] = SILENCE
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()
    waiting, others, told = sources(revdeps, "bar"), sources(revdeps, "baz"), revdeps.check(ref).summary
    pins.silent.clear()
    await minutes_pass(revdeps, 1)

    assert (waiting, others) == ([], [affected("baz").source.location])
    assert "not known yet from which commit of the dist-git to build `bar`: git.example.org does not answer." in told
    assert "from 12:30 UTC on the source package is built instead" in told
    assert sources(revdeps, "bar") == [commit(OLD)]
    assert pins.asked == [("bar", "baz"), ("bar",)]
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert "does not answer" not in revdeps.check(ref).summary


async def test_a_server_that_never_answers_is_asked_for_half_an_hour_ever_less_often(
    revdeps: Stage, pins: FakePins
) -> None:
    pins.silent["bar"] = SILENCE
    revdeps.builder.outcome_for = bar_breaks
    ref = await revdeps.open()
    await revdeps.settle()
    begun = revdeps.clock.time
    asked_after = []
    while not sources(revdeps, "bar"):
        due = await revdeps.world.store.next_due()
        assert due is not None
        revdeps.clock.time = due
        before = len(pins.asked)
        await revdeps.settle()
        asked_after += [(due - begun).total_seconds()] * (len(pins.asked) - before)

    assert asked_after == [15, 30, 60, 120, 240, 480, 780, 1080, 1380, 1680, 1800]
    assert set(sources(revdeps, "bar")) == {affected("bar").source.location}
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.REGRESSED
    assert "1 package from source packages since it did not answer: git.example.org does not answer." in (
        revdeps.comment(ref)
    )


async def test_what_is_included_later_is_made_from_a_commit_as_well(revdeps: Stage, pins: FakePins) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open(config=f"{CONFIG}reverse-dependencies: {{exclude: [bar]}}\n")
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps include bar\n/revdeps rebuild bar")
    await revdeps.say(ref, "/revdeps skip bar")
    pins.heads["bar"] = NEW
    await revdeps.say(ref, "/revdeps include bar\n/revdeps rebuild bar")

    assert pins.asked == [("baz",), ("bar",)]
    assert set(sources(revdeps, "bar")) == {commit(OLD)}
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.STILL_PASSING


async def test_what_takes_the_place_of_a_skipped_package_is_made_from_a_commit(revdeps: Stage, pins: FakePins) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open(config=f"{CONFIG}reverse-dependencies: {{limit: 1, boost: {{baz: 50}}}}\n")
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps skip baz")

    assert pins.asked == [("baz",), ("bar",)]
    assert sources(revdeps, "bar") == [commit(OLD)]


async def test_a_command_waits_for_a_dist_git_that_does_not_answer(revdeps: Stage, pins: FakePins) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open(config=f"{CONFIG}reverse-dependencies: {{exclude: [bar]}}\n")
    await revdeps.settle()
    pins.silent["bar"] = SILENCE
    included = await revdeps.say(ref, "/revdeps include bar\n/revdeps rebuild bar")
    waiting, answer = sources(revdeps, "bar"), revdeps.forge.comments_on(ref)[-1].body
    await revdeps.say(ref, "/revdeps rebuild baz")
    others = sources(revdeps, "baz")
    pins.silent.clear()
    await minutes_pass(revdeps, 1)

    assert (waiting, others) == ([], [affected("baz").source.location] * 2)
    assert included.reactions == [Reaction.SEEN, Reaction.DONE]
    assert "not known yet from which commit of the dist-git to build `bar`: git.example.org does not answer." in answer
    assert "That is being built already, or waits for its turn: this joins it." in answer
    assert sources(revdeps, "bar") == [commit(OLD)]


async def test_nothing_is_asked_for_a_package_that_nobody_waits_for_any_more(revdeps: Stage, pins: FakePins) -> None:
    pins.silent["bar"] = SILENCE
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps cancel bar")
    await minutes_pass(revdeps, 45)
    while_cancelled = list(pins.asked)
    pins.silent.clear()
    await revdeps.say(ref, "/revdeps rebuild bar")

    assert while_cancelled == [("bar", "baz")]
    assert pins.asked == [("bar", "baz"), ("bar",)]
    assert sources(revdeps, "bar") == [commit(OLD)]


async def test_what_is_skipped_and_included_again_is_waited_for_anew(revdeps: Stage, pins: FakePins) -> None:
    pins.silent["bar"] = SILENCE
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps skip bar")
    await minutes_pass(revdeps, 45)
    await revdeps.say(ref, "/revdeps include bar")

    assert pins.asked == [("bar", "baz"), ("bar",)]
    assert "from 13:15 UTC on" in revdeps.check(ref).summary


async def test_where_a_hub_refuses_a_command_says_so_and_adds_nothing(revdeps: Stage, pins: FakePins) -> None:
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open(config=f"{CONFIG}reverse-dependencies: {{exclude: [bar]}}\n")
    await revdeps.settle()
    pins.refusal = Misconfigured("koji", "there is no such hub", "Mend its address.")
    included = await revdeps.say(ref, "/revdeps include bar\n/revdeps status")

    assert included.reactions == [Reaction.SEEN, Reaction.REFUSED]
    assert "koji: there is no such hub. Mend its address." in revdeps.forge.comments_on(ref)[-1].body
    assert sources(revdeps, "bar") == []
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.NOT_TESTED
