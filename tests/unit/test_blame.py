"""Which of several changes a regression comes from: what is asked, what is built, and what follows from it."""

from dataclasses import replace

import pytest

from bot.domain.actions import Action, MakePlan, PrepareWorkspace, PublishGeneration, QueueBuilds
from bot.domain.alone import with_alone
from bot.domain.blame import find_out, with_blame
from bot.domain.build import Build, BuildState, Cancelled, FailureReason, Outcome, Purpose, Succeeded
from bot.domain.config import PackageConfig
from bot.domain.evidence import Judged, TargetView, judge_all
from bot.domain.ids import WorkspaceRef
from bot.domain.plan import AloneImpact, Effect, PlanEntry
from bot.domain.run import Alone, ChangeRef, Part, RepoRef, RunTarget
from bot.domain.verdict import Blame, Judgement, Needs
from tests.fakes.domain import (
    INFRASTRUCTURE,
    NOW,
    REF,
    TARGET,
    base,
    built,
    entry,
    failed,
    part,
    published,
    run,
    target,
)
from tests.fakes.resolver import affected, uninstallable, unresolvable

OTHER = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="other"), number=1)
COMPANION = Part(
    change=OTHER,
    head_sha="f" * 40,
    base_sha="e" * 40,
    base_branch="main",
    checkout="/checkout/with-1",
    packages=(PackageConfig(spec="libbar.spec", name="libbar"),),
)
JOINT = run(companions=(COMPANION,))
OK = Succeeded()
BAR = entry("bar")
REFUSED = replace(INFRASTRUCTURE, refused=True)
NAMES = ("libfoo", "libbar")
NO_ROOT = failed("nothing provides it", FailureReason.UNRESOLVABLE)
SLOW = failed("timed out", FailureReason.TIMEOUT)


def with_rebuild(of: PlanEntry, *places: int) -> PlanEntry:
    """Return an entry of which is known that either change alone alters its buildroot."""
    asked = (AloneImpact(part=place, effect=Effect.REBUILD, buildroot=f"alone {place}") for place in places)
    return replace(of, alone=tuple(asked))


def both_alone(**changes: object) -> RunTarget:
    """Return the target with a workspace for each change by itself, in which it is published."""
    found = target()
    for place, name in enumerate(NAMES):
        alone = Alone(workspace=space(place), published=(published(name),), repository=f"file:///alone-{place}")
        found = with_alone(found, place, replace(alone, **{"generation": 0, **changes}))  # type: ignore[arg-type]
    return found


def space(place: int) -> WorkspaceRef:
    return WorkspaceRef(f"workspace/alone-{place}")


def aside(
    package: str, place: int, outcome: Outcome | None, purpose: Purpose = Purpose.BLAME, attempt: int = 1
) -> Build:
    """Return a build of a package with one change alone."""
    plain = built(package, outcome, attempt, purpose=purpose)
    return replace(
        plain, key=f"{plain.key}/{purpose.value}-{place}", request=replace(plain.request, workspace=space(place))
    )


def regressed(of: PlanEntry, cause: str = "error: no", reason: FailureReason = FailureReason.COMPILE) -> list[Build]:
    """Return the builds by which a package regressed with all the changes together."""
    twice = [built(of.package, failed(cause, reason), attempt) for attempt in (1, 2)]
    return [*twice, base(of, OK)]


def seen(*entries: PlanEntry, builds: list[Build], at: RunTarget | None = None) -> tuple[TargetView, dict[str, Judged]]:
    view = part(*entries, builds=tuple(builds), target=at or both_alone())
    return view, dict(judge_all(view))


def due(*entries: PlanEntry, builds: list[Build], at: RunTarget | None = None) -> tuple[Action, ...] | None:
    view, judged = seen(*entries, builds=builds, at=at)
    return find_out(JOINT, view, judged, NOW)


def blame(of: PlanEntry, *builds: Build, at: RunTarget | None = None) -> Blame | None:
    view, judged = seen(of, builds=list(builds), at=at)
    result = with_blame(JOINT, view, judged)[of.package]
    assert isinstance(result, Judgement)
    return result.blame


def test_nobody_is_to_blame_where_nothing_regresses_or_there_is_one_change():
    view, judged = seen(BAR, builds=[built("bar", OK)])
    assert find_out(JOINT, view, judged, NOW) == ()
    assert with_blame(JOINT, view, judged) == judged
    view, judged = seen(BAR, builds=regressed(BAR))
    assert with_blame(run(), view, judged) is judged


def test_what_is_not_known_yet_is_left_as_it_is():
    view, judged = seen(BAR, builds=[built("bar")])
    assert with_blame(JOINT, view, judged)["bar"] is Needs.RESULT


def test_each_change_gets_a_workspace_of_its_own_one_after_the_other():
    first = due(BAR, builds=regressed(BAR), at=target())
    assert first == (PrepareWorkspace(run=JOINT.id, target=TARGET.name, alone=0),)
    at = with_alone(target(), 1, Alone(workspace=space(1)))
    assert due(BAR, builds=regressed(BAR), at=at)[:1] == first  # type: ignore[index]


