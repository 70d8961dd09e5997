"""`revdeps setup`: connects a forge."""

import asyncio
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bot.adapters.github.manifest import Registered
from bot.app.connecting import FORGES_FILE, Connection, connect
from bot.app.registration import SETTINGS_FILE, Registration, Wish
from bot.cli.doctor import show
from bot.cli.main import EXIT_WRONG
from bot.cli.stopping import stopped
from bot.ports.diagnosis import State


def _address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise click.BadParameter(f"{value!r} is not an address, such as https://revdeps.example")
    return value


@click.group()
def setup() -> None:
    """Connect a forge, and keep what that takes in files for their owner alone."""


@setup.command()
@click.option(
    "--public-url", required=True, metavar="URL", callback=_address, help="Where GitHub and people reach the service."
)
@click.option("--organization", default="", metavar="ORG", help="Who is to own the App. Default: you.")
@click.option("--name", default="", help="What the App is called; it writes as NAME[bot]. Names are unique on GitHub.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default="/etc/revdeps",
    show_default=True,
    help="For the key, the secret and the settings.",
)
@click.option(
    "--web-url",
    metavar="URL",
    callback=_address,
    default="https://github.com",
    show_default=True,
    help="Of an Enterprise Server.",
)
@click.option(
    "--api-url",
    metavar="URL",
    callback=_address,
    default="",
    help="Of an Enterprise Server. Default: what belongs to --web-url.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="For the page that begins it, on this machine's loopback. Default: any.",
)
@click.option("--browser/--no-browser", default=True, help="Open a browser here, or print the link alone.")
def github(
    *,
    public_url: str,
    organization: str,
    name: str,
    directory: Path,
    web_url: str,
    api_url: str,
    port: int,
    browser: bool,
) -> None:
    """Register the GitHub App, with the permissions and events of app.yml.

    A page opens, GitHub asks you to confirm, and number, key and secret come back here.
    """
    wish = Wish(
        public_url=public_url,
        directory=directory,
        organization=organization,
        name=name,
        web_url=web_url,
        api_url=api_url or _api_of(web_url),
        port=port,
    )

    def tell(address: str) -> None:
        opened = browser and click.launch(address) == 0
        click.echo(f"{'Go on in the browser, or open' if opened else 'Open'} {address} in a browser on this machine.")
        tunnel = address.rpartition(":")[2]
        click.echo(f"From another machine, first: ssh -L {tunnel}:127.0.0.1:{tunnel} THIS_MACHINE")

    try:
        registered = asyncio.run(_registered(Registration(wish=wish, tell=tell)))
    except asyncio.CancelledError:
        stopped(128 + signal.SIGTERM)
    click.echo(f"{registered.name} of {registered.owner} is registered: {registered.page}")
    click.echo(f"Key, secret and settings are in {directory}; the service reads {directory / SETTINGS_FILE}.")
    click.echo(f"Install it: {registered.page}/installations/new. Then `revdeps doctor` looks whether all is well.")


async def _registered(registration: Registration) -> Registered:
    """Register; told to end (SIGTERM), leave as little behind as at Ctrl-C."""
    this = asyncio.current_task()
    assert this is not None  # a coroutine runs in one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    return await registration.run()


def _common(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that GitLab and Forgejo share."""
    existing = click.Path(path_type=Path, exists=True, dir_okay=False)
    folder = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.argument("repositories", nargs=-1, metavar="[OWNER/NAME]..."),
        click.option(
            "--directory", type=folder, default="/etc/revdeps", show_default=True, help="For what is written."
        ),
        click.option(
            "--public-url",
            required=True,
            metavar="URL",
            callback=_address,
            help="Where the forge and people reach the service.",
        ),
        click.option("--token-file", type=existing, required=True, help="A file with the bot's access token."),
        click.option("--url", required=True, metavar="URL", callback=_address, help="Where people open the forge."),
    ):
        function = option(function)
    return function


@setup.command()
@_common
@click.option("--name", default="gitlab", show_default=True, help="What it is called in settings and addresses.")
def gitlab(*, name: str, **given: Any) -> None:
    """Connect a GitLab: test the token, and set up webhooks in the projects (by default in all that it may work in).

    An entry is written to forges.yaml in the directory, and a secret for the webhooks beside it.
    """
    _connect(Connection(kind="gitlab", name=name, **given))


@setup.command()
@_common
@click.option("--name", default="forgejo", show_default=True, help="What it is called in settings and addresses.")
@click.option("--user", required=True, metavar="LOGIN", help="The account that the token is of.")
def forgejo(*, name: str, user: str, **given: Any) -> None:
    """Connect a Forgejo: test the token, and set up webhooks in the repositories (by default in all that it may).

    An entry is written to forges.yaml in the directory, and a secret for the webhooks beside it.
    """
    _connect(Connection(kind="forgejo", name=name, user=user, **given))


def _connect(wanted: Connection) -> None:
    async def told() -> bool:
        well = True
        async for diagnosis in connect(wanted):
            show(diagnosis)
            well = well and diagnosis.state in {State.OK, State.DOUBTFUL}
        return well

    if not asyncio.run(told()):
        sys.exit(EXIT_WRONG)
    click.echo(f"The service reads it with REVDEPS_FORGES_FILE={wanted.directory / FORGES_FILE}.")


def _api_of(web_url: str) -> str:
    return "https://api.github.com" if web_url == "https://github.com" else f"{web_url.rstrip('/')}/api/v3"
