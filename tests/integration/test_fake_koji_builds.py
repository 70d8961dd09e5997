"""The fake hub's builders build for real: the same worker that the demo has."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import koji
import pytest

from bot.adapters.sandbox.host_base import ensure_host_base
from tests.fakes.koji.policies import for_user
from tests.fakes.koji.sandbox_worker import SandboxWorker
from tests.fakes.koji.server import KojiHub
from tests.fakes.koji.stage import make_srpm
from tests.fakes.koji.worker import Made
from tests.fakes.sandbox import Spec

pytestmark = pytest.mark.rpm

GOOD = Spec(name="good", version="2.0")
USER = Spec(name="user", preamble="BuildArch: noarch\nBuildRequires: good", build="cat /usr/share/good")
BAD = Spec(name="bad", build="echo 'bad.c:1:1: error: no good' >&2; exit 1")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[KojiHub]:
    worker = SandboxWorker(tmp_path / "worker")
    async with KojiHub(topdir=tmp_path / "koji", worker=worker, policies=for_user("bot")) as made:
        made.add_host()
        made.add_user("bot", password="secret")
        base = made.add_tag("mini", packages=["good", "user", "bad"])
        made.add_target("mini", base, base)
        host = ensure_host_base(tmp_path / "host").path
        parts = koji.parse_NVRA(host.name)
        binary = Made(name=parts["name"], arch=parts["arch"], file=host)
        made.add_build(base, parts["name"], parts["version"], parts["release"], binaries=[binary])
        yield made
    worker.close()


async def end(hub: KojiHub, task: int) -> None:
    async with asyncio.timeout(90), hub.driven():
        while True:
            if hub.world.tasks[task].finished:
                return
            await asyncio.sleep(0.02)


async def test_a_draft_is_built_and_what_needs_it_after_it(hub: KojiHub, tmp_path: Path) -> None:
    session = koji.ClientSession(hub.url, {"user": "bot", "password": "secret"})
    await asyncio.to_thread(session.login)
    for spec in (GOOD, USER, BAD):
        await asyncio.to_thread(session.uploadWrapper, str(srpm(spec, tmp_path / spec.name)), "cli-build/1")
    tag = (await asyncio.to_thread(session.createSideTag, "mini"))["name"]

    draft = await asyncio.to_thread(session.build, "cli-build/1/good-2.0-1.src.rpm", tag, {"draft": True})
    await end(hub, draft)
    (build,) = await asyncio.to_thread(session.listBuilds, taskID=draft)
    options = {"scratch": True, "wait_builds": [build["nvr"]], "rebuild_srpm": False}
    good = await asyncio.to_thread(session.build, "cli-build/1/user-1.0-1.src.rpm", tag, options)
    bad = await asyncio.to_thread(session.build, "cli-build/1/bad-1.0-1.src.rpm", tag, options)
    alone = await asyncio.to_thread(session.build, "cli-build/1/user-1.0-1.src.rpm", "mini", {"scratch": True})
    for task in (good, bad, alone):
        await end(hub, task)

    assert hub.world.tasks[good].state == koji.TASK_STATES["CLOSED"], hub.world.tasks[good].result
    assert hub.subtask(good, "buildArch").output["build.log"].count(b"2.0")
    (root,) = await asyncio.to_thread(session.listBuildroots, taskID=hub.subtask(good, "buildArch").id)
    names = {rpm["name"] for rpm in await asyncio.to_thread(session.listRPMs, componentBuildrootID=root["id"])}
    assert names == {"good", "host-base"}
    assert "mock exited with status 10" in hub.world.tasks[bad].result.faultString
    assert b"error: no good" in hub.subtask(bad, "buildArch").output["build.log"]
    assert "mock exited with status 30" in hub.world.tasks[alone].result.faultString
    await asyncio.to_thread(session.logout)
    session.rsession.close()


def srpm(spec: Spec, directory: Path) -> Path:
    return make_srpm(directory, spec.name, spec.version, spec.text)
