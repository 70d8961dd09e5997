"""`revdeps supervise-build`: the process that watches over one local build. Started by its backend, not by people."""

from functools import partial
from pathlib import Path

import click

from bot.adapters import mock, sandbox
from bot.app.compose import root_solver


@click.command(name="supervise-build", hidden=True)
@click.option("--metadata", type=click.Path(path_type=Path), required=True, help="Directory of pinned metadata.")
@click.option("--allowed-host", "hosts", multiple=True, help="Host that packages may be redirected to.")
@click.option("--in", "backend", type=click.Choice(["sandbox", "mock"]), default="sandbox", help="Whose job it is.")
@click.argument("job", type=click.Path(path_type=Path))
def supervise_build(metadata: Path, hosts: tuple[str, ...], backend: str, job: Path) -> None:
    """Do the build that is written down in the directory JOB."""
    supervise = mock.supervise if backend == "mock" else sandbox.supervise
    supervise(job, partial(root_solver, metadata, hosts))
