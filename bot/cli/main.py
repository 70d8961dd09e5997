"""`revdeps`: every command, and how errors are told.

Exit codes: 0 well, 1 regressions, 2 wrong input or settings, 3 not conclusive, or a far side that does not answer.
"""

import sys

import click

from bot.cli.check import check
from bot.cli.config import config
from bot.cli.db import db
from bot.cli.resolve import resolve, why
from bot.cli.serve import serve
from bot.cli.supervise import supervise_build
from bot.ports.errors import Misconfigured, Rejected, Transient

EXIT_WRONG = 2
EXIT_INCONCLUSIVE = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="revdeps-bot", prog_name="revdeps")
def cli() -> None:
    """Tell who breaks if a change to an RPM package is merged."""


for command in (check, config, db, resolve, serve, supervise_build, why):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an expected error is one line, never a traceback."""
    try:
        cli()
    except (Misconfigured, Rejected) as trouble:
        click.echo(f"revdeps: {trouble}", err=True)
        sys.exit(EXIT_WRONG)
    except Transient as trouble:
        click.echo(f"revdeps: {trouble}", err=True)
        sys.exit(EXIT_INCONCLUSIVE)
