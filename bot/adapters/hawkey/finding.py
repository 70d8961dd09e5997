"""Shares the work of finding an impact among the solver processes, and puts their answers together."""

import asyncio
from array import array
from collections.abc import Iterator, Sequence, Set
from itertools import chain

from bot.adapters.hawkey import worker
from bot.adapters.hawkey.loading import UniverseSpec
from bot.adapters.hawkey.parcels import affected_from, gently
from bot.adapters.hawkey.pool import SolverPool
from bot.domain.plan import Impact

_SHARES_EACH = 16
"""How many shares a process gets of much work, so that none is left alone with the hardest of it."""
_SMALL_SHARE = 70
_MANY = 10_000
"""So many numbers are gone through at a time."""


async def find_impact(pool: SolverPool, before: UniverseSpec, after: UniverseSpec, workers: int) -> Impact:
    """Return what a change does to everybody else."""
    plan = await pool.ask(worker.plan_impact, before, after)
    shares = _shares(plan.examine, workers)
    examined = await asyncio.gather(*(pool.ask(worker.examine_sources, before, after, share) for share in shares))
    installed = set[int]()
    for one in examined:
        installed.update(one.installed)
        await asyncio.sleep(0)
    suspects = array("I", await gently(_without(plan.suspects, installed)))
    broken = await asyncio.gather(
        *(pool.ask(worker.find_broken, before, after, share) for share in _shares(suspects, workers))
    )
    affected = affected_from([one.findings for one in examined], [one.inside for one in examined])
    return Impact(
        affected=tuple(await gently(affected)),
        uninstallable=tuple(sorted(chain.from_iterable(broken), key=lambda item: item.package)),
        sources=plan.sources,
        changes=plan.changes,
    )


def _without(numbers: "array[int]", installed: Set[int]) -> Iterator[int | None]:
    """Yield the others, and None where the event loop may have its turn: there are as many as the base has packages."""
    for start in range(0, len(numbers), _MANY):
        yield from (number for number in numbers[start : start + _MANY] if number not in installed)
        yield None


def _shares(numbers: "array[int]", workers: int) -> Sequence["array[int]"]:
    size = max(_SMALL_SHARE, -(-len(numbers) // (max(workers, 1) * _SHARES_EACH)))
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
