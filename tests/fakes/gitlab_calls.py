"""What tests of GitLab's adapter say to it, in the project of `tests.fakes.gitlab_stage`."""

from dataclasses import replace
from typing import Any

from bot.domain.ids import RunId
from bot.domain.publication import Check, CheckStatus
from bot.domain.run import ChangeRef, Conclusion
from tests.fakes.gitlab.model import Pipeline
from tests.fakes.gitlab_stage import GitLabStage

PROJECT = "octocat/rpms/libfoo"
FILES = {"foo.spec": "Name: foo\nVersion: 2\n"}
STATUS = ("POST", "projects/:id/statuses/:sha")
REQUEST = ("GET", "projects/:id/merge_requests/:iid")


async def forked(stage: GitLabStage, *, visibility: str = "public") -> ChangeRef:
    stage.server.project(PROJECT).visibility = visibility
    opened = await stage.server.open_merge_request(
        PROJECT, "topic", "Update", "hubot-friend", from_fork=True, files=FILES
    )
    return ChangeRef(repo=stage.repo, number=opened.iid)


def check(sha: str, **more: Any) -> Check:
    queued = Check(
        name="revdeps", run=RunId("r1"), head_sha=sha, status=CheckStatus.QUEUED, title="Waiting", summary="It began."
    )
    return replace(queued, **more)


def done(sha: str, conclusion: Conclusion = Conclusion.SUCCESS, **more: Any) -> Check:
    return check(sha, status=CheckStatus.COMPLETED, conclusion=conclusion, title="It ended", **more)


async def publish(stage: GitLabStage, ref: ChangeRef, known: str | None = None, **more: Any) -> str:
    sha = stage.server.request(PROJECT, ref.number).sha
    return await stage.forge.publish_check(stage.repo, check(sha, **more), known)


def told(pipeline: Pipeline) -> list[str]:
    return [status.status for status in pipeline.latest]
