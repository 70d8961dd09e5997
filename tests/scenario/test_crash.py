"""The process dies at any point, another one goes on, and the end is the same: nothing twice, nothing lost.

The points are taken from the registry of actions, so an action that is added without being reached by the story fails.
"""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.domain.build import Failed, FailureReason, Succeeded
from bot.domain.plan import RebuildOrder
from bot.engine import executor, poller
from bot.engine.world import EngineSettings
from tests.fakes.builder import FakeBuilder, failed
from tests.fakes.pins import FakePins, load_with_dist_git
from tests.fakes.resolver import affected, uninstallable, unresolvable
from tests.scenario.harness import CONFIG, OFFER, Stage, stage
from tests.scenario.outcomes import breaks

POINTS = [f"{action.__name__}:{point}" for action in executor.REGISTRY for point in executor.POINTS]
POINTS += list(poller.POINTS)


TWO_PACKAGES = CONFIG.replace("libfoo}]", "libfoo}, {spec: libfoo-data.spec, name: libfoo-data}]")
REFUSED = Failed(reason=FailureReason.INFRASTRUCTURE, cause="a policy forbids it", refused=True)
MANY = ["tool", *(f"user-{number:02}" for number in range(10))]
"""So many that a pause holds some; of the first it is known from before that without the change it passes."""


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


class Killer:
    """Counts the points that are passed, and dies at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.passed: list[str] = []

    def __call__(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) - 1 == self.at:
            raise Crash(name)


async def settle(revdeps: Stage) -> None:
    """Settle, twice; after a crash another process goes on when the dead one's leases have run out."""
    for last in (False, True):
        try:
            await revdeps.settle()
        except Crash:
            revdeps.clock.pass_time(minutes=2)
            revdeps.owner = "the next process"
            await revdeps.settle()
        if not last:
            revdeps.clock.pass_time(minutes=2)


async def story(revdeps: Stage, strict: FakeBuilder) -> dict[str, object]:
    """One backend refuses, another builds: a soname moves; somebody retries, and waives; the author pushes a change of
    two packages; the end.
    """
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


def without_run(key: str) -> str:
    """Return a build key without the run, which has another name every time."""
    return "/".join(part for index, part in enumerate(key.split("/")) if index != 1)


async def tell(directory: Path, at: int | None) -> tuple[dict[str, object], Killer, Stage]:
    killer = Killer(at)
    settings = EngineSettings(state=directory, public_url="https://revdeps.example", systemic_failures=2)
    offer = replace(OFFER, backends=("fake", "strict"))
    strict = FakeBuilder(outcome_for=lambda request: REFUSED)
    loader = partial(load_with_dist_git, offer=offer)
    pins = FakePins(silent={MANY[-1]: "git.example.org does not answer"})
    async with stage(directory, settings=settings, load_config=loader, pins=pins) as revdeps:
        revdeps.checkpoint = killer
        revdeps.world = replace(revdeps.world, builders={"fake": revdeps.builder, "strict": strict})
        return await story(revdeps, strict), killer, revdeps


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], list[str]]:
    """How the story ends where nobody dies, and the points that it comes by."""
    end, killer, _ = asyncio.run(tell(tmp_path_factory.mktemp("whole"), None))
    return end, killer.passed


def test_the_story_comes_by_every_point_there_is(whole: tuple[dict[str, object], list[str]]) -> None:
    assert set(POINTS) - set(whole[1]) == set()


@pytest.mark.parametrize("time", ["first", "last"])
@pytest.mark.parametrize("point", POINTS)
async def test_wherever_the_process_dies_the_end_is_the_same(
    point: str, time: str, tmp_path: Path, whole: tuple[dict[str, object], list[str]]
) -> None:
    expected, passed = whole
    places = [index for index, name in enumerate(passed) if name == point]
    end, _, revdeps = await tell(tmp_path, places[0 if time == "first" else -1])
    assert end == expected
    assert set(revdeps.builder.submits.values()) == {1}, "a build was submitted twice"
