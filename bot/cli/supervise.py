"""`revdeps supervise-build`: the process that watches over one sandbox build. Started by the sandbox, not by people."""

from functools import partial
from pathlib import Path

import click

from bot.adapters.sandbox.supervisor import supervise
from bot.app.compose import root_solver


@click.command(name="supervise-build", hidden=True)
@click.option("--metadata", type=click.Path(path_type=Path), required=True, help="Directory of pinned metadata.")
@click.option("--allowed-host", "hosts", multiple=True, help="Host that packages may be redirected to.")
@click.argument("job", type=click.Path(path_type=Path))
def supervise_build(metadata: Path, hosts: tuple[str, ...], job: Path) -> None:
    """Do the build that is written down in the directory JOB."""
    supervise(job, partial(root_solver, metadata, hosts))
