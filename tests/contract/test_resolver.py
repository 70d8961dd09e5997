"""What every resolver does: the fake that engine tests use, and hawkey's. See bot/ports/resolver.py."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.config import Depth
from bot.domain.packages import BinaryPackage, Link, Nevra
from bot.domain.plan import Effect, RebuildOrder, Uninstallable
from bot.domain.target import Repository, Target
from bot.ports.errors import Rejected
from bot.ports.resolver import Buildroot, Overlay, Question, Resolver, ReverseDependency, Unsolvable
from tests.fakes.resolver import FakeResolver, affected, source, uninstallable, unresolvable
from tests.fakes.rpmmd import Rpm, soname_move, write_repository

NAMES = ("app", "libbar", "prog-a", "prog-b")
LAME = Rpm(name="libfoo-lame", version="2", requires=("nobody",))
BROKEN = ("app", "libbar", "libbar-devel", "prog-a", "prog-b")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A resolver over a distribution in which libfoo's soname moves."""

    resolver: Resolver
    target: Target
    change: Overlay
    move: Callable[[], object]
    """Let the distribution's metadata change."""
    lame: str
    """The address of the change with libfoo-lame beside it, which nobody can install."""


def hawkey_world(directory: Path) -> World:
    base, change = directory / "base", directory / "change"
    url = write_repository(base, soname_move())
    overlay = Overlay(repository=write_repository(change, soname_move(2)), replaces=frozenset({"libfoo"}))
    return World(
        resolver=HawkeyResolver(HawkeySettings(cache=directory / "cache", workers=1, allow_file=True)),
        target=Target(name="t", arch="x86_64", backend="sandbox", repositories=(Repository(url=url),)),
        change=overlay,
        move=lambda: write_repository(base, [*soname_move(), Rpm(name="new")]),
        lame=write_repository(directory / "lame", [*soname_move(2), LAME]),
    )


def fake_world(directory: Path) -> World:
    fake = FakeResolver(sources=["libfoo", "stranger", *NAMES])
    fake.script_impact(
        ["libfoo"],
        *(affected(name, distance=1) for name in ("libbar", "prog-a", "prog-b")),
        unresolvable("app", "nothing provides libfoo.so.1()(64bit) needed by libbar-1-1.x86_64", distance=3),
        broken=[uninstallable(name.removesuffix("-devel"), "nothing provides", binary=name) for name in BROKEN],
        sources=5,
    )
    fake.script_order(
        ["libfoo"], RebuildOrder(levels=(("libbar", "prog-a", "prog-b"), ("app",)), edges=(("app", "libbar"),))
    )
    link = Link(package="x", capability="libfoo-devel", provider="libfoo-devel")
    fake.script_dependents(
        "libfoo",
        ReverseDependency(source=source("app"), distance=3, path=(link,) * 3),
        *(ReverseDependency(source=source(name), distance=1, path=(link,)) for name in ("prog-b", "libbar", "prog-a")),
    )
    lame = "nothing provides nobody needed by libfoo-lame-2-1.x86_64"
    fake.script_broken(
        ["libfoo-lame"], Uninstallable(package="libfoo-lame-2-1.x86_64", source="libfoo-lame", problem=lame)
    )
    fake.near = {"prog-a": {"libfoo-devel": 1, "libfoo": 2}, "app": {"libbar-devel": 1, "libbar": 2, "libfoo": 3}}
    fake.still_broken = {f"{name}-1-1.x86_64": "nothing provides" for name in BROKEN}
    for replaces, version, side in (([], "1", "before"), (["libfoo"], "2", "after")):
        nevra = Nevra(name="libfoo", version=version, release="1", arch="x86_64")
        packages = (BinaryPackage(nevra=nevra, location="file:///fake", checksum="sha256:0"),)
        fake.script_root(replaces, "prog-a", Buildroot(packages=packages, digest=f"prog-a-{side}"))
    return World(
        resolver=fake,
        target=Target(name="t", arch="x86_64", backend="sandbox", repositories=(Repository(url="file:///fake"),)),
        change=Overlay(repository="file:///change", replaces=frozenset({"libfoo"})),
        move=lambda: fake.move("t"),
        lame="file:///lame",
    )


@pytest.fixture(params=[fake_world, hawkey_world])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    made: World = request.param(tmp_path)
    yield made
    await made.resolver.close()


async def test_equal_metadata_have_an_equal_id_and_others_another(world: World) -> None:
    first = await world.resolver.snapshot(world.target)
    again = await world.resolver.snapshot(world.target)
    world.move()
    other = await world.resolver.snapshot(world.target)
    assert first.id == again.id != other.id
    assert not first.stale


