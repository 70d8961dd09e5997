"""`revdeps doctor`: tests every connection that is configured."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

import click

from bot.app.doctor import Patient, examine, patient
from bot.app.settings import load_settings
from bot.cli.main import EXIT_INCONCLUSIVE, EXIT_WRONG
from bot.ports.diagnosis import Diagnosis, State

_COLOURS = {State.OK: "green", State.DOUBTFUL: "yellow", State.SILENT: "yellow", State.WRONG: "red"}


def _by_forge(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    found = dict(value.split(":", 1) for value in values if ":" in value)
    if len(found) != len(values):
        raise click.BadParameter("say FORGE:OWNER/NAME, and of each forge one")
    return found


@click.command()
@click.option("--try", "trying", is_flag=True, help="In Koji hubs: make a side tag and ask for a build, to see.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag of a Koji hub that packages are built in.")
@click.option(
    "--repository",
    "repositories",
    multiple=True,
    metavar="FORGE:OWNER/NAME",
    callback=_by_forge,
    help="One whose changes a Koji hub is to check out (`source: scm`), for example github:octocat/libfoo.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def doctor(*, trying: bool, tags: tuple[str, ...], repositories: Mapping[str, str], as_json: bool) -> None:
    """Test the connections in the settings: database, sandbox, forges, build systems, repositories.

    One line each: how it is, and what to do where it is not well. Exits 0 where everything works, 2 where something has
    to be mended, and 3 where something does not answer.
    """
    who = patient(load_settings(), tags, trying=trying, repositories=repositories)
    found = asyncio.run(_examined(who, as_json=as_json))
    if as_json:
        click.echo(json.dumps([asdict(diagnosis) for diagnosis in found], indent=2))
    states = {diagnosis.state for diagnosis in found}
    sys.exit(EXIT_WRONG if State.WRONG in states else EXIT_INCONCLUSIVE if State.SILENT in states else 0)


async def _examined(who: Patient, *, as_json: bool) -> list[Diagnosis]:
    found = []
    async for diagnosis in examine(who):
        found.append(diagnosis)
        if not as_json:
            show(diagnosis)
    return found


def show(diagnosis: Diagnosis) -> None:
    """Print a line about a connection."""
    state = click.style(f"{diagnosis.state:8}", fg=_COLOURS[diagnosis.state])
    what = " ".join(diagnosis.what.split()).removesuffix(".")
    click.echo(f"{state} {diagnosis.about}: {what}.{f' {diagnosis.mend}' if diagnosis.mend else ''}")
