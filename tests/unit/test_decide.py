"""What is due for a pull request, from its first hint to the cleaning up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.actions import (
    Action,
    CleanUp,
    CompareRoots,
    FallBack,
    FetchSource,
    FinishRun,
    HandleIntent,
    LoadConfiguration,
    MakePlan,
    PinSnapshot,
    PrepareWorkspace,
    PublishGeneration,
    QueueBuilds,
    RecordFindings,
    RefreshChange,
    StartRun,
    StopRun,
)
from bot.domain.build import BuildState, Cancelled, Failed, Succeeded
from bot.domain.decide import RunView, decide, next_time
from bot.domain.difference import Basis, RootDifference
from bot.domain.ids import RunId
from bot.domain.intents import Commented, Refresh, StoredIntent
from bot.domain.run import Change, Conclusion, RunState, StopReason
from bot.domain.verdict import Finding, Judgement, Verdict
from tests.fakes.domain import (
    CONFIG,
    INFRASTRUCTURE,
    NOW,
    REF,
    RUN,
    base,
    built,
    entry,
    failed,
    run,
    run_view,
    state,
    subject,
    target,
    view,
)
from tests.fakes.resolver import uninstallable

OK = Succeeded()
HOUR = timedelta(hours=1)
FINISHED = run(state=RunState.FINISHED, finished_at=NOW, conclusion=Conclusion.SUCCESS)
CLOSED = Change(ref=REF, state=state(open=False), stale=False)


STORED_WITH_THE_TARGET = (PinSnapshot, PrepareWorkspace, FallBack, PublishGeneration, MakePlan)


def due(*runs: RunView, **changes: object) -> list[Action]:
    return list(decide(view(*runs, **changes), NOW))


def a_run(**changes: object) -> RunView:
    return run_view(run=run(**changes))


def comment(number: int) -> StoredIntent:
    intent = Commented(change=REF, comment=str(number), author="octocat", body="/revdeps status", written_at=NOW)
    return StoredIntent(id=number, intent=intent, received_at=NOW)


def test_a_hint_is_followed_before_anything_else():
    refresh = StoredIntent(id=2, intent=Refresh(change=REF), received_at=NOW)
    assert due(intents=(comment(1), refresh)) == [RefreshChange()]
    assert due(change=Change(ref=REF), intents=(comment(1),)) == [RefreshChange()]


def test_intents_are_acted_on_one_at_a_time_and_before_the_runs():
    assert due(a_run(), intents=(comment(1), comment(2))) == [HandleIntent(intent=comment(1))]


def test_a_change_that_nobody_could_read_has_nothing_due():
    assert due(change=Change(ref=REF, stale=False)) == []


HEADS = [
    ("a new pull request", (), {}, [StartRun(sequence=1)]),
    ("a head that is tested", (run_view(run=FINISHED),), {}, []),
    ("a closed pull request", (), {"change": CLOSED}, []),
]


@pytest.mark.parametrize(("runs", "changes", "expected"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])
def test_a_run_is_started_for(runs, changes, expected):
    assert due(*runs, **changes) == expected


@pytest.mark.parametrize("moved", [{"head_sha": "0" * 40}, {"base_branch": "f40"}], ids=["a push", "another base"])
def test_a_run_is_superseded_by(moved):
    change = Change(ref=REF, state=state(**moved), stale=False)
    assert due(a_run(), change=change) == [StopRun(run=RUN, reason=StopReason.SUPERSEDED), StartRun(sequence=2)]


def test_an_older_run_of_the_same_head_is_superseded_by_the_newer():
    newer = run_view(run=replace(FINISHED, id=RunId("run2"), sequence=2))
    assert due(newer, a_run()) == [StopRun(run=RUN, reason=StopReason.SUPERSEDED)]


STOPS = [
    ("a pull request that is closed", {}, CLOSED, StopRun(run=RUN, reason=StopReason.CLOSED)),
    ("its deadline", {"deadline": NOW}, None, StopRun(run=RUN, reason=StopReason.DEADLINE)),
    ("its end, once it is to be stopped", {"stop": StopReason.CANCELLED}, None,
     FinishRun(run=RUN, conclusion=Conclusion.CANCELLED)),
    ("its end, once it is out of time", {"stop": StopReason.DEADLINE}, None,
     FinishRun(run=RUN, conclusion=Conclusion.TIMED_OUT)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (StopReason.DEADLINE, Conclusion.FAILURE),
        (StopReason.CANCELLED, Conclusion.CANCELLED),
        (StopReason.SUPERSEDED, Conclusion.CANCELLED),
    ],
)
def test_what_is_known_to_break_at_its_deadline_fails_the_run(stop, expected):
    regressed = Finding(
        run=RUN, target=target().target.name, package="bar", judgement=Judgement(verdict=Verdict.REGRESSED)
    )
    assert due(replace(a_run(stop=stop), findings=(regressed,))) == [FinishRun(run=RUN, conclusion=expected)]


@pytest.mark.parametrize(("run_has", "change", "expected"), [row[1:] for row in STOPS], ids=[row[0] for row in STOPS])
def test_a_run_comes_to(run_has, change, expected):
    assert due(a_run(**run_has), **({"change": change} if change else {})) == [expected]


def test_a_run_that_waits_for_an_approval_waits_as_long_as_it_takes():
    waiting = a_run(state=RunState.WAITING, deadline=NOW - HOUR)
    assert due(waiting) == []
    assert next_time(view(waiting)) is None


STEPS = [
    ("its configuration", run(config=None), target(), LoadConfiguration(run=RUN)),
    ("its source", run(checkout=None), target(), FetchSource(run=RUN)),
    ("its metadata", run(), target(snapshot=None, workspace=None), PinSnapshot(run=RUN, target="rawhide")),
    ("its workspace", run(), target(workspace=None), PrepareWorkspace(run=RUN, target="rawhide")),
    ("its publication", run(), target(generation=-1),
     PublishGeneration(run=RUN, target="rawhide", generation=0, builds=(subject().key,))),
    ("its plan", run(), target(planned=False), MakePlan(run=RUN, target="rawhide")),
]  # fmt: skip


@pytest.mark.parametrize(("of", "where", "expected"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS])
def test_a_run_needs_next(of, where, expected):
    assert due(run_view(run=of, targets=(where,))) == [expected]


def queued(actions: list[Action]) -> list[str]:
    return [build.key for action in actions if isinstance(action, QueueBuilds) for build in action.builds]


def test_the_change_is_built_first():
    assert queued(due(run_view(targets=(target(generation=-1),), builds=(), entries=()))) == []
    nothing = replace(run_view(targets=(target(generation=-1),)), builds=())
    assert queued(due(nothing)) == ["c/run1/rawhide/libfoo/subject/0/1"]


def compared(seen: RunView) -> RunView:
    """The run once it is known what differs in the roots of the builds that failed."""
    known = [
        RootDifference(run=RUN, target="rawhide", package=build.package, build=build.key, basis=Basis.NOTHING)
        for build in seen.builds
        if isinstance(build.outcome, Failed)
    ]
    return replace(seen, differences=tuple(known))


SUBJECTS = [
    ("while it is built", [None], []),
    ("at infrastructure trouble", [INFRASTRUCTURE], [QueueBuilds]),
    ("at trouble that does not end", [INFRASTRUCTURE] * 3, [Conclusion.ACTION_REQUIRED]),
    ("when it does not build", [failed()], [Conclusion.FAILURE]),
    ("when somebody stopped it at the backend", [Cancelled()], [Conclusion.CANCELLED]),
]


@pytest.mark.parametrize(("outcomes", "expected"), [row[1:] for row in SUBJECTS], ids=[row[0] for row in SUBJECTS])
def test_what_becomes_of_a_change(outcomes, expected):
    builds = tuple(subject(outcome, number) for number, outcome in enumerate(outcomes, start=1))
    actions = due(compared(replace(run_view(targets=(target(generation=-1),)), builds=builds)))
    assert [action.conclusion if isinstance(action, FinishRun) else type(action) for action in actions] == expected


def test_a_change_that_does_not_build_says_where_and_why_and_what_to_do():
    seen = replace(run_view(targets=(target(generation=-1),)), builds=(subject(failed("error: no")),))
    assert due(seen) == [CompareRoots(run=RUN, target="rawhide", builds=(subject().key,))]
    (end,) = due(compared(seen))
    assert isinstance(end, FinishRun)
    assert end.problem is not None
    assert end.problem.what == "libfoo itself does not build on rawhide: error: no"
    assert "Push a commit" in end.problem.hint


def test_one_of_two_packages_that_fails_is_tried_again_with_the_other_and_then_ends_the_run():
    both = run(packages=(*CONFIG.packages, replace(CONFIG.packages[0], name="libfoo-data")))
    first = subject(failed(), request=replace(subject().request, generation=-4))
    other = replace(subject(), key="other", request=replace(first.request, package="libfoo-data"))
    going = replace(run_view(run=both, targets=(target(generation=-1),)), builds=(first, other))
    assert due(compared(going)) == []
    builds = (first, replace(other, state=BuildState.DONE, outcome=OK))
    through = replace(going, builds=builds)
    publication = PublishGeneration(run=RUN, target="rawhide", generation=-3, builds=("other",))
    assert due(compared(through)) == [publication]
    shown = replace(through, targets=(target(generation=-3, published_builds=("other",)),))
    (queue,) = due(compared(shown))
    assert queued([queue]) == ["c/run1/rawhide/libfoo/subject/0/2"]
    (again,) = queue.builds
    assert again.request.generation == -3
    assert due(compared(replace(shown, builds=(*builds, again)))) == []
    failed_again = replace(again, state=BuildState.DONE, outcome=failed("error: still"))
    (end,) = due(compared(replace(shown, builds=(*builds, failed_again))))
    assert isinstance(end, FinishRun)
    assert (end.conclusion, end.problem and end.problem.what) == (
        Conclusion.FAILURE,
        "libfoo itself does not build on rawhide, and not with libfoo-data of this pull request either: error: still",
    )


def test_trouble_that_was_made_up_for_does_not_hide_that_another_package_of_the_change_does_not_build():
    both = run(packages=(*CONFIG.packages, replace(CONFIG.packages[0], name="libfoo-data")))
    plain = subject(request=replace(subject().request, package="libfoo-data"))
    first = replace(plain, key="first", state=BuildState.DONE, outcome=INFRASTRUCTURE)
    second = replace(first, key="second", attempt=2, outcome=OK)
    shown = target(generation=-3, published_builds=("second",))
    seen = replace(run_view(run=both, targets=(shown,)), builds=(subject(failed()), first, second))
    for builds in ((subject(failed()), first, second), (first, second, subject(failed()))):
        (end,) = due(compared(replace(seen, builds=builds)))
        assert isinstance(end, FinishRun)
        assert end.conclusion is Conclusion.FAILURE


def test_a_change_that_does_not_build_on_one_target_fails_whatever_the_service_does_on_another():
    other = replace(subject(), key="other", target="f44", state=BuildState.DONE)
    targets = tuple(target(generation=-1, target=replace(target().target, name=name)) for name in ("rawhide", "f44"))
    for outcome in (INFRASTRUCTURE, Cancelled()):
        lost = [replace(other, key=f"other/{number}", attempt=number, outcome=outcome) for number in (1, 2, 3)]
        builds = (subject(failed()), *lost)
        (end,) = due(compared(replace(run_view(targets=targets), builds=builds)))
        assert isinstance(end, FinishRun)
        assert end.conclusion is Conclusion.FAILURE
        assert end.problem is not None
        assert "itself does not build on rawhide" in end.problem.what


BAR = entry("bar")


def found(verdict: Verdict, package: str = "bar", cause: str = "") -> Finding:
    return Finding(run=RUN, target="rawhide", package=package, judgement=Judgement(verdict=verdict, cause=cause))


def test_dependents_are_built_and_their_verdicts_recorded_as_they_come():
    (queue,) = due(run_view(BAR))
    assert isinstance(queue, QueueBuilds)
    assert due(run_view(BAR, builds=(built("bar"),))) == []
    assert due(run_view(BAR, builds=(built("bar", OK),))) == [
        RecordFindings(run=RUN, findings=(found(Verdict.STILL_PASSING),))
    ]


def test_a_run_ends_once_every_verdict_is_recorded():
    passed = run_view(BAR, builds=(built("bar", OK),), findings=(found(Verdict.STILL_PASSING),))
    assert due(passed) == [FinishRun(run=RUN, conclusion=Conclusion.SUCCESS)]
    assert due(run_view()) == [FinishRun(run=RUN, conclusion=Conclusion.SUCCESS)]


def test_a_place_for_baselines_is_made_when_the_first_is_needed():
    nowhere = run_view(BAR, builds=(built("bar", failed()),), targets=(target(baseline_workspace=None),))
    assert due(nowhere) == [PrepareWorkspace(run=RUN, target="rawhide", baseline=True)]


def test_what_was_rebuilt_is_published_as_the_next_generation():
    libbar = entry("libbar", uninstallable=(uninstallable("libbar", "no"),))
    build = built("libbar", OK)
    assert due(run_view(libbar, builds=(build,))) == [
        PublishGeneration(run=RUN, target="rawhide", generation=1, builds=(build.key,))
    ]


def test_what_is_stored_with_the_whole_target_is_done_one_at_a_time():
    libbar = entry("libbar", uninstallable=(uninstallable("libbar", "no"),))
    builds = (built("libbar", OK), built("bar", failed()))
    nowhere = run_view(libbar, BAR, builds=builds, targets=(target(baseline_workspace=None),))
    published_first, *others = due(nowhere)
    assert isinstance(published_first, PublishGeneration)
    assert not any(isinstance(action, STORED_WITH_THE_TARGET) for action in others)
    published_then = replace(nowhere, targets=(target("libbar", baseline_workspace=None),))
    assert PrepareWorkspace(run=RUN, target="rawhide", baseline=True) in due(published_then)


KEPT = view(run_view(run=FINISHED))
THREE_DAYS = NOW + timedelta(days=3)
CLEANING = [
    ("not while it may be retried", KEPT, NOW + HOUR, False),
    ("after its time", KEPT, THREE_DAYS, True),
    ("at once when the pull request is closed", view(run_view(run=FINISHED), change=CLOSED), NOW, True),
    ("not while builds go on", view(run_view(run=FINISHED, builds=(built("bar"),))), THREE_DAYS, False),
    ("but baselines go on without it", view(run_view(run=FINISHED, builds=(base(BAR),))), THREE_DAYS, True),
    ("not twice", view(run_view(run=replace(FINISHED, cleaned=True))), THREE_DAYS, False),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "now", "expected"), [row[1:] for row in CLEANING], ids=[row[0] for row in CLEANING])
def test_a_finished_run_is_cleaned_up(seen, now, expected):
    assert list(decide(seen, now)) == ([CleanUp(run=RUN)] if expected else [])


def test_time_alone_brings_the_deadline_and_the_cleaning_up():
    assert next_time(view(a_run(deadline=NOW + HOUR))) == NOW + HOUR
    assert next_time(KEPT) == THREE_DAYS
    assert next_time(view(a_run())) is None
