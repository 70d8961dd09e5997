"""A small fixed distribution: known counts come out, and a walk over its requirements without any solver agrees."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.config import Depth
from bot.domain.ids import SnapshotId
from bot.domain.plan import Effect
from bot.domain.target import Repository, Target
from bot.ports.resolver import Overlay, Question
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

DATA = Path(__file__).parents[1] / "data" / "miniature.txt"
UNRESOLVABLE = {"prog07", "prog21"}
"""They build-require what is nowhere."""
COUNTS = {
    "lib00": (12, 16),
    "lib01": (5, 19),
    "lib05": (4, 5),
    "lib12": (9, 10),
    "lib23": (3, 3),
    "prog03": (0, 0),
    "prog35": (0, 0),
}
"""Of a subject's binaries together: direct dependents, all dependents."""


@dataclass(frozen=True)
class Miniature:
    """The distribution, and a resolver over it."""

    resolver: HawkeyResolver
    target: Target
    snapshot: SnapshotId
    directory: Path

    async def dependents(self, subject: str, depth: Depth) -> set[str]:
        question = Question(subject=subject, depth=depth)
        found = await self.resolver.reverse_dependencies(self.snapshot, self.target, question)
        return {item.source.name for item in found}


def lines() -> list[list[str]]:
    return [line.split() for line in DATA.read_text().splitlines() if not line.startswith("#")]


def source_of(binary: str) -> str:
    return binary.removesuffix("-devel")


def package(kind: str, name: str, requires: tuple[str, ...]) -> Package:
    return (
        Srpm(name=name, requires=requires)
        if kind == "source"
        else Rpm(name=name, source=source_of(name), requires=requires)
    )


@pytest.fixture
async def miniature(tmp_path: Path) -> AsyncIterator[Miniature]:
    packages = [package(kind, name, tuple(requires)) for kind, name, *requires in lines()]
    url = write_repository(tmp_path / "base", packages)
    target = Target(name="t", arch="x86_64", backend="none", repositories=(Repository(url=url),))
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=0, allow_file=True))
    yield Miniature(resolver, target, (await resolver.snapshot(target)).id, tmp_path)
    await resolver.close()


def walked(requires: Mapping[str, list[str]], name: str) -> set[str]:
    """Return the source packages of everything in a buildroot: nothing has two providers, so there is no choice."""
    inside: set[str] = set()
    rest = list(requires[f"source {name}"])
    while rest:
        binary = rest.pop()
        if binary not in inside:
            inside.add(binary)
            rest += requires[f"binary {binary}"]
    return {source_of(binary) for binary in inside}


async def test_known_counts_come_out(miniature: Miniature) -> None:
    counts = {
        name: (
            len(await miniature.dependents(name, Depth(levels=1))),
            len(await miniature.dependents(name, Depth())),
        )
        for name in ("lib00", "lib01", "lib05", "lib12", "lib23", "prog03", "prog35")
    }
    assert counts == COUNTS


async def test_a_walk_over_the_requirements_agrees(miniature: Miniature) -> None:
    requires = {f"{kind} {name}": needed for kind, name, *needed in lines()}
    sources = [name for kind, name, *_ in lines() if kind == "source"]
    contents = {name: walked(requires, name) for name in sources if name not in UNRESOLVABLE}
    for subject in sources:
        expected = {name for name, inside in contents.items() if subject in inside and name != subject}
        assert await miniature.dependents(subject, Depth()) - UNRESOLVABLE == expected


async def test_a_change_that_drops_a_library_breaks_whoever_has_it(miniature: Miniature) -> None:
    change = write_repository(miniature.directory / "change", [Rpm(name="lib02-ng", source="lib02")])
    overlay = Overlay(repository=change, replaces=frozenset({"lib02"}))
    found = await miniature.resolver.impact(miniature.snapshot, miniature.target, overlay)
    broken = {item.source.name for item in found.affected if item.effect is Effect.UNRESOLVABLE}
    assert broken == await miniature.dependents("lib02", Depth()) - UNRESOLVABLE
    assert (len(broken), len(found.uninstallable), found.sources) == (22, 25, 59)
