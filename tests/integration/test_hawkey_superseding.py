"""A change takes the place of what it supersedes, and has no other advantage."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.impact import Comparison, impact
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.roots import Root, Roots, Wish
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

CLIENT = Srpm(name="client", requires=("webserver",))


class Place:
    """Makes layers and universes in a directory of the test's own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._settings = HawkeySettings(cache=directory / "cache", allow_file=True)

    def layer(self, name: str, *packages: Package, priority: int = 99, excludes: tuple[str, ...] = ()) -> Layer:
        url = write_repository(self._directory / name, packages)
        return Layer(url=url, digest=fetch_metadata(url, self._settings), priority=priority, excludes=excludes)

    def compare(self, base: Sequence[Layer], change: Layer, *replaces: str) -> Comparison:
        before = UniverseSpec(cache=self._settings.cache, arch="x86_64", base=tuple(base))
        after = replace(before, change=(change,), replaces=frozenset(replaces))
        return Comparison(Roots(Universe(before)), Roots(Universe(after)))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def installed(roots: Roots, *requires: str) -> list[str]:
    root = roots.of_wish(Wish(requires=requires))
    assert isinstance(root, Root), root
    return [str(roots.universe.packages[number]) for number in root.numbers]


def test_a_change_is_not_preferred_to_what_other_sources_provide(place: Place) -> None:
    apache, nginx = Rpm(name="apache", provides=("webserver",)), Rpm(name="nginx", provides=("webserver",))
    base = place.layer("base", apache, nginx, CLIENT)
    comparison = place.compare([base], place.layer("change", replace(nginx, contents="patched")), "nginx")
    chosen = installed(comparison.before, "webserver")
    assert installed(comparison.after, "webserver") == chosen
    assert [item.source.name for item in impact(comparison).affected] == ["client"] * (chosen == ["nginx-1-1.x86_64"])


def test_a_change_is_preferred_where_the_build_system_does(place: Place) -> None:
    apache, nginx = Rpm(name="apache", provides=("webserver",)), Rpm(name="nginx", provides=("webserver",))
    base = place.layer("base", apache, nginx)
    for subject, patched in ((apache, replace(apache, version="2")), (nginx, replace(nginx, version="2"))):
        change = place.layer(f"change-{subject.name}", patched)
        comparison = place.compare([base], change, subject.name)
        above = replace(comparison.after.universe.spec, priority=1)
        assert installed(Roots(Universe(above)), "webserver") == [f"{subject.name}-2-1.x86_64"]


def test_a_package_of_the_same_name_from_another_source_does_not_win_by_its_evr(place: Place) -> None:
    base = place.layer("base", Rpm(name="tool", version="9", source="old"), Srpm(name="user", requires=("tool",)))
    comparison = place.compare([base], place.layer("change", Rpm(name="tool", source="new")), "new")
    assert installed(comparison.after, "tool") == ["tool-1-1.x86_64"]
    assert [item.source.name for item in impact(comparison).affected] == ["user"]


def test_the_same_name_on_another_architecture_stays(place: Place) -> None:
    base = place.layer("base", Rpm(name="tool", arch="i686", source="old"))
    comparison = place.compare([base], place.layer("change", Rpm(name="tool", source="new")), "new")
    names = {str(package) for package in comparison.after.universe.packages.values()}
    assert names == {"tool-1-1.i686", "tool-1-1.x86_64"}


def test_a_change_counts_as_much_as_what_it_replaces(place: Place) -> None:
    nginx = Rpm(name="nginx", provides=("webserver",))
    layers = (
        place.layer("first", Rpm(name="zeus", provides=("webserver",)), priority=10),
        place.layer("second", nginx, priority=20),
    )
    comparison = place.compare(layers, place.layer("change", replace(nginx, version="2"), priority=1), "nginx")
    assert installed(comparison.after, "webserver") == ["zeus-1-1.x86_64"]
    layers = (replace(layers[0], priority=30), layers[1])
    comparison = place.compare(layers, place.layer("change", replace(nginx, version="2")), "nginx")
    assert installed(comparison.after, "webserver") == ["nginx-2-1.x86_64"]


def test_a_change_that_replaces_nothing_counts_as_much_as_the_best_of_the_base(place: Place) -> None:
    layers = (
        place.layer("first", Rpm(name="aa"), priority=10),
        place.layer("second", Rpm(name="apache", provides=("webserver",)), priority=20),
    )
    comparison = place.compare(layers, place.layer("change", Rpm(name="nginx", provides=("webserver",))), "nginx")
    assert installed(comparison.after, "webserver") == ["nginx-1-1.x86_64"]


def test_what_has_the_contents_of_the_base_is_the_base_s(place: Place) -> None:
    same, other = Rpm(name="libfoo"), Rpm(name="libfoo-tools", source="libfoo")
    base = place.layer("base", same, other, replace(same, version="2"))
    comparison = place.compare([base], place.layer("change", same, replace(other, contents="patched")), "libfoo")
    universe = comparison.after.universe
    assert {str(universe.packages[number]) for number in comparison.brought} == {"libfoo-tools-1-1.x86_64"}
    assert installed(comparison.after, "libfoo") == ["libfoo-1-1.x86_64"]
    (number,) = universe.binaries_named("libfoo")
    assert universe.binary(number).location.startswith(base.url)


def test_what_the_base_leaves_out_is_the_change_s(place: Place) -> None:
    base = place.layer("base", Rpm(name="libfoo"), Rpm(name="other"), excludes=("libfoo",))
    comparison = place.compare([base], place.layer("change", Rpm(name="libfoo")), "libfoo")
    assert installed(comparison.after, "libfoo", "other") != installed(comparison.before, "other")
    assert len(comparison.brought) == 1
