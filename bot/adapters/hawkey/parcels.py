"""Long answers on their way out of a solver process: in parcels that are small enough to open one at a time.

An answer about a whole distribution has hundreds of thousands of objects. Made in one go they would hold up the event
loop for seconds, in whatever thread; so plain values travel, and the objects are made a few at a time in between.
"""

import heapq
import pickle
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain, islice, zip_longest
from typing import Any, TypeVar

from bot.adapters.hawkey.comparison import Comparison, Finding
from bot.adapters.hawkey.plain import Facts, Step, link_from, source_from
from bot.adapters.hawkey.uncollected import uncollected
from bot.domain.packages import Link
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
    import asyncio  # which solver processes do without

    found = []
    with uncollected():
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            else:
                found.append(step)
    return found


def dependents_from(parcels: Parcels) -> Iterator[ReverseDependency | None]:
    """Make the dependents anew, step by step."""
    link = cache(link_from)
    for row in unpack(parcels):
        if row is None:
            yield None
        else:
            facts, way = row
            yield ReverseDependency(source=source_from(facts), distance=len(way), path=tuple(map(link, way)))


def finding_rows(comparison: Comparison, findings: Iterable[Finding]) -> list[tuple[Any, ...]]:
    """Return what findings are made of, the nearest first, then by name."""
    places, facts = comparison.known.places.by_name, comparison.before.universe.facts
    return sorted(
        (_finding_row(places, facts(finding.number), finding) for finding in findings), key=lambda row: row[:2]
    )


def _finding_row(places: Mapping[str, int], source: Facts, finding: Finding) -> tuple[Any, ...]:
    return (
        max(len(finding.path), 1),
        places[source[0]],
        source,
        finding.effect.value,
        finding.path,
        finding.problem,
        finding.before,
        finding.after,
        finding.inside,
    )


def counted(rows: Iterable[tuple[Any, ...]]) -> "array[int]":
    """Return how many of these findings' buildroots each source package is in, its own not counted, by place."""
    alike: Counter[bytes] = Counter()
    own: Counter[int] = Counter()
    for row in rows:
        alike[row[-1]] += 1
        own[row[1]] -= _is_among(row[1], memoryview(row[-1]).cast("I"))
    often: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for inside, times in alike.items():
        often[times].update(memoryview(inside).cast("I"))
    found = array("I", bytes(4 * (max(chain(*often.values()), default=-1) + 1)))
    for times, counts in (*often.items(), (1, own)):
        for place, count in counts.items():
            if count:
                found[place] += count * times
    return found


def _is_among(place: int, places: memoryview) -> bool:
    at = bisect_left(places, place)
    return at < len(places) and places[at] == place


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
    link, named = cache(link_from), cache(partial(_named, names))
    for row in _with_pauses(heapq.merge(*rows, key=lambda row: (row[0], row[1]))):
        yield None if row is None else _affected(row, dependents, link, named)


def _named(names: Sequence[str], inside: bytes) -> tuple[str, ...]:
    """Return the names at some places, where there are any."""
    return tuple(filter(None, map(names.__getitem__, memoryview(inside).cast("I"))))


def _affected(
    row: tuple[Any, ...],
    dependents: Sequence[int],
    link: Callable[[Step], Link],
    named: Callable[[bytes], tuple[str, ...]],
) -> Affected:
    distance, place, source, effect, path, problem, before, after, inside = row
    contains = named(inside)  # made once for all who are built alike
    if _is_among(place, memoryview(inside).cast("I")):
        contains = tuple(name for name in contains if name != source[0])
    return Affected(
        source=source_from(source),
        effect=_EFFECTS[effect],
        distance=distance,
        path=tuple(map(link, path)),
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
