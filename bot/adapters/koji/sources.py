"""Where a hub finds the source package of a build: it has it, checks a commit out, or is sent it.

What was built in Koji before cannot be built again as a draft: Koji refuses a draft whose real name is taken. So a
rebuild that others are to see is made of the same sources with a longer release, as the change itself is.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from bot.adapters.koji.settings import KojiSettings, SourceOrigin
from bot.adapters.koji.workspaces import Workspace
from bot.adapters.unreachable import why_unreachable
from bot.domain.build import BuildRequest, SrpmSource, TreeSource
from bot.domain.config import NEED_A_COPR, PackageConfig, SourceMethod
from bot.ports.errors import Misconfigured, Rejected, Transient

SourceMaker = Callable[[TreeSource], Awaitable[Path]]
"""Makes the source package of a checkout."""
Source = str | Path
"""What Koji finds by itself (a path on the hub, or the address of a commit), or a file to be sent to it."""
_REPACK = 'cp *.src.rpm "$RESULTDIR"'
_PIECE = 1 << 20
_LATER = timedelta(minutes=1)


class Sources:
    """Gets source packages to one hub. `make` makes those that no hub has."""

    def __init__(self, settings: KojiSettings, make: SourceMaker) -> None:
        self._settings = settings
        self._make = make

    async def ready(self, request: BuildRequest, workspace: Workspace) -> Source:
        """Make or find the source package of a build; raise Rejected where this hub cannot have it."""
        source = request.source
        if isinstance(source, TreeSource):
            if source.package.method in NEED_A_COPR:
                raise Rejected(f"`source: {source.package.method.value}` needs a Copr, and this is a Koji hub")
            scm = self._settings.source is SourceOrigin.SCM
            return commit_address(source, self._settings) if scm else await self._make(source)
        if request.publishable:
            return await self._made_anew(source, workspace)
        return self._known(source)

    def _known(self, source: SrpmSource) -> Source:
        inside = source.location.removeprefix(f"{self._settings.topurl}/")
        if inside != source.location:
            return f"../{unquote(inside)}"
        address = urlsplit(source.location)
        if address.scheme != "file":
            raise Rejected(f"{source.location} is not a source package of the Koji hub {self._settings.name}")
        return Path(unquote(address.path))

    async def _made_anew(self, source: SrpmSource, workspace: Workspace) -> Path:
        """Make a source package of one that exists, under a name that no build has."""
        suffix = f".rd{hashlib.sha256(workspace.key.encode()).hexdigest()[:7]}"
        with tempfile.TemporaryDirectory(prefix="revdeps-koji-") as directory:
            known = self._known(source)
            name = unquote(PurePosixPath(urlsplit(source.location).path).name)
            await asyncio.to_thread(self._fetch, known, source.location, Path(directory) / name)
            package = PackageConfig(spec=name, name=name, method=SourceMethod.COMMAND, command=_REPACK)
            return await self._make(TreeSource(directory=directory, package=package, release_suffix=suffix))

    def _fetch(self, known: Source, location: str, target: Path) -> None:
        if isinstance(known, Path):
            target.write_bytes(known.read_bytes())
            return
        authority, wait = self._settings.authority, self._settings.timeout.total_seconds()
        try:
            with requests.get(location, stream=True, verify=authority or True, timeout=wait) as answer:
                answer.raise_for_status()
                with target.open("wb") as file:
                    for piece in answer.iter_content(_PIECE):
                        file.write(piece)
        except requests.RequestException as error:
            raise Transient(
                f"the source package {target.name} cannot be fetched: {why_unreachable(error)}", _LATER
            ) from error


def commit_address(source: TreeSource, settings: KojiSettings) -> str:
    """Return the commit of a change as Koji's builders check it out: `git+https://host/repository?directory#commit`.

    Raises Misconfigured where the settings do not say from where.
    """
    pattern = settings.clone_urls.get(source.forge)
    if pattern is None or not source.commit:
        raise Misconfigured(
            f"build system {settings.name}",
            f"Koji does not know where to fetch changes of {source.forge or 'this forge'}",
            "Name the forge under `clone-urls`, or let the source package be uploaded.",
        )
    directory = PurePosixPath(source.package.spec).parent
    where = "" if directory == PurePosixPath() else f"?{directory}"
    return f"git+{pattern.format(repository=source.repository)}{where}#{source.commit}"


def sent(session: Any, key: str, source: Source) -> str:
    """Return what `build` takes for a source; upload what the hub has not."""
    if isinstance(source, str):
        return source
    directory = f"cli-build/revdeps-{hashlib.sha256(key.encode()).hexdigest()[:24]}"
    session.uploadWrapper(str(source), directory, overwrite=True)
    return f"{directory}/{source.name}"
