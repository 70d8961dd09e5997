"""Whatever no webhook told is found out all the same, and what nobody needs any more is given back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.ids import RunId, WorkspaceRef
from bot.domain.intents import RepositoryTouched, RerunRequested
from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.engine.poller import Poller
from bot.engine.reconciler import Reconciler
from bot.engine.resync import Resync
from bot.ports.errors import Gone, Misconfigured, Postponed, Transient
from bot.ports.forge import Delivery
from tests.fakes.forge import REPO
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks

OTHER = RepoRef(forge="github", owner="octocat", name="another")


def resync(revdeps: Stage) -> Resync:
    return Resync(world=revdeps.world, owner="resync", woke=lambda: None)


async def sweep(revdeps: Stage, sweeper: Resync | None = None) -> None:
    """Sweep, and let the engine act on what was found."""
    await (sweeper or resync(revdeps)).once()
    await revdeps.settle()


def unheard(revdeps: Stage, repo: RepoRef = REPO) -> ChangeRef:
    """Open a pull request of which no webhook tells."""
    change = revdeps.forge.open_change(repo)
    revdeps.forge.put_files("main", {".revdeps.yaml": CONFIG}, repo)
    revdeps.forge.put_files(change.head_sha, {"libfoo.spec": "Name: libfoo\n"}, repo)
    revdeps.forge.touch(change.ref, ["libfoo.spec"])
    revdeps.forge.permissions[repo, "octocat"] = revdeps.forge.permissions[REPO, "octocat"]
    return change.ref


def missed(revdeps: Stage, guid: str) -> Delivery:
    delivery = Delivery(guid=guid, delivered_at=revdeps.clock.now(), succeeded=False, ref="1")
    revdeps.forge.deliveries.append(delivery)
    return delivery


async def test_deliveries_that_did_not_arrive_are_asked_for_again(revdeps: Stage) -> None:
    missed(revdeps, "lost")
    await sweep(revdeps)
    assert revdeps.forge.redelivered == ["lost"]


async def test_deliveries_are_asked_for_again_although_the_first_try_failed(revdeps: Stage) -> None:
    missed(revdeps, "lost")
    sweeper = resync(revdeps)
    revdeps.forge.fail_next("missed_deliveries", Transient("GitHub answered 500"))
    await sweep(revdeps, sweeper)
    revdeps.clock.pass_time(days=1)
    await sweep(revdeps, sweeper)
    assert revdeps.forge.redelivered == ["lost"]


async def test_a_delivery_that_cannot_be_had_again_keeps_no_other_from_it(revdeps: Stage) -> None:
    missed(revdeps, "expired")
    missed(revdeps, "lost")
    revdeps.forge.fail_next("redeliver", Gone("that delivery is too old"))
    await sweep(revdeps)
    assert revdeps.forge.redelivered == ["lost"]


async def test_a_forge_that_gives_few_deliveries_again_is_asked_for_the_rest_soon(revdeps: Stage) -> None:
    missed(revdeps, "lost")
    ref = unheard(revdeps)
    sweeper = resync(revdeps)
    revdeps.forge.fail_next("redeliver", Transient("five a minute", timedelta(minutes=1)))
    await sweep(revdeps, sweeper)
    assert revdeps.forge.redelivered == []
    assert (await revdeps.view(ref)).runs
    revdeps.clock.pass_time(seconds=61)
    await sweep(revdeps, sweeper)
    assert revdeps.forge.redelivered == ["lost"]


async def test_an_open_pull_request_that_nobody_told_of_is_tested(revdeps: Stage) -> None:
    ref = unheard(revdeps)
    await sweep(revdeps)
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED


async def test_a_push_that_nobody_told_of_is_tested(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    pushed = revdeps.forge.push(ref)
    revdeps.forge.put_files(pushed.head_sha, {"libfoo.spec": "Name: libfoo\n"})
    await sweep(revdeps)
    assert (await revdeps.view(ref)).runs[0].run.head_sha == pushed.head_sha


async def test_a_pull_request_that_was_closed_while_we_were_down_is_stopped(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.close(ref)
    await sweep(revdeps)
    assert revdeps.builder.running == ()
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED


async def test_where_nothing_has_moved_nothing_is_done(revdeps: Stage) -> None:
    await revdeps.open()
    await revdeps.settle()
    before = revdeps.forge.calls["change"]
    await sweep(revdeps)
    assert revdeps.forge.calls["change"] == before


async def test_an_uninstalled_repository_is_forgotten_and_its_builds_are_stopped(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.installed.clear()
    await revdeps.deliver(RepositoryTouched(repo=REPO, removed=True))
    await sweep(revdeps)
    assert revdeps.builder.running == ()
    assert not (await revdeps.view(ref)).change.state.open  # type: ignore[union-attr]


async def test_a_repository_from_which_we_were_removed_while_we_were_down_is_forgotten(revdeps: Stage) -> None:
    await revdeps.open()
    await revdeps.settle()
    revdeps.forge.installed.clear()
    await sweep(revdeps)
    assert revdeps.builder.running == ()


async def test_one_repository_that_is_in_trouble_does_not_hide_the_others(revdeps: Stage) -> None:
    revdeps.forge.install(OTHER)
    ref = unheard(revdeps)
    revdeps.forge.fail_next("open_changes", Misconfigured("permissions", "pull requests cannot be read", "Grant it."))
    revdeps.forge.installed = [OTHER, REPO]
    await sweep(revdeps)
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED


async def test_a_forge_that_wants_to_be_left_alone_is_left_alone(revdeps: Stage) -> None:
    unheard(revdeps)
    sweeper = resync(revdeps)
    revdeps.forge.fail_next("open_changes", Transient("rate limit", timedelta(minutes=20)))
    await sweeper.once()
    calls = revdeps.forge.calls.total()
    revdeps.clock.pass_time(minutes=10)
    await revdeps.deliver(RepositoryTouched(repo=REPO))
    await sweeper.once()
    assert revdeps.forge.calls.total() == calls
    revdeps.clock.pass_time(minutes=11)
    await sweep(revdeps, sweeper)
    assert revdeps.builder.started


async def test_a_repository_whose_turn_is_put_off_keeps_no_other_waiting(revdeps: Stage) -> None:
    revdeps.forge.install(OTHER)
    ref = unheard(revdeps)
    revdeps.forge.installed = [OTHER, REPO]
    sweeper = resync(revdeps)
    revdeps.forge.fail_next("open_changes", Postponed("kept for others", timedelta(minutes=50)))
    await sweep(revdeps, sweeper)
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED
    await revdeps.deliver(RepositoryTouched(repo=OTHER))
    revdeps.forge.fail_next("open_changes", Postponed("kept for others", timedelta(minutes=50)))
    await sweeper.once()
    calls = revdeps.forge.calls["open_changes"]
    await sweeper.once()
    assert revdeps.forge.calls["open_changes"] == calls + 1


async def test_a_hint_that_cannot_be_followed_yet_keeps_no_other_waiting(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.deliver(RepositoryTouched(repo=OTHER))
    head, run = revdeps.forge.changes[ref].head_sha, (await revdeps.view(ref)).runs[0].run.id
    await revdeps.deliver(RerunRequested(repo=REPO, head_sha=head, user="octocat", run=run))
    revdeps.forge.fail_next("open_changes", Transient("GitHub answered 500"))
    await sweep(revdeps)
    assert len((await revdeps.view(ref)).runs) == 2


async def test_a_workspace_of_no_run_is_discarded_once_it_was_seen_twice(revdeps: Stage) -> None:
    await revdeps.open()
    await revdeps.settle()
    target = next(iter(revdeps.builder.workspaces.values()))
    stray = await revdeps.builder.prepare(replace(target, run=RunId("forgotten")))
    sweeper = resync(revdeps)
    await sweeper.once()
    assert stray in revdeps.builder.workspaces
    revdeps.clock.pass_time(minutes=6)
    await sweeper.once()
    assert revdeps.builder.discarded == [stray]
    assert len(revdeps.builder.workspaces) == 1


async def test_a_workspace_that_is_just_being_made_is_not_taken_away(revdeps: Stage) -> None:
    sweeper = resync(revdeps)
    made: list[WorkspaceRef] = []

    class Between(Exception):
        """The row is not written yet."""

    def stop(name: str) -> None:
        if name == "PrepareWorkspace:performed":
            made.extend(revdeps.builder.workspaces)
            raise Between

    revdeps.checkpoint = stop
    await revdeps.open()
    try:
        await revdeps.settle()
    except Between:
        await sweeper.once()
    assert made
    assert list(revdeps.builder.workspaces) == made


async def test_a_delivery_is_forgotten_once_nobody_makes_it_again(revdeps: Stage) -> None:
    await revdeps.deliver()
    await sweep(revdeps)
    async with revdeps.world.store.transaction() as tx:
        assert await tx.deliveries.prune(revdeps.clock.now() + timedelta(seconds=1)) == 1
    await revdeps.deliver()
    revdeps.clock.pass_time(days=31)
    await sweep(revdeps)
    async with revdeps.world.store.transaction() as tx:
        assert await tx.deliveries.prune(revdeps.clock.now()) == 0


async def test_a_backend_that_is_down_does_not_stop_the_sweep(revdeps: Stage) -> None:
    ref = unheard(revdeps)
    revdeps.builder.fail_next("leftovers", Transient("the backend is down"))
    await sweep(revdeps)
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED


async def test_a_base_branch_that_moved_is_read_again(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.alter(ref, base_sha="c" * 40)
    await revdeps.deliver(RepositoryTouched(repo=REPO, branch="main"))
    await sweep(revdeps)
    view = await revdeps.view(ref)
    assert view.change.state is not None
    assert view.change.state.base_sha == "c" * 40
    assert len(view.runs) == 1


async def test_a_check_that_an_older_write_overtook_is_put_right(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    (check,) = revdeps.forge.checks_on(revdeps.forge.changes[ref].head_sha)
    # GitHub took its time with what seemed to have failed.
    check.history.append(check.history[0])
    assert revdeps.check(ref).status is CheckStatus.QUEUED
    revdeps.clock.pass_time(minutes=11)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    writes = revdeps.forge.calls["publish_check"]
    revdeps.clock.pass_time(days=1)
    await revdeps.settle()
    assert revdeps.forge.calls["publish_check"] == writes, "once is enough"


async def test_a_check_that_the_forge_dropped_comes_back(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    revdeps.forge.checks.clear()
    revdeps.clock.pass_time(hours=7)
    await revdeps.settle()
    assert revdeps.check(ref).status is CheckStatus.IN_PROGRESS


async def test_a_check_never_becomes_stale(revdeps: Stage) -> None:
    ref = await revdeps.open(config=CONFIG + "timeout: 720h\nbuild-timeout: 700h\n")
    await revdeps.settle()
    for _ in range(20):
        revdeps.clock.pass_time(days=1)
        await revdeps.settle()
    checks = revdeps.forge.checks_on(revdeps.forge.changes[ref].head_sha)
    assert len(checks) == 2
    assert revdeps.check(ref).status is CheckStatus.IN_PROGRESS


async def test_of_two_processes_one_sweeps(revdeps: Stage) -> None:
    missed(revdeps, "lost")
    await resync(revdeps).once()
    await Resync(world=revdeps.world, owner="another", woke=lambda: None).once()
    assert revdeps.forge.redelivered == ["lost"]


async def test_two_engines_on_one_store_do_nothing_twice(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks("bar")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
    refs = [await revdeps.open() for _ in range(3)]
    for ref in refs:
        await revdeps.ask(ref, "/revdeps status")
    await asyncio.gather(*(work(revdeps, owner) for owner in ("one", "two")))
    for ref in refs:
        assert revdeps.check(ref).conclusion is Conclusion.FAILURE
        assert len(revdeps.forge.checks_on(revdeps.forge.changes[ref].head_sha)) == 1
        assert len(revdeps.forge.comments_on(ref)) == 2, "the report and the answer"
    assert set(revdeps.builder.submits.values()) == {1}


async def work(revdeps: Stage, owner: str, enough: Callable[[int], bool] = lambda idle: idle > 20) -> None:
    """Be one of several processes, until there is nothing to do for a while."""
    reconciler = Reconciler(world=revdeps.world, owner=owner, strict=True)
    poller = Poller(world=revdeps.world, backend="fake", owner=owner, woke=lambda: None, strict=True)
    idle = 0
    while not enough(idle):
        worked = await reconciler.reconcile_one()
        await poller.poll_once()
        idle = 0 if worked else idle + 1
        await asyncio.sleep(0)
