"""Assembles reports from what is stored."""

from bot.domain.decide import ChangeView, RunView
from bot.domain.report.assemble import Context, Stored, assemble, wanted_tails
from bot.domain.report.values import Links, Report
from bot.domain.run import RunState
from bot.domain.waivers import lapsed_notes
from bot.engine.outlook import foretell
from bot.engine.world import World

_TAIL = 4096


def links_of(world: World) -> Links:
    """Return where the pages are."""
    return Links(pages=world.settings.public_url)


async def report_of(world: World, view: ChangeView, run_view: RunView) -> Report:
    """Return the report about one run of a change, with the ends of the logs that it quotes."""
    stored = stored_of(run_view)
    tails = {}
    for key in wanted_tails(stored):
        tail = await world.logs.tail(key, _TAIL)
        if tail:
            tails[key] = tail.decode(errors="replace")
    run = run_view.run
    context = Context(
        state=view.change.state,
        log_tails=tails,
        notes=_lapsed(world, view) if run.id == view.runs[0].run.id else (),
        previous=_previous(view, run_view),
        review=run.changed_files if run.state is RunState.WAITING else (),
        forecast=await foretell(world, stored),
        parlance=view.parlance,
    )
    return assemble(stored, context)


def _lapsed(world: World, view: ChangeView) -> tuple[str, ...]:
    return lapsed_notes(view.waivers, view.runs[0].findings, view.change.state, world.clock.now())


def _previous(view: ChangeView, run_view: RunView) -> Report | None:
    """Return the last report that came to an end for an earlier commit, while this run has nothing to tell yet."""
    if run_view.findings or run_view.run.state is RunState.FINISHED:
        return None
    for other in view.runs:
        ended = other.run.state is RunState.FINISHED and other.run.stop is None and other.findings
        if ended and other.run.head_sha != run_view.run.head_sha:
            return assemble(stored_of(other), Context(state=view.change.state, parlance=view.parlance))
    return None


def stored_of(run_view: RunView) -> Stored:
    """Return what a report of a run is made of."""
    return Stored(
        run=run_view.run,
        targets=run_view.targets,
        entries=run_view.entries,
        findings=run_view.findings,
        builds=run_view.builds,
        differences=run_view.differences,
    )
