"""A run in all its variety, as rows: what the reports and the pages are tested with."""

from datetime import UTC, datetime, timedelta

from bot.domain.build import (
    Build,
    BuildRequest,
    BuildState,
    CandidateKey,
    Failed,
    FailureReason,
    Outcome,
    Phase,
    Purpose,
    SrpmSource,
    Succeeded,
    TreeSource,
)
from bot.domain.config import Config, PackageConfig
from bot.domain.difference import Basis, RootChange, RootDifference
from bot.domain.history import Known
from bot.domain.ids import BuildKey, RunId, SnapshotId, WorkspaceRef
from bot.domain.packages import Link, Nevra, PackageChange, SourcePackage
from bot.domain.plan import Affected, Effect, PlanEntry, Selection, Uninstallable
from bot.domain.priority import Weight
from bot.domain.report.assemble import Context, Stored
from bot.domain.run import (
    ChangeRef,
    ChangeState,
    Conclusion,
    PublishedPackage,
    RepoRef,
    Run,
    RunState,
    RunTarget,
)
from bot.domain.target import Target
from bot.domain.verdict import Finding, Judgement, Verdict

RUN = RunId("r1f00")
HEAD = "a1b2c3d" + "0" * 33
BASE = "9f8e7d6" + "0" * 33
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CHANGE = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="libfoo"), number=7)
TARGET = Target(name="fedora-rawhide-x86_64", arch="x86_64", backend="sandbox", repositories=())
PACKAGE = PackageConfig(name="libfoo", spec="libfoo.spec")
CONFIG = Config(packages=(PACKAGE,), targets=(TARGET,))
STATE = ChangeState(
    ref=CHANGE,
    title="Update to 1.9",
    author="octocat",
    head_sha=HEAD,
    base_sha=BASE,
    base_branch="main",
    head_repo="octocat/libfoo",
    url="https://github.com/octocat/libfoo/pull/7",
)
PASSED = Succeeded()
INIT_MISSING = Failed(
    reason=FailureReason.COMPILE,
    phase=Phase.BUILD,
    signature="build: undefined symbol: foo_init",
    cause="undefined symbol: foo_init",
)
TEST_FAILED = Failed(
    reason=FailureReason.CHECK,
    phase=Phase.CHECK,
    signature="check: FAILED tests/test_io.py::test_read",
    cause="FAILED tests/test_io.py::test_read - OSError: [Errno 5]",
)
MIRROR_DOWN = Failed(reason=FailureReason.INFRASTRUCTURE, cause="could not fetch repodata/repomd.xml")


def run(**changes: object) -> Run:
    """A finished run with a regression; `changes` sets other fields."""
    fields: dict[str, object] = {
        "id": RUN,
        "change": CHANGE,
        "head_sha": HEAD,
        "base_sha": BASE,
        "base_branch": "main",
        "created_at": START,
        "state": RunState.FINISHED,
        "trusted": True,
        "config": CONFIG,
        "packages": (PACKAGE,),
        "conclusion": Conclusion.FAILURE,
        "finished_at": START + timedelta(minutes=41),
    }
    return Run(**{**fields, **changes})  # type: ignore[arg-type]


def run_target(name: str = TARGET.name, **changes: object) -> RunTarget:
    """A target whose plan is made."""
    fields: dict[str, object] = {
        "run": RUN,
        "target": Target(name=name, arch="x86_64", backend="sandbox", repositories=()),
        "snapshot": SnapshotId("5" * 64),
        "workspace": WorkspaceRef(f"{RUN}/{name}"),
        "generation": 0,
        "planned": True,
        "examined": 2030,
        "replaced": ("libfoo-1.8-1.fc44.src",),
        "published": (
            PublishedPackage(source="libfoo-1.9-1.fc44.rd1.src", binaries=("libfoo-1.9-1.fc44.rd1.x86_64",)),
        ),
    }
    return RunTarget(**{**fields, **changes})  # type: ignore[arg-type]


def source(name: str, *, dynamic: bool = False) -> SourcePackage:
    """A source package of the distribution."""
    nevra = Nevra(name=name, version="2.0", release="3.fc44", arch="src")
    return SourcePackage(nevra=nevra, location=f"file:///repo/{nevra}.rpm", checksum="sha256:0", dynamic=dynamic)


