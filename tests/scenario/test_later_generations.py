"""What a rebuilt package breaks itself: it is seen once that is published, and named with whose rebuild it was."""

import pytest

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.packages import PackageChange
from bot.domain.plan import Effect, RebuildOrder
from bot.domain.run import Conclusion
from bot.domain.verdict import Judgement, Verdict
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import affected, uninstallable, unresolvable
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks

GONE = "nothing provides libfoo.so.1 needed by libbar"
MOVED = "nothing provides libbar.so.1 needed by app-1-1.x86_64"


@pytest.fixture
def libbar_moves(revdeps: Stage) -> Stage:
    """libbar links to libfoo, whose soname moves; rebuilt it moves its own, and app links to that."""
    revdeps.resolver.script_impact(["libfoo"], affected("libbar"), broken=[uninstallable("libbar", GONE)])
    revdeps.builder.outcome_for = breaks()
    return revdeps


async def judged(revdeps: Stage, config: str = CONFIG) -> dict[str, Judgement]:
    ref = await revdeps.open(config=config)
    await revdeps.settle()
    return {found.package: found.judgement for found in (await revdeps.view(ref)).runs[0].findings}


async def test_what_it_makes_uninstallable_and_no_rebuild_can_repair_has_regressed(libbar_moves: Stage) -> None:
    libbar_moves.resolver.script_impact(["libfoo", "libbar"], broken=[uninstallable("app", MOVED)])
    found = await judged(libbar_moves)
    assert {name: each.verdict for name, each in found.items()} == {
        "libbar": Verdict.NEEDS_REBUILD,
        "app": Verdict.REGRESSED,
    }
    assert found["app"].cause == f"since the rebuild of libbar: {MOVED}"


async def test_what_it_makes_uninstallable_is_rebuilt_with_it(libbar_moves: Stage) -> None:
    libbar_moves.resolver.script_impact(["libfoo", "libbar"], affected("app"), broken=[uninstallable("app", MOVED)])
    libbar_moves.resolver.script_impact(["libfoo", "libbar", "app"])
    found = await judged(libbar_moves)
    assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(
        ("libbar", "app"), Verdict.NEEDS_REBUILD
    )
    assert generations(libbar_moves)["app"] == [1]


async def test_what_had_passed_is_built_again_with_it(libbar_moves: Stage) -> None:
    resolver = libbar_moves.resolver
    resolver.script_impact(["libfoo"], affected("libbar"), affected("app"), broken=[uninstallable("libbar", GONE)])
    resolver.script_impact(["libfoo", "libbar"], affected("app"), broken=[uninstallable("app", MOVED)])
    resolver.script_impact(["libfoo", "libbar", "app"])
    libbar_moves.builder.outcome_for = fails_in_generation(1, "app")
    found = await judged(libbar_moves)
    assert found["app"].verdict is Verdict.REGRESSED
    assert generations(libbar_moves)["app"] == [0, 1, 1]


async def test_what_was_rebuilt_beside_it_is_built_again_with_it(libbar_moves: Stage) -> None:
    resolver = libbar_moves.resolver
    both = [uninstallable("libbar", GONE), uninstallable("app", GONE)]
    resolver.script_impact(["libfoo"], affected("libbar"), affected("app"), broken=both)
    removed = PackageChange(package="libbar", removed=("libbar.so.1",))
    resolver.script_impact(["libfoo", "libbar", "app"])
    resolver.script_changes(["libfoo", "libbar", "app"], removed)
    resolver.script_broken(["libfoo", "libbar", "app"], uninstallable("app", MOVED))

    def mends(request: BuildRequest) -> Outcome:
        if (request.package, request.generation) == ("app", 1):
            resolver.script_broken(["libfoo", "libbar", "app"])
        return Succeeded()

    libbar_moves.builder.outcome_for = mends
    found = await judged(libbar_moves)
    assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(
        ("libbar", "app"), Verdict.NEEDS_REBUILD
    )
    assert generations(libbar_moves)["app"] == [0, 1]
    (ref,) = libbar_moves.forge.changes
    assert libbar_moves.check(ref).conclusion is Conclusion.SUCCESS
    assert "1. `libbar`\n2. `app`" in libbar_moves.check(ref).text


async def test_what_it_makes_unresolvable_has_regressed(libbar_moves: Stage) -> None:
    resolver = libbar_moves.resolver
    resolver.script_impact(["libfoo"], affected("libbar"), affected("app"), broken=[uninstallable("libbar", GONE)])
    resolver.script_impact(["libfoo", "libbar"], unresolvable("app", MOVED), unresolvable("stuck", MOVED))
    found = await judged(libbar_moves)
    assert (found["app"].verdict, found["stuck"].verdict) == (Verdict.REGRESSED, Verdict.REGRESSED)
    assert found["app"].cause == found["stuck"].cause == f"since the rebuild of libbar: {MOVED}"


