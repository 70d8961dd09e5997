"""Another process that uses the same database, for tests of leases and crashes.

`python -m tests.fakes.store_process URL COMMAND` says `ready`, waits for a line and then does one thing, a line of
output for each step. After that it waits for ever: the test ends it, by closing its input or by SIGKILL.
"""

import asyncio
import sys
from datetime import timedelta

from bot.adapters.sql.store import SqlStore
from tests.fakes.stored import NOW, delivery

HOUR = timedelta(hours=1)


def say(text: str) -> None:
    """Tell the test, at once."""
    print(text, flush=True)


async def lease_all(store: SqlStore, owner: str) -> None:
    """Lease whatever there is, and keep it."""
    while lease := await store.lease_change(owner, NOW, HOUR):
        say(lease.subject)
    say("no more")


async def lease_duty(store: SqlStore, owner: str) -> None:
    """Lease one duty, if nobody has it."""
    lease = await store.lease_named("poller:sandbox", owner, NOW, HOUR)
    say("leased" if lease else "refused")


async def commit(store: SqlStore, owner: str) -> None:
    """Record deliveries, one transaction after the other, and say so after each commit."""
    for number in range(20):
        async with store.transaction() as tx:
            await tx.deliveries.record([delivery(f"{owner}-{number}")])
        say("committed")


async def hold(store: SqlStore, owner: str) -> None:
    """Record a delivery and never commit."""
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery(owner)])
        say("written")
        await asyncio.to_thread(sys.stdin.read)


COMMANDS = {command.__name__: command for command in (lease_all, lease_duty, commit, hold)}


async def main(url: str, command: str, owner: str) -> None:
    """Open the database, wait for the test's word, do it."""
    store = await SqlStore.open(url)
    await store.next_due()
    say("ready")
    sys.stdin.readline()
    await COMMANDS[command](store, owner)
    sys.stdin.read()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
