"""A Copr for the builder's own tests: its builders move with every request, and an adapter speaks to it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.copr import CoprBuilder, CoprSettings
from bot.domain.target import Target
from tests.fakes.copr.server import CoprServer
from tests.fakes.copr.stage import CHROOT, Serving
from tests.fakes.copr.worker import Worker

TARGET = Target(name="here", arch="x86_64", backend="copr", repositories=(), chroot=CHROOT)


@dataclass
class Place:
    """A Copr, and how a builder finds it. `builders` are those that were made, to be closed."""

    server: CoprServer
    settings: CoprSettings
    target: Target = TARGET
    builders: list[CoprBuilder] = field(default_factory=list)

    def builder(self, **changes: Any) -> CoprBuilder:
        """A builder that knows nothing of the former ones."""
        made = CoprBuilder(replace(self.settings, **changes))
        self.builders.append(made)
        return made


@contextmanager
def place(directory: Path, worker: Worker, **options: Any) -> Iterator[Place]:
    """Serve a Copr with `host-base` in its distribution; whatever it was asked, it knew the arguments."""
    server = CoprServer(directory, worker, moves_when_asked=True)
    server.farm.distribution = {"host-base": "host-base-1-1.noarch"}
    user = server.add_user("bot")
    with Serving(server):
        settings = CoprSettings(
            name="test",
            url=server.url,
            login=user.login,
            token=user.token,
            owner="bot",
            clone_urls={"github": "https://example.org/{repository}.git"},
            timeout=timedelta(seconds=10),
            **options,
        )
        here = Place(server, settings)
        try:
            yield here
        finally:
            for builder in here.builders:
                asyncio.run(builder.close())
    assert server.violations == []
