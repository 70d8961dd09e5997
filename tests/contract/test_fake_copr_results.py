"""Where a Copr puts what it built, and what sees it: the fake is held to what its source says."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.copr.stage import CHROOT, Stage, get, staged
from tests.fakes.copr.worker import Work, built


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as found:
        yield found
        assert found.server.violations == []


def test_a_directory_keeps_its_name_and_is_made_with_its_first_build(stage: Stage) -> None:
    stage.project()
    before = stage.refused(stage.bot.monitor_proxy.monitor, "bot", "p", project_dirname="p:custom:key")
    build = stage.submit(directory="p:custom:key", chroots=[CHROOT])

    assert before == (404, "Dirname 'p:custom:key' doesn't exist in 'bot/p' copr")
    assert stage.bot.build_proxy.get_list("bot", "p")[0].project_dirname == "p:custom:key"
    assert stage.bot.monitor_proxy.monitor("bot", "p", project_dirname="p:custom:key").packages == []
    assert build.directory == "p:custom:key"


@pytest.mark.parametrize("name", ["other:custom:x", "p:x", "p:pr:x", "p:custom:a_b"])
def test_a_directory_has_to_be_called_right(stage: Stage, name: str) -> None:
    stage.project()

    assert stage.refused(stage.submit, directory=name)[0] == 400


def test_a_directory_sees_the_main_one_and_no_other_sees_it(stage: Stage) -> None:
    stage.project()
    stage.script.table["user"] = lambda job: built(job, "main", "mine")
    stage.submit("main", chroots=[CHROOT])
    stage.submit("mine", directory="p:custom:own", chroots=[CHROOT])
    stage.server.run()
    roots = []
    for directory in ("p:custom:own", "p:custom:another", "p"):
        build = stage.submit("user", directory=directory, chroots=[CHROOT])
        stage.server.run()
        listed = get(f"{stage.bot.build_chroot_proxy.get(build.id, CHROOT).result_url}installed_pkgs.log.gz").text
        roots.append([line.split()[0] for line in listed.splitlines()])

    assert roots == [
        ["host-base-1-1.noarch", "main-1-1.noarch", "mine-1-1.noarch"],
        ["host-base-1-1.noarch", "main-1-1.noarch"],
        ["host-base-1-1.noarch", "main-1-1.noarch"],
    ]


def test_what_a_project_adds_is_looked_up_when_a_build_begins(stage: Stage) -> None:
    stage.project()
    stage.submit("lib", directory="p:custom:lib", chroots=[CHROOT])
    stage.server.run()
    stage.bot.project_proxy.edit("bot", "p", additional_repos=["copr://bot/p:custom:lib?priority=1"])
    stage.submit("user", directory="p:custom:user", chroots=[CHROOT])
    stage.server.run()

    assert stage.script.jobs[-1].find("lib") == "lib-1-1.noarch"
    assert stage.script.jobs[-1].repos[-1].priority == 1


def test_results_are_where_the_address_says(stage: Stage) -> None:
    stage.project()
    build = stage.submit(chroots=[CHROOT])
    stage.server.run()

    (chroot,) = stage.bot.build_chroot_proxy.get_list(build.id)
    packages = stage.bot.build_chroot_proxy.get_built_packages(build.id, CHROOT).packages

    assert chroot.result_url == f"{stage.server.url}/results/bot/p/{CHROOT}/{build.id:08d}-foo/"
    assert get(f"{chroot.result_url}results.json").json() == {"packages": packages}
    assert get(f"{chroot.result_url}success").status_code == 200
    assert [(each["name"], each["arch"]) for each in packages] == [("foo", "noarch"), ("foo", "src")]


def test_repositories_in_pulp_are_told_of_and_are_not_beside_the_results(tmp_path: Path) -> None:
    with staged(tmp_path, pulp=True) as stage:
        stage.project()
        build = stage.submit(directory="p:custom:key", chroots=[CHROOT])
        stage.server.run()
        project, shown = stage.bot.project_proxy.get("bot", "p"), stage.bot.build_proxy.get(build.id)
        (chroot,) = stage.bot.build_chroot_proxy.get_list(build.id)

        assert (project.storage, shown.repo_url) == ("pulp", f"{stage.server.url}/content/bot/p")
        assert project.chroot_repos[CHROOT] == f"{shown.repo_url}/{CHROOT}/"
        assert chroot.result_url.startswith(f"{stage.server.results_url}/bot/p:custom:key/{CHROOT}/")
        assert get(f"{shown.repo_url}:custom:key/{CHROOT}/repodata/repomd.xml").ok
        assert get(f"{shown.repo_url}:custom:key/{CHROOT}/{build.chroots[0].result_dir}/success").status_code == 404
        assert get(f"{stage.server.results_url}/bot/p:custom:key/{CHROOT}/repodata/repomd.xml").status_code == 404
        assert get(f"{chroot.result_url}success").ok


def test_logs_are_read_in_parts_while_the_build_runs_and_are_compressed_at_its_end(stage: Stage) -> None:
    stage.project()
    stage.script.otherwise = lambda job: Work(done=False, log=b"0123456789")
    build = stage.submit(chroots=[CHROOT])
    stage.server.run()
    (chroot,) = stage.bot.build_chroot_proxy.get_list(build.id)
    part = get(f"{chroot.result_url}builder-live.log", Range="bytes=2-5")
    stage.script.otherwise = built
    stage.server.run()
    packed = get(f"{chroot.result_url}builder-live.log")

    assert (part.status_code, part.content) == (206, b"2345")
    assert packed.url.endswith(".log.gz")
    assert b"Executing(%build)" in packed.content
    assert packed.headers["Content-Encoding"] == "gzip"


def test_logs_may_wait_for_their_compression(stage: Stage) -> None:
    stage.project()
    stage.server.storage.lag = True
    build = stage.submit(chroots=[CHROOT])
    stage.server.run()
    before = [path.name for path in stage.server.results(build).glob("builder-live*")]
    stage.server.storage.compress()

    assert before == ["builder-live.log"]
    assert b"make" in gzip.decompress((stage.server.results(build) / "builder-live.log.gz").read_bytes())
