"""Loads what `decide` looks at."""

from collections.abc import Callable
from datetime import timedelta

from bot.domain.decide import ChangeView, RunView
from bot.domain.ids import ChangeId
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.run import Run, RunState
from bot.domain.systemic import MOST
from bot.ports.store import Transaction


async def load_change(
    tx: Transaction,
    change: ChangeId,
    retention: timedelta,
    systemic_failures: int = MOST,
    parlance: Callable[[str], Parlance] = lambda _: PULL_REQUESTS,
) -> ChangeView | None:
    """Return a change with its intents and with those of its runs about which something may be due.

    `parlance` tells a forge's words by its name.
    """
    stored = await tx.changes.get(change)
    if stored is None:
        return None
    runs = await tx.runs.of_change(change)
    views = []
    for index, run in enumerate(runs):
        # Older runs that are over and cleaned up are of no interest to a decision, but their number is.
        settled = run.state is RunState.FINISHED and run.cleaned and index > 0
        views.append(RunView(run=run) if settled else await load_run(tx, run))
    companions = [await tx.changes.get(part.change.id) for part in runs[0].companions] if runs else []
    return ChangeView(
        change=stored,
        intents=tuple(await tx.intents.of_change(change)),
        runs=tuple(views),
        waivers=await tx.waivers.of_change(change),
        companions={companion.ref.id: companion for companion in companions if companion is not None},
        retention=retention,
        systemic_failures=systemic_failures,
        parlance=parlance(stored.ref.repo.forge),
    )


async def load_run(tx: Transaction, run: Run) -> RunView:
    """Return a run with everything that belongs to it: nothing yet, where its configuration was not read."""
    if run.config is None:
        return RunView(run=run)
    return RunView(
        run=run,
        targets=tuple(await tx.runs.targets(run.id)),
        entries=tuple(await tx.runs.entries(run.id)),
        builds=tuple(await tx.builds.of_run(run.id)),
        findings=tuple(await tx.runs.findings(run.id)),
        differences=tuple(await tx.runs.differences(run.id)),
    )