async def test_a_source_package_is_described_as_the_target_has_it(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    found = await world.resolver.describe(snapshot.id, world.target, ["libfoo", "nobody", "app"])
    assert {name: str(package.nevra) for name, package in found.items()} == {
        "libfoo": "libfoo-1-1.src",
        "app": "app-1-1.src",
    }


async def test_dependents_come_nearest_first_then_by_name(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    found = await world.resolver.reverse_dependencies(snapshot.id, world.target, Question(subject="libfoo"))
    assert [(item.source.name, item.distance) for item in found] == [
        ("libbar", 1),
        ("prog-a", 1),
        ("prog-b", 1),
        ("app", 3),
    ]
    assert all(len(item.path) == item.distance for item in found)


async def test_a_depth_leaves_out_who_is_farther_away(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    question = Question(subject="libfoo", depth=Depth(levels=2))
    found = await world.resolver.reverse_dependencies(snapshot.id, world.target, question)
    assert [item.source.name for item in found] == ["libbar", "prog-a", "prog-b"]


async def test_a_cone_leaves_out_no_dependent(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    question = Question(subject="libfoo")
    found = await world.resolver.reverse_dependencies(snapshot.id, world.target, question)
    cone = await world.resolver.cone(snapshot.id, world.target, question)
    assert sorted(cone) == list(cone)
    assert {item.source.name for item in found} <= set(cone)
    assert "stranger" not in cone


async def test_a_question_about_one_package_is_answered_with_no_other(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    question = Question(subject="libfoo", packages=("app", "stranger"))
    found = await world.resolver.reverse_dependencies(snapshot.id, world.target, question)
    assert [(item.source.name, item.distance) for item in found] == [("app", 3)]


async def test_an_unknown_subject_is_refused(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    with pytest.raises(Rejected):
        await world.resolver.reverse_dependencies(snapshot.id, world.target, Question(subject="libfo"))


async def test_an_impact_names_who_is_affected_and_leaves_out_the_change_itself(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    impact = await world.resolver.impact(snapshot.id, world.target, world.change)
    effects = {item.source.name: item.effect for item in impact.affected}
    assert effects == {
        "app": Effect.UNRESOLVABLE,
        "libbar": Effect.REBUILD,
        "prog-a": Effect.REBUILD,
        "prog-b": Effect.REBUILD,
    }
    assert {item.package for item in impact.uninstallable} == {f"{name}-1-1.x86_64" for name in BROKEN}
    assert impact.sources == 5


async def test_what_an_impact_says_of_a_buildroot_is_what_the_buildroot_is(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    impact = await world.resolver.impact(snapshot.id, world.target, world.change)
    before = await world.resolver.buildroots(snapshot.id, world.target, NAMES)
    after = await world.resolver.buildroots(snapshot.id, world.target, NAMES, world.change)
    for item in impact.affected:
        root_before, root_after = before[item.source.name], after[item.source.name]
        assert isinstance(root_before, Buildroot)
        assert root_before.digest == item.buildroot_before != item.buildroot_after
        if isinstance(root_after, Unsolvable):
            assert (root_after.problem, item.effect) == (item.problem, Effect.UNRESOLVABLE)
        else:
            assert root_after.digest == item.buildroot_after


async def test_how_far_a_package_is_counts_the_requirements_that_lead_to_it(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    found = await world.resolver.distances(snapshot.id, world.target, ["app", "prog-a"])
    assert {name: found["prog-a"][name] for name in ("libfoo", "libfoo-devel")} == {"libfoo-devel": 1, "libfoo": 2}
    assert {name: found["app"][name] for name in ("libbar", "libfoo")} == {"libbar": 2, "libfoo": 3}


async def test_where_there_is_no_buildroot_there_are_no_distances(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    assert await world.resolver.distances(snapshot.id, world.target, ["app"], world.change) == {"app": {}}


async def test_a_change_alters_buildroots_by_its_own_packages(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    found = await world.resolver.differences(snapshot.id, world.target, ["app", "prog-a"], world.change)
    assert sorted(found) == ["prog-a"]  # app cannot be solved after the change
    moved = next(change for change in found["prog-a"] if change.name == "libfoo")
    assert (moved.old, moved.new) == ("1-1", "2-1")


async def test_every_source_package_is_named(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    assert list(await world.resolver.source_names(snapshot.id, world.target)) == sorted([*NAMES, "libfoo", "stranger"])


async def test_whoever_needs_a_rebuilt_package_comes_after_it(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    order = await world.resolver.order(snapshot.id, world.target, NAMES, world.change)
    assert order == RebuildOrder(levels=(("libbar", "prog-a", "prog-b"), ("app",)), edges=(("app", "libbar"),))


async def test_an_order_holds_nothing_but_what_was_asked_for(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    order = await world.resolver.order(snapshot.id, world.target, ["app", "prog-a"], world.change)
    assert sorted(name for level in order.levels for name in level) == ["app", "prog-a"]
    assert order.edges == ()


async def test_only_what_cannot_be_installed_has_a_problem(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    asked = ["libbar-1-1.x86_64", "make-1-1.x86_64"]
    problems = await world.resolver.installability(snapshot.id, world.target, asked, world.change)
    assert list(problems) == ["libbar-1-1.x86_64"]
    assert "nothing provides" in problems["libbar-1-1.x86_64"]


async def test_what_a_change_brings_is_tried_too(world: World) -> None:
    snapshot = await world.resolver.snapshot(world.target)
    assert await world.resolver.broken_of_change(snapshot.id, world.target, world.change) == ()
    rebuilt = replace(world.change, replaces=frozenset({"libfoo", "libfoo-lame"}), repository=world.lame)
    (found,) = await world.resolver.broken_of_change(snapshot.id, world.target, rebuilt)
    assert (found.package, found.source, found.still) == ("libfoo-lame-2-1.x86_64", "libfoo-lame", False)
    assert found.problem == "nothing provides nobody needed by libfoo-lame-2-1.x86_64"
