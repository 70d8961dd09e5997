"""Several pull requests tested together: one workspace, a check on each of them, and blame by testing each alone."""

import pytest

from bot.domain.build import BuildRequest, Failed, FailureReason, Outcome
from bot.domain.run import Conclusion
from bot.domain.verdict import Blame, Inseparable
from bot.ports.errors import Rejected
from bot.ports.resolver import ReverseDependency
from tests.fakes.builder import failed
from tests.fakes.resolver import affected, source, uninstallable, unresolvable
from tests.scenario.harness import Stage
from tests.scenario.several import THIRD, blames, both, breaks, built, gate, impacts, open_other, workspace_of
from tests.scenario.test_conversations import is_done

NO_HEADER = failed("foo.h: No such file")

# What comes of it.


async def test_changes_that_break_nothing_together_are_a_success_on_each_of_them(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("tool",))
    start = len(revdeps.builder.started)
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_done(comment)
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.SUCCESS] * 2
    assert gate(revdeps, lead).title == "2 of 2 tested · with octocat/other#1"
    assert gate(revdeps, other).title == "2 of 2 tested · with octocat/libfoo#1"
    run = (await revdeps.view(lead)).runs[0].run
    assert {gate(revdeps, ref).details_url for ref in (lead, other)} == {f"https://revdeps.example/runs/{run.id}"}
    assert "https://forge.example/octocat/other/pull/1" in gate(revdeps, lead).summary
    assert "https://forge.example/octocat/libfoo/pull/1" in gate(revdeps, other).summary
    assert gate(revdeps, other).buttons == ()
    assert built(revdeps, start) == [f"{name} in together" for name in ("app", "libbar", "libfoo", "tool")]


