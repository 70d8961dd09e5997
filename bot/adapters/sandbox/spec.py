"""Parses specs inside the sandbox: `%(…)` and Lua in a spec are programs of its author."""

import asyncio
import re
import tempfile
import time
from pathlib import Path

from bot.adapters.jobs.console import Console
from bot.adapters.sandbox.chamber import BuildFailed, Chamber
from bot.adapters.sandbox.layers import layers
from bot.adapters.sandbox.limits import control_groups
from bot.adapters.sandbox.process import Watch
from bot.adapters.sandbox.root import BUILD_DIRECTORY, Root, Step
from bot.adapters.sandbox.settings import SandboxSettings
from bot.adapters.sandbox.staging import bring_in, copy_tree, stage
from bot.domain.failure import cause_of
from bot.ports.errors import Rejected
from bot.ports.sources import SpecFacts

_MARK = "revdeps-spec-facts"
_SOURCE = re.compile(r"(?i)^(?:Source|Patch)\d*[ \t]*:[ \t]*(\S+)")
_TIME = 60.0


def query_command(spec: str) -> list[str]:
    """Return the command that prints what `parse_facts` reads; it fails, with rpm's message, where the spec does."""
    query = f"{_MARK}\\t%{{NAME}}\\t%{{VERSION}}\\t%{{RELEASE}}\\n"
    define = f"--define '_topdir {BUILD_DIRECTORY}' --define '_sourcedir {BUILD_DIRECTORY}/checkout'"
    script = f'rpmspec {define} -q --srpm --qf "{query}" "$1" && rpmspec {define} -P "$1"'
    return ["/bin/sh", "-euc", script, "spec", spec]


def parse_facts(output: str) -> SpecFacts | None:
    """Read the output of `query_command`; None where it holds no facts."""
    lines = output.splitlines()
    found = [line.split("\t") for line in lines if line.startswith(f"{_MARK}\t")]
    if not found or len(found[0]) != 4:
        return None
    _, name, version, release = found[0]
    return SpecFacts(name=name, version=version, release=release, sources=tuple(_sources(lines)))


def _sources(lines: list[str]) -> list[str]:
    found = []
    listed = False
    for line in lines:
        if line.startswith("%"):
            listed = line.strip() in ("%sourcelist", "%patchlist")
        elif listed and line.strip():
            found.append(line.strip())
        elif match := _SOURCE.match(line):
            found.append(match.group(1))
    return found


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
        settings = self._settings
        settings.state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="spec-", dir=settings.state, ignore_cleanup_errors=True) as scratch:
            root = Root(Path(scratch, "root"), layers(settings), settings.first_uid + settings.slots)
            root.create()
            try:
                return self._parse(root, path, Path(scratch).name)
            finally:
                root.remove()

    def _parse(self, root: Root, path: Path, name: str) -> SpecFacts:
        limits = self._settings.limits
        watch = Watch(deadline=time.monotonic() + _TIME, limits=limits, written=root.uppers())
        log = root.directory / "log"
        with control_groups(f"revdeps-{name}", limits) as groups, Console(log, 2**22) as console:
            chamber = Chamber(root=root, console=console, watch=watch, groups=groups)
            try:
                staged = stage(chamber)
                copy_tree(path.parent, staged / "checkout")
                bring_in(chamber, staged)
                ended = chamber.run(Step(command=query_command(f"{BUILD_DIRECTORY}/checkout/{path.name}")))
            except BuildFailed as failure:
                raise Rejected(f"{path.name} cannot be parsed: {failure.failed.cause}") from failure
        output = log.read_text(errors="replace")
        facts = parse_facts(output)
        if ended.status != 0 or facts is None:
            raise Rejected(f"{path.name} does not parse: {cause_of(output) or 'rpm gave no reason'}")
        return facts
