"""`revdeps resolve` and `revdeps why`: who depends on a package, and by what chain, from metadata alone."""

import asyncio
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.config import Depth
from bot.domain.hosts import ANY_HOST
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured
from bot.ports.resolver import Question, ReverseDependency

_Command = TypeVar("_Command", bound=Callable[..., Any])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the answer is looked for: addresses of repositories, an architecture, and the cache to keep them in."""

    repositories: tuple[str, ...]
    arch: str
    cache: Path

    @property
    def target(self) -> Target:
        """The repositories as a target, which nothing is built for."""
        return Target(
            name="command line",
            arch=self.arch,
            backend="",
            repositories=tuple(Repository(url=_address(text)) for text in self.repositories),
        )


def _place_options(command: _Command) -> _Command:
    options = (
        click.option(
            "--repo",
            "repositories",
            metavar="DIR_OR_URL",
            multiple=True,
            required=True,
            help="A repository, binary, source or both; give it as often as there are repositories.",
        ),
        click.option("--arch", default=platform.machine, show_default="this machine's", help="Whose packages."),
        click.option(
            "--cache", type=click.Path(path_type=Path, file_okay=False), default=None, help="Where metadata are kept."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("package", metavar="PKG")
@click.option("--depth", type=_DepthType(), default="transitive", help="direct, transitive, or a number of levels.")
@click.option("--binary", is_flag=True, help="PKG is a binary package; without it, a source package.")
@_place_options
def resolve(package: str, depth: Depth, binary: bool, as_json: bool, **place: Any) -> None:
    """List the source packages that have PKG in their buildroot.

    The buildroots are solved as dnf would, so the answer is exact. The distance is 1 where a BuildRequires names PKG
    itself. Exits 2 where PKG or a repository is wrong, and 3 where a repository cannot be reached.
    """
    question = Question(subject=package, depth=depth, binary=binary)
    found = asyncio.run(_dependents(_place(**place), question))
    if as_json:
        click.echo(to_json(package, found))
    elif found:
        Console().print(to_table(package, found))
    else:
        click.echo(f"Nothing has {package} in its buildroot.")


@click.command()
@click.argument("package", metavar="PKG")
@click.option("--on", "subject", required=True, metavar="SUBJECT", help="The source package that PKG may depend on.")
@click.option("--binary", is_flag=True, help="SUBJECT is a binary package; without it, a source package.")
@_place_options
def why(package: str, subject: str, binary: bool, as_json: bool, **place: Any) -> None:
    """Show the shortest chain from the source package PKG to SUBJECT, each link with the capability that makes it."""
    found = asyncio.run(_why(_place(**place), package, Question(subject=subject, binary=binary)))
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
            "path": [
                {"package": link.package, "capability": link.capability, "provider": link.provider}
                for link in item.path
            ],
        }
        for item in found
    ]
    return json.dumps({"subject": subject, "packages": packages}, indent=2)


def to_table(subject: str, found: Sequence[ReverseDependency]) -> Table:
    """Return the answer as a table for people."""
    direct = sum(item.distance == 1 for item in found)
    table = Table(title=Text(f"{len(found)} packages are built with {subject}, {direct} of them require it directly"))
    table.add_column("Package", no_wrap=True)
    table.add_column("Version")
    table.add_column("Distance", justify="right")
    table.add_column("Through", overflow="fold")
    for item in found:
        through = " → ".join(link.provider for link in item.path)
        marker = " (asks for more while it builds)" if item.source.dynamic else ""
        table.add_row(
            Text(item.source.name), Text(item.source.nevra.evr), str(item.distance), Text(f"{through}{marker}")
        )
    return table


async def _dependents(place: Place, question: Question) -> Sequence[ReverseDependency]:
    resolver = _resolver(place)
    try:
        snapshot = await resolver.snapshot(place.target)
        if not snapshot.sources:
            raise Misconfigured(
                ", ".join(place.repositories),
                "there are no source packages in it, so nothing says what is built with what",
                "Give a source repository with another --repo.",
            )
        return await resolver.reverse_dependencies(snapshot.id, place.target, question)
    finally:
        await resolver.close()


async def _why(place: Place, package: str, question: Question) -> Sequence[ReverseDependency]:
    resolver = _resolver(place)
    try:
        snapshot = await resolver.snapshot(place.target)
        await resolver.buildroots(snapshot.id, place.target, [package])  # raises where there is no such package
        found = await resolver.reverse_dependencies(snapshot.id, place.target, question)
    finally:
        await resolver.close()
    return [item for item in found if item.source.name == package]


def _resolver(place: Place) -> HawkeyResolver:
    """Whoever runs the command names the repositories, so they may be anywhere."""
    return HawkeyResolver(HawkeySettings(cache=place.cache, workers=0, allowed_hosts=ANY_HOST, allow_file=True))


def _place(repositories: tuple[str, ...], arch: str, cache: Path | None) -> Place:
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "revdeps" / "metadata"
    return Place(repositories=repositories, arch=arch, cache=(cache or usual).absolute())


def _address(text: str) -> str:
    return text if "://" in text or text.startswith("file:") else Path(text).absolute().as_uri()
