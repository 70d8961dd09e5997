"""A run of the pull request octocat/libfoo#7, value by value, for tests of what is decided about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.build import (
    Build,
    BuildRequest,
    BuildState,
    CandidateKey,
    Failed,
    FailureReason,
    Outcome,
    Purpose,
    SrpmSource,
    Succeeded,
)
from bot.domain.config import Config, PackageConfig
from bot.domain.decide import ChangeView, RunView
from bot.domain.evidence import TargetView, baseline_key
from bot.domain.ids import RunId, SnapshotId, WorkspaceRef
from bot.domain.plan import Affected, PlanEntry, Selection
from bot.domain.run import Change, ChangeRef, ChangeState, PublishedPackage, RepoRef, Run, RunTarget
from bot.domain.target import Target
from bot.domain.verdict import Waiver
from tests.fakes.resolver import affected

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = RunId("run1")
HEAD = "a1b2c3d4e5" * 4
REF = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="libfoo"), number=7)
TARGET = Target(name="rawhide", arch="x86_64", backend="fake", repositories=())
CONFIG = Config(packages=(PackageConfig(spec="libfoo.spec", name="libfoo"),), targets=(TARGET,))
INFRASTRUCTURE = Failed(reason=FailureReason.INFRASTRUCTURE, cause="mirror")


def state(**changes: object) -> ChangeState:
    """The pull request, open, at HEAD."""
    plain = ChangeState(
        ref=REF,
        title="Update to 1.9",
        author="octocat",
        head_sha=HEAD,
        base_sha="9f8e7d6c5b" * 4,
        base_branch="main",
        head_repo="octocat/libfoo",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def run(**changes: object) -> Run:
    """A run of HEAD that has its configuration and its checkout."""
    plain = Run(
        id=RUN,
        change=REF,
        head_sha=HEAD,
        base_sha="9f8e7d6c5b" * 4,
        base_branch="main",
        created_at=NOW,
        trusted=True,
        config=CONFIG,
        packages=CONFIG.packages,
        checkout="/checkout",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def target(*rebuilt: str, **changes: object) -> RunTarget:
    """The target with the change published, and what was `rebuilt` for it; the plan is made."""
    plain = RunTarget(
        run=RUN,
        target=TARGET,
        snapshot=SnapshotId("snapshot"),
        workspace=WorkspaceRef("workspace"),
        baseline_workspace=WorkspaceRef("baseline"),
        published=tuple(published(name) for name in ("libfoo", *rebuilt)),
        repository="file:///repository",
        generation=len(rebuilt),
        planned=True,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def published(name: str) -> PublishedPackage:
    """A package as it stands in the workspace's repository."""
    return PublishedPackage(source=f"{name}-1-1.src", binaries=(f"{name}-1-1.x86_64",))


def entry(package: str | Affected, **changes: object) -> PlanEntry:
    """A planned package, affected directly unless told otherwise."""
    what = affected(package) if isinstance(package, str) else package
    plain = PlanEntry(run=RUN, target=TARGET.name, affected=what, selection=Selection.PLANNED)
    return replace(plain, **changes)  # type: ignore[arg-type]


def failed(cause: str = "error: no", reason: FailureReason = FailureReason.COMPILE) -> Failed:
    """A failure of the package's own."""
    return Failed(reason=reason, signature=f"build: {cause}", cause=cause)


def built(package: str, outcome: Outcome | None = None, attempt: int = 1, **changes: object) -> Build:
    """A build of a package with the change; without an outcome it is queued."""
    purpose = Purpose.FIRST if attempt == 1 else Purpose.CONFIRMATION
    key = CandidateKey(run=RUN, package=package, target=TARGET.name, attempt=attempt).text
    plain = Build(
        key=key,
        run=RUN,
        target=TARGET.name,
        backend="fake",
        purpose=purpose,
        request=BuildRequest(
            package=package,
            workspace=WorkspaceRef("workspace"),
            source=SrpmSource(location="", checksum=""),
            timeout=timedelta(hours=5),
        ),
        attempt=attempt,
        state=BuildState.QUEUED if outcome is None else BuildState.DONE,
        queued_at=NOW,
        outcome=outcome,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def subject(outcome: Outcome | None = None, attempt: int = 1, **changes: object) -> Build:
    """A build of libfoo, the change itself."""
    key = CandidateKey(run=RUN, package="libfoo", target=TARGET.name, variant="subject", attempt=attempt).text
    return built("libfoo", outcome, attempt, key=key, purpose=Purpose.SUBJECT, **changes)


def base(of: PlanEntry, outcome: Outcome | None = None, attempt: int = 1, **changes: object) -> Build:
    """A build of an entry without the change."""
    key = baseline_key(of, TARGET, attempt).text
    return built(of.package, outcome, attempt, key=key, run=None, purpose=Purpose.BASELINE, **changes)


def part(*entries: PlanEntry, builds: tuple[Build, ...] = (), **changes: object) -> TargetView:
    """The run on its target, as it is judged."""
    plain = TargetView(target=target(), config=CONFIG, entries=entries, builds=builds, waivers={})
    return replace(plain, **changes)  # type: ignore[arg-type]


def run_view(*entries: PlanEntry, builds: tuple[Build, ...] = (), **changes: object) -> RunView:
    """A run whose change is built and published."""
    plain = RunView(run=run(), targets=(target(),), entries=entries, builds=(subject(Succeeded()), *builds))
    return replace(plain, **changes)  # type: ignore[arg-type]


def waiver(**changes: object) -> Waiver:
    """A waiver that somebody gave for the base of `state()`, without a date."""
    plain = Waiver(by="octocat", reason="known", base_branch="main", base_sha="9f8e7d6c5b" * 4, given_at=NOW)
    return replace(plain, **changes)  # type: ignore[arg-type]


def view(*runs: RunView, **changes: object) -> ChangeView:
    """The pull request with its runs, newest first; nothing about it is stale."""
    plain = ChangeView(change=Change(ref=REF, state=state(), stale=False), runs=runs, waivers={})
    return replace(plain, **changes)  # type: ignore[arg-type]
