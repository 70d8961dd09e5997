"""The roots of a base are solved once, by whichever process comes first."""

from array import array
from dataclasses import replace
from pathlib import Path

from bot.adapters.hawkey import worker
from bot.adapters.hawkey.known import KnownRoots
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

MANY = 60
"""More than are worth a file of their own."""


def test_what_another_process_has_solved_meanwhile_is_not_solved_again(tmp_path: Path) -> None:
    fetching = HawkeySettings(cache=tmp_path / "cache", allow_file=True)
    base: list[Package] = [Rpm(name="lib")]
    base += [Rpm(name=f"tool{number}", requires=("lib",)) for number in range(MANY)]
    base += [Srpm(name=f"app{number}", requires=(f"tool{number}",)) for number in range(MANY)]
    layers = []
    for name, packages in (("base", base), ("change", [Rpm(name="lib", version="2")])):
        url = write_repository(tmp_path / name, packages)
        layers.append(Layer(url=url, digest=fetch_metadata(url, fetching)))
    before = UniverseSpec(cache=fetching.cache, arch="x86_64", base=(layers[0],))
    after = replace(before, change=(layers[1],), replaces=frozenset({"lib"}))
    worker.start(2)
    worker.load(before, after)
    others = KnownRoots(Universe(before))
    numbers = array("I", others.universe.sources.values())
    for number in numbers:
        others.solved(number)
    others.save()
    written = set((fetching.cache / "worked-out").glob("*/roots/*"))

    worker.examine_sources(before, after, numbers)

    assert len(written) == 1
    assert set((fetching.cache / "worked-out").glob("*/roots/*")) == written
