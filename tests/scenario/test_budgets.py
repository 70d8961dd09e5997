"""A run that may not build everything: what is chosen, what is left out and why; and what is foretold."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.build import Build, BuildKey, BuildState, Outcome, Purpose, Succeeded
from bot.domain.plan import Selection
from bot.domain.publication import CheckStatus
from bot.domain.report.outlook import RULE
from bot.ports.errors import Transient
from tests.fakes.builder import failed
from tests.fakes.resolver import affected, uninstallable
from tests.fakes.stored import build
from tests.scenario.harness import CONFIG, Stage

LIMITED = f"{CONFIG}reverse-dependencies: {{limit: 4, include: [asked], boost: {{python-*: 60}}}}\n"
DAY = timedelta(days=1)


async def built_before(
    revdeps: Stage, package: str, ago: timedelta, outcome: Outcome, *, minutes: int = 10, cpu: float = 1800
) -> None:
    """Let the target have a baseline of a package that ended a while ago."""
    ended = revdeps.clock.now() - ago
    past: Build = replace(
        build(package, backend="fake"),
        key=BuildKey(f"b/{package}/1"),
        run=None,
        target="rawhide",
        purpose=Purpose.BASELINE,
        state=BuildState.DONE,
        started_at=ended - timedelta(minutes=minutes),
        ended_at=ended,
        outcome=outcome,
        cpu_seconds=cpu,
    )
    async with revdeps.world.store.transaction() as tx:
        await tx.builds.add([past])


async def test_within_a_limit_the_heaviest_are_built_and_the_others_are_told_with_their_figures(revdeps: Stage) -> None:
    await built_before(revdeps, "recent", timedelta(hours=6), Succeeded())
    await built_before(revdeps, "stale", 2 * DAY, failed("old"))
    revdeps.resolver.script_impact(
        ["libfoo"],
        affected("asked", distance=9),
        affected("broken", distance=9),
        affected("wide", distance=2, dependents=255),
        affected("python-x", distance=2),
        affected("stale", distance=1),
        affected("recent", distance=1),
        affected("far", distance=4),
        broken=[uninstallable("broken", "nothing provides libfoo.so.1")],
    )
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open(config=LIMITED)
    await revdeps.settle()
    entries = {entry.package: entry for entry in (await revdeps.view(ref)).runs[0].entries}
    assert {name for name, entry in entries.items() if entry.selection is Selection.OVER_LIMIT} == {
        "far",
        "recent",
        "stale",
    }
    listed = [line for line in revdeps.check(ref).text.splitlines() if "over the limit" in line or "weight " in line]
    told, *figures = listed
    assert told.startswith(f"- over the limit of packages: 3 packages. {RULE} `/revdeps include PKG`")
    assert figures == [
        "  - `stale`: distance 1, 0 dependents, failed 2 days ago: weight 416; the last one chosen has 444",
        "  - `far`: distance 4, 0 dependents, never built here: weight 320; the last one chosen has 444",
        "  - `recent`: distance 1, 0 dependents, passed 6 hours ago: weight 256; the last one chosen has 444",
    ]
    built = {revdeps.builder.request(key).package for key in revdeps.builder.started}
    assert built == {"libfoo", "asked", "broken", "wide", "python-x"}
    assert "4 of 7 planned" in revdeps.check(ref).title


async def test_the_forecast_stands_in_the_check_before_the_first_dependent_is_built(revdeps: Stage) -> None:
    await built_before(revdeps, "bar", DAY, Succeeded(), minutes=30, cpu=3 * 3600)
    await built_before(revdeps, "unrelated", DAY, Succeeded(), minutes=10, cpu=3600)
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("new"), affected("newer"))
    revdeps.builder.slots = 1
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    ref = await revdeps.open()
    told: list[list[str]] = []

    def look(point: str) -> None:
        if point == "Submit:before":
            told.append([line for line in revdeps.check(ref).summary.splitlines() if "to go," in line])

    revdeps.checkpoint = look
    await revdeps.settle()
    # The change itself took no time, and counts among the three builds that were made here; its processors do not.
    assert told == [[], ["3 builds to go, about 7.0 CPU hours, expected to end at 12:50 UTC."]]
    assert revdeps.check(ref).status is CheckStatus.IN_PROGRESS


async def test_a_backend_that_gives_no_answer_keeps_no_report_from_being_made(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    revdeps.builder.fail_next("capacity", Transient("no answer"))
    await revdeps.say(ref, "/revdeps status")
    assert "1 build to go" in revdeps.check(ref).summary
