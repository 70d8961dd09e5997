"""Which packages a target offers: several repositories, their priorities and excludes."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.pins import UNPACKED
from bot.adapters.hawkey.roots import Problem, Root, Roots, Wish
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Layer, Universe, UniverseSpec
from bot.ports.errors import Misconfigured
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository


def layer(
    directory: Path, name: str, packages: Sequence[Package], *, priority: int = 99, excludes: tuple[str, ...] = ()
) -> Layer:
    url = write_repository(directory / name, packages)
    digest = fetch_metadata(url, HawkeySettings(cache=directory / "cache", allow_file=True))
    return Layer(url=url, digest=digest, priority=priority, excludes=excludes)


def roots_of(directory: Path, *layers: Layer, arch: str = "x86_64") -> Roots:
    return Roots(Universe(UniverseSpec(cache=directory / "cache", arch=arch, base=layers)))


def installed(roots: Roots, *requires: str) -> list[str]:
    root = roots.of_wish(Wish(requires=requires))
    assert isinstance(root, Root), root
    return [str(roots.universe.packages[number]) for number in root.numbers]


def test_the_highest_evr_wins_where_priorities_are_equal(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        layer(tmp_path, "a", [Rpm(name="x", version="1.9")]),
        layer(tmp_path, "b", [Rpm(name="x", version="1.10")]),
    )
    assert installed(roots, "x") == ["x-1.10-1.x86_64"]


def test_a_repository_with_a_lower_number_wins_over_a_higher_evr(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        layer(tmp_path, "a", [Rpm(name="x"), Srpm(name="x")], priority=10),
        layer(tmp_path, "b", [Rpm(name="x", version="2"), Srpm(name="x", version="2")]),
    )
    assert installed(roots, "x") == ["x-1-1.x86_64"]
    assert str(roots.universe.source(roots.universe.sources["x"]).nevra) == "x-1-1.src"


def test_an_excluded_package_is_not_there(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path, layer(tmp_path, "a", [Rpm(name="x-common"), Rpm(name="y", requires=("x-common",))], excludes=("x*",))
    )
    assert roots.of_wish(Wish(requires=("y",))) == Problem("nothing provides x-common needed by y-1-1.x86_64")


def test_the_same_repository_twice_is_one(tmp_path: Path) -> None:
    packages = [Rpm(name="x")]
    roots = roots_of(tmp_path, layer(tmp_path, "a", packages), layer(tmp_path, "mirror", packages))
    assert len(roots.universe.packages) == 1


def test_packages_of_another_architecture_are_not_installed(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, layer(tmp_path, "a", [Rpm(name="x", arch="aarch64"), Rpm(name="y", arch="noarch")]))
    assert installed(roots, "y") == ["y-1-1.noarch"]
    assert isinstance(roots.of_wish(Wish(requires=("x",))), Problem)


def test_what_was_unpacked_to_be_checked_is_kept_for_the_first_loading_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    base = layer(tmp_path, "a", [Rpm(name="x")])
    unpacked = cache / "metadata" / base.digest / UNPACKED
    unpacked.write_text(unpacked.read_text().replace("<name>x</name>", "<name>y</name>"))
    at_first = [str(package) for package in roots_of(tmp_path, base).universe.packages.values()]
    shutil.rmtree(cache / "solv")
    later = [str(package) for package in roots_of(tmp_path, base).universe.packages.values()]

    assert (at_first, later) == (["y-1-1.x86_64"], ["x-1-1.x86_64"])
    assert not unpacked.exists()


def test_what_is_not_whole_any_more_of_the_unpacked_is_in_nobodys_way_twice(tmp_path: Path) -> None:
    base = layer(tmp_path, "a", [Rpm(name="x")])
    (tmp_path / "cache" / "metadata" / base.digest / UNPACKED).write_text("")
    with pytest.raises(Misconfigured, match="its metadata cannot be read"):
        roots_of(tmp_path, base)
    assert installed(roots_of(tmp_path, base), "x") == ["x-1-1.x86_64"]


def test_a_repository_named_by_xml_base_is_where_its_packages_are(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    base = layer(tmp_path, "a", [Rpm(name="x")])
    primary = tmp_path / "cache" / "metadata" / base.digest / UNPACKED
    primary.write_text(primary.read_text().replace("<location ", '<location xml:base="http://example.org/p/" '))
    universe = roots_of(tmp_path, base).universe
    number = next(iter(universe.packages))
    assert universe.binary(number).location == "http://example.org/p/Packages/x-1-1.x86_64.rpm"


def test_a_priority_counts_for_each_name_by_itself(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        layer(tmp_path, "a", [Rpm(name="x")], priority=10),
        layer(tmp_path, "b", [Rpm(name="x", version="2"), Rpm(name="y", version="2", requires=("x",))], priority=20),
        layer(tmp_path, "c", [Rpm(name="y", version="3")], priority=30),
    )
    assert installed(roots, "y") == ["x-1-1.x86_64", "y-2-1.x86_64"]


def test_an_exclude_counts_for_its_own_repository(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        layer(tmp_path, "a", [Rpm(name="x", version="2"), Srpm(name="x", version="2")], excludes=("x",)),
        layer(tmp_path, "b", [Rpm(name="x"), Srpm(name="x")]),
    )
    assert installed(roots, "x") == ["x-1-1.x86_64"]


def test_an_excluded_package_does_not_hide_others_by_its_priority(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        layer(tmp_path, "a", [Rpm(name="x")], priority=1, excludes=("x",)),
        layer(tmp_path, "b", [Rpm(name="x", version="2")]),
    )
    assert installed(roots, "x") == ["x-2-1.x86_64"]


@pytest.mark.parametrize("first", ["a", "b"])
def test_the_same_nevra_with_other_contents_is_another_package(tmp_path: Path, first: str) -> None:
    layers = {
        "a": layer(tmp_path, "a", [Rpm(name="x", contents="one")]),
        "b": layer(tmp_path, "b", [Rpm(name="x", contents="other")]),
    }
    second = "b" if first == "a" else "a"
    roots = roots_of(tmp_path, layers[first], layers[second])
    assert len(roots.universe.packages) == 2
    (number,) = _numbers(roots, "x")
    assert roots.universe.binary(number).location.startswith(layers[first].url)
    alone = roots_of(tmp_path, layers[second])
    assert alone.universe.identity(_numbers(alone, "x")[0]) != roots.universe.identity(number)


def test_the_same_nevra_is_taken_from_the_repository_with_the_lower_number(tmp_path: Path) -> None:
    wanted = layer(tmp_path, "b", [Rpm(name="x", contents="other")], priority=10)
    roots = roots_of(tmp_path, layer(tmp_path, "a", [Rpm(name="x", contents="one")]), wanted)
    assert roots.universe.binary(_numbers(roots, "x")[0]).location.startswith(wanted.url)


def _numbers(roots: Roots, *requires: str) -> list[int]:
    root = roots.of_wish(Wish(requires=requires))
    assert isinstance(root, Root), root
    return list(root.numbers)


def test_packages_of_an_architecture_that_nobody_knows_are_not_installed(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, layer(tmp_path, "a", [Rpm(name="x", arch="vax"), Rpm(name="y")]))
    assert isinstance(roots.of_wish(Wish(requires=("x",))), Problem)
    assert installed(roots, "y") == ["y-1-1.x86_64"]


def test_a_target_of_an_architecture_that_nobody_knows_has_what_is_of_that_one(tmp_path: Path) -> None:
    packages = [Rpm(name="x", arch="vax"), Rpm(name="y", arch="noarch"), Rpm(name="z")]
    roots = roots_of(tmp_path, layer(tmp_path, "a", packages), arch="vax")
    assert installed(roots, "x", "y") == ["x-1-1.vax", "y-1-1.noarch"]
    assert isinstance(roots.of_wish(Wish(requires=("z",))), Problem)
