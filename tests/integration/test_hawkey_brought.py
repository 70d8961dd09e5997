"""What a change brings itself: whether it can be installed, and whether what it replaces could be."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target
from bot.ports.resolver import Overlay
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

BASE = (
    Srpm(name="foo"),
    Rpm(name="foo"),
    Rpm(name="foo-tools", source="foo", requires=("bar",)),
    Srpm(name="bar"),
    Rpm(name="bar", provides=("libbar.so.1",)),
)
NEW, STILL = False, True

ROWS: list[tuple[str, Sequence[Package], Sequence[Package], dict[str, bool]]] = [
    ("all is well", [], [Rpm(name="foo", version="2", requires=("libbar.so.1",))], {}),
    ("it wants what nobody has", [], [Rpm(name="foo", version="2", requires=("nobody",))], {"foo-2-1.x86_64": NEW}),
    (
        "a new package that wants what nobody has",
        [],
        [Rpm(name="foo", version="2"), Rpm(name="foo-gui", source="foo", version="2", requires=("nobody",))],
        {"foo-gui-2-1.x86_64": NEW},
    ),
    (
        "it wants its sibling, and does not stand it",
        [],
        [
            Rpm(name="foo", version="2"),
            Rpm(name="foo-tools", source="foo", version="2", requires=("foo",), conflicts=("foo",)),
        ],
        {"foo-tools-2-1.x86_64": NEW},
    ),
    (
        "it wants what the change removes",
        [Rpm(name="foo-libs", source="foo", provides=("libfoo.so.1",))],
        [Rpm(name="foo", version="2"), Rpm(name="foo-tools", source="foo", version="2", requires=("libfoo.so.1",))],
        {"foo-tools-2-1.x86_64": NEW},
    ),
    (
        "it could not be installed before either",
        [Rpm(name="foo-old", source="foo", requires=("nobody",))],
        [Rpm(name="foo-old", source="foo", version="2", requires=("nobody", "nothing"))],
        {"foo-old-2-1.x86_64": STILL},
    ),
    (
        "it could be installed while it was for one machine",
        [Rpm(name="foo-data", source="foo")],
        [Rpm(name="foo-data", source="foo", version="2", arch="noarch", requires=("nobody",))],
        {"foo-data-2-1.noarch": NEW},
    ),
    (
        "the base has it for other machines only",
        [],
        [Rpm(name="foo", version="2"), Rpm(name="foo", version="2", arch="i686", requires=("nobody",))],
        {},
    ),
    ("what lies beside the change", [], [Rpm(name="foo", version="2"), Rpm(name="beside", requires=("nobody",))], {}),
]


@pytest.mark.parametrize(("base", "change", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_what_a_change_brings(
    base: Sequence[Package], change: Sequence[Package], expected: dict[str, bool], tmp_path: Path
) -> None:
    url = write_repository(tmp_path / "base", [*BASE, *base])
    overlay = Overlay(repository=write_repository(tmp_path / "change", change), replaces=frozenset({"foo"}))
    target = Target(name="t", arch="x86_64", backend="sandbox", repositories=(Repository(url=url),))
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=1, allow_file=True))
    try:
        snapshot = await resolver.snapshot(target)
        found = await resolver.broken_of_change(snapshot.id, target, overlay)
    finally:
        await resolver.close()
    assert {item.package: item.still for item in found} == expected
    assert all(item.source == "foo" and item.problem for item in found)
