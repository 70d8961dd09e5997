"""`revdeps impact`: what a change does to every other package, from metadata alone and before anything is rebuilt."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.adapters.hawkey.changes import LocalChange, local_change
from bot.cli.places import CHANGE, DYNAMIC, Place, asking, links_to_json, place_of, place_options, show, working
from bot.cli.stopping import run
from bot.domain.difference import RootChange
from bot.domain.plan import Affected, Effect, Impact, Uninstallable

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 3
"""How many of the packages that differ are named in a row of the table."""

_SAID = {
    Effect.REBUILD: "to rebuild",
    Effect.UNRESOLVABLE: "no longer resolvable",
    Effect.STILL_UNRESOLVABLE: "unresolvable with and without it",
    Effect.NOW_RESOLVABLE: "resolvable now",
    Effect.UNAFFECTED: "unaffected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An impact, with what is told of it beside: the packages that differ, and who is left alone."""

    change: LocalChange
    impact: Impact
    brought: Sequence[Uninstallable]
    """What cannot be installed of the change itself."""
    differences: Mapping[str, Sequence[RootChange]]
    unaffected: Sequence[str]

    @property
    def counts(self) -> Mapping[Effect, int]:
        """How many source packages the change does what to."""
        found = Counter(item.effect for item in self.impact.affected)
        return {effect: found[effect] for effect in _SAID if effect is not Effect.UNAFFECTED} | {
            Effect.UNAFFECTED: len(self.unaffected)
        }


@click.command()
@CHANGE
@click.option("--all", "everybody", is_flag=True, help="Name the unaffected packages too.")
@place_options
def impact(change: Path, everybody: bool, as_json: bool, **place: Any) -> None:
    """Tell what a change does to every other package: who is built with something else, and who breaks right away.

    Every buildroot that the change can touch is solved without and with it, and what the change brings is tried to be
    installed. Exits 0 with the answer, 2 where the change or a repository is wrong, and 3 where a repository cannot be
    reached.
    """
    answer = run(_ask(place_of(**place), change))
    if as_json:
        click.echo(json.dumps(to_json(answer)))
        return
    show(headline(answer), *to_tables(answer))
    if answer.change.foreign:
        show(f"For another architecture, and left out: {', '.join(answer.change.foreign)}")
    if everybody:
        show(f"Unaffected: {', '.join(answer.unaffected) or 'nobody'}")


async def _ask(place: Place, directory: Path) -> Answer:
    with working() as tell, local_change(directory, place.arch, place.settings) as change:
        async with asking(place) as (resolver, snapshot):
            tell("Solving without and with the change")
            found = await resolver.impact(snapshot.id, place.target, change.overlay)
            tell("Comparing")
            affected = [item.source.name for item in found.affected]
            names = await resolver.source_names(snapshot.id, place.target)
            return Answer(
                change=change,
                impact=found,
                brought=await resolver.broken_of_change(snapshot.id, place.target, change.overlay),
                differences=await resolver.differences(snapshot.id, place.target, affected, change.overlay),
                unaffected=sorted(set(names) - set(affected) - change.overlay.replaces),
            )


def headline(answer: Answer) -> str:
    """Return one sentence with every count that is not zero."""
    changed = ", ".join(sorted(answer.change.overlay.replaces))
    counts = [f"{count} {_SAID[effect]}" for effect, count in answer.counts.items() if count]
    broken = len(answer.impact.uninstallable)
    told = [f"of the binary packages {broken} no longer installable"] if broken else []
    if answer.brought:
        told.append(f"of the change itself {len(answer.brought)} not installable")
    affected = f"of {answer.impact.sources} other source packages {', '.join(counts) or 'nobody'}"
    return f"{changed}: {'; '.join([affected, *told])}."


def to_tables(answer: Answer) -> Sequence["Table"]:
    """Return the affected source packages and the broken binary packages, as far as there are any."""
    from rich.table import Table
    from rich.text import Text

    tables = []
    if answer.brought:
        table = Table("Not installable of the change", "Built from", "Before", "Problem")
        for own in answer.brought:
            before = "not either" if own.still else "it could be, or is new"
            cells = (own.package, own.source, before, own.problem)
            table.add_row(*(Text(cell, overflow="fold") for cell in cells))
        tables.append(table)
    if answer.impact.affected:
        table = Table("Package", "Version", "Effect", "Distance", "Because of")
        for item in answer.impact.affected:
            source, why = item.source, _because(answer, item)
            row = (source.name, source.nevra.evr, item.effect.value, str(item.distance), why)
            table.add_row(*(Text(cell, overflow="fold") for cell in row))
        tables.append(table)
    if answer.impact.uninstallable:
        table = Table("No longer installable", "Built from", "Problem")
        for broken in answer.impact.uninstallable:
            table.add_row(*(Text(cell, overflow="fold") for cell in (broken.package, broken.source, broken.problem)))
        tables.append(table)
    return tables


def _because(answer: Answer, item: Affected) -> str:
    changes = answer.differences.get(item.source.name, ())
    more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    told = item.problem or ", ".join(_said(change) for change in changes[:_SHOWN]) + more
    return f"{told} ({DYNAMIC})" if item.source.dynamic else told


def _said(change: RootChange) -> str:
    if change.old == change.new and not change.old_arch:
        return f"{change.name} {change.new} with other contents"
    if change.old is None:
        return f"{change.name} {change.new} added"
    if change.new is None:
        return f"{change.name} {change.old} dropped"
    return f"{change.name} {change.old} → {change.new}"


def to_json(answer: Answer) -> Mapping[str, Any]:
    """Return everything."""
    return {
        "replaces": sorted(answer.change.overlay.replaces),
        "foreign": list(answer.change.foreign),
        "sources": answer.impact.sources,
        "counts": {effect.value: count for effect, count in answer.counts.items()},
        "packages": [_package_to_json(answer, item) for item in answer.impact.affected],
        "uninstallable": [
            {"package": broken.package, "source": broken.source, "problem": broken.problem}
            for broken in answer.impact.uninstallable
        ],
        "brought": [
            {"package": own.package, "source": own.source, "problem": own.problem, "still": own.still}
            for own in answer.brought
        ],
        "unaffected": list(answer.unaffected),
    }


def _package_to_json(answer: Answer, item: Affected) -> Mapping[str, Any]:
    return {
        "name": item.source.name,
        "nevra": str(item.source.nevra),
        "dynamic": item.source.dynamic,
        "effect": item.effect.value,
        "distance": item.distance,
        "path": links_to_json(item.path),
        "problem": item.problem,
        "dependents": item.dependents,
        "differences": [
            {"name": change.name, "arch": change.arch, "old": change.old, "new": change.new}
            for change in answer.differences.get(item.source.name, ())
        ],
    }
