"""A chamber without any package installed, for what has to be done inside before there is a build."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.adapters.jobs.console import Console
from bot.adapters.sandbox.chamber import Chamber
from bot.adapters.sandbox.layers import layers
from bot.adapters.sandbox.limits import control_groups
from bot.adapters.sandbox.process import Watch
from bot.adapters.sandbox.root import Root
from bot.adapters.sandbox.settings import SandboxSettings

_LOG = 2**22


@contextmanager
def bare_chamber(settings: SandboxSettings, prefix: str, seconds: float) -> Iterator[Chamber]:
    """Make a chamber over the base alone and remove it again; what runs in it has so many seconds."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=settings.state, ignore_cleanup_errors=True) as scratch:
        root = Root(Path(scratch, "root"), layers(settings), settings.first_uid + settings.slots)
        root.create()
        try:
            watch = Watch(deadline=time.monotonic() + seconds, limits=settings.limits, written=root.uppers())
            with (
                control_groups(f"revdeps-{Path(scratch).name}", settings.limits) as groups,
                Console(root.directory / "log", _LOG) as console,
            ):
                yield Chamber(root=root, console=console, watch=watch, groups=groups)
        finally:
            root.remove()
