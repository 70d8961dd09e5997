"""Looks at a checkout for what a `.revdeps.yaml` for it would say."""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.proposal import SpecSeen, propose, render
from bot.domain.run import ChangeRef
from bot.domain.selection import default_specs
from bot.ports.errors import Misconfigured, Rejected
from bot.ports.sources import SpecReader

if TYPE_CHECKING:
    from bot.engine.world import World  # brings what the service alone needs, and `revdeps config` does without

SCHEMA_PATH = "/schema/revdeps.schema.json"
"""Where the service has the schema for editors."""

MAX_SPECS = 50
"""Each is parsed in a sandbox of its own; a repository with more is described by hand."""

_SPEC_BYTES = 1 << 20

log = logging.getLogger(__name__)


def specs_below(top: Path) -> Iterator[str]:
    """Yield the paths of spec files, in order, without hidden directories."""
    for directory, below, names in os.walk(top):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".spec"):
                yield (Path(directory) / name).relative_to(top).as_posix()


async def proposed(world: "World", change: ChangeRef, sha: str) -> str:
    """Return a configuration for the repository as it is at a commit of a pull request; empty where it has no specs,
    or where this machine cannot look at them.
    """
    settings = world.settings
    home = settings.state / "checkouts"
    home.mkdir(parents=True, exist_ok=True)
    # A directory of its own: two changes may have one commit, and be asked about at once.
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="look-", dir=home))
    try:
        await world.forge(change.repo.forge).clone_source(change, sha, str(directory / "tree"))
        seen = await look(directory / "tree", world.specs)
    except (Rejected, Misconfigured) as trouble:
        log.warning("%s: no configuration is proposed: %s", world.name(change.id), trouble)
        return ""
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
    schema = f"{settings.public_url.rstrip('/')}{SCHEMA_PATH}" if settings.public_url else ""
    return render(propose(seen, settings.targets), schema) if seen else ""


async def look(top: Path, reader: SpecReader) -> tuple[SpecSeen, ...]:
    """Return the specs that may be packages, at most `MAX_SPECS`; raise what the reader raises but for a spec that
    does not parse.
    """
    specs = default_specs(await asyncio.to_thread(lambda: tuple(specs_below(top))))
    return tuple([await _seen(top, spec, reader) for spec in specs[:MAX_SPECS]])


async def _seen(top: Path, spec: str, reader: SpecReader) -> SpecSeen:
    path = top / spec
    text = (await asyncio.to_thread(path.read_bytes))[:_SPEC_BYTES].decode(errors="replace")
    beside = frozenset(entry.name for entry in path.parent.iterdir() if entry.is_file())
    try:
        facts = await reader.read(str(top), spec)
    except Rejected:
        return SpecSeen(path=spec, text=text, beside=beside, parsed=False)
    return SpecSeen(path=spec, text=text, sources=facts.sources, beside=beside)