def test_each_change_is_built_by_itself_from_its_own_checkout():
    (action,) = due(BAR, builds=regressed(BAR), at=both_alone(generation=-1)) or ()
    assert isinstance(action, QueueBuilds)
    assert [(build.package, build.purpose, build.request.workspace) for build in action.builds] == [
        ("libfoo", Purpose.ALONE, space(0)),
        ("libbar", Purpose.ALONE, space(1)),
    ]
    assert [build.request.source.directory for build in action.builds] == ["/checkout", "/checkout/with-1"]  # type: ignore[union-attr]
    assert len({build.key for build in action.builds}) == 2
    assert action.reusable == ()


def test_a_change_that_is_built_by_itself_is_published_in_its_own_workspace():
    alone = [aside(name, place, OK, Purpose.ALONE) for place, name in enumerate(NAMES)]
    assert due(BAR, builds=[*regressed(BAR), *alone], at=both_alone(generation=-1)) == (
        PublishGeneration(run=JOINT.id, target=TARGET.name, generation=0, builds=(alone[0].key,), alone=0),
    )


def test_while_a_change_is_being_built_by_itself_there_is_nothing_to_do():
    alone = [aside(name, place, None, Purpose.ALONE) for place, name in enumerate(NAMES)]
    assert due(BAR, builds=[*regressed(BAR), *alone], at=both_alone(generation=-1)) is None


def test_a_change_by_itself_that_the_infrastructure_lost_is_built_again():
    lost = aside("libfoo", 0, INFRASTRUCTURE, Purpose.ALONE)
    at = both_alone(generation=-1)
    (action,) = due(BAR, builds=[*regressed(BAR), lost], at=at) or ()
    assert isinstance(action, QueueBuilds)
    assert [(build.package, build.attempt) for build in action.builds] == [("libfoo", 2), ("libbar", 1)]
    assert action.builds[0].not_before is not None


def test_the_resolver_is_asked_about_all_that_regressed_at_once():
    baz = entry("baz")
    asked = due(BAR, with_rebuild(baz, 0), entry("fine"), builds=[*regressed(BAR), *regressed(baz), built("fine", OK)])
    assert asked is not None
    assert asked[0] == MakePlan(run=JOINT.id, target=TARGET.name, alone=0, packages=("bar",))
    rest = due(with_rebuild(BAR, 0), with_rebuild(baz, 0), builds=[*regressed(BAR), *regressed(baz)])
    assert rest is not None
    assert rest[0] == MakePlan(run=JOINT.id, target=TARGET.name, alone=1, packages=("bar", "baz"))


def test_a_package_is_built_with_each_change_that_alters_its_buildroot():
    known = with_rebuild(BAR, 0, 1)
    (action,) = due(known, builds=regressed(BAR)) or ()
    assert isinstance(action, QueueBuilds)
    assert [(build.purpose, build.request.workspace, build.buildroot) for build in action.builds] == [
        (Purpose.BLAME, space(0), "alone 0"),
        (Purpose.BLAME, space(1), "alone 1"),
    ]
    assert action.reusable == tuple(build.key for build in action.builds)
    assert not any(build.request.publishable for build in action.builds)
    running = [replace(build, state=BuildState.RUNNING) for build in action.builds]
    assert due(known, builds=[*regressed(BAR), *running]) is None


def test_builds_with_one_change_say_nothing_of_the_verdict():
    known = with_rebuild(BAR, 0, 1)
    passing = [aside("bar", place, OK) for place in (0, 1)]
    view, judged = seen(known, builds=[*regressed(BAR), *passing])
    assert judged == seen(known, builds=regressed(BAR))[1]
    assert len(view.candidates("bar")) == 2


@pytest.mark.parametrize(
    ("with_own", "with_other", "expected"),
    [
        (OK, failed("x"), Blame(culprits=(OTHER,))),
        (failed("x"), OK, Blame(culprits=(REF,))),
        (failed("x"), failed("x"), Blame(culprits=(REF, OTHER))),
        (OK, OK, Blame()),
        (Cancelled(), failed("x"), Blame(culprits=(OTHER,), unknown=(REF,))),
        (SLOW, OK, Blame(unknown=(REF,))),
        (REFUSED, OK, Blame(unknown=(REF,))),
        (INFRASTRUCTURE, OK, None),
        (None, OK, None),
    ],
)
def test_who_breaks_it_alone_is_to_blame(with_own, with_other, expected):
    known = with_rebuild(BAR, 0, 1)
    assert blame(known, *regressed(BAR), aside("bar", 0, with_own), aside("bar", 1, with_other)) == expected


def test_a_limit_that_is_run_into_alone_tells_where_it_was_together_too():
    known = with_rebuild(BAR, 0, 1)
    quick = base(BAR, OK, started_at=NOW, ended_at=NOW)
    together = [*(built("bar", SLOW, attempt) for attempt in (1, 2)), quick]
    assert blame(known, *together, aside("bar", 0, SLOW), aside("bar", 1, OK)) == Blame(culprits=(REF,))


