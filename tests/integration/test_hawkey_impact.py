"""What a change does to everybody else, solved by hawkey over small repositories."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.hawkey.architectures import ARCHITECTURES
from bot.adapters.hawkey.dependents import reverse_dependencies
from bot.adapters.hawkey.impact import Comparison, impact
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.pins import metadata_directory
from bot.adapters.hawkey.rebuild_order import rebuild_order
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Layer, Universe, UniverseSpec
from bot.domain.plan import Affected, Effect
from bot.ports.resolver import Buildroot, Question
from tests.fakes.rpmmd import Package, Rpm, Srpm, soname_move, write_repository

LIBFOO = (Rpm(name="libfoo", provides=("libfoo.so.1",)), Srpm(name="user", requires=("libfoo",)))


@dataclass(frozen=True)
class Distribution:
    """Makes universes of packages, in a directory of the test's own."""

    directory: Path
    buildroot: tuple[str, ...] = ()

    def compare(
        self, base: Sequence[Package], change: Sequence[Package], replaces: Sequence[str] = ("libfoo",)
    ) -> Comparison:
        before = UniverseSpec(
            cache=self.directory / "cache",
            arch="x86_64",
            base=(self._layer("base", base),),
            buildroot=self.buildroot,
        )
        after = UniverseSpec(
            cache=before.cache,
            arch="x86_64",
            base=before.base,
            buildroot=self.buildroot,
            change=(self._layer("change", change),),
            replaces=frozenset(replaces),
        )
        return Comparison(Roots(Universe(before)), Roots(Universe(after)))

    def affected(
        self, base: Sequence[Package], change: Sequence[Package], replaces: Sequence[str] = ("libfoo",)
    ) -> dict[str, Affected]:
        return {item.source.name: item for item in impact(self.compare(base, change, replaces)).affected}

    def _layer(self, name: str, packages: Sequence[Package]) -> Layer:
        url = write_repository(self.directory / name, packages)
        settings = HawkeySettings(cache=self.directory / "cache", allow_file=True)
        return Layer(url=url, digest=fetch_metadata(url, settings))


@pytest.fixture
def distribution(tmp_path: Path) -> Distribution:
    return Distribution(tmp_path)


def test_a_package_that_is_not_built_here_is_told_with_that(distribution: Distribution) -> None:
    comparison = distribution.compare(LIBFOO, [Rpm(name="libfoo", release="2")])
    spec = comparison.before.universe.spec
    known = metadata_directory(spec.cache, spec.base[0].digest) / f"{ARCHITECTURES}.json"
    known.write_text('{"user": [["s390x"], []]}')
    again = Comparison(Roots(Universe(spec)), Roots(Universe(comparison.after.universe.spec)))
    assert [item.source.elsewhere for item in impact(comparison).affected] == [False]
    assert [item.source.elsewhere for item in impact(again).affected] == [True]


def test_a_moved_soname_is_told_without_a_build(distribution: Distribution) -> None:
    found = impact(distribution.compare(soname_move(), soname_move(2)))
    app = next(item for item in found.affected if item.source.name == "app")
    assert (app.effect, app.distance) == (Effect.UNRESOLVABLE, 3)
    assert "nothing provides libfoo.so.1()(64bit) needed by libbar-1-1.x86_64" in app.problem
    assert "exclude" not in app.problem
    assert [str(link) for link in app.path] == [
        "app needs libbar-devel, provided by libbar-devel",
        "libbar-devel needs libbar = 1-1, provided by libbar",
        "libbar needs libfoo.so.1()(64bit), provided by libfoo",
    ]
    assert "stranger" not in {item.source.name for item in found.affected}


def test_counts_tell_who_is_in_whose_buildroot(distribution: Distribution) -> None:
    found = distribution.affected(soname_move(), soname_move(2))
    assert found["libbar"].dependents == 1
    assert found["app"].contains == ("libbar",)


def test_equal_contents_change_nothing(distribution: Distribution) -> None:
    assert distribution.affected(LIBFOO, LIBFOO[:1]) == {}


def test_other_contents_at_an_equal_nevra_are_a_rebuild(distribution: Distribution) -> None:
    changed = Rpm(name="libfoo", provides=("libfoo.so.1",), contents="patched")
    assert distribution.affected(LIBFOO, [changed])["user"].effect is Effect.REBUILD


def test_a_change_that_lowers_the_evr_is_what_gets_installed(distribution: Distribution) -> None:
    base = (Rpm(name="libfoo", version="2", epoch=1), Srpm(name="user", requires=("libfoo",)))
    comparison = distribution.compare(base, [Rpm(name="libfoo", version="1")])
    root = comparison.after.of_source(comparison.after.universe.sources["user"])
    assert isinstance(root, Root)
    assert [str(comparison.after.universe.packages[number]) for number in root.numbers] == ["libfoo-1-1.x86_64"]


