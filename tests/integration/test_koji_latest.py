"""What a hub tells of the builds by which packages came into a tag, and when that is as good as a baseline."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.reuse import LatestBuild
from bot.domain.target import Repository
from bot.ports.errors import RevdepsError
from tests.fakes.koji.model import Tag
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Made, Scripted

BASE = "host-base-1-1.x86_64"


@pytest.fixture
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A hub with `app`, built in a root that held host-base; a parameter says in which way it is wrong."""
    with place(tmp_path, Scripted(), ["app"], getattr(request, "param", "")) as made:
        build(made, "app")
        yield made
        assert made.hub.violations == []


def base(here: Place) -> Tag:
    return here.hub.world.tags_by_name[TAG]


def build(here: Place, name: str, *installed: str, tag: Tag | None = None, arch: str = "x86_64") -> None:
    made = here.hub.add_build(base(here), name, binaries=[Made(name=name, arch="noarch")])
    host = next(iter(here.hub.world.hosts.values()))
    here.hub.imports.add_root(made, tag or base(here), host, installed or [BASE], arch)


async def latest(here: Place, *names: str) -> dict[str, LatestBuild]:
    return dict(await here.builder().latest_builds(here.target, names))


async def test_the_latest_build_is_told_with_what_was_in_its_root(here: Place) -> None:
    found = (await latest(here, "app", "no-such-package"))["app"]

    assert (found.name, str(found.source)) == ("app-1-1", "app-1-1.src")
    assert [str(nevra) for nevra in found.installed] == [BASE]
    assert found.started_at <= found.ended_at


async def test_a_hundred_packages_are_asked_for_at_once(here: Place) -> None:
    names = [f"package-{number}" for number in range(50)]
    for name in names:
        build(here, name)
    builder = here.builder()
    await builder.capacity()
    before = sum(here.hub.calls.values())

    assert len(await builder.latest_builds(here.target, names)) == 50
    assert sum(here.hub.calls.values()) - before == 6


async def test_what_was_not_built_by_the_hub_says_nothing(here: Place) -> None:
    here.hub.add_build(base(here), "imported")

    assert await latest(here, "imported") == {}


async def test_another_architectures_root_says_nothing(here: Place) -> None:
    build(here, "elsewhere", arch="aarch64")

    assert await latest(here, "elsewhere") == {}


async def test_a_root_of_another_tag_says_nothing(here: Place) -> None:
    build(here, "strange", tag=here.hub.add_tag("other"))

    assert await latest(here, "strange") == {}


async def test_what_came_from_outside_may_be_another_package_of_that_name(here: Place) -> None:
    build(here, "mixed", BASE, "outside-1-1.x86_64")

    assert await latest(here, "mixed") == {}


async def test_a_tag_that_was_set_otherwise_then_says_nothing(here: Place) -> None:
    here.hub.world.set_extra(base(here), {"rpm.macro.with_checks": "1"})

    assert await latest(here, "app") == {}


async def test_a_target_with_other_repositories_too_says_nothing(here: Place) -> None:
    target = here.target
    mixed = replace(target, repositories=(*target.repositories, Repository(url="https://example.org/more")))

    assert await here.builder().latest_builds(mixed, ["app"]) == {}


@pytest.mark.parametrize(
    ("here", "clause"),
    [("a_tag_was_always_set_as_it_is", test_a_tag_that_was_set_otherwise_then_says_nothing)],
    indirect=["here"],
)
async def test_a_wrong_hub_is_noticed_here_too(here: Place, clause: Callable[[Place], Awaitable[None]]) -> None:
    with pytest.raises((AssertionError, RevdepsError)):
        await clause(here)
