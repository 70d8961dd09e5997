"""Parses specs inside the sandbox: `%(…)` and Lua in a spec are programs of its author."""

import asyncio
from pathlib import Path

from bot.adapters.jobs.facts import BUILD_DIRECTORY, parse_facts, query_command
from bot.adapters.jobs.failing import BuildFailed
from bot.adapters.jobs.sources import copy_tree
from bot.adapters.sandbox.bare import bare_chamber
from bot.adapters.sandbox.chamber import Chamber
from bot.adapters.sandbox.root import Step
from bot.adapters.sandbox.settings import SandboxSettings
from bot.adapters.sandbox.staging import bring_in, stage
from bot.domain.failure import cause_of
from bot.ports.errors import Rejected
from bot.ports.sources import SpecFacts

_TIME = 60.0


class SandboxSpecReader:
    """Implements `bot.ports.sources.SpecReader`. A root of its own for every spec, without any package installed."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings

    async def read(self, checkout: str, spec: str) -> SpecFacts:
        """Parse a spec; raise `Rejected` with rpm's own message where it does not parse."""
        return await asyncio.to_thread(self._read, Path(checkout), spec)

    def _read(self, checkout: Path, spec: str) -> SpecFacts:
        checkout = checkout.resolve()
        path = (checkout / spec).resolve()
        if not path.is_relative_to(checkout) or not path.is_file():
            raise Rejected(f"there is no spec {spec} in the repository")
        with bare_chamber(self._settings, "spec-", _TIME) as chamber:
            return _parse(chamber, path)


def _parse(chamber: Chamber, path: Path) -> SpecFacts:
    try:
        staged = stage(chamber)
        copy_tree(path.parent, staged / "checkout")
        bring_in(chamber, staged)
        ended = chamber.run(Step(command=query_command(f"{BUILD_DIRECTORY}/checkout/{path.name}")))
    except BuildFailed as failure:
        raise Rejected(f"{path.name} cannot be parsed: {failure.failed.cause}") from failure
    output = (chamber.root.directory / "log").read_text(errors="replace")
    facts = parse_facts(output)
    if ended.status != 0 or facts is None:
        raise Rejected(f"{path.name} does not parse: {cause_of(output) or 'rpm gave no reason'}")
    return facts
