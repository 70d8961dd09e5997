"""Several pull requests tested together: one workspace, a check on each of them, and blame by testing each alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.intents import Refresh, RepositoryTouched, RerunRequested
from bot.domain.permission import Permission
from bot.domain.publication import Check, CheckStatus
from bot.domain.run import ChangeRef, Conclusion, RepoRef, RunState, StopReason
from bot.domain.verdict import Blame
from bot.engine.resync import Resync
from bot.ports.errors import Rejected, Transient
from bot.ports.resolver import ReverseDependency
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import affected, source, uninstallable, unresolvable
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.test_conversations import answers, is_done, is_refused

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
    if is_baseline(request):
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


# What is refused, in words.


async def test_who_may_not_write_in_the_other_repository_is_told_so(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    revdeps.forge.grant("octocat", Permission.TRIAGE, OTHER)
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_refused(comment)
    assert "`octocat` has triage permission in `octocat/other`" in answers(revdeps, lead)[-1]
    assert len((await revdeps.view(lead)).runs) == 1
    assert len(revdeps.forge.checks_on(revdeps.forge.changes[other].head_sha)) == 1


async def test_what_the_commander_cannot_see_is_answered_as_what_does_not_exist(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    revdeps.forge.grant("octocat", Permission.NONE, OTHER)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    await revdeps.say(lead, "/revdeps with octocat/none#1")
    hidden, missing = answers(revdeps, lead)
    assert hidden.split("\n", 1)[1].replace("other", "none") == missing.split("\n", 1)[1]


async def test_whoever_may_not_give_the_command_makes_the_bot_look_at_nothing(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    revdeps.forge.grant("hubot", Permission.TRIAGE)
    asked = revdeps.forge.calls["permission"]
    await revdeps.say(lead, "/revdeps with octocat/other#1", author="hubot")
    assert "`with` is for write permission and up" in answers(revdeps, lead)[-1]
    assert revdeps.forge.calls["permission"] == asked + 1


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("octocat/libfoo#1", "is this pull request itself"),
        ("Octocat/LibFoo!1", "is this pull request itself"),
        ("octocat/other#9", "there is no such pull request"),
        ("https://elsewhere.example/octocat/other/pull/1", "is on another forge"),
        ("https://forge.example/octocat/other/wiki", "is not the page of a pull request"),
    ],
)
async def test_what_cannot_be_tested_together_is_refused(revdeps: Stage, written: str, told: str) -> None:
    lead, _ = await both(revdeps)
    comment = await revdeps.say(lead, f"/revdeps with {written} octocat/other#1")
    assert is_refused(comment)
    assert told in answers(revdeps, lead)[-1]
    assert len((await revdeps.view(lead)).runs) == 1


async def test_a_pull_request_is_named_by_its_page_too_and_by_any_case_of_its_name(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with https://forge.example/octocat/other/pull/1 octocat/other#1")
    run = (await revdeps.view(lead)).runs[0].run
    assert [part.change for part in run.companions] == [other]
    assert [part.head_repo for part in run.parts] == [str(lead.repo), str(other.repo)]


async def test_a_closed_pull_request_is_refused(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    revdeps.forge.close(other)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert "is closed" in answers(revdeps, lead)[-1]


async def test_an_outsider_s_commit_is_built_once_it_is_approved_in_its_own_repository(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(), await open_other(revdeps, author="monalisa")
    await revdeps.settle()
    head = revdeps.forge.changes[other].head_sha[:10]
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_refused(comment)
    assert f"`/revdeps ok @{head}` said there" in answers(revdeps, lead)[-1]
    await revdeps.say(other, f"/revdeps ok @{head}")
    assert is_done(await revdeps.say(lead, "/revdeps with octocat/other#1"))
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS


async def test_an_outsider_s_own_pull_request_has_to_be_approved_first(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    lead, _ = await revdeps.open(author="monalisa"), await open_other(revdeps)
    await revdeps.settle()
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert "and ask again" in answers(revdeps, lead)[-1]
    assert gate(revdeps, lead).buttons != ()
    await revdeps.say(lead, f"/revdeps ok @{revdeps.forge.changes[lead].head_sha[:10]}\n/revdeps with octocat/other#1")
    assert gate(revdeps, lead).title.endswith("with octocat/other#1")
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS


async def test_an_outsider_s_pull_request_that_was_not_looked_at_yet_is_not_built_either(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    other = await open_other(revdeps)
    await revdeps.settle()
    lead = await revdeps.open(author="monalisa")
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_done(comment)
    check = gate(revdeps, lead)
    assert check.conclusion is Conclusion.ACTION_REQUIRED
    assert "/revdeps ok @" in check.summary
    assert gate(revdeps, other).conclusion is Conclusion.ACTION_REQUIRED
    assert not [what for what in built(revdeps, 0) if what == "libfoo in together"]


async def test_two_changes_of_one_package_are_refused(revdeps: Stage) -> None:
    lead = await revdeps.open()
    second = await revdeps.open(head_sha="b" * 40)
    revdeps.builder.outcome_for = breaks({})
    await revdeps.settle()
    start = len(revdeps.builder.started)
    await revdeps.say(lead, f"/revdeps with {second}")
    assert [gate(revdeps, ref).conclusion for ref in (lead, second)] == [Conclusion.ACTION_REQUIRED] * 2
    assert "both change libfoo" in gate(revdeps, lead).title
    assert built(revdeps, start) == []


@pytest.mark.parametrize(
    ("config", "paths", "told"),
    [
        (None, ("libbar.spec",), "there is no .revdeps.yaml"),
        ("version: 1\npackages: 7\n", ("libbar.spec",), "has problems, the first of them in line 1"),
        (CONFIG.replace("libfoo", "libbar"), ("README",), "touches no package"),
    ],
)
async def test_a_companion_of_which_nothing_can_be_built_ends_the_run(
    revdeps: Stage, config: str | None, paths: tuple[str, ...], told: str
) -> None:
    lead, other = await both(revdeps)
    revdeps.forge.files[OTHER, "main"] = {} if config is None else {".revdeps.yaml": config.encode()}
    revdeps.forge.touch(other, paths)
    if paths == ("README",):
        config = CONFIG.replace("spec: libfoo.spec, name: libfoo", "spec: rpm/libbar.spec, name: libbar")
        revdeps.forge.put_files("main", {".revdeps.yaml": config}, OTHER)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.ACTION_REQUIRED] * 2
    assert told in gate(revdeps, lead).title.replace("`", "")


async def test_a_pull_request_that_touches_nothing_itself_is_no_green_light_for_others(revdeps: Stage) -> None:
    config = CONFIG.replace("spec: libfoo.spec", "spec: rpm/libfoo.spec")
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(paths=("README",), config=config), await open_other(revdeps)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.SKIPPED
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.ACTION_REQUIRED] * 2


async def test_sources_that_cannot_be_had_say_whose_they_are(revdeps: Stage) -> None:
    class Refuses:
        async def fetch(self, checkout: str, package: object) -> None:
            if "with-1" in checkout:
                raise Rejected("bar.tar.gz has no checksum")

    lead, other = await both(revdeps)
    revdeps.world = replace(revdeps.world, sources=Refuses())
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert "(octocat/other#1): bar.tar.gz" in gate(revdeps, other).title
    assert gate(revdeps, other).conclusion is Conclusion.FAILURE


async def test_a_change_that_does_not_build_fails_all_of_them_and_says_whose_it_is(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    revdeps.builder.outcome_for = breaks({"libbar": ("together",)})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.FAILURE] * 2
    assert "libbar (octocat/other#" in gate(revdeps, lead).summary.replace("\u200b", "")


# What happens meanwhile.


async def begun(revdeps: Stage) -> tuple[ChangeRef, ChangeRef]:
    """Return two pull requests that are being tested together: a dependent is being built."""
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))

    def outcome(request: BuildRequest) -> Outcome | None:
        return None if request.package == "app" else Succeeded()

    revdeps.builder.outcome_for = outcome
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).status for ref in (lead, other)] == [CheckStatus.IN_PROGRESS] * 2
    return lead, other


async def test_a_push_to_a_companion_ends_the_run_and_says_how_to_begin_again(revdeps: Stage) -> None:
    lead, other = await begun(revdeps)
    old = revdeps.forge.changes[other].head_sha
    await push_other(revdeps, other)
    await revdeps.settle()
    run = (await revdeps.view(lead)).runs[0].run
    assert (run.state, run.stop) == (RunState.FINISHED, StopReason.SUPERSEDED)
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert "octocat/other#1 has another commit by now" in gate(revdeps, lead).title
    assert "/revdeps with octocat/other#1" in gate(revdeps, lead).summary.replace("\u200b", "")
    assert revdeps.forge.latest_check(old).conclusion is Conclusion.CANCELLED
    again = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_done(again)
    assert gate(revdeps, other).status is CheckStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("state", "told"),
    [({"open": False}, "was closed or merged"), ({"base_branch": "f44"}, "has another base branch by now")],
)
async def test_a_companion_that_is_closed_or_retargeted_ends_the_run(
    revdeps: Stage, state: dict[str, object], told: str
) -> None:
    lead, other = await begun(revdeps)
    revdeps.forge.alter(other, **state)
    await revdeps.deliver_refresh(other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert told in gate(revdeps, lead).title


async def test_an_approval_that_is_taken_back_ends_the_run(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(), await open_other(revdeps, author="monalisa")
    await revdeps.settle()
    await revdeps.say(other, f"/revdeps ok @{revdeps.forge.changes[other].head_sha[:10]}")
    impacts(revdeps, first=("app",))
    revdeps.builder.outcome_for = lambda request: None if request.package == "app" else Succeeded()
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert gate(revdeps, lead).status is CheckStatus.IN_PROGRESS
    await revdeps.say(other, "/revdeps revoke")
    await revdeps.deliver_refresh(other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert "the approval of octocat/other#1 was taken back" in gate(revdeps, lead).title


async def test_a_success_is_taken_back_when_a_companion_has_another_commit(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS
    await push_other(revdeps, other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.ACTION_REQUIRED
    assert "octocat/other#1 has another commit by now" in gate(revdeps, lead).title


async def test_a_success_stands_when_a_companion_is_merged(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    revdeps.forge.close(other)
    await revdeps.deliver_refresh(other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS


async def test_a_repository_that_is_taken_from_the_bot_ends_the_run(revdeps: Stage) -> None:
    lead, _ = await begun(revdeps)
    revdeps.forge.installed.remove(OTHER)
    await revdeps.deliver(RepositoryTouched(repo=OTHER, removed=True))
    await Resync(world=revdeps.world, owner="engine", woke=lambda: None).once()
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert "was closed or merged" in gate(revdeps, lead).title


async def test_a_run_by_itself_puts_an_end_to_the_one_with_others(revdeps: Stage) -> None:
    lead, other = await begun(revdeps)
    await revdeps.say(lead, "/revdeps run")
    assert not gate(revdeps, lead).title.endswith("octocat/other#1")
    assert gate(revdeps, other).conclusion is Conclusion.CANCELLED
    assert "`/revdeps run` tests this pull request by itself" in gate(revdeps, other).summary
    assert (await revdeps.view(lead)).runs[0].run.companions == ()


async def test_the_same_command_twice_joins_what_is_about_to_begin(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1\nand\n/revdeps with octocat/other#1")
    assert len((await revdeps.view(lead)).runs) == 2
    await revdeps.ask(lead, "/revdeps with octocat/other#1")
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert len((await revdeps.view(lead)).runs) == 3
    assert "joins it" in answers(revdeps, lead)[-1]


async def test_running_a_check_again_tests_the_same_pull_requests_again(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    view = await revdeps.view(lead)
    again = RerunRequested(repo=lead.repo, head_sha=view.runs[0].run.head_sha, user="octocat", run=view.runs[0].run.id)
    await revdeps.deliver(again)
    await revdeps.settle()
    after = await revdeps.view(lead)
    assert len(after.runs) == 3
    assert [part.change for part in after.runs[0].run.companions] == [other]


async def test_what_is_gone_is_not_built_again_by_itself_alone(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together",)})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    revdeps.clock.pass_time(days=4)
    await revdeps.deliver_refresh(lead)
    await revdeps.settle()
    assert (await revdeps.view(lead)).runs[0].run.cleaned
    comment = await revdeps.say(lead, "/revdeps retry app")
    assert is_refused(comment)
    assert "/revdeps with octocat/other#1" in answers(revdeps, lead)[-1]


async def test_a_regression_that_is_built_again_and_passes_is_nobody_s_fault(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    revdeps.builder.outcome_for = breaks({})
    await revdeps.say(lead, "/revdeps retry app")
    assert (await blames(revdeps, lead))["app"] is None
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.SUCCESS] * 2


async def test_a_check_that_a_companion_s_repository_refuses_keeps_nobody_from_theirs(revdeps: Stage) -> None:
    lead, _ = await begun(revdeps)
    revdeps.forge.installed.remove(OTHER)
    revdeps.builder.outcome_for = breaks({})
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS
    written = revdeps.forge.calls["publish_check"]
    await revdeps.deliver_refresh(lead)
    await revdeps.settle()
    assert revdeps.forge.calls["publish_check"] == written


async def test_a_check_on_a_companion_is_written_when_the_forge_is_well_again(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.ask(lead, "/revdeps with octocat/other#1")
    revdeps.forge.fail_next("publish_check", Transient("busy"), times=3)
    await revdeps.settle()
    for _ in range(4):
        revdeps.clock.pass_time(minutes=10)
        await revdeps.settle()
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.SUCCESS] * 2


async def test_three_changes_are_told_apart(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    third = await open_other(revdeps, THIRD, "libbaz")
    await revdeps.settle()
    for names, after in (
        (["libfoo"], "1"),
        (["libbar"], "2"),
        (["libbaz"], "3"),
        (["libfoo", "libbar", "libbaz"], "all"),
    ):
        revdeps.resolver.script_impact(names, affected("app", buildroot_after=f"app-{after}"))
    revdeps.builder.outcome_for = breaks({"app": ("together", "2")})
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1 octocat/third#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert blame.culprits == (third,)
    conclusions = [gate(revdeps, ref).conclusion for ref in (lead, other, third)]
    assert conclusions == [Conclusion.ACTION_REQUIRED, Conclusion.ACTION_REQUIRED, Conclusion.FAILURE]
    assert gate(revdeps, third).title.endswith("with octocat/libfoo#1 and octocat/other#1")
    together = [what for what in built(revdeps, start) if what.endswith("together") and "app" not in what]
    assert together == ["libbar in together", "libbaz in together", "libfoo in together"]
