"""The process dies at any point, another one goes on, and the end is the same: nothing twice, nothing lost.

The points are taken from the registry of actions, so an action that is added without being reached by the story fails.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.domain.build import Failed, FailureReason, Succeeded
from bot.domain.plan import RebuildOrder
from bot.engine import executor, poller
from tests.fakes.builder import FakeBuilder, failed
from tests.fakes.pins import FakePins, load_with_dist_git
from tests.fakes.resolver import affected, uninstallable, unresolvable
from tests.scenario.crashing import Told, settle, tell, without_run
from tests.scenario.harness import CONFIG, OFFER, Stage
from tests.scenario.outcomes import breaks

POINTS = [f"{action.__name__}:{point}" for action in executor.REGISTRY for point in executor.POINTS]
POINTS += list(poller.POINTS)


TWO_PACKAGES = CONFIG.replace("libfoo}]", "libfoo}, {spec: libfoo-data.spec, name: libfoo-data}]")
REFUSED = Failed(reason=FailureReason.INFRASTRUCTURE, cause="a policy forbids it", refused=True)
MANY = ["tool", *(f"user-{number:02}" for number in range(10))]
"""So many that a pause holds some; of the first it is known from before that without the change it passes."""


def with_one_that_refuses(revdeps: Stage) -> FakeBuilder:
    """Let a backend refuse everything, and a dist-git not answer about one package."""
    offer = replace(OFFER, backends=("fake", "strict"))
    strict = FakeBuilder(outcome_for=lambda request: REFUSED)
    revdeps.world = replace(
        revdeps.world,
        builders={"fake": revdeps.builder, "strict": strict},
        settings=replace(revdeps.world.settings, systemic_failures=2),
        load_config=partial(load_with_dist_git, offer=offer),
        pins=FakePins(silent={MANY[-1]: "git.example.org does not answer"}),
    )
    return strict


async def story(revdeps: Stage) -> dict[str, object]:
    """One backend refuses, another builds: a soname moves; somebody retries, and waives; the author pushes a change of
    two packages; the end.
    """
    strict = with_one_that_refuses(revdeps)
    waiting = unresolvable("app", "nothing provides libfoo.so.1")
    broken = [uninstallable(name, "nothing provides libfoo.so.1") for name in ("libbar", "tool")]
    revdeps.resolver.script_impact(["libfoo"], affected("libbar"), affected("tool"), waiting, broken=broken)
    order = RebuildOrder(levels=(("libbar", "tool"), ("app",)), edges=(("app", "libbar"),))
    revdeps.resolver.script_order(["libfoo"], order)
    revdeps.resolver.script_impact(["libfoo", "libbar"], affected("app"))
    revdeps.builder.outcome_for = breaks("tool")
    ref = await revdeps.open(config=TWO_PACKAGES.replace("backend: fake,", "backend: strict, fallback: fake,"))
    await settle(revdeps)
    first = await revdeps.verdicts(ref)
    asked = await revdeps.ask(ref, "/revdeps retry tool\n/revdeps status")
    await settle(revdeps)
    retried = await revdeps.verdicts(ref)
    await revdeps.ask(ref, "/revdeps waive tool until=2026-01-02 -- it is mended tomorrow")
    await settle(revdeps)
    waived = await revdeps.verdicts(ref)
    revdeps.clock.pass_time(hours=12)
    await settle(revdeps)
    lapsed = await revdeps.verdicts(ref)
    many = [affected(name) for name in MANY]
    revdeps.resolver.script_impact(["libfoo"], *many)
    ours = ("libfoo", "libfoo-data")
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package in ours else failed("ld: no -lfoo")
    revdeps.forge.touch(ref, [f"{name}.spec" for name in ours])
    await revdeps.push(ref)
    await settle(revdeps)
    paused = (await revdeps.view(ref)).runs[0].run.pause
    revdeps.forge.close(ref)
    await revdeps.deliver_refresh(ref)
    await settle(revdeps)
    view = await revdeps.view(ref)
    return {
        "first": first,
        "retried": retried,
        "waived": waived,
        "lapsed": lapsed,
        "paused": paused,
        "conclusions": [found.run.conclusion for found in view.runs],
        "intents left": view.intents,
        "reactions": asked.reactions,
        "comments": len(revdeps.forge.comments),
        "checks": {check.now.head_sha: check.now.conclusion for check in revdeps.forge.checks.values()},
        "check runs": len(revdeps.forge.checks),
        "builds": sorted(without_run(key) for key in revdeps.builder.started),
        "left where it was refused": strict.workspaces,
        "workspaces": sorted(ref for ref in revdeps.builder.workspaces if "baseline" not in ref),
    }


def test_the_story_comes_by_every_point_there_is(whole: Told) -> None:
    assert set(POINTS) - set(whole.passed) == set()


@pytest.mark.parametrize("point", POINTS)
async def test_wherever_the_process_dies_the_end_is_the_same(point: str, tmp_path: Path, whole: Told) -> None:
    for at in whole.places(point):
        assert (await tell(story, tmp_path / str(at), at)).end == whole.end
