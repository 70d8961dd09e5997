"""The Builder port over a Koji hub.

A workspace is a side tag. What may be published (the change, and rebuilds that others wait for) is a draft build there
that is not tagged at once: `publish` tags it, so that it is seen from then on, and by those builds alone that are
submitted to this side tag. Everything else is a scratch build. A build's reference is its task's number; its key stands
in the task's metadata, by which it is found again.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import koji

from bot.adapters.koji import tasks
from bot.adapters.koji.hub import Hub
from bot.adapters.koji.latest import latest_builds
from bot.adapters.koji.load import load
from bot.adapters.koji.logs import Logs, parts
from bot.adapters.koji.repositories import repository, tag_exactly, tagged
from bot.adapters.koji.settings import KojiSettings
from bot.adapters.koji.sources import SourceMaker, Sources, sent
from bot.adapters.koji.submissions import Order, ask_for_builds, order_of
from bot.adapters.koji.together import Together
from bot.adapters.koji.workspaces import Workspaces, base_tag, prepare
from bot.domain.build import BuildRequest, BuildState, Succeeded
from bot.domain.ids import BuildKey, BuildRef, WorkspaceRef
from bot.domain.packages import Nevra
from bot.domain.reuse import LatestBuild
from bot.domain.run import PublishedPackage
from bot.domain.target import Target
from bot.ports.builder import LOGS_AT_ONCE, Artifacts, BuildStatus, RepoState, WorkspaceSpec
from bot.ports.errors import Gone, Rejected, Transient

_DAYS = 30
_REMEMBERED = 10_000


class KojiBuilder:
    """Implements `bot.ports.builder.Builder`. `make_source` makes the source package of a change."""

    def __init__(self, settings: KojiSettings, make_source: SourceMaker) -> None:
        self._settings = settings
        self._sources = Sources(settings, make_source)
        self._hub = Hub(settings)
        self._workspaces = Workspaces(settings.state)
        self._requests: dict[str, int] = {}
        """Of repositories that are waited for, by side tag."""
        self._keys: dict[BuildKey, BuildRef] | None = None
        self._key_lock = asyncio.Lock()
        self._done: dict[BuildRef, BuildStatus] = {}
        self._logged: dict[BuildRef, Logs | None] = {}
        """The logs of ended builds."""
        self._going: dict[int, Any] = {}
        """What the hub has told of tasks that go on."""
        self._submitting = Together(self._submit_all, tasks.BATCH)
        self._reading = Together(self._read_logs, LOGS_AT_ONCE)
        self._channel: int | str = "default"
        """Where the hub's policy puts our tasks; known once one was seen."""
        self._load, self._load_known_until = 1.0, 0.0

    async def close(self) -> None:
        """Log out."""
        await self._hub.close()

    async def capacity(self) -> int:
        """Return how many tasks we may have there: none more while the builders are busy."""
        now = asyncio.get_running_loop().time()
        if now >= self._load_known_until:
            arches = {each.arch for each in self._workspaces.all()}
            self._load = await self._hub.call(lambda session: load(session, self._channel, arches))
            self._load_known_until = now + self._settings.load_interval.total_seconds()
        return 0 if self._load > self._settings.busy else self._settings.max_running

    async def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        """Make the side tag, or find it."""
        return await self._hub.call(lambda s: prepare(s, self._hub.user["id"], self._workspaces, spec, self._settings))

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        """Ask for a build, unless it was asked for."""
        workspace = self._workspaces.by_ref(request.workspace)
        known = (await self._known()).get(key)
        if known is not None:
            return known
        source = await self._sources.ready(request, workspace)
        try:
            path = await self._hub.call(lambda s: sent(s, key, source)) if isinstance(source, Path) else source
            ref = await self._submitting.ask(order_of(key, request, workspace, path))
        except Transient:
            self._keys = None  # it may have been done
            raise
        (await self._known())[key] = ref
        return ref

    async def _submit_all(self, orders: Sequence[Order]) -> Sequence[BuildRef | Exception]:
        return await self._hub.call(lambda session: self._ask(session, orders))

    def _ask(self, session: Any, orders: Sequence[Order]) -> list[BuildRef | Exception]:
        answers = ask_for_builds(session, orders, self._settings.priority, self._hub.told)
        for order, answer in zip(orders, answers, strict=True):
            if isinstance(answer, str):
                self._going[int(answer)] = {"start_ts": None, "request": [order.source, order.tag, order.options]}
        return answers

    async def find(self, keys: Sequence[BuildKey]) -> Mapping[BuildKey, BuildRef]:
        """Return the references of those builds that the hub has heard of, asked anew."""
        self._keys = None
        known = await self._known()
        return {key: known[key] for key in keys if key in known}

    async def _known(self) -> dict[BuildKey, BuildRef]:
        async with self._key_lock:
            if self._keys is None:
                self._keys = await self._hub.call(self._read_keys)
            return self._keys

    def _read_keys(self, session: Any) -> dict[BuildKey, BuildRef]:
        since = time.time() - _DAYS * 86_400
        asked = {"owner": self._hub.user["id"], "method": "build", "decode": True, "createdAfter": since}
        tags = {each.tag for each in self._workspaces.all()}
        found: dict[BuildKey, BuildRef] = {}
        for task in session.listTasks(asked, {"order": "-id"}):
            key = tasks.metadata(task["request"]).get(tasks.KEY)
            if isinstance(key, str) and task["request"][1] in tags:
                found[BuildKey(key)] = BuildRef(str(task["id"]))
        return found

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        """Ask for all in one call, and once more for those that have ended since."""
        return await self._hub.call(lambda session: self._poll(session, refs))

    def _poll(self, session: Any, refs: Sequence[BuildRef]) -> dict[BuildRef, BuildStatus]:
        tags = {each.tag for each in self._workspaces.all()}
        asked = [ref for ref in refs if ref not in self._done]
        infos = {
            number: info
            for number, info in tasks.infos(session, tasks.ids(asked), self._going).items()
            if info["request"][1] in tags
        }
        over = [info for info in infos.values() if tasks.has_ended(info)]
        for number, (status, logs) in (tasks.ended(session, over) if over else {}).items():
            self._done[BuildRef(str(number))], self._logged[BuildRef(str(number))] = status, logs
            del self._going[number]
        self._end_overdue(session, [info for info in infos.values() if not tasks.has_ended(info)])
        going = {BuildRef(str(number)): tasks.running(info) for number, info in infos.items()}
        answer = {ref: self._done.get(ref) or going.get(ref) for ref in refs}
        while len(self._done) > _REMEMBERED:
            oldest = next(iter(self._done))
            del self._done[oldest], self._logged[oldest]
        return {ref: status for ref, status in answer.items() if status is not None}

    def _end_overdue(self, session: Any, going: Sequence[Mapping[str, Any]]) -> None:
        for info in going:
            self._channel = info["channel_id"]
        late = tasks.overdue(session, going, time.time())
        if late:
            _cancel(session, late)

    async def artifacts(self, ref: BuildRef) -> Artifacts:
        """Return what a successful build produced."""
        return await self._hub.call(lambda session: self._artifacts(session, ref))

    def _artifacts(self, session: Any, ref: BuildRef) -> Artifacts:
        self._succeeded(session, ref)
        builds = session.listBuilds(taskID=int(ref))
        if builds:
            names = sorted(tasks.nevra(rpm) for rpm in session.listBuildRPMs(builds[0]["id"]))
        else:
            names = sorted(_scratch(session, int(ref)))
        (source,) = [name for name in names if Nevra.parse(name).arch == "src"]
        return Artifacts(source=source, binaries=tuple(name for name in names if name != source))

    def _succeeded(self, session: Any, ref: BuildRef) -> None:
        status = self._poll(session, [ref]).get(ref)
        if status is None or status.state is not BuildState.DONE:
            raise Gone(f"there is no finished build {ref}")
        if not isinstance(status.outcome, Succeeded):
            raise Rejected(f"build {ref} did not succeed: it has no packages")

    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        """Tag exactly these builds and wait for the repository; raises Transient where that takes long."""
        record = self._workspaces.by_ref(workspace)
        if record.baseline:
            raise Rejected(f"{workspace} is the workspace of baselines: nothing may be published into it")
        unique = list(dict.fromkeys(refs))
        builds = await self._hub.call(lambda s: [self._draft(s, ref) for ref in unique])
        wanted = {build["nvr"] for build in builds}
        asked = await self._hub.call(lambda s: tag_exactly(s, record.tag, wanted))
        await self._until(lambda s: tagged(s, record.tag, wanted, asked), f"{record.tag} to hold what was built")
        if asked:
            self._requests.pop(record.tag, None)  # it was for what was tagged before
        what = f"a repository of {record.tag}"
        repo = await self._until(lambda s: repository(s, record.tag, self._requests), what)
        artifacts = [await self.artifacts(ref) for ref in unique]
        shown = record.generations | {str(generation): sorted(wanted)}
        self._workspaces.write(replace(record, generations=shown))
        packages = tuple(PublishedPackage(source=each.source, binaries=each.binaries) for each in artifacts)
        return RepoState(
            url=f"{self._settings.topurl}/repos/{record.tag}/{repo}/{record.arch}",
            digest=hashlib.sha256("\n".join(sorted(wanted)).encode()).hexdigest(),
            packages=packages,
        )

    def _draft(self, session: Any, ref: BuildRef) -> dict[str, Any]:
        self._succeeded(session, ref)
        builds = session.listBuilds(taskID=int(ref))
        if not builds:
            raise Rejected(f"build {ref} is a scratch build: Koji can show it to no other build")
        return dict(builds[0])

    async def _until(self, look: Callable[[Any], int | None], what: str) -> int:
        """Look until there is an answer, as long as patience lasts."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.patience.total_seconds()
        while (answer := await self._hub.call(look)) is None:
            if loop.time() > until:
                raise Transient(f"Koji ({self._settings.name}): waiting for {what}", self._settings.patience)
            await asyncio.sleep(self._settings.pause.total_seconds())
        return answer

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        """Return a part of the build log; empty where there is none (any more)."""
        return await self._reading.ask((ref, offset, length))

    async def _read_logs(self, asked: Sequence[tuple[BuildRef, int, int]]) -> Sequence[bytes]:
        return await self._hub.call(lambda session: self._parts(session, asked))

    def _parts(self, session: Any, asked: Sequence[tuple[BuildRef, int, int]]) -> list[bytes]:
        known = self._poll(session, [ref for ref, _, _ in asked])
        going = [ref for ref in known if ref not in self._done]
        growing = tasks.logs_of(session, tasks.ids(going)) if going else {}
        places = [(self._logged.get(ref) or growing.get(ref), offset, length) for ref, offset, length in asked]
        return parts(session, places)

    async def cancel(self, refs: Sequence[BuildRef]) -> None:
        """Cancel these tasks; what has ended, or is not there, stays as it is."""
        await self._hub.call(lambda session: _cancel(session, tasks.ids(refs)))

    async def discard(self, workspace: WorkspaceRef) -> None:
        """Cancel what runs in the side tag and remove it."""
        await self._hub.call(lambda session: self._discard(session, workspace))
        self._keys = None

    def _discard(self, session: Any, ref: WorkspaceRef) -> None:
        active = [koji.TASK_STATES[name] for name in ("FREE", "OPEN", "ASSIGNED")]
        asked = {"owner": self._hub.user["id"], "method": "build", "state": active, "decode": True}
        for task in session.listTasks(asked):
            if task["request"][1] == ref:
                session.cancelTask(task["id"])
        if session.getTag(ref) is not None:
            session.removeSideTag(ref)
        for record in [each for each in self._workspaces.all() if each.tag == ref]:
            self._workspaces.remove(record)
        for memory in (self._done, self._logged, self._going):
            memory.clear()

    async def latest_builds(self, target: Target, packages: Sequence[str]) -> Mapping[str, LatestBuild]:
        """Return the builds by which packages came into the target's tag, with the roots of its architecture."""
        if any(repository.koji is None for repository in target.repositories):
            return {}  # what is in a root may then have come from elsewhere, under a name that the hub has too
        tag = base_tag(target, self._settings)
        return await self._hub.call(lambda session: latest_builds(session, tag, target.arch, packages))

    async def leftovers(self) -> Sequence[WorkspaceRef]:
        """Return every side tag of ours."""
        found = await self._hub.call(lambda session: session.listSideTags(user=self._hub.user["id"]))
        return tuple(sorted(WorkspaceRef(tag["name"]) for tag in found))


def _cancel(session: Any, numbers: Sequence[int]) -> None:
    """Cancel tasks; for one that has ended, or that is not there, nothing is done."""
    with session.multicall(batch=tasks.BATCH) as many:
        for number in numbers:
            many.cancelTask(number)


def _scratch(session: Any, task: int) -> list[str]:
    """Return the names of the packages of a scratch build, epochs included."""
    children = [child["id"] for child in session.getTaskChildren(task) if child["method"] == "buildArch"]
    files = [(child, name) for child in children for name in session.listTaskOutput(child) if name.endswith(".rpm")]
    with session.multicall(batch=tasks.BATCH) as many:
        epochs = [many.getRPMHeaders(taskID=child, filepath=name, headers=["epoch"]) for child, name in files]
    found = []
    for (_, name), answer in zip(files, epochs, strict=True):
        parts = Nevra.parse(name)
        found.append(str(replace(parts, epoch=answer.result.get("epoch") or 0)))
    return found
