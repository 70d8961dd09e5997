"""A hub in a thread of its own, for tests whose own loop comes and goes, and a builder that speaks to it."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.koji import Certificate, KojiBuilder, KojiSettings
from bot.domain.build import TreeSource
from bot.domain.config import SourceMethod
from bot.domain.target import KojiTag, Repository, Target
from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.mutants import plant
from tests.fakes.koji.policies import for_user
from tests.fakes.koji.server import KojiHub
from tests.fakes.koji.stage import make_srpm
from tests.fakes.koji.worker import Scripted

TAG = "mini"


@dataclass
class Place:
    """A hub, and how a builder finds it. `builders` are those that were made, to be closed."""

    hub: KojiHub
    settings: KojiSettings
    sources: Path
    builders: list[KojiBuilder]

    @property
    def target(self) -> Target:
        tag = KojiTag(hub=self.hub.url, topurl=self.hub.topurl, tag=TAG)
        repository = Repository(url=self.hub.topurl, koji=tag)
        return Target(name="here", arch="x86_64", backend="koji", repositories=(repository,))

    def builder(self) -> KojiBuilder:
        """A builder that knows nothing of the former ones."""
        made = KojiBuilder(self.settings, self._make_source)
        self.builders.append(made)
        return made

    async def _make_source(self, tree: TreeSource) -> Path:
        if tree.package.method is SourceMethod.COMMAND:
            return await asyncio.to_thread(self._made_anew, tree)
        text = (Path(tree.directory) / tree.package.spec).read_text()
        version = next(line.split()[1] for line in text.splitlines() if line.startswith("Version:"))
        text = text.replace("Release: 1\n", f"Release: 1{tree.release_suffix}\n")
        name = tree.package.name or ""
        return await asyncio.to_thread(make_srpm, self._apart(), name, version, text, f"1{tree.release_suffix}")

    def _made_anew(self, tree: TreeSource) -> Path:
        """The one source package in a directory, with a longer release; the command copies it, and is not run."""
        (file,) = Path(tree.directory).glob("*.src.rpm")
        name, version, release = file.name.removesuffix(".src.rpm").rsplit("-", 2)
        return make_srpm(self._apart(), name, version, release=f"{release}{tree.release_suffix}")

    def _apart(self) -> Path:
        """A directory for one source package: several are made at once."""
        self.sources.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.sources))


Run = Callable[[Callable[[], object]], None]


@contextmanager
def _loop_apart() -> Iterator[Run]:
    """A loop in a thread of its own; what is given to run there may be a coroutine function."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(function: Callable[[], object]) -> None:
        async def call() -> None:
            result = function()
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(call(), loop).result(30)

    try:
        yield run
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def place(directory: Path, worker: Scripted, packages: list[str], mutant: str = "", **options: Any) -> Iterator[Place]:
    """Serve a hub with a base tag and `host-base` in it, whose builders move with every request.

    `mutant` makes the hub wrong in one way (mutants.py); `options` are those of `KojiHub`.
    """
    (directory / "certificates").mkdir(parents=True)
    certificates = Certificates(directory / "certificates")
    with _loop_apart() as run:
        made: list[KojiHub] = []
        run(lambda: made.append(_hub(directory, certificates, worker, packages, options)))
        (hub,) = made
        if mutant:
            plant(hub, mutant)
        run(hub.start)
        here = Place(hub, _settings(hub, directory, certificates), directory / "sources", [])
        try:
            yield here
        finally:
            for builder in here.builders:
                asyncio.run(builder.close())
            run(hub.close)


def _settings(hub: KojiHub, directory: Path, certificates: Certificates) -> KojiSettings:
    return KojiSettings(
        name="test",
        hub=hub.url,
        topurl=hub.topurl,
        state=directory / "state",
        credentials=Certificate(file=certificates.user("bot"), authority=certificates.authority),
        pause=timedelta(0),
        load_interval=timedelta(0),
        patience=timedelta(seconds=10),
    )


def _hub(
    directory: Path, certificates: Certificates, worker: Scripted, packages: list[str], options: Mapping[str, Any]
) -> KojiHub:
    hub = KojiHub(
        topdir=directory / "koji",
        worker=worker,
        policies=for_user("bot"),
        certificates=certificates,
        moves_when_asked=True,
        **options,
    )
    hub.add_host()
    hub.add_user("bot")
    base = hub.add_tag(TAG, packages=packages)
    hub.add_target(TAG, base, base)
    hub.add_build(base, "host-base")
    return hub
