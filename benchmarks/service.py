"""`revdeps serve`, but with builds and metadata out of memory: the measurements are the service's own, not rpmbuild's.

Settings, web side, engine, database and GitHub adapter are those of production. A change to libfoo affects
`DEPENDENTS` packages; their builds end by the next poll. Started by `benchmarks.process`.
"""

import logging
from dataclasses import replace

from bot.app.compose import world
from bot.app.running import run
from bot.app.service import serve
from bot.app.settings import load_settings
from bot.domain.build import Succeeded
from tests.fakes.builder import FakeBuilder
from tests.fakes.resolver import FakeResolver, affected
from tests.scenario.harness import FakeSpecs

DEPENDENTS = 200
SLOTS = 20

FILES = {
    "libfoo.spec": "Name: libfoo\n",
    ".revdeps.yaml": "version: 1\ntargets:\n  - {name: bench, backend: sandbox, repositories: ['file:///srv/bench']}\n",
}
"""A repository whose pull requests the service tests."""


async def main() -> None:
    """Serve until SIGTERM."""
    settings = load_settings()
    async with world(settings) as real:
        builder = FakeBuilder(slots=SLOTS, clock=real.clock, outcome_for=lambda _: Succeeded())
        resolver = FakeResolver()
        resolver.script_impact(["libfoo"], *(affected(f"dependent-{number:04}") for number in range(DEPENDENTS)))
        specs = FakeSpecs()
        await serve(
            replace(real, builders={"sandbox": builder}, resolver=resolver, specs=specs, sources=specs), settings
        )


if __name__ == "__main__":
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    run(main())
