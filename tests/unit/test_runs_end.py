"""Whatever builds end like, every run comes to its end."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actions import (
    Action,
    CompareRoots,
    FinishRun,
    MakePlan,
    PrepareWorkspace,
    PublishGeneration,
    QueueBuilds,
    RecordFindings,
)
from bot.domain.build import BuildState, Cancelled, Failed, FailureReason, Outcome, Succeeded
from bot.domain.config import Mode
from bot.domain.decide import RunView, decide
from bot.domain.difference import Basis, RootDifference
from bot.domain.ids import WorkspaceRef
from bot.domain.plan import PlanEntry
from bot.domain.run import Conclusion, RunState
from bot.domain.verdict import Verdict
from tests.fakes.domain import (
    CONFIG,
    INFRASTRUCTURE,
    NOW,
    RUN,
    entry,
    failed,
    published,
    run,
    run_view,
    target,
    view,
)
from tests.fakes.resolver import affected, uninstallable, unresolvable
from tests.unit.test_decide import STORED_WITH_THE_TARGET

TIMEOUT = failed("did not end", FailureReason.TIMEOUT)
OUTCOMES: list[Outcome] = [Succeeded(), Succeeded(), failed("one"), failed("two"), TIMEOUT, INFRASTRUCTURE, Cancelled()]
PROBLEM = "nothing provides libfoo.so.1"
PLAN = (
    entry("libbar", uninstallable=(uninstallable("libbar", PROBLEM),)),
    entry("tool", uninstallable=(uninstallable("tool", PROBLEM),)),
    entry(unresolvable("app", PROBLEM, distance=2), ready=False, needs=("libbar", "tool")),
    entry(unresolvable("top", PROBLEM, distance=3), ready=False, needs=("app", "libbar")),
    entry(affected("plain", distance=2, contains=("libbar", "tool"))),
)


def _planned(entries: tuple[PlanEntry, ...], rebuilt: set[str], draw: st.DataObject) -> tuple[PlanEntry, ...]:
    """What a resolver may find out about a new generation."""
    updated = []
    for item in entries:
        new = item
        if item.uninstallable and item.package in rebuilt and item.repaired is None:
            new = replace(new, repaired=draw.draw(st.booleans()))
        if not item.ready and rebuilt & set(item.needs) and draw.draw(st.booleans()):
            new = replace(new, ready=True)
        updated.append(new)
    return tuple(updated)


def _perform(seen: RunView, action: Action, draw: st.DataObject) -> RunView:
    """An engine in a few lines, whose builds end at once."""
    (where,) = seen.targets
    match action:
        case QueueBuilds(builds=builds):
            assert not {build.key for build in builds} & {build.key for build in seen.builds}
            ended = [
                replace(build, state=BuildState.DONE, outcome=draw.draw(st.sampled_from(OUTCOMES))) for build in builds
            ]
            return replace(seen, builds=(*seen.builds, *ended))
        case PublishGeneration(generation=generation, builds=keys):
            names = tuple(published(build.package) for build in seen.builds if build.key in keys)
            after = replace(where, generation=generation, published=(*where.published, *names), planned=False)
            return replace(seen, targets=(after,))
        case PrepareWorkspace(baseline=True):
            return replace(seen, targets=(replace(where, baseline_workspace=WorkspaceRef("baseline")),))
        case MakePlan():
            rebuilt = {package.source.removesuffix("-1-1.src") for package in where.published}
            entries = _planned(seen.entries, rebuilt, draw)
            return replace(seen, entries=entries, targets=(replace(where, planned=True),))
        case RecordFindings(findings=findings):
            known = {finding.package: finding for finding in (*seen.findings, *findings)}
            return replace(seen, findings=tuple(known.values()))
        case CompareRoots(builds=keys):
            fresh = [
                RootDifference(run=RUN, target="rawhide", package=build.package, build=build.key, basis=Basis.NOTHING)
                for build in seen.builds
                if build.key in keys
            ]
            kept = {known.package: known for known in (*seen.differences, *fresh)}
            return replace(seen, differences=tuple(kept.values()))
        case FinishRun(conclusion=conclusion):
            return replace(seen, run=replace(seen.run, state=RunState.FINISHED, conclusion=conclusion, finished_at=NOW))
        case _:
            raise AssertionError(action)


@given(st.data(), st.sampled_from(Mode), st.sets(st.sampled_from(["libbar", "app", "plain"])))
def test_every_run_comes_to_its_end_and_rests_there(draw, mode, cancelled):
    chained = tuple(replace(item, ready=not item.needs) for item in PLAN)
    config = replace(CONFIG, mode=mode)
    nowhere = target(baseline_workspace=None)
    seen = run_view(*chained, run=run(config=config, cancelled_packages=tuple(cancelled)), targets=(nowhere,))
    for _ in range(100):
        actions = decide(view(seen), NOW)
        assert actions == decide(view(seen), NOW)
        assert sum(isinstance(action, STORED_WITH_THE_TARGET) for action in actions) <= 1
        if not actions:
            break
        seen = _perform(seen, actions[0], draw)
    assert seen.run.state is RunState.FINISHED
    assert {finding.package for finding in seen.findings} == {item.package for item in PLAN}
    regressed = any(finding.judgement.verdict is Verdict.REGRESSED for finding in seen.findings)
    assert regressed == (seen.run.conclusion is Conclusion.FAILURE)


@given(st.data(), st.lists(st.sampled_from([INFRASTRUCTURE, Cancelled()]), min_size=1, max_size=9))
def test_a_farm_on_fire_regresses_nothing_and_is_never_green(draw, outcomes: list[Failed | Cancelled]):
    seen = run_view(entry("bar"), entry("baz"))
    for _ in range(20):
        actions = decide(view(seen), NOW)
        if not actions:
            break
        seen = _perform(seen, actions[0], draw)
        burnt = tuple(
            replace(build, outcome=outcomes[number % len(outcomes)]) if build.package != "libfoo" else build
            for number, build in enumerate(seen.builds)
        )
        seen = replace(seen, builds=burnt)
    assert seen.run.conclusion is Conclusion.ACTION_REQUIRED
