"""`revdeps config`: look at a configuration before a pull request does."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click

from bot.adapters.config_file import Offer, load
from bot.adapters.config_file.check import schema_text
from bot.domain.config import Config, Depth
from bot.domain.proposal import propose, render
from bot.domain.selection import CONFIG_FILE
from bot.engine.proposing import look, specs_below

ANY_SPEC = ("*.spec",)
"""Stands for spec files that are not known."""

EXIT_WRONG_INPUT = 2


@click.group()
def config() -> None:
    """Work with `.revdeps.yaml`."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path), default=".revdeps.yaml")
@click.pass_context
def check(context: click.Context, file: Path) -> None:
    """Check FILE and print each problem as file:line:column: message.

    Exits 0 where FILE is good, and 2 where it is not. Names of targets and backends, which the service's operator sets
    up, are taken on trust here.
    """
    offer = context.find_object(Offer) or Offer(presets=None)
    try:
        content = file.read_bytes()
    except OSError as error:
        click.echo(f"{file}: cannot be read: {error.strerror}. Name an existing file.", err=True)
        context.exit(EXIT_WRONG_INPUT)
    found = load(content, str(file), specs_of(file), offer)
    if isinstance(found, Config):
        click.echo(f"{file}: ok: {summary(found)}")
        return
    for problem in found:
        click.echo(str(problem))
    context.exit(EXIT_WRONG_INPUT)


@config.command()
@click.option("--target", "targets", multiple=True, metavar="NAME", help="A target that the operator has set up.")
@click.option("--schema", default="", metavar="URL", help="Where editors find the schema of the file.")
@click.option("--stdout", is_flag=True, help="Print it, and write nothing.")
@click.pass_context
def init(context: click.Context, targets: tuple[str, ...], schema: str, *, stdout: bool) -> None:
    """Write a `.revdeps.yaml` for the repository in the current directory, made from the specs in it.

    Specs are programs, so they are parsed in the sandbox. An existing file is left alone, with exit status 2.
    """
    # Imported here: `check` has to work where nothing but what it needs is installed.
    from bot.adapters.sandbox.settings import SandboxSettings
    from bot.adapters.sandbox.spec import SandboxSpecReader

    file = Path(CONFIG_FILE)
    if file.exists() and not stdout:
        click.echo(f"{file} exists already: `revdeps config check` looks at it, --stdout prints another.", err=True)
        context.exit(EXIT_WRONG_INPUT)
    with tempfile.TemporaryDirectory(prefix="revdeps-") as state:
        seen = asyncio.run(look(Path.cwd(), SandboxSpecReader(SandboxSettings(state=Path(state)))))
    if not seen:
        click.echo("There is no spec file below this directory: go to the top of a package's repository.", err=True)
        context.exit(EXIT_WRONG_INPUT)
    proposed = render(propose(seen, targets), schema)
    found = load(proposed.encode(), CONFIG_FILE, [spec.path for spec in seen], Offer(presets=None))
    if not isinstance(found, Config):
        for problem in found:
            click.echo(f"This cannot be proposed: {problem.message}", err=True)
        context.exit(EXIT_WRONG_INPUT)
    if stdout:
        click.echo(proposed, nl=False)
        return
    file.write_text(proposed)
    click.echo(f"{file} is written. Read it, put in what its remarks ask for, and commit it.")


@config.command()
def schema() -> None:
    """Print the JSON schema of `.revdeps.yaml`, for an editor that cannot fetch it from the service."""
    sys.stdout.write(schema_text())


def summary(found: Config) -> str:
    """Return a configuration in one line, with what it leaves to the defaults."""
    packages = ", ".join(package.name or _specs(package.spec) for package in found.packages)
    targets = ", ".join(f"{target.name} ({target.arch}, {target.backend})" for target in found.targets)
    return f"{packages} for {targets}; {_depth(found)}, {found.mode.value} mode"


def specs_of(file: Path) -> tuple[str, ...]:
    """Return the paths of the spec files that the configuration in `file` may name.

    Those are the ones below its directory, where it lies in its place (`.revdeps.yaml`, at the top of a checkout). In
    any other place its repository is not known, and neither are the specs.
    """
    top = file.resolve().parent
    found = tuple(specs_below(top)) if file.name == CONFIG_FILE else ()
    in_place = file.name == CONFIG_FILE and (top / ".git").exists()
    return found if found or in_place else ANY_SPEC


def _specs(spec: str) -> str:
    return "the only spec" if spec in ANY_SPEC else spec


def _depth(found: Config) -> str:
    wanted = found.reverse_dependencies
    if wanted.static:
        return f"{len(wanted.static)} packages by name"
    words = {Depth(levels=1): "direct", Depth(): "all"}
    return words.get(wanted.depth, f"up to {wanted.depth.levels} steps of") + " reverse dependencies"
