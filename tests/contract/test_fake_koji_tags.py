"""Side tags and repositories of the fake hub, through the real koji client. See tests/fakes/koji/."""

from collections.abc import AsyncIterator
from pathlib import Path

import koji
import pytest

from tests.fakes.koji.policies import for_user
from tests.fakes.koji.stage import BASE, Stage, existing
from tests.fakes.koji.worker import Job, Work, built, going


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = await Stage(tmp_path).open()
    yield made
    await made.close()


def state(stage: Stage, task: int) -> str:
    return str(koji.TASK_STATES[stage.hub.world.tasks[task].state])


async def test_side_tags_are_refused_by_default(tmp_path: Path) -> None:
    stage = await Stage(tmp_path, policies={}).open()
    with pytest.raises(koji.ActionNotAllowed, match=r"policy violation \(sidetag\): side tags are not allowed here"):
        await stage.side_tag()
    await stage.close()


async def test_a_side_tag_comes_with_its_target_and_inherits(stage: Stage) -> None:
    made = await stage.ask("createSideTag", BASE)

    assert made["name"] == f"{BASE}-side-{made['id']}"
    target = await stage.ask("getBuildTarget", made["name"])
    assert (target["build_tag_name"], target["dest_tag_name"]) == (made["name"], made["name"])
    assert [each["name"] for each in await stage.ask("getFullInheritance", made["name"])] == [BASE]
    tag = await stage.ask("getTag", made["name"], strict=True)
    assert (tag["arches"], tag["extra"]["sidetag_user"]) == ("x86_64", "bot")
    assert len(await stage.ask("listTagged", made["name"], inherit=True)) == 3
    assert await stage.ask("listTagged", made["name"]) == []


async def test_side_tags_are_listed_by_their_owner(stage: Stage) -> None:
    mine = await stage.side_tag()
    stage.hub.policies.set("sidetag", "all :: allow")
    other = await stage.logged_in("octocat", "other")
    await stage.call(other.createSideTag, BASE)

    (found,) = await stage.ask("listSideTags", user="bot", basetag=BASE)

    assert (found["name"], found["user_id"], found["user_name"]) == (mine, str(stage.user.id), "bot")
    assert len(await stage.ask("listSideTags")) == 2


async def test_there_may_be_only_so_many_side_tags(stage: Stage) -> None:
    tags = [await stage.side_tag() for _ in range(3)]

    with pytest.raises(koji.ActionNotAllowed, match="too many side tags"):
        await stage.side_tag()
    await stage.ask("removeSideTag", tags[0])
    await stage.side_tag()


async def test_a_suffix_must_be_listed(tmp_path: Path) -> None:
    stage = await Stage(tmp_path, suffixes=("rd",)).open()
    assert (await stage.ask("createSideTag", BASE, suffix="rd"))["name"].endswith("-rd")
    with pytest.raises(koji.GenericError, match="suffix is not allowed"):
        await stage.ask("createSideTag", BASE, suffix="mine")
    await stage.close()


async def test_a_removed_side_tag_takes_its_target_along_and_leaves_its_builds(stage: Stage) -> None:
    tag = await stage.side_tag()
    task = await stage.built(await stage.uploaded(), tag, draft=True)
    await stage.ask("removeSideTag", tag)

    assert await stage.ask("getTag", tag) is None
    assert await stage.ask("getBuildTarget", tag) is None
    assert await stage.ask("listSideTags", user="bot") == []
    with pytest.raises(koji.GenericError, match="No such tagInfo"):
        await stage.ask("listTagged", tag)
    with pytest.raises(koji.GenericError, match="No such tagInfo"):
        await stage.ask("removeSideTag", tag)
    (build,) = await stage.ask("listBuilds", taskID=task)
    assert build["state"] == koji.BUILD_STATES["COMPLETE"]
    late = await stage.built(existing("bar"), tag, scratch=True)
    assert state(stage, late) == "FAILED"


async def test_only_the_owner_removes_a_side_tag_and_nobody_a_real_one(stage: Stage) -> None:
    other = await stage.logged_in("octocat", "other")
    with pytest.raises(koji.ActionNotAllowed, match="not your sidetag"):
        await stage.call(other.removeSideTag, await stage.side_tag())
    with pytest.raises(koji.GenericError, match="Not a sidetag"):
        await stage.ask("removeSideTag", BASE)


