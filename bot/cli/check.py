"""`revdeps check`: the same engine over a working tree, for asking before pushing."""

import asyncio
import fcntl
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from bot.adapters.sandbox.check import check_host
from bot.adapters.worktree import NAME, WorktreeForge, open_worktree
from bot.app.compose import sandbox_settings, world
from bot.app.service import Workers
from bot.app.settings import Settings
from bot.cli.places import usable
from bot.cli.stopping import stopped
from bot.domain.decide import ChangeView
from bot.domain.hosts import ANY_HOST
from bot.domain.report.comment import render_comment
from bot.domain.report.export import to_json
from bot.domain.report.headline import counts, headline
from bot.domain.report.junit import to_junit
from bot.domain.report.outlook import forecast_words
from bot.domain.report.values import Links, Report
from bot.domain.report.words import WORDS
from bot.domain.run import Conclusion, RunState
from bot.engine.reports import report_of
from bot.engine.view import load_change
from bot.engine.world import World

EXIT_CLEAN, EXIT_REGRESSIONS, EXIT_WRONG, EXIT_INCONCLUSIVE = 0, 1, 2, 3

_LOOK = 0.3
"""Seconds between two looks at how far the run has come."""

_RECENT_RUNS = 100
"""How many runs are looked through for those that were stopped in the middle."""