async def test_who_waits_for_what_it_broke_is_built_once_that_is_rebuilt(libbar_moves: Stage) -> None:
    resolver = libbar_moves.resolver
    waits = "nothing provides libbar.so.1 needed by tool"
    resolver.script_impact(
        ["libfoo", "libbar"],
        affected("tool"),
        unresolvable("app", waits),
        broken=[uninstallable("tool", "nothing provides libbar.so.1")],
    )
    resolver.script_order(["libfoo", "libbar"], RebuildOrder(levels=(("tool",), ("app",)), edges=(("app", "tool"),)))
    resolver.script_impact(["libfoo", "libbar", "tool"], affected("app"))
    found = await judged(libbar_moves)
    assert {each.verdict for each in found.values()} == {Verdict.NEEDS_REBUILD}
    assert generations(libbar_moves)["app"] == [2]
    (ref,) = libbar_moves.forge.changes
    assert libbar_moves.check(ref).conclusion is Conclusion.SUCCESS
    assert "1. `libbar`\n2. `tool`\n3. `app`" in libbar_moves.check(ref).text


async def test_what_could_never_be_resolved_is_rebuilt_once_it_can_be(libbar_moves: Stage) -> None:
    resolver = libbar_moves.resolver
    never = affected("app", effect=Effect.STILL_UNRESOLVABLE, problem="nothing provides libfoo >= 2")
    broken = [uninstallable("libbar", GONE), uninstallable("app", f"package libbar-1-1.x86_64 cannot be: {GONE}")]
    resolver.script_impact(["libfoo"], affected("libbar"), never, broken=broken)
    now = affected("app", effect=Effect.NOW_RESOLVABLE)
    resolver.script_impact(["libfoo", "libbar"], now, broken=[uninstallable("app", MOVED)])
    resolver.script_impact(["libfoo", "libbar", "app"])
    found = await judged(libbar_moves)
    assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(
        ("libbar", "app"), Verdict.NEEDS_REBUILD
    )
    assert generations(libbar_moves)["app"] == [1]


async def test_a_rebuilt_package_that_cannot_be_installed_has_regressed_in_chained_mode(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.script_broken(["libfoo", "bar"], uninstallable("bar", "nothing provides python(abi) = 4"))
    revdeps.builder.outcome_for = breaks()
    found = await judged(revdeps, CONFIG + "mode: chained\n")
    assert found["bar"].verdict is Verdict.REGRESSED
    assert found["bar"].cause == "since the rebuild of bar: nothing provides python(abi) = 4"


async def test_what_it_breaks_of_the_change_itself_is_told(libbar_moves: Stage) -> None:
    broken = uninstallable("libfoo", "package foo-tools-1-1.x86_64 conflicts with libbar", binary="foo-tools")
    libbar_moves.resolver.script_broken(["libfoo", "libbar"], broken)
    found = await judged(libbar_moves)
    assert (found["libfoo"].verdict, found["libfoo"].own) == (Verdict.REGRESSED, True)
    assert found["libfoo"].cause.startswith("since the rebuild of libbar: ")


async def test_what_lost_a_capability_is_named_among_several(revdeps: Stage) -> None:
    both = [uninstallable("libbar", GONE), uninstallable("libbaz", GONE)]
    revdeps.resolver.script_impact(["libfoo"], affected("libbar"), affected("libbaz"), broken=both)
    revdeps.resolver.script_impact(["libfoo", "libbar", "libbaz"], broken=[uninstallable("app", MOVED)])
    revdeps.resolver.script_changes(
        ["libfoo", "libbar", "libbaz"], PackageChange(package="libbar", removed=("libbar.so.1",))
    )
    revdeps.builder.outcome_for = breaks()
    found = await judged(revdeps)
    assert found["app"].cause == f"since the rebuild of libbar: {MOVED}"


async def test_what_the_configuration_leaves_out_is_left_out_later_too(libbar_moves: Stage) -> None:
    libbar_moves.resolver.script_impact(["libfoo", "libbar"], broken=[uninstallable("app", MOVED)])
    found = await judged(libbar_moves, CONFIG + "reverse-dependencies: {exclude: [app]}\n")
    assert found["app"].verdict is Verdict.NOT_TESTED


def generations(revdeps: Stage) -> dict[str, list[int]]:
    """The generations that packages were built in, in order."""
    found: dict[str, list[int]] = {}
    for key in revdeps.builder.started:
        request = revdeps.builder.request(key)
        if not is_baseline(request):
            found.setdefault(request.package, []).append(request.generation)
    return found


def fails_in_generation(number: int, package: str):  # type: ignore[no-untyped-def]
    def outcome(request: BuildRequest) -> Outcome:
        later = request.package == package and request.generation >= number
        return failed("error: no such function") if later else Succeeded()

    return outcome
