"""Several pull requests tested together: one workspace, a check on each of them, and blame by testing each alone."""

from collections.abc import Callable, Mapping

import pytest

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.intents import Refresh
from bot.domain.permission import Permission
from bot.domain.publication import Check
from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.domain.verdict import Blame
from bot.ports.errors import Rejected
from bot.ports.resolver import ReverseDependency
from tests.fakes.builder import failed
from tests.fakes.resolver import affected, source, uninstallable, unresolvable
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.test_conversations import is_done

OTHER = RepoRef(forge="github", owner="octocat", name="other")
THIRD = RepoRef(forge="github", owner="octocat", name="third")
BROKEN = failed("error: no member named 'frob'")


async def open_other(revdeps: Stage, repo: RepoRef = OTHER, name: str = "libbar", **state: object) -> ChangeRef:
    """Open a pull request in another repository, in which `octocat` may write too."""
    revdeps.forge.grant("octocat", Permission.WRITE, repo)
    change = revdeps.forge.open_change(repo, **state)  # type: ignore[arg-type]
    config = CONFIG.replace("libfoo", name)
    revdeps.forge.put_files(change.base_branch, {".revdeps.yaml": config}, repo)
    revdeps.forge.put_files(change.head_sha, {f"{name}.spec": f"Name: {name}\n"}, repo)
    revdeps.forge.touch(change.ref, (f"{name}.spec",))
    await revdeps.deliver(Refresh(change=change.ref))
    return change.ref


async def push_other(revdeps: Stage, ref: ChangeRef) -> None:
    change = revdeps.forge.push(ref)
    revdeps.forge.put_files(change.head_sha, {"libbar.spec": "Name: libbar\n# changed\n"}, ref.repo)
    await revdeps.deliver(Refresh(change=ref, pushed_sha=change.head_sha, pushed_by="octocat"))


def workspace_of(request: BuildRequest) -> str:
    """Return `together`, `baseline`, or the place of the change that is alone."""
    last = request.workspace.rpartition("/")[2]
    if "baseline" in request.workspace:
        return "baseline"
    return last.removeprefix("alone-") if last.startswith("alone-") else "together"


def breaks(where: Mapping[str, tuple[str, ...]]) -> Callable[[BuildRequest], Outcome]:
    """Let packages fail in these places: `together`, or with the change at a place alone."""

    def outcome(request: BuildRequest) -> Outcome:
        return BROKEN if workspace_of(request) in where.get(request.package, ()) else Succeeded()

    return outcome


def impacts(revdeps: Stage, *both: str, first: tuple[str, ...] = (), second: tuple[str, ...] = ()) -> None:
    """Say which dependents either change affects by itself, and both of them together."""
    revdeps.resolver.script_impact(["libfoo"], *(affected(name, buildroot_after=f"{name}-1") for name in first))
    revdeps.resolver.script_impact(["libbar"], *(affected(name, buildroot_after=f"{name}-2") for name in second))
    everything = dict.fromkeys((*first, *second, *both))
    revdeps.resolver.script_impact(
        ["libfoo", "libbar"], *(affected(name, buildroot_after=f"{name}-both") for name in everything)
    )


async def both(revdeps: Stage) -> tuple[ChangeRef, ChangeRef]:
    """Open both pull requests, and let their own runs come to an end, which is that they break nothing."""
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(), await open_other(revdeps)
    await revdeps.settle()
    return lead, other


def gate(revdeps: Stage, ref: ChangeRef) -> Check:
    return revdeps.check(ref)


async def blames(revdeps: Stage, ref: ChangeRef) -> dict[str, Blame | None]:
    view = await revdeps.view(ref)
    return {found.package: found.judgement.blame for found in view.runs[0].findings}


def built(revdeps: Stage, start: int) -> list[str]:
    """Return what was built since, as `package in place`."""
    requests = [revdeps.builder.request(key) for key in revdeps.builder.started[start:]]
    return sorted(f"{request.package} in {workspace_of(request)}" for request in requests)


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
    assert check.title.startswith("Not this change: octocat/other#1 is to blame. · 1 regressed")
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
    revdeps.resolver.still_broken = {"app-1-1.noarch": problem}
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert blame.culprits == (other,)
    assert not [what for what in built(revdeps, start) if what in {"app in 0", "app in 1"}]


async def test_a_change_that_cannot_be_built_alone_is_not_cleared(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together",), "libbar": ("1",)})
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
