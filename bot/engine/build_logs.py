"""Copies whole logs from a backend before it forgets them."""

import logging
from collections.abc import AsyncIterator, Sequence

from bot.domain.build import Build
from bot.domain.ids import BuildRef
from bot.engine.at_once import each
from bot.engine.world import World
from bot.ports.builder import LOGS_AT_ONCE, Builder
from bot.ports.errors import Misconfigured, Rejected, Transient

log = logging.getLogger(__name__)

_CHUNK = 256 * 1024


async def keep_logs(world: World, builder: Builder, builds: Sequence[Build]) -> None:
    """Keep the logs of builds, several at a time; a verdict does not wait for one that cannot be had."""

    async def keep(build: Build) -> None:
        if build.ref is None:
            return
        try:
            await world.logs.save(build.key, log_chunks(builder, build.ref))
        except (Transient, Rejected, Misconfigured) as trouble:
            log.warning("%s: its log could not be kept: %s", build.key, trouble)

    await each(keep, builds, LOGS_AT_ONCE)


async def log_chunks(builder: Builder, ref: BuildRef) -> AsyncIterator[bytes]:
    """Yield a build's log as far as it is written, a piece at a time."""
    offset = 0
    while chunk := await builder.log(ref, offset, _CHUNK):
        yield chunk
        offset += len(chunk)
        if len(chunk) < _CHUNK:
            return
