"""The packages of one change are built with each other, and each of them as often as that takes and no more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actions import CompareRoots, FinishRun, PublishGeneration, QueueBuilds, RelateSubjects
from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason, Outcome, Succeeded
from bot.domain.config import PackageConfig
from bot.domain.difference import Basis, RootDifference
from bot.domain.ids import BuildKey
from bot.domain.run import ChangeRef, Conclusion, Part, Problem, Relation, RepoRef, Run, RunTarget
from bot.domain.subjects import Subjects
from tests.fakes.domain import INFRASTRUCTURE, NOW, RUN, failed, run, target

OK = Succeeded()
NO_ROOT = failed("nothing provides libfoo", FailureReason.UNRESOLVABLE)
Visible = Mapping[str, int]
"""The attempt of each package of the change that a build sees."""
OTHER = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="other"), number=1)


def change(*names: str) -> Run:
    """A pull request that touches these packages."""
    return run(packages=tuple(PackageConfig(spec=f"{name}.spec", name=name) for name in names))


@dataclass(kw_only=True)
class Engine:
    """Does what is due, with builds that end as `outcome` says of a package, an attempt and what it sees."""

    run: Run
    outcome: Callable[[str, int, Visible], Outcome] = lambda name, attempt, sees: OK
    needs: Mapping[str, Iterable[str]] = field(default_factory=dict)
    target: RunTarget = field(default_factory=lambda: target(generation=-1, published=()))
    builds: tuple[Build, ...] = ()
    story: list[str] = field(default_factory=list)
    """`foo` was built, `foo sees bar` when it saw that, `= -3` something was published, `?` was asked for."""
    seen: dict[BuildKey, Visible] = field(default_factory=dict)
    end: FinishRun | None = None

    def settle(self) -> Sequence[str]:
        for _ in range(100):
            differences = [
                RootDifference(run=RUN, target="rawhide", package=build.package, build=build.key, basis=Basis.NOTHING)
                for build in self.builds
            ]
            subjects = Subjects(run=self.run, targets=(self.target,), builds=self.builds, differences=differences)
            due = subjects.due(NOW)
            if due is None:
                return self.story
            (action,) = due
            match action:
                case QueueBuilds(builds=builds):
                    assert not {build.key for build in builds} & {build.key for build in self.builds}
                    self.builds = (*self.builds, *map(self.build, builds))
                case PublishGeneration():
                    self.publish(action)
                case RelateSubjects(builds=keys):
                    self.relate(keys)
                case FinishRun():
                    self.end = action
                    return self.story
                case _:
                    raise AssertionError(action)
        raise AssertionError("it does not come to an end")

    def build(self, build: Build) -> Build:
        assert build.request.generation < 0
        visible = [each for each in self.builds if each.key in self.target.published_builds]
        sees = {each.package: each.attempt for each in visible}
        needed = sorted(set(self.needs.get(build.package, ())) & sees.keys())
        self.story.append(f"{build.package} sees {', '.join(needed)}" if needed else build.package)
        self.seen[build.key] = sees
        return replace(build, state=BuildState.DONE, outcome=self.outcome(build.package, build.attempt, sees))

    def publish(self, action: PublishGeneration) -> None:
        names = {build.package for build in self.builds if build.key in action.builds}
        kept = [each for each in self.builds if each.key in self.target.published_builds and each.package not in names]
        assert self.target.generation < 0
        assert not self.target.published_builds or action.generation > self.target.generation
        keys = (*(build.key for build in kept), *action.builds)
        self.target = replace(self.target, generation=action.generation, published_builds=keys)
        self.story.append(f"= {action.generation}")

    def relate(self, keys: Sequence[BuildKey]) -> None:
        self.story.append("?")
        found = [
            Relation(build=build.key, needs=tuple(self.needs.get(build.package, ())))
            for build in self.builds
            if build.key in keys
        ]
        related = replace(self.target, relations=(*self.target.relations, *found))
        if not Subjects(run=self.run, targets=(related,), builds=self.builds).mutual(related).outdated():
            related = replace(related, generation=0)
        self.target = related


def needing(needs: Mapping[str, Iterable[str]]) -> Callable[[str, int, Visible], Outcome]:
    """A package has no root before those that it needs are there."""

    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        return OK if set(needs.get(name, ())) <= sees.keys() else NO_ROOT

    return outcome


def test_one_package_is_built_and_published_and_nothing_else():
    engine = Engine(run=change("foo"), needs={"foo": ["foo"]})
    assert engine.settle() == ["foo", "= 0"]


def test_packages_that_have_nothing_to_do_with_each_other_are_built_once_and_published_once():
    engine = Engine(run=change("foo", "bar", "baz"))
    assert engine.settle() == ["foo", "bar", "baz", "= -6", "?"]
    assert engine.target.generation == 0


def test_what_needs_a_new_package_of_the_change_is_built_once_that_is_there():
    engine = Engine(run=change("app", "lib"), needs={"app": ["lib"]}, outcome=needing({"app": ["lib"]}))
    assert engine.settle() == ["app", "lib", "= -3", "app sees lib", "= -2", "?"]
    assert engine.target.generation == 0


def test_what_was_built_with_what_another_package_replaces_is_built_again_with_that():
    engine = Engine(run=change("app", "lib"), needs={"app": ["lib"]})
    assert engine.settle() == ["app", "lib", "= -3", "?", "app sees lib", "= 0"]
    assert len(engine.target.published_builds) == 2


def test_a_chain_is_built_again_from_its_beginning():
    engine = Engine(run=change("app", "lib", "base"), needs={"app": ["lib", "base"], "lib": ["base"]})
    again = ["lib sees base", "= -5", "app sees base, lib", "= 0"]
    assert engine.settle() == ["app", "lib", "base", "= -6", "?", *again]
    last = next(build for build in engine.builds if (build.package, build.attempt) == ("app", 2))
    assert engine.seen[last.key]["lib"] == 2


def test_in_a_circle_each_is_built_again_once_and_what_only_needs_it_after_it():
    engine = Engine(run=change("app", "one", "two"), needs={"app": ["one"], "one": ["two"], "two": ["one"]})
    again = ["one sees two", "= -5", "app sees one", "two sees one", "= 0"]
    assert engine.settle() == ["app", "one", "two", "= -6", "?", *again]


def failing(*ends: Outcome, with_lib: bool = True) -> Callable[[str, int, Visible], Outcome]:
    """`app` comes to these ends one after the other where it sees `lib`."""
    left = list(ends)

    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        return left.pop(0) if name == "app" and ("lib" in sees) is with_lib else OK

    return outcome


def problem(engine: Engine) -> Problem:
    assert engine.end is not None
    assert engine.end.conclusion is Conclusion.FAILURE
    assert engine.end.problem is not None
    return engine.end.problem


FAILS = [
    ("certainly, where it has no root", [NO_ROOT], 1, "nothing provides libfoo"),
    ("twice, to be sure", [failed("error: no"), failed("error: still no")], 2, "error: still no"),
    ("and does not count where nobody could build it", [INFRASTRUCTURE, failed(), failed("no")], 3, "no"),
]


@pytest.mark.parametrize(("ends", "times", "cause"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_a_package_that_fails_with_another_one_of_the_change(ends, times, cause):
    engine = Engine(run=change("app", "lib"), needs={"app": ["lib"]}, outcome=failing(*ends))
    assert engine.settle() == ["app", "lib", "= -3", "?", *["app sees lib"] * times]
    assert problem(engine).what == f"app builds by itself on rawhide, but not with lib of this pull request: {cause}"
    assert "Push a commit" in problem(engine).hint


def test_a_failure_with_another_package_that_does_not_come_again_is_none():
    engine = Engine(run=change("app", "lib"), needs={"app": ["lib"]}, outcome=failing(failed(), OK))
    assert engine.settle()[-3:] == ["app sees lib", "app sees lib", "= 0"]


ENDS = [
    ("the service", [INFRASTRUCTURE] * 3, Conclusion.ACTION_REQUIRED),
    ("somebody", [Cancelled()], Conclusion.CANCELLED),
]


@pytest.mark.parametrize(("ends", "conclusion"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
@pytest.mark.parametrize("with_lib", [False, True], ids=["at first", "again"])
def test_what_is_in_the_way_of_a_build_is_not_the_changes_fault(ends, conclusion, with_lib):
    engine = Engine(run=change("app", "lib"), needs={"app": ["lib"]}, outcome=failing(*ends, with_lib=with_lib))
    assert engine.settle().count("= -3") == with_lib
    assert engine.end is not None
    assert engine.end.conclusion is conclusion


def test_what_failed_in_a_circle_is_tried_again_with_what_was_built_after_it():
    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        return NO_ROOT if name == "one" and sees.get("two") == 1 else OK

    engine = Engine(run=change("one", "two"), needs={"one": ["two"], "two": ["one"]}, outcome=outcome)
    again = ["one sees two", "two sees one", "= -2", "one sees two", "= 0"]
    assert engine.settle() == ["one", "two", "= -3", "?", *again]


def test_what_needs_what_fails_is_built_all_the_same_so_that_all_that_is_wrong_is_told_at_once():
    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        return NO_ROOT if name != "base" and sees else OK

    engine = Engine(run=change("app", "lib", "base"), needs={"app": ["lib"], "lib": ["base"]}, outcome=outcome)
    assert engine.settle()[-2:] == ["lib sees base", "app sees lib"]


def test_builds_that_go_on_are_waited_for():
    first = Engine(run=change("app", "lib"), needs={"app": ["lib"]}, outcome=failing(NO_ROOT))
    first.settle()
    going = tuple(
        replace(build, state=BuildState.RUNNING, outcome=None) if build.attempt == 2 else build
        for build in first.builds
    )
    subjects = Subjects(run=first.run, targets=(first.target,), builds=going)
    assert subjects.due(NOW) == []


def test_what_fails_by_itself_and_with_the_others_says_so():
    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        return failed("error: no") if name == "app" else OK

    engine = Engine(run=change("app", "lib", "data"), outcome=outcome)
    assert engine.settle() == ["app", "lib", "data", "= -6", "app"]
    told = "app itself does not build on rawhide, and not with lib and data of this pull request either: error: no"
    assert problem(engine).what == told


def joint(own: Run, *names: str) -> Run:
    """Another pull request besides that touches these packages."""
    packages = tuple(PackageConfig(spec=f"{name}.spec", name=name) for name in names)
    other = Part(change=OTHER, head_sha="f" * 40, base_sha="e" * 40, checkout="/other", packages=packages)
    return replace(own, companions=(other,))


def test_a_pull_request_that_fails_is_tried_again_with_those_after_it():
    engine = Engine(run=joint(change("app"), "lib"), needs={"app": ["lib"]}, outcome=needing({"app": ["lib"]}))
    assert engine.settle() == ["app", "lib", "= -3", "app sees lib", "= -2", "?"]
    assert engine.target.generation == 0


def test_pull_requests_that_need_each_other_are_built():
    needs = {"foo-prog": ["bar-lib"], "bar-prog": ["foo-lib"]}
    run = joint(change("foo-prog", "foo-lib"), "bar-prog", "bar-lib")
    engine = Engine(run=run, needs=needs, outcome=needing(needs))
    engine.settle()
    assert engine.target.generation == 0
    assert len(engine.target.published_builds) == 4


def test_a_pull_request_that_fails_with_those_after_it_too_ends_the_run():
    def outcome(name: str, attempt: int, sees: Visible) -> Outcome:
        return failed("error: no") if name == "app" else OK

    engine = Engine(run=joint(change("app"), "lib"), outcome=outcome)
    assert engine.settle() == ["app", "lib", "= -3", "app"]
    where = "on rawhide, and not with lib (octocat/other#1) of these pull requests either"
    assert problem(engine).what == f"app (octocat/libfoo#7) itself does not build {where}: error: no"


def test_packages_of_several_pull_requests_are_built_with_each_other_too():
    engine = Engine(run=joint(change("app"), "lib"), needs={"app": ["lib"]}, outcome=failing(NO_ROOT))
    assert engine.settle() == ["app", "= -3", "lib", "= -2", "?", "app sees lib"]
    where = "on rawhide, but not with lib (octocat/other#1) of these pull requests"
    assert problem(engine).what == f"app (octocat/libfoo#7) builds by itself {where}: nothing provides libfoo"


def test_what_another_backend_built_before_does_not_count():
    before = Engine(run=change("app", "lib"), needs={"app": ["lib"]})
    before.settle()
    elsewhere = replace(before.target, target=replace(before.target.target, backend="other"), generation=-1)
    engine = Engine(run=before.run, needs={"app": ["lib"]}, builds=before.builds)
    engine.target = replace(elsewhere, published_builds=())
    assert engine.settle() == before.story


def test_the_roots_of_what_fails_with_the_others_are_compared_before_the_end():
    engine = Engine(run=change("app", "lib"), needs={"app": ["lib"]}, outcome=failing(NO_ROOT))
    engine.settle()
    last = engine.builds[-1].key
    due = Subjects(run=engine.run, targets=(engine.target,), builds=engine.builds).due(NOW)
    assert due == [CompareRoots(run=RUN, target="rawhide", builds=(last,))]


NAMES = ("a", "b", "c", "d")
ANY = st.sampled_from([OK, OK, OK, failed(), NO_ROOT, INFRASTRUCTURE, Cancelled()])


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), min_size=4),
    st.data(),
    st.booleans(),
)
def test_whatever_happens_it_ends_and_what_is_published_was_built_with_what_is(needs, draw, well):
    needs = {name: others - {name} for name, others in needs.items()}
    outcomes: Callable[[str, int, Visible], Outcome] = lambda name, attempt, sees: OK if well else draw.draw(ANY)  # noqa: E731
    engine = Engine(run=change(*NAMES), needs=needs, outcome=outcomes)
    engine.settle()
    assert engine.end is None or not well
    whole = next((place for place, step in enumerate(engine.story) if step == "?"), None)
    if engine.end is not None:
        assert engine.end.conclusion is not Conclusion.SUCCESS
        return
    assert whole is not None
    assert engine.target.generation == 0
    published = {build.package: build for build in engine.builds if build.key in engine.target.published_builds}
    assert published.keys() == set(NAMES)
    succeeded = [build.package for build in engine.builds if isinstance(build.outcome, Succeeded)]
    assert all(succeeded.count(name) <= 2 for name in NAMES)
    assert not any(isinstance(build.outcome, Failed) for build in published.values())
    for name, build in published.items():
        sees = engine.seen[build.key]
        assert needs[name] <= sees.keys()
        for other in needs[name] - reach(needs, other_than=name):
            assert sees[other] == published[other].attempt


def reach(needs: Mapping[str, set[str]], other_than: str) -> set[str]:
    """Return the packages that are in a circle with one."""
    return {other for other in needs if other_than in closure(needs, other)}


def closure(needs: Mapping[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    further = set(needs[name])
    while further:
        found |= further
        further = {each for other in further for each in needs[other]} - found
    return found
