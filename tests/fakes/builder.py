"""A build system in memory, for engine tests. Held to tests/contract/test_builder.py like the real ones.

Builds start at once and end when the test says so (`finish`), or at the next poll where `outcome_for` is set. It is
strict: what no engine may do (build in a workspace that is gone, publish a failed build, change a baseline workspace,
exceed the capacity, reuse a key for something else) is an AssertionError at once.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.domain.build import BuildRequest, BuildState, Cancelled, Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.ids import BuildKey, BuildRef, WorkspaceRef
from bot.domain.packages import Nevra
from bot.domain.reuse import LatestBuild
from bot.domain.run import PublishedPackage
from bot.domain.target import Target
from bot.ports.builder import Artifacts, BuildStatus, RepoState, WorkspaceSpec
from bot.ports.clock import Clock
from bot.ports.errors import Gone, Rejected
from tests.fakes.faults import Faults

OutcomeFor = Callable[[BuildRequest], Outcome | None]
"""What becomes of a build; None lets it run on."""


def failed(cause: str, reason: FailureReason = FailureReason.COMPILE, phase: Phase = Phase.BUILD) -> Failed:
    """A failure as a backend would classify it."""
    return Failed(reason=reason, phase=phase, signature=f"{phase.value}: {cause}", cause=cause)


def is_baseline(request: BuildRequest) -> bool:
    """Whether a build is one without the change: it has the workspace that all of them share."""
    return "baseline" in request.workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeBuild:
    """A build as the fake knows it."""

    key: BuildKey
    request: BuildRequest
    status: BuildStatus
    log: bytes = b""


class FixedClock:
    """Stands still, where a test does not care."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class FakeBuilder:
    """Implements `bot.ports.builder.Builder`.

    `submits` counts calls of submit per key, `calls` those of every method; `started` lists keys in the order in
    which builds were really started.
    """

    def __init__(
        self, *, slots: int = 4, clock: Clock | None = None, outcome_for: OutcomeFor | None = None, version: str = "1-1"
    ) -> None:
        self.slots = slots
        self.clock: Clock = clock or FixedClock()
        self.outcome_for = outcome_for
        self.version = version
        self.artifacts_for: Callable[[BuildRequest], Artifacts] = self._default_artifacts
        self.workspaces: dict[WorkspaceRef, WorkspaceSpec] = {}
        self.generations: dict[WorkspaceRef, dict[int, RepoState]] = defaultdict(dict)
        self.builds: dict[BuildRef, FakeBuild] = {}
        self.submits: Counter[BuildKey] = Counter()
        self._faults = Faults()
        self.calls = self._faults.calls
        self.started: list[BuildKey] = []
        self.cancelled: list[BuildKey] = []
        self.discarded: list[WorkspaceRef] = []
        self.base_packages: tuple[str, ...] = ("host-base-1-1.noarch",)
        self.roots: dict[str, tuple[str, ...]] = {}
        """What else of the distribution is in a package's root; what is published takes the place of its namesakes."""
        self.priority: int | None = None
        """Of what is published."""
        self.latest: dict[str, LatestBuild] = {}
        """The distribution's own builds, by package."""
        self._requests: dict[BuildKey, BuildRequest] = {}

    # What tests say and ask.

    def fail_next(self, method: str, error: Exception, *, after: bool = False) -> None:
        """Let the next call of `method` raise; with `after`, once it has done its work."""
        assert hasattr(self, method), f"no such method of a builder: {method}"
        self._faults.plan(method, error, after=after)

    def finish(self, key: str, outcome: Outcome | None = None, log: bytes | None = None) -> None:
        """End a running build, successfully unless told otherwise."""
        ref = self._ref(BuildKey(key))
        build = self.builds[ref]
        assert build.status.state is not BuildState.DONE, f"{key} has ended already"
        self._end(ref, outcome or Succeeded())
        if log is not None:
            self.write_log(key, log)

    def finish_all(self, outcome: Outcome | None = None) -> None:
        """End every running build."""
        for key in self.running:
            self.finish(key, outcome)

    def write_log(self, key: str, log: bytes) -> None:
        """Replace a build's log."""
        ref = self._ref(BuildKey(key))
        self.builds[ref] = replace(self.builds[ref], log=log)

    @property
    def running(self) -> tuple[BuildKey, ...]:
        """Keys of the builds that have not ended, in the order of submission."""
        return tuple(build.key for build in self.builds.values() if build.status.state is not BuildState.DONE)

    def request(self, key: str) -> BuildRequest:
        """What was asked for under a key, also where its workspace is gone by now."""
        return self._requests[BuildKey(key)]

    # The port.

    async def capacity(self) -> int:
        self._faults.enter("capacity")
        return self.slots

    async def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        self._faults.enter("prepare")
        ref = WorkspaceRef(f"workspace/{spec.key}")
        known = self.workspaces.setdefault(ref, spec)
        assert known == spec, f"workspace key {spec.key} stands for two different specs"
        self._faults.leave("prepare")
        return ref

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        self._faults.enter("submit")
        self.submits[key] += 1
        ref = self._ref(key)
        if ref not in self.builds:
            if request.workspace not in self.workspaces:
                raise Gone(f"there is no workspace {request.workspace}")
            assert len(self.running) < self.slots, f"{key} submitted while all {self.slots} slots were taken"
            self._start(ref, key, request)
        assert self.builds[ref].request == request, f"{key} was submitted before, with another request"
        self._faults.leave("submit")
        return ref

    async def find(self, keys: Sequence[BuildKey]) -> Mapping[BuildKey, BuildRef]:
        self._faults.enter("find")
        return {key: self._ref(key) for key in keys if self._ref(key) in self.builds}

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        self._faults.enter("poll")
        known = [ref for ref in dict.fromkeys(refs) if ref in self.builds]
        if self.outcome_for is not None:
            for ref in known:
                build = self.builds[ref]
                if build.status.state is not BuildState.DONE:
                    outcome = self.outcome_for(build.request)
                    if outcome is not None:
                        self._end(ref, outcome)
        self._faults.leave("poll")
        return {ref: self.builds[ref].status for ref in known}

    async def artifacts(self, ref: BuildRef) -> Artifacts:
        self._faults.enter("artifacts")
        return self.artifacts_for(self._succeeded(ref).request)

    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        self._faults.enter("publish")
        spec = self.workspaces.get(workspace)
        if spec is None:
            raise Gone(f"there is no workspace {workspace}")
        assert spec.run is not None, f"{workspace} is for baselines: nothing may be published into it"
        builds = [self._succeeded(ref) for ref in dict.fromkeys(refs)]
        for build in builds:
            assert build.request.workspace == workspace, f"{build.key} was built in another workspace"
            assert build.request.publishable, f"{build.key} was not asked for as one that others see"
        packages = tuple(
            PublishedPackage(source=made.source, binaries=made.binaries)
            for made in (self.artifacts_for(build.request) for build in builds)
        )
        digest = hashlib.sha256(repr([(build.key, build.request) for build in builds]).encode()).hexdigest()
        url = f"file:///fake/{workspace}/{generation}"
        state = RepoState(url=url, digest=digest, packages=packages, priority=self.priority)
        self.generations[workspace][generation] = state
        self._faults.leave("publish")
        return state

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        self._faults.enter("log")
        if ref not in self.builds:
            return b""
        log = self.builds[ref].log
        start = offset if offset >= 0 else max(0, len(log) + offset)
        return log[start : start + length]

    async def cancel(self, refs: Sequence[BuildRef]) -> None:
        self._faults.enter("cancel")
        for ref in refs:
            self._cancel(ref)
        self._faults.leave("cancel")

    async def discard(self, workspace: WorkspaceRef) -> None:
        self._faults.enter("discard")
        if self.workspaces.pop(workspace, None) is not None:
            self.discarded.append(workspace)
            self.generations.pop(workspace, None)
            for ref in [ref for ref, build in self.builds.items() if build.request.workspace == workspace]:
                self._cancel(ref)
                del self.builds[ref]
        self._faults.leave("discard")

    async def latest_builds(self, target: Target, packages: Sequence[str]) -> Mapping[str, LatestBuild]:
        self._faults.enter("latest_builds")
        return {name: self.latest[name] for name in packages if name in self.latest}

    async def leftovers(self) -> Sequence[WorkspaceRef]:
        self._faults.enter("leftovers")
        return tuple(self.workspaces)

    # Inside.

    def _ref(self, key: BuildKey) -> BuildRef:
        return BuildRef(f"fake/{key}")

    def _start(self, ref: BuildRef, key: BuildKey, request: BuildRequest) -> None:
        seen = [number for number in self.generations[request.workspace] if number <= request.generation]
        published = self.generations[request.workspace][max(seen)].packages if seen else ()
        ours = {Nevra.parse(binary).name: binary for package in published for binary in package.binaries}
        base = (*self.base_packages, *self.roots.get(request.package, ()))
        installed = {*ours.values(), *(package for package in base if Nevra.parse(package).name not in ours)}
        status = BuildStatus(state=BuildState.RUNNING, started_at=self.clock.now(), installed=tuple(sorted(installed)))
        self.builds[ref] = FakeBuild(
            key=key, request=request, status=status, log=f"building {request.package}\n".encode()
        )
        self.started.append(key)
        self._requests[key] = request

    def _end(self, ref: BuildRef, outcome: Outcome) -> None:
        build = self.builds[ref]
        status = replace(build.status, state=BuildState.DONE, ended_at=self.clock.now(), outcome=outcome)
        log = build.log + (f"{outcome.cause}\n".encode() if isinstance(outcome, Failed) else b"done\n")
        self.builds[ref] = replace(build, status=status, log=log)

    def _cancel(self, ref: BuildRef) -> None:
        build = self.builds.get(ref)
        if build is not None and build.status.state is not BuildState.DONE:
            self.cancelled.append(build.key)
            self._end(ref, Cancelled())

    def _succeeded(self, ref: BuildRef) -> FakeBuild:
        build = self.builds.get(ref)
        if build is None:
            raise Gone(f"there is no build {ref}")
        if not isinstance(build.status.outcome, Succeeded):
            raise Rejected(f"{build.key} did not succeed: it has no packages")
        return build

    def _default_artifacts(self, request: BuildRequest) -> Artifacts:
        suffix = getattr(request.source, "release_suffix", "")
        nevr = f"{request.package}-{self.version}{suffix}"
        return Artifacts(source=f"{nevr}.src", binaries=(f"{nevr}.noarch",))