async def test_a_side_tag_removed_underneath_fails_what_waits_for_it(stage: Stage) -> None:
    tag = await stage.side_tag()
    stage.hub.repositories.stuck.add(tag)
    waiting = await stage.built(existing("bar"), tag, scratch=True)
    assert state(stage, waiting) == "OPEN"

    stage.hub.remove_tag(tag)
    stage.clock.move(hours=3)
    stage.hub.run()

    assert state(stage, waiting) == "FAILED"


async def test_a_parent_says_what_may_be_edited(stage: Stage) -> None:
    tag = await stage.side_tag()
    with pytest.raises(koji.GenericError, match="Debuginfo setting is not allowed"):
        await stage.ask("editSideTag", tag, debuginfo=True)
    with pytest.raises(koji.GenericError, match="RPM macros change is not allowed"):
        await stage.ask("editSideTag", tag, rpm_macros={"dist": ".rd"})
    stage.base.extra["sidetag_rpm_macros_allowed"] = "dist"

    await stage.ask("editSideTag", tag, rpm_macros={"dist": ".rd"})

    assert (await stage.ask("getTag", tag))["extra"]["rpm.macro.dist"] == ".rd"
    with pytest.raises(koji.GenericError, match="editing is not allowed via parent"):
        await stage.ask("editSideTag", tag, rpm_macros={"cc": "mine"})


async def test_a_tags_settings_are_known_as_they_were(stage: Stage) -> None:
    stage.base.extra["mock.package_manager"] = "dnf"
    stage.base.extra["sidetag_rpm_macros_allowed"] = "dist"
    tag = await stage.side_tag()
    event = await stage.ask("tagLastChangeEvent", tag)
    await stage.ask("editSideTag", tag, rpm_macros={"dist": ".rd"})

    now, then = await stage.ask("getBuildConfig", tag), await stage.ask("getBuildConfig", tag, event=event)

    assert now["extra"].items() - then["extra"].items() == {("rpm.macro.dist", ".rd")}
    assert then["extra"]["mock.package_manager"] == "dnf"
    assert then["config_inheritance"]["extra"]["mock.package_manager"]["name"] == BASE


# Repositories.


async def test_a_repository_is_ready_when_it_is_made_and_not_before(stage: Stage) -> None:
    tag = await stage.side_tag()
    assert await stage.ask("getRepo", tag) is None
    asked = await stage.ask("repo.request", tag, min_event="last")
    again = await stage.ask("repo.request", tag, min_event="last")

    assert (asked["repo"], asked["duplicate"], again["duplicate"]) == (None, False, True)
    assert again["request"]["id"] == asked["request"]["id"]
    stage.hub.repositories.stuck.add(tag)
    stage.hub.run()
    waiting = await stage.ask("repo.checkRequest", asked["request"]["id"])
    assert waiting["repo"] is None
    assert waiting["task"]["method"] == "newRepo"
    stage.hub.repositories.stuck.clear()
    stage.hub.run()
    ready = (await stage.ask("repo.checkRequest", asked["request"]["id"]))["repo"]
    assert (ready["state"], ready["tag_name"]) == (koji.REPO_READY, tag)
    assert ready["create_event"] >= await stage.ask("tagLastChangeEvent", tag)
    assert (await stage.ask("repo.request", tag, min_event="last"))["repo"]["id"] == ready["id"]
    assert (await stage.ask("getRepo", tag))["id"] == (await stage.ask("repo.get", tag))["id"] == ready["id"]


async def test_an_older_repository_does_unless_one_says_otherwise(stage: Stage) -> None:
    tag = await stage.side_tag()
    stage.clock.move(hours=1)
    asked = await stage.ask("repo.request", tag)
    stage.hub.run()
    first = (await stage.ask("repo.checkRequest", asked["request"]["id"]))["repo"]
    await stage.built(await stage.uploaded(), tag, draft=True)

    assert (await stage.ask("repo.request", tag))["repo"]["id"] == first["id"]
    assert (await stage.ask("repo.request", tag, min_event="last"))["repo"] is None