def test_what_fails_at_times_without_any_change_is_nobodys_fault():
    known = with_rebuild(BAR, 0, 1)
    together = [*regressed(BAR), base(BAR, failed("at times"), 2)]
    tried = (aside("bar", 0, failed("at times")), aside("bar", 1, failed("error: no")))
    assert blame(known, *together, *tried) == Blame(culprits=(OTHER,), unknown=(REF,))


def test_what_the_infrastructure_lost_is_tried_again_and_then_given_up():
    known = with_rebuild(BAR, 0, 1)
    lost = [aside("bar", 0, INFRASTRUCTURE, attempt=attempt) for attempt in (1, 2, 3)]
    (action,) = due(known, builds=[*regressed(BAR), *lost[:2], aside("bar", 1, OK)]) or ()
    assert isinstance(action, QueueBuilds)
    assert [build.attempt for build in action.builds] == [3]
    assert blame(known, *regressed(BAR), *lost, aside("bar", 1, OK)) == Blame(unknown=(REF,))


@pytest.mark.parametrize(
    ("impact", "expected"),
    [
        (AloneImpact(part=0, effect=Effect.UNAFFECTED), Blame()),
        (AloneImpact(part=0, effect=Effect.REBUILD, buildroot="bar-after"), Blame(culprits=(REF,))),
        (AloneImpact(part=0, effect=Effect.UNRESOLVABLE), Blame(unknown=(REF,))),
    ],
)
def test_where_the_resolver_knows_nothing_is_built(impact, expected):
    known = replace(BAR, alone=(impact, AloneImpact(part=1, effect=Effect.UNAFFECTED)))
    assert blame(known, *regressed(BAR)) == expected
    assert due(known, builds=regressed(BAR)) == ()


@pytest.mark.parametrize(
    ("with_other", "culprits"),
    [
        (AloneImpact(part=1, effect=Effect.UNRESOLVABLE), (OTHER,)),
        (AloneImpact(part=1, effect=Effect.REBUILD, buildroot="x"), ()),
    ],
)
def test_an_unresolvable_buildroot_is_blamed_on_whom_the_solver_names(with_other, culprits):
    known = entry(unresolvable("bar", "nothing provides it"), ready=False)
    known = replace(known, alone=(AloneImpact(part=0, effect=Effect.UNAFFECTED), with_other))
    assert blame(known) == Blame(culprits=culprits)


def test_what_cannot_be_installed_is_blamed_on_whom_the_solver_names_even_where_it_failed_before():
    known = entry(affected("bar"), uninstallable=(uninstallable("bar", "nothing provides it"),), repaired=False)
    asked = (
        AloneImpact(part=0, effect=Effect.REBUILD, buildroot="x"),
        AloneImpact(part=1, effect=Effect.REBUILD, buildroot="y", uninstallable=True),
    )
    known = replace(known, alone=asked)
    same = failed("error: as ever")
    assert blame(known, built("bar", same), built("bar", same, 2), base(known, same)) == Blame(culprits=(OTHER,))


@pytest.mark.parametrize("outcomes", [(failed("no"), failed("no")), (NO_ROOT,), (Cancelled(),), (REFUSED,)])
def test_a_change_that_does_not_build_by_itself_is_not_tried(outcomes):
    at = with_alone(both_alone(), 1, Alone(workspace=space(1)))
    known = with_rebuild(BAR, 0)
    lost = [aside("libbar", 1, outcome, Purpose.ALONE, attempt) for attempt, outcome in enumerate(outcomes, 1)]
    builds = [*regressed(BAR), aside("bar", 0, OK), *lost]
    assert due(known, builds=builds, at=at) == ()
    assert blame(known, *builds, at=at) == Blame(unknown=(OTHER,))


def test_a_change_for_which_there_is_no_workspace_is_not_tried():
    at = with_alone(both_alone(), 1, Alone(refusal="no more of them"))
    known = with_rebuild(BAR, 0)
    assert blame(known, *regressed(BAR), aside("bar", 0, OK), at=at) == Blame(unknown=(OTHER,))
    (action,) = due(BAR, builds=regressed(BAR), at=at) or ()
    assert action == MakePlan(run=JOINT.id, target=TARGET.name, alone=0, packages=("bar",))


def test_who_fails_because_of_another_package_is_blamed_on_whoever_is_to_blame_for_that():
    bar, app = with_rebuild(BAR, 0, 1), entry(affected("app", distance=2, contains=("bar",)))
    builds = [*regressed(BAR), *regressed(app), aside("bar", 0, OK), aside("bar", 1, failed("x"))]
    view, judged = seen(bar, app, builds=builds)
    found = with_blame(JOINT, view, judged)["app"]
    assert isinstance(found, Judgement)
    assert found.root == "bar"
    assert found.blame == Blame(culprits=(OTHER,))
    assert find_out(JOINT, view, judged, NOW) == ()


def test_what_was_broken_by_a_rebuild_is_not_known_of_one_change_alone():
    view = part(entry(unresolvable("bar", "no"), ready=False, broken_by=("libbaz",)), target=both_alone())
    judged = with_blame(JOINT, view, judge_all(view))["bar"]
    assert isinstance(judged, Judgement)
    assert judged.blame == Blame(unknown=(REF, OTHER))
