"""A moved soname: what is known without a build, what is rebuilt in order, and who is to blame in the end."""

from bot.domain.plan import RebuildOrder
from bot.domain.run import Conclusion
from bot.domain.verdict import Judgement, Verdict
from tests.fakes.resolver import affected, uninstallable, unresolvable
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks

PROBLEM = "nothing provides libfoo.so.1 needed by "


def soname_moves(revdeps: Stage) -> None:
    """libbar and tool link to libfoo; app is built with libbar, report with tool."""
    broken = [uninstallable(name, PROBLEM + name) for name in ("libbar", "tool")]
    waiting = [unresolvable("app", PROBLEM + "libbar"), unresolvable("report", PROBLEM + "tool")]
    revdeps.resolver.script_impact(["libfoo"], affected("libbar"), affected("tool"), *waiting, broken=broken)
    revdeps.resolver.script_order(
        ["libfoo"],
        RebuildOrder(levels=(("libbar", "tool"), ("app", "report")), edges=(("app", "libbar"), ("report", "tool"))),
    )
    revdeps.resolver.script_impact(["libfoo", "libbar"], affected("app"), waiting[1])


async def judgements(revdeps: Stage) -> dict[str, Judgement]:
    ref = await revdeps.open()
    await revdeps.settle()
    return {found.package: found.judgement for found in (await revdeps.view(ref)).runs[0].findings}


async def test_what_a_rebuild_repairs_needs_a_rebuild_and_what_does_not_compile_has_regressed(revdeps: Stage) -> None:
    soname_moves(revdeps)
    revdeps.builder.outcome_for = breaks("tool")
    found = await judgements(revdeps)
    assert {name: judgement.verdict for name, judgement in found.items()} == {
        "libbar": Verdict.NEEDS_REBUILD,
        "app": Verdict.NEEDS_REBUILD,
        "tool": Verdict.REGRESSED,
        "report": Verdict.BLOCKED,
    }
    assert found["report"].root == "tool"


async def test_a_package_that_waits_is_built_only_once_what_it_needs_is_published(revdeps: Stage) -> None:
    soname_moves(revdeps)
    revdeps.builder.outcome_for = breaks("tool")
    await judgements(revdeps)
    generations = {
        revdeps.builder.request(key).package: revdeps.builder.request(key).generation for key in revdeps.builder.started
    }
    assert generations["app"] == 1
    assert "report" not in generations


async def test_in_isolated_mode_a_person_is_told_to_rebuild_in_order(revdeps: Stage) -> None:
    soname_moves(revdeps)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open(config=CONFIG + "mode: isolated\n")
    await revdeps.settle()
    findings = {found.package: found.judgement for found in (await revdeps.view(ref)).runs[0].findings}
    assert findings["app"].needs_order
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED


async def test_who_waits_for_what_was_left_out_is_not_said_to_be_broken_for_good(revdeps: Stage) -> None:
    soname_moves(revdeps)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open(config=CONFIG + "reverse-dependencies: {exclude: [libbar, report]}\n")
    await revdeps.settle()
    assert await revdeps.verdicts(ref) == {
        "libbar": Verdict.NOT_TESTED,
        "app": Verdict.BLOCKED,
        "tool": Verdict.NEEDS_REBUILD,
        "report": Verdict.NOT_TESTED,
    }
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    revdeps.resolver.script_impact(["libfoo", "tool"], affected("report"), unresolvable("app", PROBLEM + "libbar"))
    revdeps.resolver.script_impact(["libfoo", "tool", "libbar"], affected("report"), affected("app"))
    await revdeps.say(ref, "/revdeps include libbar report")
    assert set((await revdeps.verdicts(ref)).values()) == {Verdict.NEEDS_REBUILD}
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_rebuild_that_cannot_be_installed_all_the_same_has_regressed(revdeps: Stage) -> None:
    soname_moves(revdeps)
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_broken(["libfoo", "libbar"], uninstallable("libbar", "nothing provides libbaz"))
    found = await judgements(revdeps)
    assert found["libbar"].verdict is Verdict.REGRESSED


async def test_in_chained_mode_every_package_waits_for_those_it_is_built_with(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("app", distance=2))
    revdeps.resolver.script_order(["libfoo"], RebuildOrder(levels=(("bar",), ("app",)), edges=(("app", "bar"),)))
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open(config=CONFIG + "mode: chained\n")
    await revdeps.settle()
    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_PASSING, "app": Verdict.STILL_PASSING}
    generations = {
        revdeps.builder.request(key).package: revdeps.builder.request(key).generation for key in revdeps.builder.started
    }
    assert generations == {"libfoo": -1, "bar": 0, "app": 1}
