"""`revdeps`: every command, and how errors are told.

Exit codes: 0 well, 1 regressions, 2 wrong input or settings, 3 not conclusive, or a far side that does not answer, 130
stopped by Ctrl-C.
"""

import sys
from importlib import import_module
from typing import Any

import click

from bot.cli.stopping import stopped
from bot.ports.errors import Misconfigured, Rejected, Transient

EXIT_WRONG = 2
EXIT_INCONCLUSIVE = 3

_COMMANDS = {
    "check": "check:check",
    "config": "config:config",
    "db": "db:db",
    "doctor": "doctor:doctor",
    "impact": "impact:impact",
    "order": "order:order",
    "resolve": "resolve:resolve",
    "serve": "serve:serve",
    "setup": "setup:setup",
    "supervise-build": "supervise:supervise_build",
    "why": "resolve:why",
}
"""Where each command is: its module beside this one, and its name there."""


class _Commands(click.Group):
    """Imports a command when it is asked for: a question to the resolver needs neither web server nor database."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(f"bot.cli.{module}"), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stopped()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="revdeps-bot", prog_name="revdeps")
def cli() -> None:
    """Tell who breaks if a change to an RPM package is merged."""


def main() -> None:
    """Run the command line; an expected error is one line, never a traceback."""
    try:
        cli()
    except (Misconfigured, Rejected) as trouble:
        _tell(trouble)
        sys.exit(EXIT_WRONG)
    except Transient as trouble:
        _tell(trouble)
        sys.exit(EXIT_INCONCLUSIVE)
    except ModuleNotFoundError as missing:
        if missing.name in {"bot", "handlers"}:
            raise
        click.echo(f"revdeps: {missing.name} is not here: this takes all of RevDeps, revdeps-bot[service].", err=True)
        sys.exit(EXIT_WRONG)


def _tell(trouble: Exception) -> None:
    """Print it in one line: a YAML parser, for one, tells of an error in several."""
    click.echo(f"revdeps: {' '.join(str(trouble).split())}", err=True)
