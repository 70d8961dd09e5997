"""What a target becomes as a configuration of mock's: it means what it says, whoever wrote the target."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.mock.config import chroot
from bot.adapters.mock.settings import MockSettings
from bot.app.backends import mock_settings
from bot.app.build_systems import build_systems
from bot.domain.target import KojiTag, Repository, RepositoryKind, Target
from bot.ports.errors import Misconfigured
from tests.fakes.mock.config import expanded, load, repositories

SETTINGS = MockSettings(state=Path("/state"))
TARGET = Target(
    name="Rawhide 64",
    arch="x86_64",
    backend="mock",
    repositories=(Repository(url="https://example.org/os", priority=7, excludes=("broken*",)),),
    buildroot=("bash", "@buildsys-build"),
)


def read(target: Target, tmp_path: Path, **how: Any) -> dict[str, Any]:
    return load(str(chroot(target, SETTINGS, **how).write(tmp_path)), tmp_path)


def test_a_target_is_all_that_a_configuration_needs(tmp_path: Path) -> None:
    opts = read(replace(TARGET, modules=("perl:5.30",)), tmp_path)

    assert opts["root"].startswith("revdeps-rawhide-64-")
    assert (opts["target_arch"], opts["legal_host_arches"]) == ("x86_64", ("x86_64",))
    assert opts["chroot_setup_cmd"] == "install bash @buildsys-build"
    assert opts["module_enable"] == ["perl:5.30"]
    lines = expanded(opts, "dnf.conf").splitlines()
    assert {"baseurl=https://example.org/os", "priority=7", "excludepkgs=broken*"} <= set(lines)


def test_repositories_of_every_kind_are_named_as_dnf_does(tmp_path: Path) -> None:
    tag = KojiTag(hub="https://koji.example.org/kojihub", topurl="https://files.example.org/", tag="f42-build")
    repositories_ = (
        Repository(url="https://example.org/m", kind=RepositoryKind.METALINK, gpgkey="https://example.org/key"),
        Repository(url="https://example.org/l", kind=RepositoryKind.MIRRORLIST, module_hotfixes=True),
        Repository(url="koji:f42-build", koji=tag),
    )
    lines = expanded(read(replace(TARGET, repositories=repositories_), tmp_path), "dnf.conf").splitlines()

    assert {"metalink=https://example.org/m", "repo_gpgcheck=1", "gpgkey=https://example.org/key"} <= set(lines)
    assert {"mirrorlist=https://example.org/l", "module_hotfixes=1"} <= set(lines)
    assert "baseurl=https://files.example.org/repos/f42-build/latest/x86_64/" in lines


def test_what_a_change_replaces_is_hidden_and_caches_are_shared_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "repodata").mkdir()
    (tmp_path / "repodata" / "repomd.xml").touch()
    target = replace(TARGET, repositories=(Repository(url=tmp_path.as_uri()),))

    (repo,) = repositories(read(target, tmp_path, hidden=("libfoo", "libfoo-devel")), ())

    assert repo.excludes == ("libfoo", "libfoo-devel")
    assert chroot(target, SETTINGS, ("libfoo",)).root == chroot(target, SETTINGS).root
    assert chroot(target, SETTINGS).root != chroot(replace(target, buildroot=("bash",)), SETTINGS).root


def test_a_chroot_of_mocks_may_be_what_it_is_based_on(tmp_path: Path) -> None:
    (tmp_path / "fedora.cfg").write_text("config_opts['root'] = 'fedora'\nconfig_opts['target_arch'] = 'aarch64'\n")

    opts = read(replace(TARGET, buildroot=(), chroot="fedora"), tmp_path)

    assert opts["target_arch"] == "aarch64"
    assert opts["root"].startswith("revdeps-")
    assert opts["chroot_setup_cmd"] == "groupinstall buildsys-build"


def test_without_a_buildroot_and_a_chroot_the_usual_group_is_installed(tmp_path: Path) -> None:
    assert read(replace(TARGET, buildroot=()), tmp_path)["chroot_setup_cmd"] == "install @buildsys-build"


@pytest.mark.parametrize(
    "wrong",
    [
        {"repositories": (Repository(url="https://example.org/{{ ''.__class__ }}"),)},
        {"repositories": (Repository(url="https://example.org/{% raw %}"),)},
        {"repositories": (Repository(url="https://example.org/a\ngpgcheck=0"),)},
        {"repositories": (Repository(url="https://example.org/", gpgkey="https://example.org/\n[evil]"),)},
        {"repositories": (Repository(url="https://example.org/", excludes=("a\nenabled=0",)),)},
        {"buildroot": ("bash --setopt=x",)},
        {"buildroot": ("bash\n",)},
        {"modules": ("perl:{{x}}",)},
        {"arch": "x86_64'"},
        {"chroot": "../../tmp/evil"},
        {"chroot": "fedora');evil(('"},
    ],
)
def test_what_could_mean_more_than_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured, match="cannot be said to mock"):
        chroot(replace(TARGET, **wrong), SETTINGS)


def test_quotes_in_an_address_stay_what_they_are(tmp_path: Path) -> None:
    url = "https://example.org/'+str(1/0)+\"\\"

    assert f"baseurl={url}" in read(replace(TARGET, repositories=(Repository(url=url),)), tmp_path)["dnf.conf"]


def test_the_operators_settings_reach_the_adapter(tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text("mock: {slots: 3, gib: 0.5, isolation: simple}")
    system = build_systems(file).mock
    assert system is not None

    found = mock_settings(system, tmp_path)

    assert (found.slots, found.bound, found.isolation, found.state) == (3, 2**29, "simple", tmp_path / "mock")


@pytest.mark.parametrize("text", ["mock: {slots: 0}", "mock: {isolation: vault}", "mock: {gib: 0}"])
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text(text)

    with pytest.raises(Misconfigured, match="mock"):
        build_systems(file)
