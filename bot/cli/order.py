"""`revdeps order`: in which order packages have to be rebuilt after a change, and where cycles were cut."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.adapters.hawkey.changes import local_change
from bot.cli.places import CHANGE, Place, asking, place_of, place_options, show, working
from bot.cli.stopping import run
from bot.domain.plan import WITHOUT_A_BUILD, RebuildOrder

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 5
"""How many of the packages that one waits for are named in a row of the table."""


@click.command()
@click.argument("packages", metavar="[PKG]...", nargs=-1)
@CHANGE
@place_options
def order(packages: tuple[str, ...], change: Path, as_json: bool, **place: Any) -> None:
    """Tell in which order the source packages PKG are rebuilt after a change; without PKG, all that it affects.

    A package waits for those that are in its buildroot; those that one of the others waits for anyway are not told. A
    cycle is cut at the edge that is told, with the reason. Exits 0 with the answer, 2 where a package, the change or a
    repository is wrong, 3 where a repository cannot be reached.
    """
    found = run(_ask(place_of(**place), change, packages))
    if as_json:
        click.echo(json.dumps(to_json(found)))
    elif found.levels:
        show(to_table(found), *cycles(found))
    else:
        click.echo("Nothing has to be rebuilt.")


async def _ask(place: Place, directory: Path, packages: Sequence[str]) -> RebuildOrder:
    with working() as tell, local_change(directory, place.arch, place.settings) as change:
        async with asking(place) as (resolver, snapshot):
            wanted = packages
            if not wanted:
                tell("Solving without and with the change")
                found = await resolver.impact(snapshot.id, place.target, change.overlay)
                wanted = [item.source.name for item in found.affected if item.effect not in WITHOUT_A_BUILD]
            tell("Putting packages in order")
            return await resolver.order(snapshot.id, place.target, wanted, change.overlay, thin=True)


def to_table(found: RebuildOrder) -> "Table":
    """Return the packages by level, each with those of the level before, which force it to be where it is."""
    from rich.table import Table
    from rich.text import Text

    level = {name: number for number, names in enumerate(found.levels) for name in names}
    forced: defaultdict[str, list[str]] = defaultdict(list)
    for package, needed in found.edges:
        if level[needed] == level[package] - 1:
            forced[package].append(needed)
    table = Table("Level", "Package", "After")
    for number, names in enumerate(found.levels):
        for name in names:
            table.add_row(*(Text(cell, overflow="fold") for cell in (str(number), name, _shortened(forced[name]))))
    return table


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def cycles(found: RebuildOrder) -> Iterator[str]:
    """Yield what was cut, a line each."""
    for cycle in found.cycles:
        for cut in cycle.cuts:
            yield f"Of the cycle {' → '.join(cut.way)}, {cut.package} → {cut.needs} was cut: {cut.reason}."


def to_json(found: RebuildOrder) -> Mapping[str, Any]:
    """Return everything; an edge names the package, then the one that it needs."""
    return {
        "levels": [list(names) for names in found.levels],
        "edges": [list(edge) for edge in found.edges],
        "cycles": [
            {
                "members": list(cycle.members),
                "cuts": [
                    {"package": cut.package, "needs": cut.needs, "way": list(cut.way), "reason": cut.reason}
                    for cut in cycle.cuts
                ],
            }
            for cycle in found.cycles
        ],
    }
