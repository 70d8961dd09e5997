"""The Builder port over a Copr.

A workspace is a project; a build has a directory of it to itself, called after the build's key, so that it is found
again and its packages are seen by no other. `publish` names the directories of the published builds as repositories of
the project: whatever begins then sees them and nothing else. A build's reference is its project and its number.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bot.adapters.copr import builds, projects
from bot.adapters.copr.client import CoprClient, upload
from bot.adapters.copr.names import Place, build_ref, project_of, split_ref
from bot.adapters.copr.results import Results
from bot.adapters.copr.settings import CoprSettings
from bot.adapters.copr.sources import clone_url, from_srpm, from_tree
from bot.domain.build import BuildRequest, BuildState, Succeeded, TreeSource
from bot.domain.ids import BuildKey, BuildRef, WorkspaceRef
from bot.domain.reuse import LatestBuild
from bot.domain.run import PublishedPackage
from bot.domain.target import Target
from bot.ports.builder import Artifacts, BuildStatus, RepoState, WorkspaceSpec
from bot.ports.errors import Gone, Rejected, Transient

SourceMaker = Callable[[TreeSource], Awaitable[Path]]
"""Makes the source package of a checkout."""
_REMEMBERED = 2000
_LONGEST = 108_000
"""Seconds that Copr lets a build take (coprs/config.py, MAX_BUILD_TIMEOUT)."""


class CoprBuilder:
    """Implements `bot.ports.builder.Builder`. `make_source` is used where uploads are allowed and needed."""

    def __init__(self, settings: CoprSettings, make_source: SourceMaker | None = None) -> None:
        self._settings = settings
        self._make_source = make_source
        self._client = CoprClient(settings)
        self._results = Results(settings)
        self._done: OrderedDict[BuildRef, BuildStatus] = OrderedDict()
        self._patience = settings.metadata.total_seconds()
        self._missing: dict[str, float] = {}
        """Since when (on time.monotonic()) packages are waited for, by the repositories that do not have them."""

    async def close(self) -> None:
        """End the threads and let go of logs."""
        await asyncio.to_thread(self._client.close)
        self._results.close()

    async def capacity(self) -> int:
        """Return how many builds of ours may be there."""
        return self._settings.max_running

    async def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        """Make the project, or find it."""
        name = project_of(self._settings.prefix, spec.key)
        return (await self._client.call(lambda client: projects.prepare(client, self._settings, name, spec))).ref

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        """Ask for a build, unless it was asked for."""
        place = Place.parse(request.workspace)
        directory = place.directory(key)
        known = await self._client.call(lambda client: builds.known(client, self._settings, place, directory))
        if known is not None:
            return build_ref(place.project, known)
        options: dict[str, Any] = {
            "ownername": self._settings.owner,
            "projectname": place.project,
            "project_dirname": directory,
            "buildopts": {
                "chroots": [place.chroot],
                "background": True,
                "timeout": min(int(request.timeout.total_seconds()), _LONGEST),
            },
        }
        made = await self._client.call(await self._asking(request, options))
        return build_ref(place.project, int(made.id))

    async def _asking(self, request: BuildRequest, options: dict[str, Any]) -> Callable[[Any], Any]:
        """Return the call that asks for a build, by where its source is."""
        source, settings = request.source, self._settings
        if not isinstance(source, TreeSource):
            return from_srpm(source, settings, options)
        if self._make_source is None or not settings.upload or clone_url(source, settings) is not None:
            return from_tree(source, settings, options)
        file = await self._make_source(source)
        data = {key: value for key, value in options.items() if key != "buildopts"} | options["buildopts"]
        return lambda client: upload(client, data, file, settings)

    async def find(self, keys: Sequence[BuildKey]) -> Mapping[BuildKey, BuildRef]:
        """Look through the builds of all our projects for the directories of these keys."""
        if not keys:
            return {}
        places = [Place.parse(ref) for ref in await self.leftovers()]
        wanted = {place.directory(key): key for place in places for key in keys}
        lists = await asyncio.gather(*(self._all_builds(place.project) for place in places))
        found: dict[BuildKey, BuildRef] = {}
        for place, listed in zip(places, lists, strict=True):
            for build in reversed(listed):  # the oldest, as for `submit`
                if build.project_dirname in wanted:
                    found.setdefault(wanted[build.project_dirname], build_ref(place.project, int(build.id)))
        return found

    async def _all_builds(self, project: str) -> list[Any]:
        return await self._client.call(lambda client: builds.listed(client, self._settings, project, 0) or [])

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        """List each project's newest builds, back to the oldest of these; look closer at those that have ended."""
        found = {ref: self._done[ref] for ref in refs if ref in self._done}
        wanted: dict[str, list[int]] = defaultdict(list)
        for ref in refs:
            if ref not in found and (parts := split_ref(ref)) is not None:
                wanted[parts[0]].append(parts[1])
        for states in await asyncio.gather(*(self._poll(project, ids) for project, ids in wanted.items())):
            found |= states
        return found

    async def _poll(self, project: str, numbers: Sequence[int]) -> dict[BuildRef, BuildStatus]:
        listed = await self._client.call(lambda client: builds.listed(client, self._settings, project, min(numbers)))
        mine = [build for build in listed or [] if int(build.id) in numbers]
        states = await asyncio.gather(*(self._status(project, build) for build in mine))
        return {build_ref(project, int(build.id)): state for build, state in zip(mine, states, strict=True)}

    async def _status(self, project: str, build: Any) -> BuildStatus:
        if not builds.has_ended(build):
            return builds.unfinished(build)
        status = await self._client.call(lambda client: builds.ended(client, self._results, build))
        self._done[build_ref(project, int(build.id))] = status
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return status

    async def artifacts(self, ref: BuildRef) -> Artifacts:
        """Return what a successful build produced."""
        return (await self._made(ref)).artifacts

    async def _made(self, ref: BuildRef) -> builds.Made:
        status = (await self.poll([ref])).get(ref)
        parts = split_ref(ref)
        if status is None or parts is None or status.state is not BuildState.DONE:
            raise Gone(f"there is no finished build {ref}")
        if not isinstance(status.outcome, Succeeded):
            raise Rejected(f"build {ref} did not succeed: it has no packages")
        return await self._client.call(lambda client: builds.made(client, self._results, parts[1]))

    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        """Let builds of the project see the directories of exactly these builds, once their metadata are there."""
        place = Place.parse(workspace)
        unique = list(dict.fromkeys(refs))
        made = await asyncio.gather(*(self._made(ref) for ref in unique))
        seen = await asyncio.gather(*(self._client.call(partial(self._metadata, place, each)) for each in made))
        directories = [each.directory for each in made]
        await self._client.call(lambda client: projects.show(client, self._settings, place, directories))
        packages = [PublishedPackage(source=each.artifacts.source, binaries=each.artifacts.binaries) for each in made]
        return RepoState(
            url=" ".join(each.repository for each in made),
            digest=hashlib.sha256(b"\0".join(seen)).hexdigest(),
            packages=tuple(packages),
            priority=projects.ABOVE_ALL,
        )

    def _metadata(self, place: Place, made: builds.Made, client: Any) -> bytes:
        """Return the metadata of a build's directory; where it is not in them yet they are asked for anew, awhile."""
        repomd, packages = self._results.repository(made.repository)
        if set(made.artifacts.binaries) <= packages:
            self._missing.pop(made.repository, None)
            return repomd
        if time.monotonic() - self._missing.setdefault(made.repository, time.monotonic()) > self._patience:
            raise Rejected(
                f"Copr ({self._settings.name}) built packages in {made.directory} and did not bring them into the "
                f"repository at {made.repository} within {self._patience / 60:.0f} minutes, although it was asked to "
                "make it anew. Its operator can tell why; `/revdeps run` builds them again."
            )
        client.project_proxy.regenerate_repos(self._settings.owner, place.project)
        raise Transient(f"the repository of {made.directory} does not have its packages yet")

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        """Return a part of the build log, or where there was no build, of how making the source package failed."""
        parts = split_ref(ref)
        if parts is None:
            return b""
        has_ended = ref in self._done
        try:
            return await self._client.call(
                lambda client: builds.log_part(
                    client, self._results, parts[1], has_ended=has_ended, offset=offset, length=length
                )
            )
        except Gone:
            return b""

    async def cancel(self, refs: Sequence[BuildRef]) -> None:
        """Stop these builds; Copr refuses for those that have ended."""
        numbers = [parts[1] for ref in refs if ref not in self._done and (parts := split_ref(ref)) is not None]
        await asyncio.gather(*(self._client.call(partial(builds.cancel, number)) for number in numbers))

    async def discard(self, workspace: WorkspaceRef) -> None:
        """Cancel what runs in the project and delete it."""
        place = Place.parse(workspace)
        for ref in [ref for ref in self._done if ref.startswith(f"{place.project}/")]:
            del self._done[ref]
        for url in [url for url in self._missing if f"/{place.project}:" in url]:
            del self._missing[url]
        await self._client.call(lambda client: projects.discard(client, self._settings, place))

    async def latest_builds(self, _target: Target, _packages: Sequence[str]) -> Mapping[str, LatestBuild]:
        """Return nothing: a chroot's packages were built elsewhere, and a Copr does not know in what."""
        return {}

    async def leftovers(self) -> Sequence[WorkspaceRef]:
        """Return every project whose name says that it is ours."""
        return await self._client.call(lambda client: projects.ours(client, self._settings))
