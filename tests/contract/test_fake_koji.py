"""The fake hub behaves as Koji's source says, seen through the real koji client. See tests/fakes/koji/."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import koji
import pytest

from tests.fakes.koji.stage import BASE, Stage, existing
from tests.fakes.koji.worker import Job, Source, Work, built, failed, going, mock_failure

SCM = "git+https://forge.example/foo.git#0123456789abcdef"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = await Stage(tmp_path).open()
    yield made
    await made.close()


def state(stage: Stage, task: int) -> str:
    return str(koji.TASK_STATES[stage.hub.world.tasks[task].state])


def fault_of(stage: Stage, task: int) -> tuple[int, str]:
    assert state(stage, task) == "FAILED"
    result = stage.hub.world.tasks[task].result
    return result.faultCode, result.faultString


def never_ends(job: Job) -> Work:
    return going()


async def test_every_method_says_where_its_behaviour_was_read(stage: Stage) -> None:
    own = {"getAPIVersion", "getKojiVersion"}
    unread = [name for name, each in stage.hub.gate.methods.items() if "1.35.3)" not in (each.__doc__ or "")]

    assert set(unread) == own
    assert len(stage.hub.gate.methods) > 50


async def test_anybody_may_read(stage: Stage) -> None:
    assert await stage.call(stage.reader.getAPIVersion) == koji.API_VERSION
    assert await stage.call(stage.reader.getLoggedInUser) is None
    assert (await stage.call(stage.reader.getTag, BASE))["name"] == BASE
    assert await stage.call(lambda: stage.reader.hub_version) == (1, 35, 3)


async def test_changing_anything_needs_a_log_in(stage: Stage) -> None:
    for method, args in {"build": ("a", BASE), "createSideTag": (BASE,), "removeSideTag": (BASE,)}.items():
        with pytest.raises(koji.ActionNotAllowed, match="logged in"):
            await stage.call(stage.reader.callMethod, method, *args)


async def test_a_wrong_password_is_refused(stage: Stage) -> None:
    with pytest.raises(koji.AuthError, match="invalid username or password"):
        await stage.logged_in("bot", "guess")


async def test_what_no_hub_knows_is_refused(stage: Stage) -> None:
    with pytest.raises(koji.GenericError, match="Invalid method: buildEverything"):
        await stage.ask("buildEverything")
    with pytest.raises(koji.ParameterError, match="unexpected keyword argument"):
        await stage.ask("getTag", BASE, colour="blue")
    with pytest.raises(koji.ParameterError, match="Invalid type"):
        await stage.ask("getTaskInfo", "many")
    with pytest.raises(koji.ParameterError, match="Invalid type"):
        await stage.ask("build", ["a", "list"], BASE)
    assert len(stage.hub.violations) == 4


async def test_a_multicall_has_faults_as_values(stage: Stage) -> None:
    def ask() -> list[Any]:
        with stage.bot.multicall(batch=100) as many:
            return [many.getTag(BASE), many.getTag("none", strict=True), many.getTaskInfo(99), many.getLoggedInUser()]

    known, unknown, missing, me = await stage.call(ask)

    assert known.result["name"] == BASE
    with pytest.raises(koji.GenericError, match="No such tagInfo: 'none'"):
        _ = unknown.result
    assert missing.result is None
    assert me.result["name"] == "bot"
    assert stage.hub.calls["multiCall"] == 1
    assert stage.hub.asked["getTag"] == 2


async def test_build_looks_at_nothing_and_the_task_fails(stage: Stage) -> None:
    task = await stage.built("nothing.src.rpm", "typo")

    assert state(stage, task) == "FAILED"
    assert fault_of(stage, task) == (1000, "unknown build target: typo")
    with pytest.raises(koji.GenericError, match="unknown build target"):
        await stage.ask("getTaskResult", task)
    told = await stage.ask("getTaskResult", task, raise_fault=False)
    assert told == {"faultCode": 1000, "faultString": "unknown build target: typo"}


async def test_a_scratch_build_of_what_is_there_is_built_and_not_imported(stage: Stage) -> None:
    tag = await stage.side_tag()
    task = await stage.built(existing("bar"), tag, scratch=True, rebuild_srpm=False, arch_override="x86_64")

    assert state(stage, task) == "CLOSED"
    assert [each.method for each in stage.hub.family(task)] == ["build", "waitrepo", "buildArch"]
    assert await stage.ask("listBuilds", taskID=task) == []
    info = await stage.ask("getTaskInfo", task, request=True)
    assert info["request"][0] == existing("bar")
    assert info["priority"] == koji.PRIO_DEFAULT + 5
    assert info["create_ts"] <= info["start_ts"] <= info["completion_ts"]
    children = (await stage.ask("getTaskDescendents", task))[str(task)]
    assert [child["label"] for child in children] == [None, "x86_64"]
    assert stage.hub.violations == []


async def test_a_source_is_rebuilt_unless_told_otherwise(stage: Stage) -> None:
    task = await stage.built(existing("bar"), scratch=True)

    assert [each.method for each in stage.hub.family(task)][-2:] == ["rebuildSRPM", "buildArch"]


async def test_sources_of_others_are_for_admins(stage: Stage) -> None:
    stage.hub.policies.set("build_from_srpm", "has_perm admin :: allow\nall :: deny no")
    stage.hub.policies.set("build_from_scm", "has_perm admin :: allow\nall :: deny no")
    from_srpm, from_scm = await stage.built(await stage.uploaded()), await stage.built(SCM)
    scratch = await stage.built(existing("bar"), scratch=True)

    assert fault_of(stage, from_srpm) == (1004, "policy violation (build_from_srpm): no")
    assert fault_of(stage, from_scm)[0] == 1005
    assert state(stage, scratch) == "CLOSED"


async def test_a_draft_makes_a_change_visible_without_using_up_its_name(stage: Stage) -> None:
    tag = await stage.side_tag()
    metadata = {"revdeps": "c/1"}
    task = await stage.built(await stage.uploaded(), tag, draft=True, custom_user_metadata=metadata)

    (build,) = await stage.ask("listBuilds", taskID=task)
    assert build["nvr"] == f"foo-2-1,draft_{build['build_id']}"
    assert build["draft"] is True
    assert build["extra"]["custom_user_metadata"] == metadata
    assert [each["nvr"] for each in await stage.ask("listTagged", tag)] == [build["nvr"]]
    (newest,) = await stage.ask("getLatestBuilds", tag, package="foo")
    assert newest["nvr"] == build["nvr"]
    (base,) = await stage.ask("getLatestBuilds", BASE, package="foo")
    assert base["nvr"] == "foo-1-1"
    rpms = await stage.ask("listBuildRPMs", build["build_id"])
    assert {rpm["release"] for rpm in rpms} == {"1"}
    second = await stage.built("cli-build/1/foo-2-1.src.rpm", tag, draft=True)
    assert state(stage, second) == "CLOSED"


async def test_a_draft_is_refused_once_the_real_one_exists(stage: Stage) -> None:
    task = await stage.built(existing("foo"), await stage.side_tag(), draft=True)

    assert fault_of(stage, task)[1].startswith("Target build already exists: foo-1-1 (id=")


async def test_draft_and_scratch_together_is_scratch(stage: Stage) -> None:
    task = await stage.built(await stage.uploaded(), await stage.side_tag(), draft=True, scratch=True)

    assert state(stage, task) == "CLOSED"
    assert await stage.ask("listBuilds", taskID=task) == []


async def test_options_that_the_builder_refuses(stage: Stage) -> None:
    override = await stage.built(existing("bar"), arch_override="x86_64")
    metadata = await stage.built(existing("bar"), custom_user_metadata="key")
    foreign = await stage.built(existing("bar"), scratch=True, arch_override="s390x")

    assert fault_of(stage, override) == (1005, "arch_override is only allowed for scratch builds")
    assert fault_of(stage, metadata)[0] == 1005
    assert fault_of(stage, foreign) == (1005, "No matching arches were found")
    with pytest.raises(koji.ActionNotAllowed, match="high-priority"):
        await stage.ask("build", existing("bar"), BASE, {}, priority=-1)


async def test_a_build_from_a_commit(stage: Stage) -> None:
    stage.hub.worker.sources[SCM] = Source(name="foo", version="3", release="1", buildarchs=("noarch",))
    task = await stage.built(SCM, await stage.side_tag(), draft=True)

    (build,) = await stage.ask("listBuilds", taskID=task)
    assert (build["nvr"].split(",")[0], build["source"]) == ("foo-3-1", SCM)
    assert [each.method for each in stage.hub.family(task)][2:] == ["buildSRPMFromSCM", "buildArch", "tagBuild"]


async def test_a_failure_names_its_fault_and_its_log(stage: Stage) -> None:
    stage.hub.worker.table = {"bar": failed, "foo": lambda job: failed(job, 20), "host-base": explodes}
    bar, foo, base = [await stage.built(existing(name), scratch=True) for name in ("bar", "foo", "host-base")]

    assert fault_of(stage, bar)[0] == koji.BuildError.faultCode
    assert "mock exited with status 1; see build.log or root.log" in fault_of(stage, bar)[1]
    assert fault_of(stage, foo)[0] == koji.BuildrootError.faultCode
    arch = stage.hub.subtask(base, "buildArch").id
    assert fault_of(stage, arch)[0] == 1
    assert "OSError: disk full" in fault_of(stage, arch)[1]


def explodes(job: Job) -> Work:
    work = built(job)
    return Work(logs=work.logs, error=OSError("disk full"))


async def test_logs_are_read_in_parts_while_the_build_goes_on(stage: Stage) -> None:
    stage.hub.worker.table["bar"] = lambda job: going(b"0123456789")
    task = await stage.built(existing("bar"), scratch=True)
    arch = stage.hub.subtask(task, "buildArch").id

    files = await stage.ask("listTaskOutput", arch, stat=True, all_volumes=True)
    assert files["build.log"]["DEFAULT"]["st_size"] == "10"
    assert await stage.call(stage.bot.downloadTaskOutput, arch, "build.log", offset=2, size=3) == b"234"
    assert await stage.call(stage.bot.downloadTaskOutput, arch, "build.log", offset=-4) == b"6789"
    with pytest.raises(Exception, match="Invalid argument"):
        await stage.call(stage.bot.downloadTaskOutput, arch, "build.log", offset=-11)
    with pytest.raises(koji.GenericError, match='no file "mock" output'):
        await stage.call(stage.bot.downloadTaskOutput, arch, "mock")
    assert await stage.ask("listTaskOutput", 999) == []


async def test_results_of_scratch_builds_are_pruned(stage: Stage) -> None:
    task = await stage.built(existing("bar"), scratch=True)
    arch = stage.hub.subtask(task, "buildArch").id
    assert "bar-1-1.x86_64.rpm" in await stage.ask("listTaskOutput", arch)

    stage.hub.prune(task)

    assert await stage.ask("listTaskOutput", arch) == []
    assert (await stage.ask("getTaskInfo", arch))["state"] == koji.TASK_STATES["CLOSED"]


async def test_a_task_is_cancelled_with_its_subtasks(stage: Stage) -> None:
    stage.hub.worker.table["foo"] = never_ends
    task = await stage.built(await stage.uploaded(), await stage.side_tag(), draft=True)
    assert await stage.ask("cancelTask", task, recurse=True) is None
    stage.hub.run()

    assert {state(stage, each.id) for each in stage.hub.family(task) if each.method in ("build", "buildArch")} == {
        "CANCELED"
    }
    assert stage.hub.worker.stopped
    (build,) = await stage.ask("listBuilds", taskID=task)
    assert build["state"] == koji.BUILD_STATES["CANCELED"]
    with pytest.raises(koji.GenericError, match="is canceled"):
        await stage.ask("getTaskResult", task, raise_fault=False)


async def test_cancelling_what_has_ended_says_nothing(stage: Stage) -> None:
    task = await stage.built(existing("bar"), scratch=True)

    assert await stage.ask("cancelTask", task) is None
    assert state(stage, task) == "CLOSED"


async def test_others_may_not_cancel(stage: Stage) -> None:
    task = await stage.ask("build", existing("bar"), BASE, {"scratch": True})
    other = await stage.logged_in("octocat", "other")

    for session in (other, stage.reader):
        with pytest.raises(koji.ActionNotAllowed, match="not owner"):
            await stage.call(session.cancelTask, task)
    with pytest.raises(koji.GenericError, match="No such task"):
        await stage.ask("cancelTask", 99)


async def test_a_task_that_is_freed_begins_again(stage: Stage) -> None:
    stage.hub.worker.table["bar"] = never_ends
    task = await stage.built(existing("bar"), scratch=True)
    arch = stage.hub.subtask(task, "buildArch")
    starts = stage.hub.farm.starts

    stage.hub.free(arch.id)
    assert (await stage.ask("getTaskInfo", arch.id))["state"] == koji.TASK_STATES["FREE"]
    stage.hub.run()

    assert (state(stage, arch.id), stage.hub.farm.starts) == ("OPEN", starts + 1)
    del stage.hub.worker.table["bar"]
    stage.hub.run()
    assert state(stage, task) == "CLOSED"


async def test_our_own_tasks_are_found_by_what_was_asked(stage: Stage) -> None:
    tag = await stage.side_tag()
    mine = await stage.built(existing("bar"), tag, scratch=True, custom_user_metadata={"revdeps": "k"})
    other = await stage.logged_in("octocat", "other")
    await stage.call(other.build, existing("bar"), BASE, {"scratch": True})
    broken = await stage.built("typo", "typo")

    found = await stage.ask("listTasks", {"owner": stage.user.id, "method": "build", "decode": True})

    assert [each["id"] for each in found] == [mine, broken]
    assert found[0]["request"][2]["custom_user_metadata"] == {"revdeps": "k"}
    assert found[1]["result"]["faultCode"] == 1000
    raw = await stage.ask("listTasks", {"owner": stage.user.id, "method": "build"}, {"limit": 1, "order": "-id"})
    assert [each["id"] for each in raw] == [broken]
    assert raw[0]["request"].startswith("<?xml")


async def test_a_failed_task_can_be_asked_for_again_as_a_new_one(stage: Stage) -> None:
    stage.hub.worker.table["bar"] = failed
    task = await stage.built(existing("bar"), scratch=True)

    again = await stage.ask("resubmitTask", task)

    assert again != task
    assert await stage.ask("getTaskRequest", again) == await stage.ask("getTaskRequest", task)


async def test_what_was_in_the_root_is_told(stage: Stage) -> None:
    stage.hub.worker.table["bar"] = lambda job: built(job, "foo")
    task = await stage.built(existing("bar"), scratch=True)
    arch = stage.hub.subtask(task, "buildArch").id

    (root,) = await stage.ask("listBuildroots", taskID=arch)
    names = await stage.ask("listRPMs", componentBuildrootID=root["id"])

    assert sorted(f"{rpm['nvr']}.{rpm['arch']}" for rpm in names) == ["foo-1-1.x86_64", "host-base-1-1.x86_64"]
    assert root["tag_name"] == BASE


async def test_headers_and_dependencies_of_packages(stage: Stage) -> None:
    tag = await stage.side_tag()
    task = await stage.built(await stage.uploaded(), tag, draft=True)
    (build,) = await stage.ask("listBuilds", taskID=task)
    source = next(rpm for rpm in await stage.ask("listBuildRPMs", build["build_id"]) if rpm["arch"] == "src")

    assert await stage.ask("getRPMHeaders", source["id"], headers=["name", "buildarchs"]) == {
        "name": "foo",
        "buildarchs": ["noarch"],
    }
    requires = await stage.ask("getRPMDeps", source["id"], depType=koji.DEP_REQUIRE)
    assert all(each["name"].startswith("rpmlib(") for each in requires)
    where = f"packages/foo/2/1,draft_{build['build_id']}/src/foo-2-1.src.rpm"
    assert (stage.directory / where).is_file()
    rpms, builds = await stage.ask("listTaggedRPMS", BASE, inherit=True, latest=True, arch="x86_64")
    assert len(rpms) == len(builds) == 3


async def test_load_is_known_by_host(stage: Stage) -> None:
    stage.hub.worker.table["bar"] = never_ends
    for _ in range(10):
        await stage.ask("build", existing("bar"), BASE, {"scratch": True, "rebuild_srpm": False})
    stage.hub.run()

    channel = await stage.ask("getChannel", "default")
    (host,) = await stage.ask("listHosts", channelID=channel["id"], arches=["x86_64"], enabled=True, ready=True)

    assert host["capacity"] <= host["task_load"] < host["capacity"] + 1.5
    assert await stage.ask("listHosts", arches="s390x") == []


def test_mock_says_which_log_to_read() -> None:
    assert "see root.log" in str(mock_failure(30))
    assert "see build.log for" in str(mock_failure(10))
