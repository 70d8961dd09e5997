"""The bot as a process, the fake GitLab, real builds: from a signed webhook to status, note and answer."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from tests.fakes.distribution import PACKAGES, Distribution, library
from tests.fakes.gitlab import GitLabServer
from tests.fakes.gitlab.model import Status
from tests.fakes.service import Process, eventually

pytestmark = pytest.mark.rpm

PROJECT = "octocat/rpms/libgreet"
BOT = "revdeps-bot"
KEY = bytes(range(32))


@asynccontextmanager
async def bot(directory: Path, gitlab: GitLabServer) -> AsyncIterator[Process]:
    """The bot, which knows GitLab by the operator's file alone, not started yet."""
    secrets = {"token": gitlab.create_token(BOT).value, "signing": f"whsec_{base64.b64encode(KEY).decode()}"}
    directory.mkdir(exist_ok=True)
    for name, value in secrets.items():
        (directory / name).write_text(f"{value}\n")
    forges = {
        "gitlab": {
            "kind": "gitlab",
            "url": gitlab.url,
            "token-file": str(directory / "token"),
            "webhook-signing-key-file": str(directory / "signing"),
        }
    }
    (directory / "forges.yaml").write_text(yaml.safe_dump(forges))
    made = Process(directory=directory, environment={"REVDEPS_FORGES_FILE": str(directory / "forges.yaml")})
    try:
        yield made
    finally:
        await made.stop()


async def status(gitlab: GitLabServer, sha: str, until: Callable[[Status], bool]) -> Status:
    """Wait until the newest status of a commit is so."""

    def statuses() -> list[Status]:
        return [one for _, one in gitlab.statuses(sha)]

    found = await eventually(lambda: [one for one in statuses()[-1:] if until(one)])
    assert found, f"the status did not get there: {[(one.status, one.description) for one in statuses()]}"
    return found[0]


async def test_a_merge_request_is_checked_from_webhook_to_note(tmp_path: Path, distribution: Distribution) -> None:
    async with GitLabServer() as gitlab, bot(tmp_path / "bot", gitlab) as process:
        files = {"libgreet.spec": PACKAGES["libgreet"], ".revdeps.yaml": distribution.config}
        await gitlab.create_project(PROJECT, files, visibility="private")
        gitlab.add_member(PROJECT, BOT)
        hook = gitlab.add_hook(PROJECT, f"{process.url}/webhook/gitlab", token="", signing_key=KEY)
        await process.start()
        gitlab.webhooks.twice = True
        request = await gitlab.open_merge_request(
            PROJECT, "update", "Update libgreet to 2.0", files={"libgreet.spec": library("2.0")}
        )
        pipeline = await gitlab.run_pipeline(PROJECT, request.iid)
        ended = await status(gitlab, request.sha, lambda one: one.status in {"failed", "success"})
        assert ended.status == "failed"
        assert (ended.description or "").startswith("1 regressed")
        assert (ended.target_url or "").startswith(process.url)
        # The bot may hear of the pipeline when it has told the result already; then it tells it there too.
        assert await eventually(lambda: {one.status for one in pipeline.latest} == {"failed"})

        def notes() -> list[str]:
            return [note.body for note in gitlab.notes(PROJECT, request.iid) if "revdeps:v1" in note.body]

        assert await eventually(lambda: any("shouter" in note for note in notes()))
        assert len(notes()) == 1
        assert "implicit declaration of function" in notes()[0]
        assert "`/revdeps retry shouter`" in notes()[0]
        asked = await gitlab.comment(PROJECT, request.iid, "octocat", "/revdeps why report")
        assert await eventually(lambda: {award.name for award in asked.awards} == {"eyes", "rocket"})
        assert hook.failures == 0
        assert gitlab.violations == []
        assert gitlab.world.quick_actions == []