async def test_each_change_is_built_with_those_before_it_and_from_its_own_repository(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    run = (await revdeps.view(lead)).runs[0]
    bar, foo = sorted(run.builds, key=lambda build: build.package)
    assert foo.request.generation < min(revdeps.builder.generations[foo.request.workspace])
    seen = revdeps.builder.generations[bar.request.workspace][bar.request.generation]
    assert [package.source for package in seen.packages] == [
        f"libfoo-1-1.rd{revdeps.forge.changes[lead].head_sha[:7]}.src"
    ]
    assert bar.request.source.repository == "octocat/other"  # type: ignore[union-attr]
    assert bar.request.source.commit == revdeps.forge.changes[other].head_sha  # type: ignore[union-attr]


async def test_what_is_known_to_need_another_of_the_changes_is_built_after_it(revdeps: Stage) -> None:
    revdeps.resolver.sources |= {name: source(name) for name in ("libfoo", "libbar")}
    needs = ReverseDependency(source=source("libfoo"), distance=1, path=())
    revdeps.resolver.script_dependents("libbar", needs)
    lead, _ = await both(revdeps)
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    packages = [revdeps.builder.request(key).package for key in revdeps.builder.started[start:]]
    assert packages == ["libbar", "libfoo"]


# Who is to blame.


@pytest.mark.parametrize(
    ("fails", "culprits", "lead_gate", "other_gate", "told"),
    [
        (("together", "1"), ("octocat/other#1",), Conclusion.ACTION_REQUIRED, Conclusion.FAILURE, "this change"),
        (("together", "0"), ("octocat/libfoo#1",), Conclusion.FAILURE, Conclusion.ACTION_REQUIRED, "octocat/libfoo"),
        (("together",), (), Conclusion.FAILURE, Conclusion.FAILURE, "only together"),
        (
            ("together", "0", "1"),
            ("octocat/libfoo#1", "octocat/other#1"),
            Conclusion.FAILURE,
            Conclusion.FAILURE,
            "caused by each of",
        ),
    ],
    ids=["the companion", "its own", "only together", "each of them"],
)
async def test_a_regression_is_blamed_on_the_change_that_causes_it_alone(
    revdeps: Stage,
    fails: tuple[str, ...],
    culprits: tuple[str, ...],
    lead_gate: Conclusion,
    other_gate: Conclusion,
    told: str,
) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": fails})
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert tuple(str(change) for change in blame.culprits) == culprits
    assert blame.unknown == ()
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [lead_gate, other_gate]
    assert told in gate(revdeps, other).summary.replace("\u200b", "")
    alone = [what for what in built(revdeps, start) if what[-1].isdigit()]
    assert alone == ["app in 0", "app in 1", "libbar in 1", "libfoo in 0"]


async def test_whoever_is_not_to_blame_is_told_who_is(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    check = gate(revdeps, lead)
    assert check.title.startswith("Not this change: octocat/other#1 is to blame · 1 regressed")
    plain = check.summary.replace("\u200b", "")
    assert "caused by octocat/other" in plain
    assert "`/revdeps run`" in plain
    assert "caused by octocat/other" in revdeps.comment(lead).replace("\u200b", "")


async def test_a_package_that_one_change_alone_leaves_as_it_is_is_not_built_with_that_one(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    impacts(revdeps, second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert [str(change) for change in blame.culprits] == ["octocat/other#1"]
    assert "app in 0" not in built(revdeps, start)


async def test_a_buildroot_that_is_the_same_with_one_change_alone_needs_no_build(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    same = affected("app", buildroot_after="app-both")
    revdeps.resolver.script_impact(["libbar"], same)
    revdeps.resolver.script_impact(["libfoo", "libbar"], same)
    revdeps.builder.outcome_for = breaks({"app": ("together",)})
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert [str(change) for change in blame.culprits] == ["octocat/other#1"]
    assert not [what for what in built(revdeps, start) if what in {"app in 0", "app in 1"}]


@pytest.mark.parametrize("kind", ["unresolvable", "does not install"])
async def test_what_breaks_without_a_build_is_blamed_without_one(revdeps: Stage, kind: str) -> None:
    lead, other = await both(revdeps)
    problem = "nothing provides libbar.so.1"
    item = unresolvable("app", problem) if kind == "unresolvable" else affected("app")
    broken = [uninstallable("app", problem)] if kind == "does not install" else []
    revdeps.resolver.script_impact(["libfoo"], affected("app", buildroot_after="app-1"))
    revdeps.resolver.script_impact(["libbar"], item, broken=broken)
    revdeps.resolver.script_impact(["libfoo", "libbar"], item, broken=broken)
    revdeps.resolver.script_broken(["libfoo", "libbar", "app"], uninstallable("app", problem))
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert blame.culprits == (other,)
    assert not [what for what in built(revdeps, start) if what in {"app in 0", "app in 1"}]


async def test_a_change_that_needs_another_one_is_to_blame_for_what_that_one_leaves_whole(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together",), "libbar": ("1",)})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    needing = Inseparable(change=other, others=(lead,))
    assert (await blames(revdeps, lead))["app"] == Blame(culprits=(other,), inseparable=(needing,))
    assert gate(revdeps, lead).conclusion is Conclusion.ACTION_REQUIRED
    assert gate(revdeps, other).conclusion is Conclusion.FAILURE
    assert "caused by this change, which cannot be built without octocat/libfoo" in gate(revdeps, other).summary


async def test_a_change_that_needs_one_of_several_others_is_tried_with_that_one(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    third = await open_other(revdeps, THIRD, "libbaz")
    await revdeps.settle()
    impacts(revdeps, "app")
    whole = affected("app", buildroot_after="app-all")
    revdeps.resolver.script_impact(["libfoo", "libbar", "libbaz"], whole)
    ends, first = breaks({"app": ("together", "1")}), -7  # what a change's packages see before any is published

    def outcome(request: BuildRequest) -> Outcome:
        lonely = (request.package, workspace_of(request), request.generation) == ("libbar", "1", first)
        return NO_HEADER if lonely else ends(request)

    revdeps.builder.outcome_for = outcome
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1 octocat/third#1")
    needing = Inseparable(change=other, others=(lead,))
    assert (await blames(revdeps, lead))["app"] == Blame(culprits=(other,), inseparable=(needing,))
    conclusions = [gate(revdeps, ref).conclusion for ref in (lead, other, third)]
    assert conclusions == [Conclusion.ACTION_REQUIRED, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED]
    tried = [what for what in built(revdeps, start) if what.endswith(" in 1")]
    assert tried == ["app in 1", "libbar in 1", "libbar in 1", "libbar in 1", "libfoo in 1"]


async def test_a_change_that_cannot_be_built_alone_for_no_reason_of_its_own_is_not_cleared(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    ends = breaks({"app": ("together",)})
    refused = Failed(reason=FailureReason.INFRASTRUCTURE, cause="no", refused=True)
    revdeps.builder.outcome_for = lambda request: (
        refused if request.package == "libbar" and workspace_of(request) == "1" else ends(request)
    )
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert (await blames(revdeps, lead))["app"] == Blame(unknown=(other,))
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.FAILURE] * 2
    assert "not tested alone" in gate(revdeps, lead).summary


async def test_a_backend_that_makes_no_more_workspaces_leaves_the_verdict_as_it_is(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    await revdeps.ask(lead, "/revdeps with octocat/other#1")
    await revdeps.settle(until=lambda: any("baseline" in name for name in revdeps.builder.workspaces))
    revdeps.builder.fail_next("prepare", Rejected("no more side tags"))
    await revdeps.settle()
    assert (await blames(revdeps, lead))["app"] == Blame(culprits=(other,), unknown=(lead,))
    assert gate(revdeps, other).conclusion is Conclusion.FAILURE


async def test_what_was_built_to_find_out_who_is_to_blame_is_removed_with_the_run(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [name for name in revdeps.builder.workspaces if "alone" in name]
    revdeps.forge.close(lead)
    await revdeps.deliver_refresh(lead)
    await revdeps.settle()
    assert [name for name in revdeps.builder.workspaces if "alone" in name] == []
    assert (await revdeps.view(lead)).runs[0].run.cleaned
