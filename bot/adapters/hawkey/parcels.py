"""Long answers on their way out of a solver process: in parcels that are small enough to open one at a time.

An answer about a whole distribution has hundreds of thousands of objects. Made in one go they would hold up the event
loop for seconds, in whatever thread; so plain values travel, and the objects are made a few at a time in between.
"""

import asyncio
import heapq
import pickle
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice, zip_longest
from typing import Any, TypeVar

from bot.adapters.hawkey.comparison import Comparison, Finding
from bot.adapters.hawkey.uncollected import uncollected
from bot.domain.packages import Link, Nevra, SourcePackage
from bot.domain.plan import Affected, Effect
from bot.ports.resolver import ReverseDependency

_A_FEW = 100
_EFFECTS = {effect.value: effect for effect in Effect}
_Item = TypeVar("_Item")

Parcels = tuple[bytes, ...]
"""Pickled lists of plain values."""


def pack(rows: Iterable[Any]) -> Parcels:
    """Pack rows of plain values."""
    rest = iter(rows)
    return tuple(pickle.dumps(some, protocol=5) for some in iter(lambda: list(islice(rest, _A_FEW)), []))


def unpack(parcels: Iterable[bytes]) -> Iterator[Any]:
    """Yield the rows, and None after each parcel: there the event loop may have its turn."""
    for parcel in parcels:
        yield from pickle.loads(parcel)  # noqa: S301 - from our own solver process
        yield None


async def gently(steps: Iterable[_Item | None]) -> list[_Item]:
    """Collect what is made step by step; the event loop has its turn wherever that is None."""
    found = []
    with uncollected():
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            else:
                found.append(step)
    return found


def dependent_row(item: ReverseDependency) -> tuple[Any, ...]:
    """Return what a dependent is made of."""
    return (_source_row(item.source), _path_row(item.path))


def dependents_from(parcels: Parcels) -> Iterator[ReverseDependency | None]:
    """Make the dependents anew, step by step."""
    link = cache(_link)
    for row in unpack(parcels):
        if row is None:
            yield None
        else:
            source, path = row
            way = tuple(link(*part) for part in path)
            yield ReverseDependency(source=_source(source), distance=len(way), path=way)


def finding_rows(comparison: Comparison, findings: Iterable[Finding]) -> list[tuple[Any, ...]]:
    """Return what findings are made of, the nearest first, then by name."""
    universe = comparison.before.universe
    return sorted(
        (
            _finding_row(comparison.place(finding.number), universe.source(finding.number), finding)
            for finding in findings
        ),
        key=lambda row: row[:2],
    )


def _finding_row(place: int, source: SourcePackage, finding: Finding) -> tuple[Any, ...]:
    return (
        max(len(finding.path), 1),
        place,
        _source_row(source),
        finding.effect.value,
        _path_row(finding.path),
        finding.problem,
        finding.before,
        finding.after,
        finding.inside.tobytes(),
    )


def counted(rows: Iterable[tuple[Any, ...]]) -> "array[int]":
    """Return how many of these findings' buildroots each source package is in, its own not counted, by place."""
    counts: Counter[int] = Counter()
    for row in rows:
        inside = memoryview(row[-1]).cast("I")
        counts.update(inside)
        counts[row[1]] -= row[1] in inside
    found = array("I", bytes(4 * (max(counts, default=-1) + 1)))
    for place, count in counts.items():
        found[place] = count
    return found


def affected_from(answers: Iterable[Parcels], counts: Iterable["array[int]"]) -> Iterator[Affected | None]:
    """Put together what was found out about all packages, step by step; nearest first, then by name.

    So is each of the answers. Only with all of them it is known who else is affected. `counts` are those of the
    answers (see `counted`).
    """
    rows: list[list[Any]] = []
    names: list[str] = []
    for parcels in answers:
        rows.append([])
        for row in unpack(parcels):
            if row is None:
                yield None
            else:
                rows[-1].append(row)
                names.extend([""] * (row[1] + 1 - len(names)))
                names[row[1]] = row[2][0]
    dependents = [0] * len(names)
    for part in counts:
        dependents = [one + other for one, other in zip_longest(dependents, part, fillvalue=0)]
        yield None
    names.extend([""] * (len(dependents) - len(names)))
    link = cache(_link)
    for row in _with_pauses(heapq.merge(*rows, key=lambda row: (row[0], row[1]))):
        yield None if row is None else _affected(row, names, dependents, link)


def _affected(
    row: tuple[Any, ...], names: Sequence[str], dependents: Sequence[int], link: Callable[..., Link]
) -> Affected:
    distance, place, source, effect, path, problem, before, after, inside = row
    contains = tuple(filter(None, map(names.__getitem__, memoryview(inside).cast("I"))))
    if names[place] in contains:
        contains = tuple(name for name in contains if name != names[place])
    return Affected(
        source=_source(source),
        effect=_EFFECTS[effect],
        distance=distance,
        path=tuple(link(*part) for part in path),
        problem=problem,
        dependents=dependents[place],
        contains=contains,
        buildroot_before=before,
        buildroot_after=after,
    )


def _with_pauses(items: Iterable[_Item]) -> Iterator[_Item | None]:
    for count, item in enumerate(items):
        if count % _A_FEW == 0:
            yield None
        yield item


def _source_row(source: SourcePackage) -> tuple[Any, ...]:
    nevra = source.nevra
    return (
        nevra.name,
        nevra.epoch,
        nevra.version,
        nevra.release,
        nevra.arch,
        source.location,
        source.checksum,
        source.dynamic,
    )


def _source(row: tuple[Any, ...]) -> SourcePackage:
    name, epoch, version, release, arch, location, checksum, dynamic = row
    nevra = Nevra(name=name, epoch=epoch, version=version, release=release, arch=arch)
    return SourcePackage(nevra=nevra, location=location, checksum=checksum, dynamic=dynamic)


def _path_row(path: Iterable[Link]) -> tuple[tuple[str, str, str], ...]:
    return tuple((link.package, link.capability, link.provider) for link in path)


def _link(package: str, capability: str, provider: str) -> Link:
    return Link(package=package, capability=capability, provider=provider)
