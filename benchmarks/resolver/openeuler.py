"""A real RPM distribution, where its metadata lie beside the checkout: all of it before and after a change to zlib."""

import time
from pathlib import Path
from typing import Any

from benchmarks.resolver.place import resolver, solver_memory
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Layer, Universe, UniverseSpec
from bot.app.running import run
from bot.domain.target import Repository, Target
from bot.ports.resolver import Overlay
from tests.fakes.rpmmd import Rpm, write_repository

DATA = Path(__file__).parents[3] / "shared" / "data" / "openeuler"
_SUBJECT = "zlib"


async def measure(cache: Path, directory: Path) -> dict[str, Any]:
    """Change every binary package of zlib: each provides something new, and none obsoletes or recommends anything."""
    wanted = Target(
        name="openeuler",
        arch="x86_64",
        backend="none",
        repositories=tuple(Repository(url=(DATA / name).as_uri()) for name in ("os", "source")),
    )
    overlay = _change(cache, directory, wanted)
    async with resolver(cache) as asked:
        snapshot = await asked.snapshot(wanted)
        begun = time.perf_counter()
        found = await asked.impact(snapshot.id, wanted, overlay)
        took = time.perf_counter() - begun
        return {
            "seconds": took,
            "sources": found.sources,
            "affected": len(found.affected),
            "uninstallable": len(found.uninstallable),
            "solver_memory_mib": max(solver_memory()),
        }


def _change(cache: Path, directory: Path, wanted: Target) -> Overlay:
    settings = HawkeySettings(cache=cache, allow_file=True)
    layers = (
        Layer(url=repository.url, digest=fetch_metadata(repository.url, settings)) for repository in wanted.repositories
    )
    universe = Universe(UniverseSpec(cache=cache, arch=wanted.arch, base=tuple(layers)))
    packages = [universe.packages[number] for number in universe.binaries[_SUBJECT]]
    changed = [
        Rpm(
            name=package.name,
            epoch=package.epoch,
            version=package.version,
            release=package.release,
            arch=package.arch,
            source=_SUBJECT,
            requires=tuple(str(requirement) for requirement in package.requires),
            provides=(*(str(capability) for capability in package.provides), f"{package.name}-bench"),
        )
        for package in packages
    ]
    return Overlay(repository=write_repository(directory, changed), replaces=frozenset({_SUBJECT}))


def main(cache: str, directory: str) -> dict[str, Any]:
    """Measure."""
    return run(measure(Path(cache), Path(directory)))