async def test_a_build_that_waits_for_a_draft_sees_it(stage: Stage) -> None:
    stage.hub.worker.table["bar"] = lambda job: built(job, "foo")
    tag, empty = await stage.side_tag(), await stage.side_tag()
    draft = await stage.built(await stage.uploaded(), tag, draft=True)
    (build,) = await stage.ask("listBuilds", taskID=draft)
    options = {"scratch": True, "rebuild_srpm": False}
    candidate = await stage.built(existing("bar"), tag, **options, wait_builds=[build["nvr"]])
    baseline = await stage.built(existing("bar"), empty, **options)

    assert "foo-2-1.x86_64" not in await installed(stage, baseline)
    assert "foo-2-1.noarch" in await installed(stage, candidate)
    assert "foo-1-1.x86_64" in await installed(stage, baseline)


async def installed(stage: Stage, task: int) -> set[str]:
    (root,) = await stage.ask("listBuildroots", taskID=stage.hub.subtask(task, "buildArch").id)
    rpms = await stage.ask("listRPMs", componentBuildrootID=root["id"])
    return {f"{rpm['nvr']}.{rpm['arch']}" for rpm in rpms}


async def test_a_build_may_wait_for_what_is_built_meanwhile(stage: Stage) -> None:
    tag = await stage.side_tag()
    task = await stage.built(existing("bar"), tag, scratch=True, wait_builds=["foo-2-1,draft_4"])
    assert (state(stage, task), stage.hub.subtask(task, "waitrepo").state) == ("OPEN", koji.TASK_STATES["OPEN"])

    await stage.built(await stage.uploaded(), tag, draft=True)

    assert state(stage, task) == "CLOSED"


async def test_a_repository_that_always_fails_is_given_up(stage: Stage) -> None:
    tag = await stage.side_tag()
    stage.hub.repositories.broken.add(tag)
    asked = await stage.ask("repo.request", tag, min_event="last")
    waiting = await stage.built(existing("bar"), tag, scratch=True)

    gone = await stage.ask("repo.checkRequest", asked["request"]["id"])
    assert (gone["repo"], gone["request"]["active"], gone["request"]["tries"]) == (None, False, 4)
    assert gone["task"]["state"] == koji.TASK_STATES["FAILED"]
    assert "no longer active" in stage.hub.world.tasks[waiting].result.faultString


async def test_a_repository_that_never_comes_fails_the_build_after_two_hours(stage: Stage) -> None:
    tag = await stage.side_tag()
    stage.hub.repositories.stuck.add(tag)
    task = await stage.built(existing("bar"), tag, scratch=True)
    stage.clock.move(hours=1.9)
    stage.hub.run()
    assert state(stage, task) == "OPEN"

    stage.clock.move(hours=0.2)
    stage.hub.run()

    assert "Unsuccessfully waited" in stage.hub.world.tasks[task].result.faultString


async def test_an_old_hub_knows_no_requests(tmp_path: Path) -> None:
    stage = await Stage(tmp_path, version="1.34.1").open()
    with pytest.raises(koji.GenericError, match="Invalid method"):
        await stage.ask("repo.request", BASE)
    assert await stage.call(lambda: stage.bot.hub_version) == (1, 34, 1)
    await stage.close()


async def test_repositories_and_their_making_are_asked_for_by_those_who_may(stage: Stage) -> None:
    with pytest.raises(koji.ActionNotAllowed, match="regen-repo"):
        await stage.ask("newRepo", BASE)
    stage.user.perms.add("regen-repo")
    task = await stage.ask("newRepo", BASE)
    stage.hub.run()
    number, event = await stage.ask("getTaskResult", task)
    assert (await stage.ask("repoInfo", number, strict=True))["create_event"] == event


async def test_what_is_built_in_a_side_tag_is_seen_nowhere_else(stage: Stage) -> None:
    seen: list[str | None] = []

    def look(job: Job) -> Work:
        found = job.find("foo")
        seen.append(found.nvra if found else None)
        return built(job)

    stage.hub.worker.table["bar"] = look
    tag = await stage.side_tag()
    await stage.built(await stage.uploaded(), tag, draft=True)
    for target in (tag, BASE):
        await stage.built(existing("bar"), target, scratch=True, rebuild_srpm=False, wait_repo=True)

    assert seen == ["foo-2-1.noarch", "foo-1-1.x86_64"]


async def test_policies_name_the_account_that_may(stage: Stage) -> None:
    stage.hub.policies.set("sidetag", for_user("octocat")["sidetag"])
    stage.hub.worker.table["bar"] = lambda job: going()

    with pytest.raises(koji.ActionNotAllowed):
        await stage.side_tag()
