"""A change whose packages lie in several repositories, as a Copr has them, is one change."""

from pathlib import Path

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target
from bot.ports.resolver import Overlay
from tests.fakes.rpmmd import soname_move, write_repository


async def test_a_change_in_parts_does_what_it_does_in_one(tmp_path: Path) -> None:
    change = soname_move(2)
    whole = write_repository(tmp_path / "whole", change)
    parts = [write_repository(tmp_path / f"part-{number}", [each]) for number, each in enumerate(change)]
    url = write_repository(tmp_path / "base", soname_move())
    target = Target(name="t", arch="x86_64", backend="copr", repositories=(Repository(url=url),))
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=1, allow_file=True))
    try:
        snapshot = (await resolver.snapshot(target)).id
        found = [
            await resolver.impact(snapshot, target, Overlay(repository=address, replaces=frozenset({"libfoo"})))
            for address in (whole, " ".join(parts))
        ]
    finally:
        await resolver.close()

    assert [(each.source.name, each.effect) for each in found[0].affected]
    assert [(each.source.name, each.effect) for each in found[1].affected] == [
        (each.source.name, each.effect) for each in found[0].affected
    ]
    assert found[1].uninstallable == found[0].uninstallable
