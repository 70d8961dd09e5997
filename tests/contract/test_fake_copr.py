"""What a Copr does, through its own client: the fake is held to what its source says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.copr.failures import Failure
from tests.fakes.copr.stage import CHROOT, OTHER, Stage, get, staged
from tests.fakes.copr.worker import Source, Work, built, failed, going


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as found:
        yield found
        assert found.server.violations == []


def test_a_project_is_made_once(stage: Stage) -> None:
    stage.project(additional_repos=["https://example.org/$chroot"], delete_after_days=14, unlisted_on_hp=True)

    code, told = stage.refused(stage.bot.project_proxy.add, "bot", "p", [CHROOT])
    again = stage.bot.project_proxy.add("bot", "p", [OTHER], exist_ok=True)

    assert (code, told) == (400, "name: You already have a project named 'p'.")
    assert again.additional_repos == ["https://example.org/$chroot"]
    assert list(again.chroot_repos) == [CHROOT]
    assert get(f"{again.chroot_repos[CHROOT]}repodata/repomd.xml").status_code == 200


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "a b"}, "name: Name must contain only letters"),
        ({"name": "7"}, "name: Project's name can not be just number."),
        ({"chroots": ["fedora-1-x86_64"]}, "chroots: 'fedora-1-x86_64' is not a valid choice for this field."),
        ({"chroots": []}, "At least one chroot must be selected"),
        ({"delete_after_days": 721}, "delete_after_days: Number must be between -1 and 720."),
        ({"additional_repos": ["ftp://example.org"]}, "doesn't seem to be a valid URL"),
        ({"additional_repos": ["copr://bot/none"]}, "copr://bot/none does not exist."),
        ({"repo_priority": 0}, "repo_priority: Number must be at least 1."),
    ],
)
def test_a_project_that_cannot_be_is_not_made(stage: Stage, options: dict[str, object], told: str) -> None:
    name = str(options.pop("name", "p"))
    chroots = options.pop("chroots", [CHROOT])

    code, answer = stage.refused(stage.bot.project_proxy.add, "bot", name, chroots, **options)

    assert code == 400
    assert told in answer


def test_what_is_for_admins_is_refused(stage: Stage) -> None:
    assert stage.refused(stage.bot.project_proxy.add, "bot", "p", [CHROOT], persistent=True)[0] == 403
    assert stage.refused(stage.bot.project_proxy.add, "octocat", "p", [CHROOT])[0] == 403


def test_editing_replaces_lists_as_a_whole(stage: Stage) -> None:
    stage.project(additional_repos=["https://example.org/a"], delete_after_days=3)

    edited = stage.bot.project_proxy.edit("bot", "p", additional_repos=["https://example.org/b"])

    assert edited.additional_repos == ["https://example.org/b"]
    assert edited.chroot_repos == stage.bot.project_proxy.get("bot", "p").chroot_repos
    assert stage.refused(stage.stranger.project_proxy.edit, "bot", "p", unlisted_on_hp=True)[0] == 403


def test_projects_are_listed_by_owner_a_page_at_a_time(stage: Stage) -> None:
    names = [stage.project(f"p{number}") for number in range(3)]
    stage.stranger.project_proxy.add("octocat", "theirs", [CHROOT])

    page = stage.bot.project_proxy.get_list("bot", pagination={"limit": 2, "order": "id", "order_type": "ASC"})

    assert [each.name for each in page] == names[:2]
    assert {each.name for each in stage.bot.project_proxy.get_list("bot")} == set(names)


def test_a_project_with_running_builds_is_not_deleted(stage: Stage) -> None:
    stage.project()
    build = stage.submit()

    code, told = stage.refused(stage.bot.project_proxy.delete, "bot", "p")
    stage.bot.build_proxy.cancel(build.id)
    stage.bot.project_proxy.delete("bot", "p")

    assert (code, told) == (400, f"Build(s) {build.id} are still running.\n")
    assert stage.refused(stage.bot.project_proxy.get, "bot", "p") == (404, "Project bot/p does not exist.")
    assert stage.refused(stage.bot.build_proxy.get, build.id)[0] == 404


def test_somebody_elses_project_is_not_deleted(stage: Stage) -> None:
    stage.project()

    assert stage.refused(stage.stranger.project_proxy.delete, "bot", "p")[0] == 403


def test_a_project_is_gone_after_its_days(stage: Stage) -> None:
    stage.project(delete_after_days=2)
    stage.project("kept")
    stage.clock.move(days=3)
    stage.server.projects.expire()

    assert [each.name for each in stage.bot.project_proxy.get_list("bot")] == ["kept"]


def test_a_build_is_pending_again_once_its_source_is_imported(stage: Stage) -> None:
    stage.project()
    build = stage.submit(chroots=[CHROOT])
    seen = [stage.state(build)]
    while stage.server.farm.advance():
        seen.append(stage.state(build))

    assert seen == ["pending", "running", "importing", "pending", "starting", "running", "succeeded"]


def test_without_chroots_a_build_has_none_until_its_source_is_made(stage: Stage) -> None:
    stage.project(chroots=[CHROOT, OTHER])
    build = stage.submit()

    before = stage.bot.build_proxy.get(build.id).chroots
    stage.server.run()

    assert before == []
    assert sorted(stage.bot.build_proxy.get(build.id).chroots) == sorted([CHROOT, OTHER])


def test_a_build_sums_up_its_chroots(stage: Stage) -> None:
    stage.project(chroots=[CHROOT, OTHER])
    stage.script.table["foo"] = lambda job: failed(job) if job.chroot == OTHER else built(job)
    build = stage.submit(chroots=[CHROOT, OTHER])
    stage.server.run()

    states = {each.name: each.state for each in stage.bot.build_chroot_proxy.get_list(build.id)}

    assert stage.state(build) == "failed"
    assert states == {CHROOT: "succeeded", OTHER: "failed"}


def test_an_excluded_architecture_is_skipped(stage: Stage) -> None:
    stage.project(chroots=[CHROOT, OTHER])
    stage.script.sources = lambda job: Source(name="foo", exclusivearch=("x86_64",))
    build = stage.submit()
    stage.server.run()

    assert {each.name: each.state for each in build.chroots} == {CHROOT: "succeeded", OTHER: "skipped"}
    assert stage.state(build) == "succeeded"


def test_a_source_that_fails_ends_the_build_without_results(stage: Stage) -> None:
    stage.project()
    stage.script.sources = lambda job: None
    stage.script.source_log = b"error: line 3: Unknown tag\n"
    build = stage.submit(chroots=[CHROOT])
    early = stage.refused(stage.bot.build_proxy.get_source_chroot, build.id)
    stage.server.run()

    (chroot,) = stage.bot.build_chroot_proxy.get_list(build.id)
    source = stage.bot.build_proxy.get_source_chroot(build.id)

    assert early[0] == 500
    assert (stage.state(build), chroot.state, chroot.result_url) == ("failed", "failed", None)
    assert source.state == "failed"
    assert get(f"{source.result_url}/builder-live.log.gz").text == "error: line 3: Unknown tag\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"chroots": ["fedora-1-x86_64"]}, "'fedora-1-x86_64' is not a valid choice for this field."),
        ({"chroots": [OTHER]}, f"'{OTHER}' is not a valid choice for this field."),
        ({"timeout": 108_001}, "Number must be between 0 and 108000."),
        ({"after_build_id": 99}, "Build 99 not found"),
    ],
)
def test_a_build_with_wrong_options_is_refused(stage: Stage, options: dict[str, object], told: str) -> None:
    stage.project()

    code, answer = stage.refused(stage.submit, **options)

    assert code == 400
    assert answer.startswith("Bad request parameters: ")
    assert told in answer


def test_a_batch_begins_when_the_one_before_has_ended_even_in_failure(stage: Stage) -> None:
    stage.project()
    stage.script.table["foo"] = failed
    first = stage.submit("foo")
    second = stage.submit("bar", after_build_id=first.id)
    waiting = [stage.state(second) for _ in range(3) if stage.server.farm.advance()]
    stage.server.run()

    assert waiting == ["pending"] * 3
    assert (stage.state(first), stage.state(second)) == ("failed", "succeeded")


def test_a_batch_that_has_ended_is_not_added_to(stage: Stage) -> None:
    stage.project()
    first = stage.submit("foo")
    stage.submit("bar", with_build_id=first.id)
    stage.server.run()

    code, told = stage.refused(stage.submit, "third", with_build_id=first.id)

    assert code == 400
    assert "is already finished" in told


def test_with_and_after_exclude_each_other(stage: Stage) -> None:
    stage.project()
    first = stage.submit("foo")

    code, told = stage.refused(stage.submit, "bar", with_build_id=first.id, after_build_id=first.id)

    assert code == 400
    assert "Only one batch option can be specified" in told


def test_builds_in_the_background_come_last(stage: Stage) -> None:
    stage.project()
    stage.server.farm.slots = 1
    later = stage.submit("foo", background=True)
    sooner = stage.submit("bar")
    stage.server.farm.advance()

    assert (stage.state(later), stage.state(sooner)) == ("pending", "running")


def test_over_its_quota_an_owners_builds_stay_pending(stage: Stage) -> None:
    stage.project()
    stage.server.farm.per_owner = 1
    stage.script.otherwise = lambda job: going()
    first, second = stage.submit("foo"), stage.submit("bar")
    for _ in range(8):
        stage.server.farm.advance()

    assert (stage.state(first), stage.state(second)) == ("running", "pending")


def test_a_running_build_is_cancelled_at_once_and_one_that_has_ended_never(stage: Stage) -> None:
    stage.project()
    stage.script.otherwise = lambda job: going()
    build = stage.submit(chroots=[CHROOT])
    for _ in range(6):
        stage.server.farm.advance()

    denied = stage.refused(stage.stranger.build_proxy.cancel, build.id)
    cancelled = stage.bot.build_proxy.cancel(build.id)

    assert denied == (403, "You are not allowed to cancel this build.")
    assert cancelled.state == "canceled"
    assert stage.refused(stage.bot.build_proxy.cancel, build.id) == (409, f"Cannot cancel build {build.id}")
    assert build.id in stage.script.stopped


def test_a_build_is_stopped_when_its_time_is_over(stage: Stage) -> None:
    stage.project()
    stage.script.otherwise = lambda job: going()
    build = stage.submit(chroots=[CHROOT], timeout=60)
    stage.server.run()
    stage.clock.move(60)
    stage.server.run()

    (chroot,) = stage.bot.build_chroot_proxy.get_list(build.id)

    assert stage.state(build) == "failed"
    assert "!! Copr timeout => sending INT" in get(f"{chroot.result_url}builder-live.log.gz").text


def test_builds_are_deleted_once_they_have_ended(stage: Stage) -> None:
    stage.project()
    first, second = stage.submit("foo"), stage.submit("bar")
    early = stage.refused(stage.bot.build_proxy.delete_list, [first.id, second.id, 99])
    stage.server.run()
    stage.bot.build_proxy.delete(first.id)
    stage.bot.build_proxy.delete_list([second.id])

    assert early[0] == 400
    assert early[1] == f"Build(s) {first.id}, {second.id} are still running.\nBuild(s) 99 don't exist.\n"
    assert stage.bot.build_proxy.get_list("bot", "p") == []


def test_builds_are_listed_the_newest_first(stage: Stage) -> None:
    stage.project()
    builds = [stage.submit(name) for name in ("foo", "bar", "foo")]
    stage.server.run()
    proxy = stage.bot.build_proxy

    assert [each.id for each in proxy.get_list("bot", "p")] == [build.id for build in reversed(builds)]
    assert [each.id for each in proxy.get_list("bot", "p", pagination={"limit": 1, "offset": 1})] == [builds[1].id]
    assert [each.id for each in proxy.get_list("bot", "p", packagename="bar")] == [builds[1].id]
    assert proxy.get_list("bot", "p", status="failed") == []


def test_the_monitor_knows_the_latest_build_of_a_package_alone(stage: Stage) -> None:
    stage.project()
    stage.submit("foo")
    last = stage.submit("foo")
    stage.server.run()

    answer = stage.bot.monitor_proxy.monitor("bot", "p", additional_fields=["url_build_log"])
    code, told = stage.refused(stage.bot.monitor_proxy.monitor, "bot", "p", additional_fields=["nothing"])

    (package,) = answer.packages
    assert package["chroots"][CHROOT]["build_id"] == last.id
    assert package["chroots"][CHROOT]["url_build_log"].endswith("/builder-live.log.gz")
    assert (code, told) == (400, "Wrong additional_fields argument(s): nothing")


def test_a_build_may_be_called_failed_with_its_packages_there(stage: Stage) -> None:
    stage.project()
    stage.script.otherwise = lambda job: Work(
        log=b"ok\n", claimed_failed=True, packages=built(job).packages, installed=()
    )
    build = stage.submit(chroots=[CHROOT])
    stage.server.run()

    (chroot,) = stage.bot.build_chroot_proxy.get_list(build.id)

    assert chroot.state == "failed"
    assert stage.bot.build_chroot_proxy.get_built_packages(build.id, CHROOT).packages == []
    assert get(f"{chroot.result_url}results.json").status_code == 200


def test_a_token_expires(stage: Stage) -> None:
    assert stage.bot.base_proxy.auth_check().name == "bot"
    stage.clock.move(days=200)

    code, told = stage.refused(stage.project)

    assert code == 401
    assert told.startswith("Login invalid/expired. Please visit ")
    assert stage.bot.project_proxy.get_list("bot") == []


def test_what_is_not_there_is_said_to_be_missing(stage: Stage) -> None:
    assert stage.refused(stage.bot.build_proxy.get, 7) == (404, "Build 7 does not exist.")
    assert get(f"{stage.server.url}/api_3/nonsense").json() == {"error": "Such API endpoint doesn't exist"}
    assert get(f"{stage.server.url}/api_3/build/list?ownername=bot").json() == {"error": "Missing argument projectname"}
    assert get(f"{stage.server.url}/results/bot/none/{CHROOT}/").status_code == 404


def test_an_unknown_argument_is_passed_over_and_noted(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        stage.project()
        stage.submit(nonsense=1)

        assert stage.server.violations == ["build/create/distgit: nonsense"]


def test_a_project_without_living_chroots_builds_nothing(stage: Stage) -> None:
    stage.project()
    stage.server.projects.mock_chroots[CHROOT] = False

    assert stage.refused(stage.submit) == (400, "Can't create build - project bot/p has no active chroots")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failure(status=502), 502),
        (Failure(status=429, retry_after=7, error="slow down"), 429),
        (Failure(status=504), 504),
        (Failure(drop=True), 0),
    ],
)
def test_it_fails_when_told_to(stage: Stage, failure: Failure, code: int) -> None:
    stage.server.failures.add(failure)

    assert stage.refused(stage.bot.project_proxy.get_list, "bot")[0] == code
    assert stage.bot.project_proxy.get_list("bot") == []
    assert failure.hits == 1


def test_an_answer_may_be_lost_after_the_deed(stage: Stage) -> None:
    stage.server.failures.add(Failure(endpoint="project/add", lose_answer=True))

    assert stage.refused(stage.project)[0] == 0
    assert [each.name for each in stage.bot.project_proxy.get_list("bot")] == ["p"]
    assert stage.server.calls["project/add"] == 1