def entry(name: str, *, dependents: int = 0, target: str = TARGET.name, **changes: object) -> PlanEntry:
    """An affected package that is planned, a direct dependent; `changes` sets fields of it or of its `Affected`."""
    path = (Link(package=name, capability="pkgconfig(foo)", provider="libfoo-devel"),)
    resolved: dict[str, object] = {"effect": Effect.REBUILD, "distance": 1, "path": path, "source": source(name)}
    planned: dict[str, object] = {"selection": Selection.PLANNED}
    for key, value in changes.items():
        (resolved if key in {"effect", "distance", "path", "source", "problem"} else planned)[key] = value
    affected = Affected(dependents=dependents, **resolved)  # type: ignore[arg-type]
    return PlanEntry(run=RUN, target=target, affected=affected, **planned)  # type: ignore[arg-type]


def finding(name: str, verdict: Verdict, *, target: str = TARGET.name, **judgement: object) -> Finding:
    """A verdict on a package."""
    told = Judgement(verdict=verdict, **judgement)  # type: ignore[arg-type]
    return Finding(run=RUN, target=target, package=name, judgement=told)


def build(name: str, outcome: Outcome | None, *, attempt: int = 1, baseline: bool = False, minutes: int = 3) -> Build:
    """A build of a dependent, done if it has an outcome and running if not."""
    key = CandidateKey(run=RUN, package=name, target=TARGET.name, attempt=attempt).text
    request = BuildRequest(
        package=name,
        workspace=WorkspaceRef("w"),
        source=SrpmSource(location=f"file:///repo/{name}.src.rpm", checksum="sha256:0"),
        timeout=timedelta(hours=5),
    )
    return Build(
        key=BuildKey(f"b/{name}/{attempt}") if baseline else key,
        run=None if baseline else RUN,
        target=TARGET.name,
        backend="sandbox",
        purpose=Purpose.BASELINE if baseline else Purpose.FIRST if attempt == 1 else Purpose.CONFIRMATION,
        request=request,
        attempt=attempt,
        state=BuildState.DONE if outcome else BuildState.RUNNING,
        queued_at=START,
        started_at=START,
        ended_at=START + timedelta(minutes=minutes) if outcome else None,
        outcome=outcome,
    )


def subject_build(outcome: Outcome | None = PASSED, target: str = TARGET.name) -> Build:
    """The build of the change itself."""
    request = BuildRequest(
        package="libfoo",
        workspace=WorkspaceRef("w"),
        source=TreeSource(directory="/checkout", package=PACKAGE, release_suffix=".rd1"),
        timeout=timedelta(hours=5),
    )
    return Build(
        key=CandidateKey(run=RUN, package="libfoo", target=target).text,
        run=RUN,
        target=target,
        backend="sandbox",
        purpose=Purpose.SUBJECT,
        request=request,
        attempt=1,
        state=BuildState.DONE if outcome else BuildState.RUNNING,
        queued_at=START,
        started_at=START,
        ended_at=START + timedelta(minutes=1) if outcome else None,
        outcome=outcome,
    )


def twice(name: str, failure: Failed) -> list[Build]:
    """A confirmed failure, and a baseline that passes."""
    return [build(name, failure), build(name, failure, attempt=2), build(name, PASSED, baseline=True)]


LIGHT = Weight(distance=85, dependents=0, previous=0, age=53, known=Known.PASSED, built_before=timedelta(hours=12))


def difference(name: str, *, attempt: int = 1, good: bool = True) -> RootDifference:
    """What differs in the root of a failed build; of the last good build two days ago, or of none that is known."""
    moved = (
        RootChange(name="libfoo-devel", old="1.8-1.fc44", new="1.9-1.fc44.rd1", arch="x86_64", distance=1, ours=True),
        RootChange(name="libfoo", old="1.8-1.fc44", new="1.9-1.fc44.rd1", arch="x86_64", distance=2, ours=True),
    )
    elsewhere = (
        RootChange(name="zlib", old="1.3-1.fc44", new="1.3.1-1.fc44", arch="x86_64", distance=2),
        RootChange(name="zlib-ng", new="2.2-1.fc44", arch="x86_64"),
    )
    return RootDifference(
        run=RUN,
        target=TARGET.name,
        package=name,
        build=CandidateKey(run=RUN, package=name, target=TARGET.name, attempt=attempt).text,
        basis=Basis.GOOD_BUILD if good else Basis.SOLVED,
        good=BuildKey(f"b/{name}/1") if good else None,
        good_at=START - timedelta(days=2) if good else None,
        changes=(*moved, *elsewhere) if good else moved,
        total=45 if good else 2,
    )


