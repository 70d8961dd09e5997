"""Makes the source package of a change inside the sandbox, for a backend that builds somewhere else.

The root has what the host, or the base root, has: a spec is only packed there, not built, so macros of the target's
distribution that are missing do no harm. A `command` of the repository's needs its tools there.
"""

import asyncio
import hashlib
import shutil
import time
from pathlib import Path

from bot.adapters.jobs.failing import BuildFailed
from bot.adapters.sandbox.bare import bare_chamber
from bot.adapters.sandbox.settings import SandboxSettings
from bot.adapters.sandbox.source import make_srpm
from bot.domain.build import TreeSource
from bot.ports.errors import NoSource

_TIME = 600.0
_KEPT = 3600.0


class SandboxSourceMaker:
    """Called with a checkout, returns the path of its SRPM, which stays for an hour: for an upload."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings

    async def __call__(self, source: TreeSource) -> Path:
        """Make it; raise `NoSource` with rpm's own message where it cannot be made."""
        return await asyncio.to_thread(self._make, source)

    def _make(self, source: TreeSource) -> Path:
        made = self._settings.state / "srpms"
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_old(made)
        name = "\0".join((source.directory, source.package.spec, source.release_suffix))
        target = made / hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:32]
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        with bare_chamber(self._settings, "srpm-", _TIME) as chamber:
            try:
                srpm = make_srpm(chamber, source)
            except BuildFailed as failure:
                raise NoSource(failure.failed) from failure
            return Path(shutil.copyfile(srpm, target / srpm.name))


def _remove_old(directory: Path) -> None:
    for path in directory.iterdir():
        if path.stat().st_mtime < time.time() - _KEPT:
            shutil.rmtree(path, ignore_errors=True)