def test_a_subpackage_that_is_no_longer_built_is_gone(distribution: Distribution) -> None:
    base = (*LIBFOO, Rpm(name="libfoo-extra", source="libfoo"), Srpm(name="extra", requires=("libfoo-extra",)))
    found = distribution.affected(base, LIBFOO[:1])
    assert {name: item.effect for name, item in found.items()} == {"extra": Effect.UNRESOLVABLE}
    assert found["extra"].problem == "nothing provides libfoo-extra needed by extra-1-1.src"


def test_a_change_of_the_minimal_buildroot_touches_everybody(tmp_path: Path) -> None:
    distribution = Distribution(tmp_path, buildroot=("make",))
    base = (Rpm(name="make", requires=("libfoo",)), *LIBFOO, Srpm(name="stranger"))
    found = distribution.affected(base, [Rpm(name="libfoo", version="2")])
    assert {name: item.distance for name, item in found.items()} == {"user": 1, "stranger": 2}


def test_what_could_not_be_solved_before_is_told_apart(distribution: Distribution) -> None:
    base = (
        Rpm(name="libfoo"),
        Srpm(name="still", requires=("libfoo", "nowhere")),
        Srpm(name="now", requires=("libfoo >= 2",)),
    )
    found = distribution.affected(base, [Rpm(name="libfoo", version="2")])
    assert {name: item.effect for name, item in found.items()} == {
        "still": Effect.STILL_UNRESOLVABLE,
        "now": Effect.NOW_RESOLVABLE,
    }


def test_an_obsolete_name_takes_its_dependents_along(distribution: Distribution) -> None:
    renamed = Rpm(name="libnew", source="libfoo", provides=("libfoo = 2", "libfoo.so.1"), obsoletes=("libfoo < 2",))
    found = distribution.affected(LIBFOO, [renamed])
    assert found["user"].effect is Effect.REBUILD


def test_a_conflict_that_the_change_brings_is_found(distribution: Distribution) -> None:
    base = (*LIBFOO, Rpm(name="other", requires=("libfoo",)), Srpm(name="both", requires=("other",)))
    found = impact(distribution.compare(base, [Rpm(name="libfoo", version="2", conflicts=("other",))]))
    assert [item.package for item in found.uninstallable] == ["other-1-1.x86_64"]
    assert {item.source.name: item.effect for item in found.affected}["both"] is Effect.UNRESOLVABLE


def test_what_was_broken_before_is_not_newly_uninstallable(distribution: Distribution) -> None:
    base = (*LIBFOO, Rpm(name="broken", requires=("libfoo", "nowhere")))
    assert impact(distribution.compare(base, [Rpm(name="libfoo", version="2")])).uninstallable == ()


def test_only_the_newest_of_several_versions_is_told_of(distribution: Distribution) -> None:
    base = (*LIBFOO, *(Rpm(name="old", version=version, requires=("libfoo.so.1",)) for version in "12"))
    found = impact(distribution.compare(base, [Rpm(name="libfoo", version="2")]))
    assert [item.package for item in found.uninstallable] == ["old-2-1.x86_64"]


def test_packages_that_need_each_other_are_cut_at_a_named_edge(distribution: Distribution) -> None:
    base = (
        *LIBFOO,
        *(Rpm(name=name, requires=("libfoo",)) for name in ("x", "y")),
        Srpm(name="x", requires=("y",)),
        Srpm(name="y", requires=("x",)),
    )
    order = rebuild_order(distribution.compare(base, [Rpm(name="libfoo", version="2")]), ["x", "y"])
    assert (order.levels, order.edges) == ((("x",), ("y",)), (("y", "x"),))
    assert [(cut.package, cut.needs) for cycle in order.cycles for cut in cycle.cuts] == [("x", "y")]


def test_cyclic_requirements_do_not_disturb(distribution: Distribution) -> None:
    base = (
        *LIBFOO,
        Rpm(name="a", requires=("b", "libfoo")),
        Rpm(name="b", requires=("a",)),
        Srpm(name="s", requires=("b",)),
    )
    assert distribution.affected(base, [Rpm(name="libfoo", version="2")])["s"].distance == 3


def test_a_dependency_that_does_not_parse_leaves_the_others_in_force(distribution: Distribution) -> None:
    base = (*LIBFOO, Srpm(name="odd", requires=("((( and", "libfoo", "foo >=")))
    found = distribution.affected(base, [Rpm(name="libfoo", version="2")])
    assert found["odd"].effect is Effect.STILL_UNRESOLVABLE
    assert "nothing provides foo >= needed by odd-1-1.src" in found["odd"].problem


def test_a_package_with_dynamic_build_requirements_is_flagged(distribution: Distribution) -> None:
    base = (*LIBFOO, Srpm(name="dyn", requires=("rpmlib(DynamicBuildRequires) <= 4.15.0-1", "libfoo")))
    found = distribution.affected(base, [Rpm(name="libfoo", version="2")])
    assert {name: item.source.dynamic for name, item in found.items()} == {"user": False, "dyn": True}


