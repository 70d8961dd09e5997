"""What the change brings cannot be installed itself: it is known before anything is rebuilt, and never green."""

from dataclasses import replace

import pytest

from bot.domain.plan import Effect, RebuildOrder
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Blame, Judgement, Verdict
from tests.fakes.resolver import affected, uninstallable
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks, holds_builds
from tests.scenario.several import blames, both, gate
from tests.scenario.test_conversations import answers

PROBLEM = "nothing provides libquux.so.9 needed by foo-tools-1-1.x86_64"
LAME = uninstallable("libfoo", PROBLEM, binary="foo-tools")
OLD_LIBBAR = "nothing provides libfoo.so.1 needed by libbar-1-1.x86_64"
ASKS_LIBBAR = f"package foo-tools-1-1.x86_64 requires libbar, but none of the providers can be installed\n{OLD_LIBBAR}"


async def judged(revdeps: Stage, ref: ChangeRef) -> dict[str, Judgement]:
    return {found.package: found.judgement for found in (await revdeps.view(ref)).runs[0].findings}


def needs_a_rebuild(revdeps: Stage) -> None:
    """foo-tools, of the change, wants libbar, which has to be rebuilt for it."""
    lame = uninstallable("libfoo", ASKS_LIBBAR, binary="foo-tools")
    revdeps.resolver.script_impact(["libfoo"], affected("libbar"), broken=[uninstallable("libbar", OLD_LIBBAR)])
    revdeps.resolver.script_impact(["libfoo", "libbar"])
    revdeps.resolver.script_broken(["libfoo"], lame)
    revdeps.resolver.script_broken(["libfoo", "libbar"])


async def test_it_fails_the_check_and_is_no_package_that_was_to_be_tested(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    assert await revdeps.verdicts(ref) == {"libfoo": Verdict.REGRESSED, "bar": Verdict.STILL_PASSING}
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.FAILURE, "1 regressed · 1 of 1 tested")
    assert "### ❌ libfoo itself cannot be installed" in check.summary
    row = next(line for line in revdeps.comment(ref).splitlines() if line.startswith("| **`libfoo`**"))
    assert row == (
        "| **`libfoo`** (the change itself) | ❌ regressed (does not install) | found without a build "
        f"| `{PROBLEM}` | `/revdeps why libfoo` |"
    )


async def test_it_is_told_before_anything_is_rebuilt(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = holds_builds
    ref = await revdeps.open()
    await revdeps.settle()
    assert [revdeps.builder.request(key).package for key in revdeps.builder.running] == ["bar"]
    assert (await judged(revdeps, ref))["libfoo"].verdict is Verdict.REGRESSED


async def test_it_is_told_where_nobody_depends_on_the_change(revdeps: Stage) -> None:
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.FAILURE, "1 regressed")


async def test_what_could_not_be_installed_before_either_passes_and_is_told(revdeps: Stage) -> None:
    revdeps.resolver.script_broken(["libfoo"], replace(LAME, still=True))
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    assert (await judged(revdeps, ref))["libfoo"] == Judgement(verdict=Verdict.STILL_FAILING, cause=PROBLEM, own=True)
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.SUCCESS, "1 already failing")
    assert "No package is affected" in check.summary
    await revdeps.say(ref, "/revdeps why libfoo")
    assert "Could not be installed before either" in answers(revdeps, ref)[-1]


async def test_no_wish_and_no_limit_leaves_it_out(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open(config=CONFIG + "reverse-dependencies: {exclude: [libfoo, bar], depth: 1, limit: 1}\n")
    await revdeps.settle()
    assert revdeps.check(ref).title == "1 regressed · 1 of 1 tested · 1 of 2 planned"


async def test_it_can_be_waived(revdeps: Stage) -> None:
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps waive libfoo -- quux comes tomorrow")
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.SUCCESS, "1 waived")
    assert "No package is affected, but for what was waived" in check.summary
    await revdeps.say(ref, "/revdeps unwaive libfoo")
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("why libfoo", f"`foo-tools-1-1.x86_64`: `{PROBLEM}`"),
        ("logs libfoo", f"regressed (does not install): `{PROBLEM}`"),
        ("logs libfoo", "the change on `rawhide`, attempt 1: ✅"),
        ("retry libfoo", "What is changed itself is built anew for a new commit, or by `/revdeps run`: `libfoo`."),
        ("skip libfoo", "What is changed itself cannot be skipped; `/revdeps waive` accepts its failure: `libfoo`."),
        ("status", "libfoo itself cannot be installed"),
    ],
)
async def test_commands_about_it_are_answered(revdeps: Stage, command: str, answer: str) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, f"/revdeps {command}")
    assert answer in answers(revdeps, ref)[-1]
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE


async def test_what_the_rebuild_of_another_repairs_needs_that_rebuild(revdeps: Stage) -> None:
    needs_a_rebuild(revdeps)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    assert set((await revdeps.verdicts(ref)).values()) == {Verdict.NEEDS_REBUILD}
    check = revdeps.check(ref)
    assert (check.conclusion, check.title) == (Conclusion.SUCCESS, "1 to rebuild · 1 of 1 tested")
    assert (
        "1. `libbar`\n\nUntil then these cannot be installed, and they need no rebuild themselves: `libfoo`."
        in check.text
    )


async def test_what_a_rebuild_that_failed_would_repair_is_blocked_and_not_green(revdeps: Stage) -> None:
    needs_a_rebuild(revdeps)
    revdeps.builder.outcome_for = breaks("libbar")
    ref = await revdeps.open()
    await revdeps.settle()
    found = await judged(revdeps, ref)
    assert (found["libbar"].verdict, found["libfoo"].verdict) == (Verdict.REGRESSED, Verdict.BLOCKED)
    assert (found["libfoo"].root, found["libfoo"].needs_order) == ("libbar", True)


async def test_in_isolated_mode_a_person_has_to_rebuild_the_other(revdeps: Stage) -> None:
    needs_a_rebuild(revdeps)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open(config=CONFIG + "mode: isolated\n")
    await revdeps.settle()
    assert (await judged(revdeps, ref))["libfoo"].needs_order
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED


async def test_of_several_changes_it_is_the_one_that_cannot_be_installed_by_itself(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    lame = uninstallable("libbar", PROBLEM)
    revdeps.resolver.script_broken(["libbar"], lame)
    revdeps.resolver.script_broken(["libfoo", "libbar"], lame)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert (await blames(revdeps, lead))["libbar"] == Blame(culprits=(other,))
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [
        Conclusion.ACTION_REQUIRED,
        Conclusion.FAILURE,
    ]


async def test_in_chained_mode_it_is_told_at_once_where_no_rebuild_is_named(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("app", effect=Effect.NOW_RESOLVABLE))
    revdeps.resolver.script_order(["libfoo"], RebuildOrder(levels=(("bar",), ("app",)), edges=(("app", "bar"),)))
    revdeps.resolver.script_broken(["libfoo"], LAME)
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open(config=CONFIG + "mode: chained\n")
    await revdeps.settle()
    assert (await judged(revdeps, ref))["libfoo"].verdict is Verdict.REGRESSED
