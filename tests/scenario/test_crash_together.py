"""The process dies anywhere while several changes are tested together, and the end is the same.

The last time that each point is passed is when blame is found out: a workspace, builds and a plan for one change alone.
"""

from pathlib import Path

import pytest

from bot.domain.build import Succeeded
from bot.domain.verdict import Blame
from bot.engine import executor, poller
from tests.scenario.crashing import Told, settle, tell, without_run
from tests.scenario.harness import Stage
from tests.scenario.several import blames, breaks, impacts, open_other, push_other

CONCERNED = ("HandleIntent", "FetchSource", "PrepareWorkspace", "QueueBuilds", "PublishGeneration", "MakePlan")
CONCERNED += ("RecordFindings", "StopRun", "RefreshChange", "CleanUp")
POINTS = [f"{action}:{point}" for action in CONCERNED for point in executor.POINTS] + list(poller.POINTS)


async def story(revdeps: Stage) -> dict[str, object]:
    """Two changes are tested together until one is pushed to, and then again; that one breaks a package; the end."""
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(), await open_other(revdeps)
    await settle(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = lambda request: None if request.package == "app" else Succeeded()
    asked = await revdeps.ask(lead, "/revdeps with octocat/other#1")
    await settle(revdeps)
    await push_other(revdeps, other)
    await settle(revdeps)
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    await revdeps.ask(lead, "/revdeps with octocat/other#1")
    await settle(revdeps)
    blame = (await blames(revdeps, lead))["app"]
    revdeps.forge.close(lead)
    await revdeps.deliver_refresh(lead)
    await settle(revdeps)
    view = await revdeps.view(lead)
    checks = revdeps.forge.checks.values()
    return {
        "blame": blame,
        "conclusions": [(found.run.conclusion, found.run.problem) for found in view.runs],
        "reactions": asked.reactions,
        "comments": len(revdeps.forge.comments),
        "checks": sorted((check.repo.name, check.now.head_sha, check.now.title) for check in checks),
        "builds": sorted(without_run(key) for key in revdeps.builder.started),
        "workspaces": sorted(ref for ref in revdeps.builder.workspaces if "alone" in ref),
    }


def test_the_story_blames_the_companion(whole: Told) -> None:
    blame = whole.end["blame"]
    assert isinstance(blame, Blame)
    assert [str(change) for change in blame.culprits] == ["octocat/other#1"]


@pytest.mark.parametrize("point", POINTS)
async def test_wherever_the_process_dies_the_end_is_the_same(point: str, tmp_path: Path, whole: Told) -> None:
    at = whole.places(point)[-1]
    assert (await tell(story, tmp_path, at)).end == whole.end
