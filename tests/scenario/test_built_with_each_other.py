"""The packages of one pull request are built with each other: what needs the others, and what they break."""

import pytest

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.domain.packages import BinaryPackage, Nevra
from bot.domain.run import Conclusion
from bot.ports.resolver import Buildroot, Unsolvable
from tests.fakes.builder import failed
from tests.fakes.resolver import affected, source
from tests.scenario.harness import Stage
from tests.scenario.mutual import built, open_several, sees
from tests.scenario.several import both, impacts

NO_ROOT = failed("nothing provides libfoo >= 2", FailureReason.UNRESOLVABLE)
OLD = "libfoo-0-1.noarch"


def passes(_: BuildRequest) -> Outcome:
    return Succeeded()


async def test_packages_that_have_nothing_to_do_with_each_other_cost_nothing_more(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = passes
    ref = await open_several(revdeps, "libfoo", "tool")
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert built(revdeps) == ["libfoo sees nothing", "tool sees nothing"]
    assert revdeps.builder.calls["publish"] == 1
    assert revdeps.actions.count("RelateSubjects") == 1


async def test_a_change_of_one_package_is_not_asked_about(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = passes
    ref = await revdeps.open()
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert "RelateSubjects" not in revdeps.actions
    assert revdeps.builder.calls["publish"] == 1
    assert revdeps.resolver.calls["buildroots"] == 0


async def test_what_needs_the_new_version_of_another_package_is_built_with_that(revdeps: Stage) -> None:
    def outcome(request: BuildRequest) -> Outcome:
        return NO_ROOT if request.package == "app" and "libfoo" not in sees(revdeps, request) else Succeeded()

    revdeps.builder.outcome_for = outcome
    revdeps.resolver.script_impact(["app", "libfoo"], affected("tool"))
    ref = await open_several(revdeps, "app", "libfoo")
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    whole = "app, libfoo"
    assert built(revdeps) == ["app sees nothing", "libfoo sees nothing", "app sees libfoo", f"tool sees {whole}"]
    target = (await revdeps.view(ref)).runs[0].targets[0]
    assert [package.source.partition("-")[0] for package in target.published] == ["libfoo", "app"]


async def breaks_app(revdeps: Stage) -> Conclusion | None:
    """Test a change of two packages, one of which builds with what the distribution has and not with the other."""

    def outcome(request: BuildRequest) -> Outcome:
        bad = request.package == "app" and "libfoo" in sees(revdeps, request)
        return failed("error: too few arguments to function 'foo'") if bad else Succeeded()

    revdeps.builder.outcome_for = outcome
    ref = await open_several(revdeps, "app", "libfoo")
    await revdeps.settle()
    return revdeps.check(ref).conclusion


async def test_a_package_that_builds_only_without_the_other_one_is_a_failure(revdeps: Stage) -> None:
    revdeps.builder.roots["app"] = (OLD,)
    assert await breaks_app(revdeps) is Conclusion.FAILURE
    assert built(revdeps) == ["app sees nothing", "libfoo sees nothing", *["app sees app, libfoo"] * 2]
    (ref,) = revdeps.forge.changes
    check = revdeps.check(ref)
    assert check.title == "app does not build with the rest of this pull request"
    told = "app builds by itself on rawhide, but not with libfoo of this pull request: error: too few arguments"
    for text in (check.summary, revdeps.comment(ref)):
        assert told in text.replace("\u200b", "").replace("\\", "")
    assert "libfoo" in check.text
    difference = (await revdeps.view(ref)).runs[0].differences[0]
    assert (difference.package, [change.name for change in difference.changes][:2]) == ("app", ["app", "libfoo"])


def root(*nevras: str) -> Buildroot:
    """A root as it is solved."""
    packages = tuple(BinaryPackage(nevra=Nevra.parse(nevra), location="", checksum="") for nevra in nevras)
    return Buildroot(packages=packages, digest=" ".join(nevras))


OTHER_ROOTS = {
    "has another package in its place": root("libfoo2-2-1.noarch"),
    "does not have it any more": root(),
    "cannot be made any more": Unsolvable(problem="nothing provides libfoo-compat"),
}


@pytest.mark.parametrize("after", OTHER_ROOTS.values(), ids=OTHER_ROOTS)
async def test_what_was_in_a_root_and_is_gone_with_the_other_package_counts_as_well(
    revdeps: Stage, after: Buildroot | Unsolvable
) -> None:
    compat = "libfoo-compat-1-1.noarch"
    revdeps.builder.roots["app"] = (compat,)
    revdeps.resolver.sources |= {name: source(name) for name in ("app", "libfoo")}
    revdeps.resolver.script_root([], "app", root(compat))
    revdeps.resolver.script_root(["app", "libfoo"], "app", after)
    assert await breaks_app(revdeps) is Conclusion.FAILURE
    assert revdeps.resolver.calls["buildroots"] == 2


async def test_a_root_that_is_as_it_was_is_not_made_again(revdeps: Stage) -> None:
    revdeps.builder.roots["app"] = ("libbar-1-1.noarch",)
    revdeps.resolver.sources |= {name: source(name) for name in ("app", "libfoo")}
    revdeps.resolver.script_root([], "app", root("libbar-1-1.noarch", "elsewhere-1-1.noarch"))
    revdeps.resolver.script_root(["app", "libfoo"], "app", root("libbar-1-1.noarch"))
    assert await breaks_app(revdeps) is Conclusion.SUCCESS


async def test_where_nobody_tells_what_was_in_a_root_the_package_is_built_again(revdeps: Stage) -> None:
    revdeps.builder.base_packages = ()
    assert await breaks_app(revdeps) is Conclusion.FAILURE


async def test_dependents_see_the_last_build_of_each_package(revdeps: Stage) -> None:
    revdeps.builder.roots["app"] = (OLD,)
    revdeps.builder.outcome_for = passes
    revdeps.resolver.script_impact(["app", "libfoo"], affected("tool"))
    ref = await open_several(revdeps, "app", "libfoo")
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    again = ["app sees app, libfoo", "tool sees app, libfoo"]
    assert built(revdeps) == ["app sees nothing", "libfoo sees nothing", *again]
    found = (await revdeps.view(ref)).runs[0]
    attempts = {build.key: (build.package, build.attempt) for build in found.builds}
    assert [attempts[key] for key in found.targets[0].published_builds] == [("libfoo", 1), ("app", 2)]
    assert revdeps.builder.calls["publish"] == 2


async def test_it_is_told_what_is_built_now(revdeps: Stage) -> None:
    revdeps.builder.roots["app"] = (OLD,)
    ref = await open_several(revdeps, "app", "libfoo", "data")
    titles = []
    for minutes, ended in ((1, ()), (2, (1,)), (4, (0, 2))):
        for number in ended:
            revdeps.builder.finish(revdeps.builder.started[number])
        for _ in range(3):
            await revdeps.settle()
            await revdeps.deliver_refresh(ref)
        revdeps.clock.pass_time(minutes=minutes)
        await revdeps.deliver_refresh(ref)
        await revdeps.settle()
        titles.append(revdeps.check(ref).title)
    assert titles == [
        "Building the change: app, libfoo and data",
        "Building the change: app and libfoo",
        "Building the change: app again, with the rest of it",
    ]


async def test_a_package_of_one_pull_request_is_built_with_those_of_the_next_one(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    impacts(revdeps)
    revdeps.builder.roots["libfoo"] = ("libbar-0-1.noarch",)
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert revdeps.check(lead).conclusion is Conclusion.SUCCESS
    assert built(revdeps)[start:] == [
        "libfoo sees nothing",
        "libbar sees libfoo",
        "libfoo sees libbar, libfoo",
        "libbar sees libbar, libfoo",
    ], "what is published is in every root here, so that each needs the other"
