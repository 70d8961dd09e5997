"""The process dies anywhere while two packages that need each other's new versions are built, and the end is the same.

Neither has a root before the other one is there as it is in the pull request, but for `libfoo`, which can do without at
first: so one is tried again, the other built again.
"""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.engine import executor, poller
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage
from tests.scenario.mutual import built, open_several, sees
from tests.scenario.test_crash import Killer, settle, without_run

CONCERNED = ("QueueBuilds", "PublishGeneration", "RelateSubjects", "MakePlan", "FinishRun")
POINTS = [f"{action}:{point}" for action in CONCERNED for point in executor.POINTS] + list(poller.POINTS)


def outcome(revdeps: Stage, request: BuildRequest) -> Outcome:
    waits = request.package == "app" and "libfoo" not in sees(revdeps, request)
    return failed("nothing provides libfoo >= 2", FailureReason.UNRESOLVABLE) if waits else Succeeded()


async def story(revdeps: Stage) -> dict[str, object]:
    """A library is made with a program that needs the library."""
    revdeps.builder.roots["libfoo"] = ("app-0-1.noarch",)
    revdeps.builder.outcome_for = partial(outcome, revdeps)
    revdeps.resolver.script_impact(["app", "libfoo"], affected("tool"))
    ref = await open_several(revdeps, "app", "libfoo")
    await settle(revdeps)
    (found,) = (await revdeps.view(ref)).runs
    (target,) = found.targets
    return {
        "conclusion": found.run.conclusion,
        "verdicts": await revdeps.verdicts(ref),
        "built": built(revdeps),
        "builds": [without_run(key) for key in revdeps.builder.started],
        "published": [without_run(key) for key in target.published_builds],
        "generation": target.generation,
        "generations": {where: sorted(numbers) for where, numbers in revdeps.builder.generations.items()}.popitem()[1],
        "title": revdeps.check(ref).title,
        "comments": len(revdeps.forge.comments),
    }


async def tell(directory: Path, at: int | None) -> tuple[dict[str, object], Killer, Stage]:
    killer = Killer(at)
    async with stage(directory) as revdeps:
        revdeps.checkpoint = killer
        return await story(revdeps), killer, revdeps


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], list[str]]:
    """How the story ends where nobody dies, and the points that it comes by."""
    end, killer, _ = asyncio.run(tell(tmp_path_factory.mktemp("whole"), None))
    return end, killer.passed


def test_in_the_story_each_is_built_with_the_other(whole: tuple[dict[str, object], list[str]]) -> None:
    first = ["app sees nothing", "libfoo sees nothing", "app sees libfoo"]
    assert whole[0]["built"] == [*first, "libfoo sees app, libfoo", "app sees app, libfoo", "tool sees app, libfoo"]


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
