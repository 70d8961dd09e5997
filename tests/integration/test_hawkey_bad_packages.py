"""Packages as they should not be, and repositories that disagree: what the resolver makes of them."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.plan import Effect, Impact
from bot.domain.target import Repository, Target
from bot.ports.resolver import Buildroot, Overlay, Question, Unsolvable
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

LIMIT = 20
"""Seconds of this process, in which all is answered, for what takes under one on a quiet machine."""


@dataclass(frozen=True)
class Asker:
    """Asks about packages that are written down in the test."""

    resolver: HawkeyResolver
    directory: Path

    async def root(self, name: str, *repositories: Sequence[Package]) -> Buildroot | Unsolvable:
        target = self._target(repositories)
        snapshot = await self.resolver.snapshot(target)
        return (await self.resolver.buildroots(snapshot.id, target, [name]))[name]

    async def dependents(self, subject: str, *repositories: Sequence[Package]) -> list[str]:
        target = self._target(repositories)
        snapshot = await self.resolver.snapshot(target)
        found = await self.resolver.reverse_dependencies(snapshot.id, target, Question(subject=subject))
        return [item.source.name for item in found]

    async def impact(self, base: Sequence[Package], change: Sequence[Package]) -> Impact:
        target = self._target([base])
        snapshot = await self.resolver.snapshot(target)
        overlay = Overlay(
            repository=write_repository(self.directory / "change", change), replaces=frozenset({"libfoo"})
        )
        return await self.resolver.impact(snapshot.id, target, overlay)

    def _target(self, repositories: Sequence[Sequence[Package]]) -> Target:
        urls = [write_repository(self.directory / f"{n}", packages) for n, packages in enumerate(repositories)]
        return Target(name="t", arch="x86_64", backend="none", repositories=tuple(Repository(url=url) for url in urls))


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Asker]:
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=0, allow_file=True))
    yield Asker(resolver, tmp_path)
    await resolver.close()


def names(root: Buildroot | Unsolvable) -> list[str]:
    assert isinstance(root, Buildroot), root
    return [str(package.nevra) for package in root.packages]


async def test_packages_that_require_each_other_come_together(ask: Asker) -> None:
    ring = [Rpm(name=f"r{n}", requires=(f"r{(n + 1) % 5}",)) for n in range(5)]
    packages = [*ring, Srpm(name="r0"), Srpm(name="user", requires=("r3",))]
    assert len(names(await ask.root("user", packages))) == 5
    assert await ask.dependents("r0", packages) == ["user"]


async def test_a_package_may_provide_and_require_itself(ask: Asker) -> None:
    own = Rpm(name="libfoo", provides=("libfoo", "cap", "cap"), requires=("cap", "libfoo = 1-1"))
    packages = [own, Srpm(name="libfoo", requires=("libfoo",)), Srpm(name="user", requires=("cap",))]
    assert names(await ask.root("user", packages)) == ["libfoo-1-1.x86_64"]
    assert await ask.dependents("libfoo", packages) == ["user"]


async def test_a_package_that_provides_anothers_name_takes_its_place_where_that_is_gone(ask: Asker) -> None:
    base = [
        Rpm(name="libfoo"),
        Rpm(name="impostor", provides=("libfoo = 9",)),
        Srpm(name="user", requires=("libfoo",)),
        Srpm(name="exact", requires=("libfoo = 1",)),
    ]
    found = await ask.impact(base, [Rpm(name="libfoo-ng", source="libfoo")])
    assert [(item.source.name, item.effect) for item in found.affected] == [("exact", Effect.UNRESOLVABLE)]
    assert names(await ask.root("user", base[1:])) == ["impostor-1-1.x86_64"]


async def test_an_evr_that_sorts_lower_than_the_bases_is_what_gets_installed(ask: Asker) -> None:
    base = [
        Rpm(name="libfoo", epoch=2, version="9"),
        Srpm(name="user", requires=("libfoo < 2:0",)),
        Srpm(name="exact", requires=("libfoo >= 2:9",)),
        Srpm(name="plain", requires=("libfoo",)),
    ]
    found = await ask.impact(base, [Rpm(name="libfoo", version="1~rc1")])
    assert [(item.source.name, item.effect) for item in found.affected] == [
        ("exact", Effect.UNRESOLVABLE),
        ("plain", Effect.REBUILD),
        ("user", Effect.NOW_RESOLVABLE),
    ]


async def test_a_hundred_thousand_provides_are_no_trouble(ask: Asker) -> None:
    everything = tuple(f"cap{n} = {n}" for n in range(100_000))
    base = [
        Rpm(name="libfoo", provides=everything),
        Rpm(name="lib", requires=("cap99999 >= 99999",)),
        Srpm(name="user", requires=("lib", "cap4 = 4")),
    ]
    start = time.process_time()
    found = await ask.impact(base, [Rpm(name="libfoo", version="2", provides=everything[:-1])])
    assert [(item.source.name, item.effect) for item in found.affected] == [("user", Effect.UNRESOLVABLE)]
    assert [item.package for item in found.uninstallable] == ["lib-1-1.x86_64"]
    assert time.process_time() - start < LIMIT


async def test_dependencies_that_do_not_parse_break_nothing_but_their_package(ask: Asker) -> None:
    packages = [
        Rpm(name="libfoo", requires=("(", "()", "(a or", "or b)")),
        Rpm(name="fine", provides=("", " ", "= 1", "((")),
        Srpm(name="user", requires=("fine", "(fine or")),
        Srpm(name="odd", requires=("fine", "\N{SNOWMAN} >= \N{SNOWMAN}", "%{undefined}")),
    ]
    assert names(await ask.root("user", packages)) == ["fine-1-1.x86_64"]
    assert isinstance(problem := await ask.root("odd", packages), Unsolvable)
    assert "%{undefined}" in problem.problem


async def test_of_equal_nevras_with_other_contents_one_is_taken(ask: Asker) -> None:
    first = [Rpm(name="libfoo"), Srpm(name="user", requires=("libfoo",))]
    second = [Rpm(name="libfoo", contents="patched")]
    forwards, backwards = await ask.root("user", first, second), await ask.root("user", second, first)
    for root in (forwards, backwards):
        assert isinstance(root, Buildroot)
        assert names(root) == ["libfoo-1-1.x86_64"]
        assert root.packages[0].location.startswith((ask.directory / "0").as_uri())  # that named first
    assert forwards != backwards


async def test_packages_of_an_unknown_architecture_are_there_and_never_installed(ask: Asker) -> None:
    packages = [
        Rpm(name="libfoo", arch="vax"),
        Rpm(name="libfoo", version="0"),
        Rpm(name="only", arch="pdp11"),
        Srpm(name="user", requires=("libfoo",)),
        Srpm(name="lost", requires=("only",)),
    ]
    assert names(await ask.root("user", packages)) == ["libfoo-0-1.x86_64"]
    assert isinstance(problem := await ask.root("lost", packages), Unsolvable)
    assert "only-1-1.pdp11" in problem.problem or "nothing provides only" in problem.problem
