"""Each of several changes by itself: how it is built, with which others where it needs them, and what that shows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from bot.domain.actions import MakePlan, PrepareWorkspace, PublishGeneration, QueueBuilds
from bot.domain.alone import alone_of, standing_alone, with_alone
from bot.domain.blame import find_out, with_blame
from bot.domain.build import Build, BuildState, Cancelled, FailureReason, Outcome, Purpose, Succeeded
from bot.domain.config import PackageConfig
from bot.domain.evidence import TargetView, judge_all
from bot.domain.ids import BuildKey, WorkspaceRef
from bot.domain.plan import AloneImpact, Effect, PlanEntry
from bot.domain.run import Alone, ChangeRef, Part, Relation, RepoRef, Run, RunTarget
from bot.domain.verdict import Blame, Inseparable, Judgement
from tests.fakes.domain import NOW, REF, base, built, entry, failed, part, run, target

OK = Succeeded()
NO_ROOT = failed("nothing provides it", FailureReason.UNRESOLVABLE)
BROKEN = failed("error: no")
OTHER = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="other"), number=1)
THIRD = replace(OTHER, number=2)
CHANGES = (REF, OTHER, THIRD)
Visible = Mapping[str, int]
"""The attempt of each package of the changes that a build sees."""


def joint(*packages: str) -> Run:
    """Pull requests that touch these packages, told as `a b`."""
    configs = [tuple(PackageConfig(spec=f"{name}.spec", name=name) for name in each.split()) for each in packages]
    companions = tuple(
        Part(change=change, head_sha=f"{number}" * 40, base_sha="e" * 40, checkout="/with", packages=touched)
        for number, (change, touched) in enumerate(zip(CHANGES[1:], configs[1:], strict=False), 1)
    )
    return run(packages=configs[0], companions=companions)


@dataclass(kw_only=True)
class Engine:
    """Finds out who broke `app`, in a run in which all the changes are built; `builds` are those that it makes."""

    run: Run
    needs: Mapping[str, Iterable[str]]
    """What each package of the changes was built with, by name."""
    outcome: Callable[[str, int, Visible], Outcome]
    """How a build ends: its package, its attempt, and what it sees."""
    target: RunTarget = field(default_factory=target)
    app: PlanEntry = field(default_factory=lambda: entry("app"))
    builds: list[Build] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    """`0: foo sees bar` where foo was built in the workspace of the first change alone, and saw bar there."""

    def blame(self) -> Blame | None:
        subjects = [
            built(package.name or "", OK, purpose=Purpose.SUBJECT, key=BuildKey(f"subject/{package.name}"))
            for package in self.run.subjects
        ]
        relations = tuple(
            Relation(build=build.key, needs=tuple(self.needs.get(build.package, ()))) for build in subjects
        )
        self.target = replace(self.target, relations=relations)
        together = [*subjects, *(built("app", BROKEN, attempt) for attempt in (1, 2)), base(self.app, OK)]
        for _ in range(100):
            in_no_order = (*together, *reversed(self.builds))
            view = part(self.app, builds=in_no_order, target=self.target)
            judged = judge_all(view)
            actions = find_out(self.run, view, judged, NOW)
            if actions == ():
                return self.told(view)
            if actions is None:
                return None
            for action in actions:
                self.perform(action)
        raise AssertionError("it does not come to an end")

    def told(self, view: TargetView) -> Blame | None:
        result = with_blame(self.run, view, judge_all(view))["app"]
        assert isinstance(result, Judgement)
        return result.blame

    def perform(self, action: object) -> None:
        match action:
            case PrepareWorkspace(alone=int(place)):
                self.target = with_alone(self.target, place, Alone(workspace=WorkspaceRef(f"alone/{place}")))
            case QueueBuilds(builds=builds):
                assert not {build.key for build in builds} & {build.key for build in self.builds}
                self.builds += [self.ended(build) for build in builds]
            case PublishGeneration(alone=int(place)):
                self.publish(action, place)
            case MakePlan(alone=int(place), packages=("app",)):
                impact = AloneImpact(part=place, effect=Effect.REBUILD, buildroot=f"with {place}")
                self.app = replace(self.app, alone=(*self.app.alone, impact))
            case _:
                raise AssertionError(action)

    def ended(self, build: Build) -> Build:
        place = int(build.request.workspace.rpartition("/")[2])
        standing = standing_alone(self.target, place)
        visible = [each for each in self.builds if each.key in standing.published_builds]
        sees = {each.package: each.attempt for each in visible}
        assert build.purpose is Purpose.BLAME or build.request.generation < 0
        assert not sees or build.request.generation == standing.generation
        seen = f" sees {', '.join(sorted(sees))}" if sees else ""
        self.story.append(f"{place}: {build.package}{seen}")
        return replace(build, state=BuildState.DONE, outcome=self.outcome(build.package, build.attempt, sees))

    def publish(self, action: PublishGeneration, place: int) -> None:
        standing = standing_alone(self.target, place)
        names = {build.package for build in self.builds if build.key in action.builds}
        kept = [each for each in self.builds if each.key in standing.published_builds and each.package not in names]
        keys = (*(build.key for build in kept), *action.builds)
        standing = replace(standing, published_builds=keys, generation=action.generation, repository="file:///r")
        self.target = with_alone(self.target, place, alone_of(standing))


def ends(needs: Mapping[str, Iterable[str]], *broken_by: str, once: bool = False) -> Callable[..., Outcome]:
    """A package fails without what it needs, `once` or each time, and `app` with any of these."""

    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        if name == "app":
            return BROKEN if sees.keys() & set(broken_by) else OK
        return OK if set(needs.get(name, ())) <= sees.keys() or (once and attempt > 1) else failed("no foo.h")

    return outcome


def needing(change: ChangeRef, *others: ChangeRef) -> Inseparable:
    return Inseparable(change=change, others=others)


def test_packages_of_one_change_that_need_each_other_are_built_with_each_other():
    needs = {"prog": ["lib"]}
    engine = Engine(run=joint("prog lib", "bar"), needs=needs, outcome=ends(needs, "prog"))
    assert engine.blame() == Blame(culprits=(REF,))
    assert [told for told in engine.story if told.startswith("0")] == [
        "0: prog",
        "0: lib",
        "0: prog sees lib",
        "0: app sees lib, prog",
    ]


def test_what_was_built_without_another_package_of_its_change_is_built_again_with_that():
    engine = Engine(run=joint("prog lib", "bar"), needs={"prog": ["lib"]}, outcome=ends({}, "prog"))
    assert engine.blame() == Blame(culprits=(REF,))
    again = [build.attempt for build in engine.builds if build.package == "prog"]
    assert again == [1, 2]
    (tried,) = [build for build in engine.builds if build.package == "app" and "alone/0" in build.request.workspace]
    assert tried.request.generation == 0


@pytest.mark.parametrize(
    ("broken_by", "expected"),
    [
        # What it needs passes without it.
        ("foo", Blame(culprits=(REF,), inseparable=(needing(REF, OTHER),))),
        # What it needs breaks it already, so nobody knows what it does itself.
        ("bar", Blame(culprits=(OTHER,), unknown=(REF,), inseparable=(needing(REF, OTHER),))),
    ],
)
def test_a_change_that_needs_all_others_is_not_built_without_them(broken_by, expected):
    needs = {"foo": ["bar"]}
    engine = Engine(run=joint("foo", "bar"), needs=needs, outcome=ends(needs, broken_by))
    assert engine.blame() == expected
    assert sorted(engine.story) == ["0: foo", "0: foo", "1: app sees bar", "1: bar"]


@pytest.mark.parametrize(
    ("broken_by", "expected"),
    [
        ("foo", Blame(culprits=(REF,), inseparable=(needing(REF, OTHER),))),
        ("bar", Blame(culprits=(OTHER,), unknown=(REF,), inseparable=(needing(REF, OTHER),))),
        ("baz", Blame(culprits=(THIRD,), inseparable=(needing(REF, OTHER),))),
        ("none", Blame(inseparable=(needing(REF, OTHER),))),
    ],
)
def test_a_change_that_needs_some_of_the_others_is_tried_with_those(broken_by, expected):
    needs = {"foo": ["bar"]}
    engine = Engine(run=joint("foo", "bar", "baz"), needs=needs, outcome=ends(needs, broken_by))
    assert engine.blame() == expected
    assert "0: foo sees bar" in engine.story
    assert "0: app sees bar, foo" in engine.story
    assert not any("baz, foo" in told for told in engine.story)


def test_what_is_needed_of_others_is_needed_with_what_those_are_built_with():
    needs = {"foo": ["bar"], "bar": ["baz"]}
    engine = Engine(run=joint("foo", "bar", "baz"), needs=needs, outcome=ends({"foo": ["bar"]}, "foo"))
    assert engine.blame() == Blame(culprits=(REF,), inseparable=(needing(REF, OTHER, THIRD),))


CIRCLE = {"foo-prog": ["bar-lib"], "bar-prog": ["foo-lib"]}


def test_changes_that_need_each_other_are_tried_as_one():
    engine = Engine(
        run=joint("foo-lib foo-prog", "bar-lib bar-prog", "baz"), needs=CIRCLE, outcome=ends(CIRCLE, "bar-prog")
    )
    together = (needing(REF, OTHER), needing(OTHER, REF))
    assert engine.blame() == Blame(culprits=(REF, OTHER), inseparable=together)
    # For both, where the first one is.
    assert sorted(told for told in engine.story if "app" in told) == [
        "0: app sees bar-lib, bar-prog, foo-lib, foo-prog",
        "2: app sees baz",
    ]


def test_of_changes_that_all_need_each_other_the_break_is_theirs_together():
    engine = Engine(run=joint("foo-lib foo-prog", "bar-lib bar-prog"), needs=CIRCLE, outcome=ends(CIRCLE, "bar-prog"))
    assert engine.blame() == Blame(culprits=(REF, OTHER), inseparable=(needing(REF, OTHER), needing(OTHER, REF)))
    assert not any("app" in told for told in engine.story)


def test_a_failure_that_does_not_come_again_tells_of_no_need():
    engine = Engine(run=joint("foo", "bar"), needs={"foo": ["bar"]}, outcome=ends({"foo": ["bar"]}, "foo", once=True))
    assert engine.blame() == Blame(culprits=(REF,))


@pytest.mark.parametrize("end", [NO_ROOT, BROKEN, Cancelled()])
def test_what_fails_alone_and_is_built_with_nothing_of_the_others_is_not_known(end):
    engine = Engine(run=joint("foo", "bar"), needs={}, outcome=lambda name, *_: end if name == "foo" else OK)
    assert engine.blame() == Blame(unknown=(REF,))
    assert engine.story.count("0: foo") == (2 if end is BROKEN else 1)


def test_what_is_in_the_way_of_a_build_tells_of_no_need():
    engine = Engine(
        run=joint("foo", "bar"), needs={"foo": ["bar"]}, outcome=lambda name, *_: Cancelled() if name == "foo" else OK
    )
    assert engine.blame() == Blame(unknown=(REF,))


def test_what_fails_with_what_it_needs_too_is_not_known():
    needs = {"foo": ["bar"]}
    engine = Engine(run=joint("foo", "bar", "baz"), needs=needs, outcome=ends({"foo": ["bar", "more"]}, "baz"))
    blame = engine.blame()
    assert blame == Blame(culprits=(THIRD,), unknown=(REF,), inseparable=(needing(REF, OTHER),))


def test_builds_that_go_on_are_waited_for():
    needs = {"foo": ["bar"]}
    engine = Engine(run=joint("foo", "bar", "baz"), needs=needs, outcome=ends(needs, "foo"))
    ended: Callable[[Build], Build] = engine.ended
    engine.ended = lambda build: build if build.package == "bar" else ended(build)  # type: ignore[method-assign]
    assert engine.blame() is None
    stories: Sequence[str] = engine.story
    assert "2: app sees baz" in stories
