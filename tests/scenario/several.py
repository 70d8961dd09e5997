"""Several pull requests tested together: how they are opened, what they affect and break, and what came of it."""

from collections.abc import Callable, Mapping

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.intents import Refresh
from bot.domain.permission import Permission
from bot.domain.publication import Check
from bot.domain.run import ChangeRef, RepoRef
from bot.domain.verdict import Blame
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage

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
