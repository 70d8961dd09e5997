"""The policies that an operator is given let the service do its work on a hub, and nothing beside it."""

import configparser
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import koji
import pytest

from bot.adapters.koji import Certificate
from bot.adapters.koji.examine import examine
from bot.domain.build import BuildRequest, BuildState, Succeeded, TreeSource
from bot.domain.config import PackageConfig
from bot.domain.ids import BuildKey, RunId, SnapshotId
from bot.ports.builder import WorkspaceSpec
from bot.ports.diagnosis import State
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted, Source

EXAMPLE = Path(__file__).parents[2] / "deploy/koji-policy.example"
SPEC = "Name: lib\nVersion: 2\nRelease: 1\nSummary: A test\nLicense: MIT\nBuildArch: noarch\n%description\nA.\n%files\n"
URL = "git+https://example.org/octocat/lib.git#0123456789012345678901234567890123456789"


def example() -> dict[str, str]:
    """Read as the hub reads it (koji.read_config_files): lines of a value are kept, those with a # are left out."""
    parser = configparser.RawConfigParser()
    parser.read(EXAMPLE)
    return {name: text.replace("user revdeps", "user bot") for name, text in parser["policy"].items()}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    worker = Scripted(sources={URL: Source(name="lib", version="3", release="1")})
    with place(tmp_path, worker, ["lib"]) as made:
        for name, text in example().items():
            made.hub.policies.set(name, text)
        made.hub.world.add_task("newRepo", [TAG], made.hub.admin, "createrepo")
        yield made


@pytest.fixture
def bot(here: Place) -> Iterator[Any]:
    assert isinstance(here.settings.credentials, Certificate)
    authority = str(here.settings.credentials.authority)
    session = koji.ClientSession(here.hub.url, {"serverca": authority})
    session.ssl_login(str(here.settings.credentials.file), serverca=authority)
    yield session
    session.logout()
    session.rsession.close()


def ended(bot: Any, task: int) -> str:
    """Why a task failed, or nothing."""
    while bot.getTaskInfo(task)["state"] not in (koji.TASK_STATES["CLOSED"], koji.TASK_STATES["FAILED"]):
        pass
    try:
        bot.getTaskResult(task)
    except koji.GenericError as fault:
        return str(fault)
    return ""


async def test_the_doctor_finds_nothing_wrong(here: Place) -> None:
    assert [found async for found in examine(here.settings, [TAG], trying=True) if found.state is not State.OK] == []


async def test_a_change_is_built_published_and_cleaned_up(here: Place) -> None:
    builder = here.builder()
    spec = WorkspaceSpec(run=RunId("run"), target=here.target, snapshot=SnapshotId("0" * 40))
    where = await builder.prepare(spec)
    (here.sources / "checkout").mkdir(parents=True)
    (here.sources / "checkout/lib.spec").write_text(SPEC)
    source = TreeSource(directory=str(here.sources / "checkout"), package=PackageConfig(spec="lib.spec", name="lib"))
    request = BuildRequest(package="lib", workspace=where, source=source, timeout=timedelta(hours=1), publishable=True)
    ref = await builder.submit(BuildKey("k"), request)
    for _ in range(50):  # the hub moves with every request
        status = (await builder.poll([ref]))[ref]
        if status.state is BuildState.DONE:
            break
    assert status.outcome == Succeeded()
    await builder.publish(where, [ref], 0)
    await builder.publish(where, [], 1)
    await builder.discard(where)
    assert await builder.leftovers() == ()


def test_a_build_that_would_count_is_refused(here: Place, bot: Any) -> None:
    side = bot.createSideTag(TAG)["name"]
    for source, told in ((URL, "drafts and scratch builds only"), ("cli-build/1/a-1-1.src.rpm", "Only admin")):
        assert told in ended(bot, bot.build(source, side, {}))


def test_only_one_place_is_checked_out_from(here: Place, bot: Any) -> None:
    side = bot.createSideTag(TAG)["name"]
    assert ended(bot, bot.build(URL, side, {"draft": True})) == ""
    elsewhere = URL.replace("octocat", "hubot")
    assert "is not allowed" in ended(bot, bot.build(elsewhere, side, {"draft": True}))


def test_nothing_is_tagged_but_into_its_own_side_tags(here: Place, bot: Any) -> None:
    build = here.hub.add_build(here.hub.world.tags_by_name[TAG], "lib")
    with pytest.raises(koji.ActionNotAllowed, match="its own side tags only"):
        bot.untagBuild(TAG, build.nvr)
    with pytest.raises(koji.ActionNotAllowed, match="its own side tags only"):
        bot.tagBuild(TAG, build.nvr)


def test_the_number_of_side_tags_is_bounded(here: Place, bot: Any) -> None:
    rules = example()["sidetag"].replace("100", "1")
    here.hub.policies.set("sidetag", rules)
    bot.createSideTag(TAG)
    with pytest.raises(koji.ActionNotAllowed, match="too many side tags"):
        bot.createSideTag(TAG)
