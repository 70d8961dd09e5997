"""The process dies anywhere while two packages that need each other's new versions are built, and the end is the same.

Neither has a root before the other one is there as it is in the pull request, but for `libfoo`, which can do without at
first: so one is tried again, the other built again.
"""

from functools import partial
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.engine import executor, poller
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.crashing import Told, settle, tell, without_run
from tests.scenario.harness import Stage
from tests.scenario.mutual import built, open_several, sees

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


def test_in_the_story_each_is_built_with_the_other(whole: Told) -> None:
    first = ["app sees nothing", "libfoo sees nothing", "app sees libfoo"]
    assert whole.end["built"] == [*first, "libfoo sees app, libfoo", "app sees app, libfoo", "tool sees app, libfoo"]


@pytest.mark.parametrize("point", POINTS)
async def test_wherever_the_process_dies_the_end_is_the_same(point: str, tmp_path: Path, whole: Told) -> None:
    for at in whole.places(point):
        assert (await tell(story, tmp_path / str(at), at)).end == whole.end
