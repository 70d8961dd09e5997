"""In which order packages have to be rebuilt after a change."""

from collections.abc import Sequence
from dataclasses import replace

from bot.adapters.hawkey.graph import order
from bot.adapters.hawkey.impact import Comparison
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.standins import stand_in
from bot.adapters.hawkey.subjects import source_number
from bot.adapters.hawkey.universe import Universe
from bot.domain.plan import RebuildOrder


def rebuild_order(comparison: Comparison, names: Sequence[str]) -> RebuildOrder:
    """Return the order of the named sources: each after those of which a binary is in its buildroot.

    That buildroot is solved with a stand-in for every binary package that the change made uninstallable, as if it had
    been rebuilt. Raises Rejected where a name is unknown.
    """
    after = comparison.after
    repaired = _repaired(comparison) if comparison.broken else after
    wanted = set(names)
    needs = {}
    for name in wanted:
        number = source_number(after.universe, name)
        roots, root = repaired, repaired.of_source(number)
        if not isinstance(root, Root):
            roots, root = after, after.of_source(number)
        inside = root.numbers if isinstance(root, Root) else ()
        needs[name] = {roots.universe.source_of(other) for other in inside} & wanted
    return order(wanted, needs)


def _repaired(comparison: Comparison) -> Roots:
    universe = comparison.after.universe
    spec = universe.spec
    return Roots(
        Universe(
            replace(
                spec,
                stand_ins=(stand_in(universe, comparison.broken),),
                hidden=frozenset(str(universe.packages[number]) for number in comparison.broken),
            )
        )
    )
