"""Which sources a Copr takes, and what it makes of them: the fake is held to what its source says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.copr.dist_gits import DistGit
from tests.fakes.copr.stage import Stage, staged


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as found:
        yield found
        assert found.server.violations == []


def test_a_script_has_a_limit(stage: Stage) -> None:
    stage.project()

    code, told = stage.refused(stage.bot.build_proxy.create_from_custom, "bot", "p", "x" * 4097)

    assert code == 400
    assert "Maximum script size is 4kB" in told


def test_sources_are_given_in_five_ways(stage: Stage, tmp_path: Path) -> None:
    stage.project()
    file = tmp_path / "up-1-2.src.rpm"
    file.write_bytes(b"a source package")
    proxy = stage.bot.build_proxy
    first, second = proxy.create_from_urls(
        "bot", "p", ["https://example.org/a-1-1.src.rpm", "https://example.org/b-1-1.src.rpm"]
    )
    others = [
        proxy.create_from_file("bot", "p", str(file)),
        proxy.create_from_scm("bot", "p", "https://example.org/c.git", spec="c.spec", committish="f" * 40),
        proxy.create_from_custom("bot", "p", "cat d.spec"),
        proxy.create_from_distgit("bot", "p", "e", committish="main"),
    ]
    stage.server.run()

    found = [proxy.get(each.id).source_package["name"] for each in (first, second, *others)]

    assert found == ["a", "b", "up", "c", "d", "e"]


def test_a_method_of_its_own_is_told_where_and_what(stage: Stage) -> None:
    stage.project()
    build = stage.bot.build_proxy.create_from_scm(
        "bot",
        "p",
        "https://example.org/c.git",
        committish="f" * 40,
        subdirectory="rpm",
        spec="c.spec",
        source_build_method="make_srpm",
    )

    assert stage.bot.build_proxy.get_source_build_config(build.id).source_dict == {
        "type": "git",
        "clone_url": "https://example.org/c.git",
        "committish": "f" * 40,
        "subdirectory": "rpm",
        "spec": "c.spec",
        "srpm_build_method": "make_srpm",
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"source_build_method": "packit"}, "srpm_build_method"),
        ({"scm_type": "hg"}, "scm_type"),
        ({"spec": "foo.spec.in"}, "RPM spec file must end with .spec"),
        ({"clone_url": "octocat/foo"}, "Invalid URL."),
    ],
)
def test_a_method_of_its_own_that_it_has_not_is_refused(stage: Stage, options: dict[str, str], told: str) -> None:
    stage.project()
    given = {"clone_url": "https://example.org/foo.git"} | options

    code, answer = stage.refused(stage.bot.build_proxy.create_from_scm, "bot", "p", **given)

    assert code == 400
    assert told in answer


SMALL = DistGit("small", "https://git.example.org", "{namespace}/{pkgname}.git", priority=1)
WHERE: list[tuple[dict[str, str], str]] = [
    ({}, "https://src.fedoraproject.org/rpms/foo"),
    ({"distgit": "fedora"}, "https://src.fedoraproject.org/rpms/foo"),
    ({"namespace": "forks/octocat"}, "https://src.fedoraproject.org/forks/octocat/rpms/foo"),
    ({"namespace": "rpms"}, "https://src.fedoraproject.org/rpms/rpms/foo"),
    ({"distgit": "small", "namespace": "bot"}, "https://git.example.org/bot/foo.git"),
]


def test_a_dist_git_says_where_a_package_is(stage: Stage) -> None:
    stage.server.builds.dist_gits.known.append(SMALL)
    stage.project()
    proxy = stage.bot.build_proxy
    builds = [proxy.create_from_distgit("bot", "p", "foo", committish="f" * 40, **options) for options, _ in WHERE]

    found = [proxy.get_source_build_config(build.id).source_dict for build in builds]

    assert found == [
        {"clone_url": url, "committish": "f" * 40, **({"distgit": "fedora"} | options)} for options, url in WHERE
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"distgit": "none"}, "DistGit ID must be one of: fedora, small"),
        ({"distgit": "small"}, "Can not validate DistGit input"),
        ({"packagename": "a b"}, "Please enter a valid package name"),
        ({"packagename": ""}, "Please enter a valid package name"),
    ],
)
def test_what_no_dist_git_has_is_refused(stage: Stage, options: dict[str, str], told: str) -> None:
    stage.server.builds.dist_gits.known.append(SMALL)
    stage.project()
    given = {"packagename": "foo"} | options

    code, answer = stage.refused(stage.bot.build_proxy.create_from_distgit, "bot", "p", **given)

    assert code == 400
    assert told in answer


def test_an_address_that_is_no_source_package_is_refused(stage: Stage) -> None:
    stage.project()

    assert stage.refused(stage.bot.build_proxy.create_from_url, "bot", "p", "https://example.org/a.rpm")[0] == 400
