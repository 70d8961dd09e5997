"""Package groups in a target's buildroot."""

from pathlib import Path

import pytest

from bot.adapters.hawkey import comps
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.roots import Problem, Root, Roots, Wish
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from bot.ports.errors import Misconfigured
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

PACKAGES: tuple[Package, ...] = (Rpm(name="bash"), Rpm(name="make"), Rpm(name="gcc"), Rpm(name="vim"))


def group(name: str, **packages: str) -> str:
    wanted = "".join(f'<packagereq type="{kind}">{package}</packagereq>' for package, kind in packages.items())
    return f"<group><id>{name}</id><name>The {name}</name><packagelist>{wanted}</packagelist></group>"


BUILD = group("build", bash="mandatory", make="default", lost="default", vim="optional", gcc="conditional")


def layer(
    directory: Path,
    *groups: str,
    name: str = "repo",
    kind: str = "group",
    compression: str = "gz",
    packages: tuple[Package, ...] = PACKAGES,
) -> Layer:
    more = {kind: f"<comps>{''.join(groups)}</comps>"}
    url = write_repository(directory / name, packages, compression=compression, more=more)
    digest = fetch_metadata(url, HawkeySettings(cache=directory / "cache", allow_file=True))
    return Layer(url=url, digest=digest)


def universe(directory: Path, *base: Layer, buildroot: tuple[str, ...]) -> Universe:
    return Universe(UniverseSpec(cache=directory / "cache", arch="x86_64", base=base, buildroot=buildroot))


def test_a_group_is_its_mandatory_packages_and_the_default_ones_that_are_there(tmp_path: Path) -> None:
    found = universe(tmp_path, layer(tmp_path, BUILD), buildroot=("gcc", "@build"))
    assert found.spec.buildroot == ("gcc", "bash", "make")


def test_a_group_is_installed_in_every_root(tmp_path: Path) -> None:
    base = layer(tmp_path, BUILD, packages=(*PACKAGES, Srpm(name="x", requires=("gcc",))))
    roots = Roots(universe(tmp_path, base, buildroot=("@build",)))
    root = roots.of_source(roots.universe.sources["x"])
    assert isinstance(root, Root)
    assert {roots.universe.packages[number].name for number in root.numbers} == {"bash", "make", "gcc"}


def test_a_mandatory_package_that_is_nowhere_leaves_no_root(tmp_path: Path) -> None:
    base = layer(tmp_path, group("build", lost="mandatory"))
    root = Roots(universe(tmp_path, base, buildroot=("@build",))).of_wish(Wish())
    assert root == Problem("nothing provides requested lost")


@pytest.mark.parametrize("name", ["@build", "@The build"])
def test_a_group_goes_by_its_id_and_by_its_name(tmp_path: Path, name: str) -> None:
    assert universe(tmp_path, layer(tmp_path, BUILD), buildroot=(name,)).spec.buildroot == ("bash", "make")


@pytest.mark.parametrize("compression", ["", "gz", "xz", "zst"])
@pytest.mark.parametrize("kind", ["group", "group_gz"])
def test_groups_are_read_however_they_are_packed(tmp_path: Path, kind: str, compression: str) -> None:
    base = layer(tmp_path, BUILD, kind=kind, compression=compression)
    assert universe(tmp_path, base, buildroot=("@build",)).spec.buildroot == ("bash", "make")


def test_a_group_in_two_repositories_has_the_packages_of_both(tmp_path: Path) -> None:
    other = layer(tmp_path, group("build", vim="mandatory"), name="other")
    found = universe(tmp_path, layer(tmp_path, BUILD), other, buildroot=("@build",))
    assert sorted(found.spec.buildroot) == ["bash", "make", "vim"]


def test_an_unknown_group_is_for_the_owner(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no package group `@biuld` .* Did you mean `@build`"):
        universe(tmp_path, layer(tmp_path, BUILD), buildroot=("@biuld",))


@pytest.mark.parametrize("text", ["<comps>", '<!DOCTYPE a [<!ENTITY b SYSTEM "/etc/passwd">]><comps>&b;</comps>'])
def test_groups_that_cannot_be_read_are_for_the_operator(tmp_path: Path, text: str) -> None:
    url = write_repository(tmp_path / "repo", PACKAGES, more={"group": text})
    digest = fetch_metadata(url, HawkeySettings(cache=tmp_path / "cache", allow_file=True))
    with pytest.raises(Misconfigured, match=r"package groups \(comps\) cannot be read"):
        universe(tmp_path, Layer(url=url, digest=digest), buildroot=("@build",))


def test_groups_of_endless_length_are_not_read(tmp_path: Path) -> None:
    base = layer(tmp_path, f"<description>{' ' * comps.MOST_BYTES}</description>")
    with pytest.raises(Misconfigured, match="longer than"):
        universe(tmp_path, base, buildroot=("@build",))