_DIRECTORY = click.Path(path_type=Path, file_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be checked, and where results go."""

    directory: Path
    base: str | None
    config: Path | None
    output: Path
    state: Path


@click.command()
@click.option("--base", metavar="REF", help="What to compare with; the remote's default branch where there is one.")
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Instead of .revdeps.yaml."
)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=".", help="For the reports.")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="Where metadata and baselines are kept."
)
@click.pass_context
def check(context: click.Context, base: str | None, config: Path | None, output: Path, state: Path | None) -> None:
    """Build the package in this git checkout and what depends on it, and tell who breaks.

    Writes report.md, report.json and junit.xml. Exits 0 where nothing regressed, 1 where something did, 2 where the
    configuration or the checkout is wrong, 3 where the result is not conclusive.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "revdeps"
    request = Request(
        directory=Path.cwd(), base=base, config=config, output=usable(output, "--output"), state=state or cache
    )
    # Where the check is stopped, what the solver processes share is cleaned up by Python's own helper, without a word.
    os.environ["PYTHONWARNINGS"] = "ignore::UserWarning:multiprocessing.resource_tracker"
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")
    console = Console()
    with _alone_in(usable(request.state, "--state"), console):
        context.exit(asyncio.run(_check(request, console)))


@contextmanager
def _alone_in(state: Path, console: Console) -> Iterator[None]:
    """Wait until no other check works in the directory: what one finds there unfinished, it takes for left over."""
    with (state / "check.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(Text(f"Waiting for another check, which works in {state} (--state names another place)"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _check(request: Request, console: Console) -> int:
    forge = await open_worktree(request.directory, request.base, number=time.time_ns() // 1_000_000)
    if request.config is not None:
        forge.config = request.config.read_bytes()
    settings = Settings(
        state_dir=request.state,
        allowed_hosts=(*ANY_HOST, "localhost"),
        tick_seconds=1,
        poll_seconds=0.3,
        workers=1,
        systemic_failures=0,
    )
    check_host(sandbox_settings(settings))
    async with world(settings, {NAME: forge}) as everything:
        report = await _run(_telling_of(everything, request.config), forge, console)
    await asyncio.to_thread(_write, report, request.output)
    _show(report, console)
    return _exit_code(report)


def _telling_of(everything: World, config: Path | None) -> World:
    """Return the world in which problems of the configuration are told of the file that was named."""
    if config is None:
        return everything
    load = everything.load_config
    return replace(everything, load_config=lambda text, _path, specs: load(text, str(config), specs))


async def _run(everything: World, forge: WorktreeForge, console: Console) -> Report:
    """Start the run, show how it goes, and return its report; an interruption stops its builds."""
    await _begin(everything, forge)
    async with _working(everything):
        try:
            with _progress(console) as tell:
                while True:
                    view = await _view(everything, forge)
                    if view.runs:
                        report = await report_of(everything, view, view.runs[0])
                        tell.foretell(forecast_words(report))
                        tell(f"{headline(report)}  {counts(report)}".strip())
                        if view.runs[0].run.state is RunState.FINISHED:
                            return report
                    await asyncio.sleep(_LOOK)
        except asyncio.CancelledError:
            console.print(Text("Stopping the builds"))
            await _discard(everything, await _view(everything, forge))
            stopped()  # here, since what the solver processes are asked would be waited for


async def _begin(everything: World, forge: WorktreeForge) -> None:
    """Make the change due, and those of checks that were stopped in the middle, so that nothing more comes of them."""
    now = everything.clock.now()
    async with everything.store.transaction() as tx:
        for run in await tx.runs.recent(_RECENT_RUNS):
            if run.state is not RunState.FINISHED:
                await tx.changes.touch(run.change, now)
        await tx.changes.touch(forge.state.ref, now)


@asynccontextmanager
async def _working(everything: World) -> AsyncIterator[None]:
    stop = asyncio.Event()
    workers = asyncio.create_task(Workers(world=everything).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([workers], timeout=10)


async def _view(everything: World, forge: WorktreeForge) -> ChangeView:
    async with everything.store.transaction() as tx:
        view = await load_change(tx, forge.state.ref.id, timedelta(0))
    assert view is not None  # the change was stored before
    return view


async def _discard(everything: World, view: ChangeView) -> None:
    for run in view.runs:
        for target in run.targets:
            if target.workspace is not None:
                await everything.builder(target.target.backend).discard(target.workspace)


@contextmanager
def _progress(console: Console) -> Iterator["_Tell"]:
    """Show one line that changes; where the output is no terminal, a line for every change."""
    if console.is_terminal:
        with console.status("Starting") as status:
            yield _Tell(console=console, status=status)
    else:
        yield _Tell(console=console)


@dataclass(slots=True)
class _Tell:
    """Shows how far the run has come."""

    console: Console
    status: Status | None = None
    last: str = ""
    foretold: bool = False

    def foretell(self, words: str) -> None:
        """Say once what is to come, as soon as it is known."""
        if words and not self.foretold:
            self.foretold = True
            self.console.print(Text(f"{words}."))

    def __call__(self, line: str) -> None:
        if line == self.last:
            return
        self.last = line
        if self.status is not None:
            self.status.update(Text(line))
        else:
            self.console.print(Text(line))


def _write(report: Report, directory: Path) -> None:
    (directory / "report.md").write_text(render_comment(report, Links()))
    (directory / "junit.xml").write_text(to_junit(report), encoding="utf-8")
    (directory / "report.json").write_text(json.dumps(to_json(report), indent=2, ensure_ascii=False) + "\n")


def _show(report: Report, console: Console) -> None:
    """Print the table and the result."""
    if report.rows:
        table = Table(box=None, pad_edge=False)
        for heading in ("Package", "Verdict", "Cause"):
            table.add_column(heading, overflow="fold")
        for row in sorted(report.rows, key=lambda row: (row.verdict.value if row.verdict else "", row.package)):
            word = WORDS[row.verdict] if row.verdict else None
            cause = f"because of {row.root}: {row.cause}" if row.root else row.cause
            lines = cause.strip().splitlines()
            table.add_row(
                Text(row.package),
                Text(f"{word.sign} {word.label}" if word else "not known"),
                Text(lines[0] if lines else ""),
            )
        console.print(table)
    console.print(Text(f"{headline(report)}  {counts(report)}".strip(), style="bold"))
    if report.problem is not None:
        console.print(Text(f"{report.problem.what} {report.problem.hint}".strip()))
    for problem in report.config_problems:
        console.print(Text(str(problem)))
    console.print(Text("report.md, report.json and junit.xml hold the whole."))


def _exit_code(report: Report) -> int:
    if report.config_problems:
        return EXIT_WRONG
    match report.conclusion:
        case Conclusion.SUCCESS | Conclusion.SKIPPED:
            return EXIT_CLEAN
        case Conclusion.FAILURE:
            return EXIT_REGRESSIONS
        case _:
            return EXIT_INCONCLUSIVE
