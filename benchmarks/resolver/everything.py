"""Measures the resolver on a distribution-sized repository, beside its peers."""

import compileall
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.debian.archive import NoArchiveError
from benchmarks.distribution import Distribution, distribution
from benchmarks.resolver import cli, cone, openeuler
from benchmarks.resolver.place import WORK, alone, measured_alone, whole_process

LIBRARIES = 20
_ROUNDS = 3
_EVERY = 20
"""Solving everything twice is measured on every so-manieth source package."""
_CODE = ("benchmarks", "bot")
"""What is measured, and what asks the peers."""


async def measure() -> dict[str, Any]:
    """Run every measurement, one after the other; say what could not be measured, and why."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    # A package that is installed is compiled, as the peers are; a checkout need not be, and short commands would tell.
    for name in _CODE:
        compileall.compile_dir(Path(__file__).parents[2] / name, quiet=1)
    print("resolver: the distribution …", flush=True)
    try:
        made = distribution()
    except NoArchiveError as error:
        return {"not_measured": str(error), "openeuler": await _openeuler()}
    results: dict[str, Any] = {
        "distribution": {"release": made.release, "binaries": made.binaries, "sources": made.sources}
    }
    results["load_cold"] = await _load(made)
    print("resolver: direct …", flush=True)
    libraries = (await _bare("libraries", made, str(LIBRARIES)))["libraries"]
    results["direct"] = await _service("direct", *libraries) | {"bare": await _bare("direct", made, *libraries)}
    print("resolver: the same by command …", flush=True)
    results["cli"] = cli.measure(made, WORK, libraries)
    print("resolver: the cone …", flush=True)
    results["cone"] = await measured_alone("cone", _cache()) | {"dose": cone.dose(made)}
    results["impact"] = await _impact(made)
    print("resolver: ten at once …", flush=True)
    results["together"] = await measured_alone("together", _cache())
    results["openeuler"] = await _openeuler()
    return results


async def _load(made: Distribution) -> dict[str, Any]:
    """Load with nothing cached, the service and hawkey alone in turns; the quickest of each counts."""
    ours, bare = [], []
    for turn in range(_ROUNDS):
        print("resolver: loading …", flush=True)
        ours.append(await _service("load", cache=str(WORK / "load")))
        took, _ = whole_process(alone("bare", "load", made.directory, str(WORK / f"bare-{turn}")))
        bare.append(took)
    return min(ours, key=lambda found: float(found["seconds"])) | {"bare_seconds": min(bare)}


async def _impact(made: Distribution) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="changes-", dir=WORK) as directory:
        print("resolver: the impact of zlib …", flush=True)
        cache = str(WORK / "impact")  # a cache of its own: nothing has been asked there yet
        found = await measured_alone("impact", "zlib", cache, f"{directory}/zlib")
        print("resolver: solving everything twice, a sample …", flush=True)
        change = f"{directory}/zlib/cold"
        found["twice"] = await _bare("twice", made, change, "zlib", str(_EVERY), *made.buildroot)
        found["twice"]["whole_seconds"] = found["twice"]["seconds"] * _EVERY
        print("resolver: the impact of packages at random …", flush=True)
        found["random"] = await measured_alone("impact", "random", cache, f"{directory}/random")
    return found


async def _openeuler() -> dict[str, Any]:
    if not openeuler.DATA.is_dir():
        return {"not_measured": "data absent"}
    print("resolver: openEuler …", flush=True)
    return await measured_alone("openeuler", str(WORK / "openeuler"), str(WORK / "change"))


async def _service(question: str, *arguments: str, cache: str = "") -> dict[str, Any]:
    return await measured_alone("direct", question, cache or _cache(), *arguments)


async def _bare(question: str, made: Distribution, *arguments: str) -> dict[str, Any]:
    return await measured_alone("bare", question, made.directory, str(WORK / "bare-cache"), *arguments)


def _cache() -> str:
    return str(WORK / "cache")
