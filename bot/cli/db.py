"""`revdeps db`: prepare a database before the service starts, and ask whether it is fit for use."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import click

from bot.adapters.sql.store import SqlStore
from bot.ports.errors import Misconfigured, RevdepsError, Transient

EXIT_UNAVAILABLE = 1
EXIT_WRONG_INPUT = 2

_address = click.option(
    "--database",
    envvar="REVDEPS_DATABASE_URL",
    required=True,
    metavar="URL",
    help="sqlite:///path/to/file or postgresql://user@host/name.  [env: REVDEPS_DATABASE_URL]",
)


@click.group()
def db() -> None:
    """Work with the database."""


@db.command()
@_address
def upgrade(database: str) -> None:
    """Bring the database to this version's schema; an empty one is set up.

    Exits 0 when it is there, 1 where the database cannot be reached or written, and 2 where the address or the account
    is wrong. Run it before a new version is started; several at once, or again, do no harm.
    """
    _with_store(database, SqlStore.upgrade)
    click.echo("The database is up to date.")


@db.command()
@_address
def check(database: str) -> None:
    """Tell whether the database can be written and has this version's schema.

    Exits 0 where it has, 1 where it cannot be reached or written now, and 2 where it must be upgraded or its address is
    wrong.
    """
    _with_store(database, SqlStore.check)
    click.echo("The database is fit for use.")


def _with_store(url: str, work: Callable[[SqlStore], Awaitable[None]]) -> None:
    """Do one thing with a store, and end the command with a message where that cannot be done."""

    async def run() -> None:
        store = await SqlStore.open(url)
        try:
            await work(store)
        finally:
            await store.close()

    try:
        asyncio.run(run())
    except Transient as error:
        _end(error, EXIT_UNAVAILABLE)
    except Misconfigured as error:
        _end(error, EXIT_WRONG_INPUT)


def _end(error: RevdepsError, code: int) -> NoReturn:
    click.echo(f"Error: {error}", err=True)
    sys.exit(code)