def test_build_conflicts_stay_out_of_the_buildroot(distribution: Distribution) -> None:
    base = (
        Rpm(name="first", provides=("cap",)),
        Rpm(name="second", provides=("cap",)),
        Srpm(name="picky", requires=("cap",), conflicts=("first",)),
    )
    roots = distribution.compare(base, []).before
    root = roots.of_source(roots.universe.sources["picky"])
    assert isinstance(root, Root)
    assert [roots.universe.packages[number].name for number in root.numbers] == ["second"]


def test_an_unsolvable_package_that_asks_for_the_subject_is_still_a_dependent(distribution: Distribution) -> None:
    base = (*LIBFOO, Srpm(name="broken", requires=("libfoo", "nowhere")))
    found = reverse_dependencies(distribution.compare(base, []).before, Question(subject="libfoo"))
    assert [item.source.name for item in found] == ["broken", "user"]


def _random_packages(rng: random.Random) -> list[Package]:
    names = [f"p{number}" for number in range(14)]
    wishes = [*names, *(f"cap{number}" for number in range(6)), f"({names[0]} or {names[1]})"]

    def wish() -> str:
        return rng.choice(wishes)

    binaries = [
        Rpm(
            name=name,
            version=rng.choice("12"),
            requires=tuple({wish() for _ in range(rng.randrange(3))}),
            provides=tuple({f"cap{rng.randrange(6)}" for _ in range(rng.randrange(2))}),
            conflicts=(rng.choice(names),) if rng.random() < 0.1 else (),
            obsoletes=(f"{rng.choice(names)} < 2",) if rng.random() < 0.05 else (),
        )
        for name in names
    ]
    sources = [Srpm(name=f"s{n}", requires=tuple({wish() for _ in range(rng.randrange(1, 4))})) for n in range(20)]
    return [*binaries, *sources]


@pytest.mark.parametrize("seed", range(25))
def test_pruning_never_leaves_anybody_out(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    base = _random_packages(rng)
    change = [package for package in _random_packages(rng) if package.name in {"p3", "p4"}]
    comparison = Distribution(tmp_path).compare(base, change, ("p3", "p4"))
    found = {item.source.name: item.effect for item in impact(comparison).affected}
    resolvable = {name for name, effect in found.items() if effect is not Effect.STILL_UNRESOLVABLE}
    assert resolvable == _differing(comparison)
    assert set(comparison.broken) == _newly_broken(comparison)


def _differing(comparison: Comparison) -> set[str]:
    """Everything solved twice and compared, with nothing left out."""
    differing = set()
    for name, number in comparison.before.universe.sources.items():
        roots = [side.buildroot(side.of_source(number)) for side in (comparison.before, comparison.after)]
        digests = [root.digest if isinstance(root, Buildroot) else "" for root in roots]
        if digests[0] != digests[1]:
            differing.add(name)
    return differing


def _newly_broken(comparison: Comparison) -> set[int]:
    before, after = comparison.before, comparison.after
    binaries = [number for number, package in before.universe.packages.items() if package.arch != "src"]
    return {
        number
        for number in binaries
        if number in after.universe.packages
        and isinstance(before.of_binary(number), Root)
        and not isinstance(after.of_binary(number), Root)
    }


def told(distribution: Distribution, *change: Rpm) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    base = [
        Rpm(
            name="libfoo", epoch=1, provides=("libfoo.so.1", "config(libfoo) = 1:1-1"), files=("/usr/bin/foo", "/usr/x")
        ),
        Rpm(name="libfoo-devel", source="libfoo", provides=("pkgconfig(foo) = 1",)),
        *LIBFOO[1:],
    ]
    found = impact(distribution.compare(base, change))
    return [(item.package, item.removed, item.added) for item in found.changes]


def test_what_changed_in_the_packages_themselves_is_told(distribution: Distribution) -> None:
    library = Rpm(name="libfoo", epoch=1, version="2", provides=("libfoo.so.2", "config(libfoo) = 1:2-1"))
    plugins = Rpm(name="libfoo-plugins", version="2", source="libfoo", files=("/etc/foo.conf",))
    assert told(distribution, library, plugins) == [
        ("libfoo", ("/usr/bin/foo", "libfoo.so.1"), ("libfoo.so.2",)),
        ("libfoo-devel", ("libfoo-devel", "libfoo-devel(x86-64)", "pkgconfig(foo) = 1"), ()),
        ("libfoo-plugins", (), ("/etc/foo.conf", "libfoo-plugins", "libfoo-plugins(x86-64)")),
    ]


def test_a_raised_release_is_no_change_of_the_packages(distribution: Distribution) -> None:
    library = Rpm(
        name="libfoo", epoch=1, release="2", provides=("libfoo.so.1", "config(libfoo) = 1:1-2"), files=("/usr/bin/foo",)
    )
    devel = Rpm(name="libfoo-devel", release="2", source="libfoo", provides=("pkgconfig(foo) = 1",))
    assert told(distribution, library, devel) == []