MISSING = "nothing provides libfoo.so.1()(64bit) needed by quux-2.0-3.fc44.x86_64"


CHANGED = PackageChange(package="libfoo", removed=("libfoo.so.1()(64bit)", "foo_init"), added=("libfoo.so.2()(64bit)",))


def story() -> Stored:
    """A finished run in which nearly everything happened."""
    through = (
        Link(package="flaskish", capability="bar-devel", provider="bar-devel"),
        Link(package="bar-devel", capability="libfoo-devel(x86-64)", provider="libfoo-devel"),
    )
    broken = Uninstallable(package="quux-2.0-3.fc44.x86_64", source="quux", problem=MISSING)
    entries = (
        entry("bar", dependents=214),
        entry("flaskish", distance=2, path=through),
        entry("baz", needs=("bar",)),
        entry("quux", dependents=12, effect=Effect.UNRESOLVABLE, problem=MISSING, uninstallable=(broken,)),
        entry("corge", uninstallable=(broken,)),
        entry("grault", uninstallable=(broken,), level=1, needs=("corge",)),
        entry("happy"),
        entry("old-1"),
        entry("old-2"),
        entry("moody"),
        entry("other"),
        entry("cloudy"),
        entry("fine", dependents=3, source=source("fine", dynamic=True)),
        entry("far", selection=Selection.OVER_LIMIT, distance=3, weight=LIGHT, least_chosen=309),
        entry("arm-only", selection=Selection.ARCHITECTURE),
    )
    init = {"cause": INIT_MISSING.cause, "signature": INIT_MISSING.signature}
    findings = (
        finding("bar", Verdict.REGRESSED, **init),
        finding("flaskish", Verdict.REGRESSED, root="bar", **init),
        finding("baz", Verdict.BLOCKED, root="bar"),
        finding("quux", Verdict.REGRESSED, cause=MISSING),
        finding("corge", Verdict.NEEDS_REBUILD, cause=MISSING),
        finding("grault", Verdict.NEEDS_REBUILD, cause=MISSING),
        finding("happy", Verdict.FIXED, cause=TEST_FAILED.cause),
        finding("old-1", Verdict.STILL_FAILING, cause=TEST_FAILED.cause),
        finding("old-2", Verdict.STILL_FAILING, cause=TEST_FAILED.cause),
        finding("moody", Verdict.FLAKY, cause=TEST_FAILED.cause),
        finding("other", Verdict.CHANGED_FAILURE, cause="error: implicit declaration of function 'foo_open'"),
        finding("cloudy", Verdict.INCONCLUSIVE, cause=MIRROR_DOWN.cause),
        finding("fine", Verdict.STILL_PASSING),
    )
    return Stored(
        run=run(),
        targets=(run_target(changes=(CHANGED,)),),
        entries=entries,
        findings=findings,
        builds=_story_builds(),
        differences=[difference("bar", attempt=2), difference("other"), difference("old-1", good=False)],
    )


def _story_builds() -> list[Build]:
    return [
        subject_build(),
        *twice("bar", INIT_MISSING),
        build("flaskish", INIT_MISSING),
        build("flaskish", PASSED, baseline=True),
        build("corge", PASSED),
        build("grault", PASSED),
        build("happy", PASSED),
        build("happy", TEST_FAILED, baseline=True),
        *(
            each
            for name in ("old-1", "old-2")
            for each in (build(name, TEST_FAILED), build(name, TEST_FAILED, baseline=True))
        ),
        build("moody", TEST_FAILED),
        build("moody", PASSED, attempt=2),
        build("other", INIT_MISSING),
        build("other", TEST_FAILED, baseline=True),
        build("cloudy", MIRROR_DOWN),
        build("fine", PASSED, minutes=95),
    ]


def context() -> Context:
    """What belongs to `story` besides its rows."""
    tail = "gcc -o bar main.o -lfoo\nbar.c:12: undefined symbol: foo_init\nmake: *** [bar] Error 1\n"
    return Context(
        state=STATE,
        log_tails={CandidateKey(run=RUN, package="bar", target=TARGET.name, attempt=2).text: tail},
    )
