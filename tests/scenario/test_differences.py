"""What differs in a failed package's buildroot since its last good build, as a run finds it out and tells it."""

from dataclasses import replace

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.difference import Basis, RootChange, RootDifference
from bot.domain.packages import BinaryPackage, Nevra
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from bot.ports.errors import Transient
from bot.ports.resolver import Buildroot
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.outcomes import breaks

CHANGED = RootChange(name="libfoo", new="1-1.rd0000001", arch="noarch", distance=1, ours=True)
FAILURE = failed("error: no such function")


def never(request: BuildRequest) -> Outcome:
    return FAILURE if request.package == "bar" else Succeeded()


async def differences(revdeps: Stage, ref: ChangeRef) -> list[RootDifference]:
    return [found for view in (await revdeps.view(ref)).runs[:1] for found in view.differences]


def changed(revdeps: Stage, ref: ChangeRef) -> RootChange:
    """The change's own package, as the fake builder makes it of this commit."""
    return replace(CHANGED, new=f"1-1.rd{revdeps.forge.changes[ref].head_sha[:7]}")


async def test_a_regression_tells_what_the_change_brought_into_the_buildroot(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
    revdeps.resolver.near = {"bar": {"libfoo": 1}}
    revdeps.builder.outcome_for = breaks("bar")
    ref = await revdeps.open()
    await revdeps.settle()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.REGRESSED
    (found,) = await differences(revdeps, ref)
    assert (found.package, found.basis, found.with_change) == ("bar", Basis.GOOD_BUILD, False)
    assert found.good_at == revdeps.clock.now()
    assert found.changes == (changed(revdeps, ref),)
    assert revdeps.actions.count("CompareRoots") == 1


async def test_what_moved_in_the_distribution_meanwhile_is_told_too(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.near = {"bar": {"libfoo": 1, "host-base": 2}}
    revdeps.builder.outcome_for = breaks("bar")
    ref = await revdeps.open()
    await revdeps.settle()
    good_at = revdeps.clock.now()
    # A day later the distribution has moved, and bar fails without the change too.
    revdeps.clock.pass_time(days=1)
    revdeps.builder.base_packages = ("host-base-2-1.noarch",)
    revdeps.builder.outcome_for = never
    moved = affected("bar", buildroot_before="moved", buildroot_after="moved too")
    revdeps.resolver.script_impact(["libfoo"], moved)
    await revdeps.push(ref)
    await revdeps.settle()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.STILL_FAILING
    (found,) = await differences(revdeps, ref)
    assert (found.basis, found.good_at) == (Basis.GOOD_BUILD, good_at)
    assert found.changes == (
        changed(revdeps, ref),
        RootChange(name="host-base", old="1-1", new="2-1", arch="noarch", distance=2),
    )


async def test_without_an_earlier_good_build_both_sides_are_solved(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.near = {"bar": {"libfoo": 2}}
    for replaces, version in (((), "1"), (("libfoo",), "2")):
        nevra = Nevra(name="libfoo", version=version, release="1", arch="noarch")
        package = BinaryPackage(nevra=nevra, location="file:///fake", checksum="sha256:0")
        revdeps.resolver.script_root(replaces, "bar", Buildroot(packages=(package,), digest=f"bar-{version}"))
    revdeps.builder.outcome_for = never
    ref = await revdeps.open()
    await revdeps.settle()
    (found,) = await differences(revdeps, ref)
    assert (found.basis, found.good, found.total) == (Basis.SOLVED, None, 1)
    (change,) = found.changes
    assert (change.name, change.old, change.new, change.distance) == ("libfoo", "1-1", "2-1", 2)


async def test_a_resolver_that_cannot_answer_keeps_no_verdict_back(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.near = {"bar": {"libfoo": 1}}
    revdeps.resolver.fail_next("distances", Transient("the repository is down"))
    revdeps.builder.outcome_for = breaks("bar")
    ref = await revdeps.open()
    await revdeps.settle()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.REGRESSED
    (found,) = await differences(revdeps, ref)
    assert found.changes == (replace(changed(revdeps, ref), distance=None),)


async def test_nothing_is_known_where_nobody_can_tell(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.fail_next("distances", Transient("the repository is down"))
    revdeps.builder.outcome_for = never
    ref = await revdeps.open()
    await revdeps.settle()
    (found,) = await differences(revdeps, ref)
    assert (found.basis, found.changes, found.total) == (Basis.NOTHING, (), 0)


def not_again(request: BuildRequest) -> Outcome:
    return FAILURE if request.package == "libfoo" else Succeeded()


async def test_a_change_that_builds_no_longer_tells_what_moved_since_it_did(revdeps: Stage) -> None:
    revdeps.resolver.near = {"libfoo": {"host-base": 1}}
    revdeps.builder.outcome_for = lambda request: Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()
    good_at = revdeps.clock.now()
    revdeps.clock.pass_time(days=1)
    revdeps.builder.base_packages = ("host-base-2-1.noarch",)
    revdeps.builder.outcome_for = not_again
    await revdeps.push(ref)
    await revdeps.settle()
    (found,) = await differences(revdeps, ref)
    assert (found.package, found.basis, found.with_change, found.good_at) == ("libfoo", Basis.GOOD_BUILD, True, good_at)
    assert found.changes == (RootChange(name="host-base", old="1-1", new="2-1", arch="noarch", distance=1),)
    assert "`host-base 1-1 → 2-1` (distance 1)" in revdeps.comment(ref)
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE


async def test_a_change_that_never_built_has_nothing_to_be_compared_with(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = not_again
    ref = await revdeps.open()
    await revdeps.settle()
    (found,) = await differences(revdeps, ref)
    assert (found.package, found.basis) == ("libfoo", Basis.NOTHING)
    assert "What differs" not in revdeps.comment(ref)
    assert revdeps.actions.count("CompareRoots") == 1


async def test_a_failure_that_was_built_again_is_compared_again(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.builder.outcome_for = breaks("bar")
    ref = await revdeps.open()
    await revdeps.settle()
    (first,) = await differences(revdeps, ref)
    await revdeps.say(ref, "/revdeps retry bar")
    (again,) = await differences(revdeps, ref)
    assert again.build != first.build
    assert again.changes == first.changes
