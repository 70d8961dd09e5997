"""Two pull requests tested together on each forge, from comment to checks, over servers like the real ones."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.run import ChangeRef
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG
from tests.scenario.wire import FORGES, Talk, talking

BROKEN = failed("error: no member named 'frob'")
TWO = CONFIG.replace("packages: [", "packages: [{spec: bar/libbar.spec, name: libbar}, ")


@pytest.fixture(params=sorted(FORGES))
async def talk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Talk]:
    """The bot on each forge, in a repository of two packages, on both of which `app` depends."""
    async with talking(FORGES[request.param](tmp_path), tmp_path, config=TWO) as made:
        for names in (["libfoo"], ["libbar"], ["libfoo", "libbar"]):
            made.engine.resolver.script_impact(names, affected("app", buildroot_after=f"app with {names}"))
        made.engine.builder.outcome_for = breaks()
        yield made


def breaks(*where: str) -> Callable[[BuildRequest], Outcome]:
    """Let `app` fail in the workspaces that end so."""

    def outcome(request: BuildRequest) -> Outcome:
        here = not is_baseline(request) and request.workspace.endswith(where)
        return BROKEN if request.package == "app" and here else Succeeded()

    return outcome


async def both(talk: Talk) -> tuple[ChangeRef, ChangeRef, str]:
    """Open both pull requests; return them, and how the second is written."""
    first = await talk.open()
    second = await talk.open(files={"bar/libbar.spec": "Name: libbar\n"})
    return first, second, name_of(second)


def name_of(change: ChangeRef) -> str:
    """Return how people on the change's forge write its name."""
    return f"{change.repo}{'!' if change.repo.forge == 'gitlab' else '#'}{change.number}"


async def test_two_pull_requests_are_tested_as_one_and_both_get_the_check(talk: Talk) -> None:
    first, second, written = await both(talk)
    asked = await talk.say(first, f"/revdeps with {written}")
    assert asked.reactions == ("eyes", "rocket")
    gates = [await talk.gate(ref) for ref in (first, second)]
    assert [gate.conclusion for gate in gates] == ["success", "success"]
    assert [gate.title for gate in gates] == [f"1 of 1 tested · with {name_of(other)}" for other in (second, first)]
    assert gates[0].url == gates[1].url
    assert talk.built()[-3:] == ["libfoo", "libbar", "app"]


async def test_whoever_breaks_it_alone_is_named_on_both_checks(talk: Talk) -> None:
    first, second, written = await both(talk)
    # What its own run found out would else be taken over: that it breaks nothing.
    talk.engine.resolver.script_impact(["libbar"], affected("app", buildroot_after="moved on since"))
    talk.engine.builder.outcome_for = breaks("/rawhide", "/alone-1")
    await talk.say(first, f"/revdeps with {written}")
    ours, theirs = [await talk.gate(ref) for ref in (first, second)]
    assert ours.title.startswith(f"Not this change: {name_of(second)} is to blame ")
    assert (ours.conclusion, theirs.conclusion) != ("success", "success")
    assert theirs.conclusion == "failure"
    assert "caused by" in talk.summary(first)


async def test_what_a_change_s_own_run_finds_out_later_does_not_take_the_check_back(talk: Talk) -> None:
    talk.engine.builder.outcome_for = lambda request: None if request.package == "app" else Succeeded()
    first, second, written = await both(talk)
    own = (await talk.engine.view(second)).runs[0].run.id
    [build] = [key for key in talk.engine.builder.running if own in key]
    talk.engine.builder.outcome_for = lambda request: None if own in request.workspace else Succeeded()
    await talk.say(first, f"/revdeps with {written}")
    together = await talk.gate(second)
    assert (together.conclusion, together.title) == ("success", f"1 of 1 tested · with {name_of(first)}")
    assert talk.engine.builder.running == (build,)

    talk.engine.builder.outcome_for = lambda request: BROKEN if own in request.workspace else Succeeded()
    for _ in range(3):
        await talk.settle()
    told = talk.summary(second).replace("\u200b", "")
    assert "❌ 1 package regresses" in told
    assert f"tested together with others too, in `{name_of(first)}`" in told
    assert await talk.gate(second) == together

    talk.engine.builder.outcome_for = lambda request: Succeeded()
    await talk.say(second, "/revdeps run")
    assert "with" not in (await talk.gate(second)).title


async def test_a_push_to_the_other_one_ends_it(talk: Talk) -> None:
    first, second, written = await both(talk)
    talk.engine.builder.outcome_for = lambda request: None if request.package == "app" else Succeeded()
    await talk.say(first, f"/revdeps with {written}")
    assert (await talk.gate(second)).status != "completed"
    await talk.stage.push(second, {"bar/libbar.spec": "Name: libbar\n# newer\n"})
    await talk.settle()
    gate = await talk.gate(first)
    assert gate.conclusion != "success"
    assert "has another commit by now" in gate.title


async def test_one_without_permission_is_refused(talk: Talk) -> None:
    first, _, written = await both(talk)
    asked = await talk.say(first, f"/revdeps with {written}", author="hubot-friend")
    assert asked.reactions == ("eyes", "confused")
    right = "the Developer role" if first.repo.forge == "gitlab" else "write permission"
    assert f"`with` is for {right} and up" in talk.answers(first)[-1]
