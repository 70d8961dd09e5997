"""`revdeps resolve` and `revdeps why`: who depends on a package, and by what chain, from metadata alone."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from bot.cli.places import DYNAMIC, Place, asking, links_to_json, no_sources, place_of, place_options, show, working
from bot.cli.stopping import run
from bot.domain.config import Depth
from bot.ports.resolver import Question, ReverseDependency

if TYPE_CHECKING:  # rich takes longer to import than a question to answer, and JSON needs none of it
    from rich.table import Table


class _DepthType(click.ParamType[Depth]):
    """`direct`, `transitive`, or a number of levels from 1."""

    name = "depth"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Depth:
        if isinstance(value, Depth):
            return value
        known = {"direct": Depth(levels=1), "transitive": Depth()}
        if value in known:
            return known[value]
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is not direct, transitive or a number from 1", param, ctx)
        return Depth(levels=int(value))


@click.command()
@click.argument("package", metavar="PKG")
@click.option("--depth", type=_DepthType(), default="transitive", help="direct, transitive, or a number of levels.")
@click.option("--binary", is_flag=True, help="PKG is a binary package; without it, a source package.")
@place_options
def resolve(package: str, depth: Depth, binary: bool, as_json: bool, **place: Any) -> None:
    """List the source packages that have PKG in their buildroot.

    The buildroots are solved as dnf would, so the answer is exact. The distance is 1 where a BuildRequires names PKG
    itself. Exits 2 where PKG or a repository is wrong, and 3 where a repository cannot be reached.
    """
    question = Question(subject=package, depth=depth, binary=binary)
    found = _dependents(place_of(**place), question)
    if as_json:
        click.echo(to_json(package, found))
    elif found:
        show(to_table(package, found))
    else:
        click.echo(f"Nothing has {package} in its buildroot.")


@click.command()
@click.argument("package", metavar="PKG")
@click.option("--on", "subject", required=True, metavar="SUBJECT", help="The source package that PKG may depend on.")
@click.option("--binary", is_flag=True, help="SUBJECT is a binary package; without it, a source package.")
@place_options
def why(package: str, subject: str, binary: bool, as_json: bool, **place: Any) -> None:
    """Show the shortest chain from the source package PKG to SUBJECT, each link with the capability that makes it."""
    question = Question(subject=subject, binary=binary, packages=(package,))
    found = _dependents(place_of(**place), question)
    if as_json:
        click.echo(to_json(subject, found))
    elif found:
        for link in found[0].path:
            click.echo(str(link))
    else:
        click.echo(f"{package} does not have {subject} in its buildroot.")


def to_json(subject: str, found: Sequence[ReverseDependency]) -> str:
    """Return the answer as one JSON object."""
    packages = [
        {
            "name": item.source.name,
            "nevra": str(item.source.nevra),
            "distance": item.distance,
            "path": links_to_json(item.path),
        }
        for item in found
    ]
    return json.dumps({"subject": subject, "packages": packages})


def to_table(subject: str, found: Sequence[ReverseDependency]) -> "Table":
    """Return the answer as a table for people."""
    from rich.table import Table
    from rich.text import Text

    direct = sum(item.distance == 1 for item in found)
    table = Table(title=Text(f"{len(found)} packages are built with {subject}, {direct} of them require it directly"))
    table.add_column("Package", no_wrap=True)
    table.add_column("Version")
    table.add_column("Distance", justify="right")
    table.add_column("Through", overflow="fold")
    for item in found:
        through = " → ".join(link.provider for link in item.path)
        marker = f" ({DYNAMIC})" if item.source.dynamic else ""
        table.add_row(
            Text(item.source.name), Text(item.source.nevra.evr), str(item.distance), Text(f"{through}{marker}")
        )
    return table


def _dependents(place: Place, question: Question) -> Sequence[ReverseDependency]:
    if question.depth.levels == 1:
        from bot.adapters.hawkey.direct import ask_directly

        found = ask_directly(place.settings, place.target, question)
        if found is None:
            raise no_sources(place)
        return found
    return run(_solved(place, question))


async def _solved(place: Place, question: Question) -> Sequence[ReverseDependency]:
    with working() as tell:
        async with asking(place) as (resolver, snapshot):
            tell("Solving buildroots")
            return await resolver.reverse_dependencies(snapshot.id, place.target, question)
