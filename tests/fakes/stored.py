"""Examples of everything that is stored, as small as their types allow; tests change what they are about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.build import Build, BuildRequest, BuildState, CandidateKey, Purpose, SrpmSource
from bot.domain.difference import Basis, RootChange, RootDifference
from bot.domain.ids import BuildKey, RunId, WorkspaceRef
from bot.domain.intents import Intent, ReceivedDelivery, Refresh
from bot.domain.packages import Nevra, SourcePackage
from bot.domain.plan import Affected, Effect, PlanEntry, Selection
from bot.domain.run import Change, ChangeRef, ChangeState, RepoRef, Run, RunTarget
from bot.domain.target import Repository, Target
from bot.domain.verdict import Finding, Judgement, Verdict
from bot.ports.store import Store

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REPO = RepoRef(forge="github", owner="octocat", name="libfoo")
RUN = RunId("r1")
TARGET = Target(
    name="fedora",
    arch="x86_64",
    backend="sandbox",
    repositories=(Repository(url="file:///srv/repo"),),
    buildroot=("gcc",),
)


def change_ref(number: int = 7) -> ChangeRef:
    """A pull request of the one repository."""
    return ChangeRef(repo=REPO, number=number)


def change(number: int = 7, *, head: str = "a" * 40, is_open: bool = True) -> Change:
    """A pull request that the forge was asked about."""
    state = ChangeState(
        ref=change_ref(number),
        title="Update to 2.0",
        author="octocat",
        head_sha=head,
        base_sha="b" * 40,
        base_branch="main",
        head_repo="octocat/libfoo",
        open=is_open,
    )
    return Change(ref=change_ref(number), state=state, stale=False)


def run(name: str = RUN, number: int = 7, sequence: int = 1, head: str = "a" * 40) -> Run:
    """A run; later sequences were created later."""
    created = NOW + sequence * MINUTE
    return Run(
        id=RunId(name),
        change=change_ref(number),
        head_sha=head,
        base_sha="b" * 40,
        created_at=created,
        sequence=sequence,
    )


def run_target(name: str = "fedora") -> RunTarget:
    """A target of the run."""
    return RunTarget(run=RUN, target=replace(TARGET, name=name))


def entry(package: str = "bar", target: str = "fedora") -> PlanEntry:
    """An affected package of the run."""
    nevra = Nevra(name=package, version="1", release="1", arch="src")
    source = SourcePackage(nevra=nevra, location=f"file:///srv/repo/{package}.src.rpm", checksum="sha256:00")
    affected = Affected(source=source, effect=Effect.REBUILD, distance=1)
    return PlanEntry(run=RUN, target=target, affected=affected, selection=Selection.PLANNED)


def finding(package: str = "bar", verdict: Verdict = Verdict.STILL_PASSING, target: str = "fedora") -> Finding:
    """A verdict of the run."""
    return Finding(run=RUN, target=target, package=package, judgement=Judgement(verdict=verdict))


def difference(package: str = "bar", target: str = "fedora") -> RootDifference:
    """What differs in the root of a failed build of the run."""
    return RootDifference(
        run=RUN,
        target=target,
        package=package,
        build=CandidateKey(run=RUN, package=package, target=target).text,
        basis=Basis.GOOD_BUILD,
        good=BuildKey(f"b/{package}/1"),
        good_at=NOW,
        changes=(RootChange(name="zlib", old="1.2-1", new="1.3-1", arch="x86_64", distance=1),),
        total=1,
    )


def build(
    package: str = "bar", *, attempt: int = 1, backend: str = "sandbox", queued: int = 0, priority: int = 0
) -> Build:
    """A candidate of the run, queued that many minutes from now."""
    return Build(
        key=CandidateKey(run=RUN, package=package, target="fedora", attempt=attempt).text,
        run=RUN,
        target="fedora",
        backend=backend,
        purpose=Purpose.FIRST,
        request=BuildRequest(
            package=package,
            workspace=WorkspaceRef("w1"),
            source=SrpmSource(location=f"file:///srv/repo/{package}.src.rpm", checksum="sha256:00"),
            timeout=timedelta(hours=5),
        ),
        attempt=attempt,
        state=BuildState.QUEUED,
        queued_at=NOW + queued * MINUTE,
        priority=priority,
    )


def baseline(package: str = "bar", queued: int = 0) -> Build:
    """A build without the change, which belongs to no run."""
    key = BuildKey(f"b/{package}/1")
    return replace(build(package, queued=queued), key=key, run=None, purpose=Purpose.BASELINE)


def delivery(guid: str, *intents: Intent, at: datetime = NOW) -> ReceivedDelivery:
    """A delivery; without intents it asks to look at the pull request again."""
    asked = intents or (Refresh(change=change_ref()),)
    return ReceivedDelivery(forge="github", guid=guid, event="pull_request", received_at=at, intents=asked)


async def with_run(store: Store) -> None:
    """Store the change and its run."""
    async with store.transaction() as tx:
        await tx.changes.put(change())
        await tx.runs.put(run())
