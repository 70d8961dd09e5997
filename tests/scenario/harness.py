"""The whole engine over fakes at the ports and a real SQLite database, driven step by step: nothing sleeps.

A scenario reads like its user: open, push, comment; then `settle`, and read the report.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.adapters.config_file.load import load
from bot.adapters.config_file.reading import Offer
from bot.adapters.log_files import LogFiles
from bot.adapters.markdown import plain_lines
from bot.adapters.sql.engine import make_engine
from bot.adapters.sql.store import SqlStore
from bot.domain.config import PackageConfig
from bot.domain.decide import ChangeView
from bot.domain.intents import Commented, Intent, ReceivedDelivery, Refresh
from bot.domain.permission import Permission
from bot.domain.publication import Check
from bot.domain.run import ChangeRef, ChangeState
from bot.domain.verdict import Verdict
from bot.engine.executor import Checkpoint, pass_by
from bot.engine.poller import Poller
from bot.engine.reconciler import Reconciler
from bot.engine.view import load_change
from bot.engine.world import EngineSettings, World
from bot.ports.clock import Clock
from bot.ports.forge import Forge
from bot.ports.sources import SpecFacts
from tests.fakes.builder import FakeBuilder
from tests.fakes.forge import FakeComment, FakeForge
from tests.fakes.pins import FakePins
from tests.fakes.resolver import FakeResolver

CONFIG = """\
version: 1
packages: [{spec: libfoo.spec, name: libfoo}]
targets:
  - {name: rawhide, backend: fake, repositories: ["https://example.org/rawhide"]}
"""


OFFER = Offer(presets={}, backends=("fake",))


@dataclass(slots=True)
class FakeClock:
    """Time that moves when it is told to."""

    time: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_time(self, **amount: float) -> None:
        self.time += timedelta(**amount)


class FakeSpecs:
    """Knows one spec; implements SpecReader and SourceFetcher."""

    async def read(self, checkout: str, spec: str) -> SpecFacts:
        return SpecFacts(name=Path(spec).stem, version="1", release="1", sources=())

    async def fetch(self, checkout: str, package: PackageConfig) -> None:
        return None


@dataclass(slots=True, kw_only=True)
class Engine:
    """The engine with what it builds and solves with."""

    world: World
    builder: FakeBuilder
    resolver: FakeResolver
    checkpoint: Checkpoint = pass_by
    owner: str = "engine"
    actions: list[str] = field(default_factory=list)

    def reconciler(self) -> Reconciler:
        return Reconciler(
            world=self.world,
            owner=self.owner,
            strict=True,
            checkpoint=self.checkpoint,
            acted=self.actions.append,
        )

    async def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        """Reconcile and poll until neither has anything to do (or `until` holds)."""
        reconciler = self.reconciler()
        pollers = [
            Poller(
                world=self.world,
                backend=name,
                owner=self.owner,
                woke=lambda: None,
                strict=True,
                checkpoint=self.checkpoint,
            )
            for name in self.world.builders
        ]
        for _ in range(500):
            if until():
                return
            worked = await reconciler.reconcile_one()
            before = self._built()
            for poller in pollers:
                await poller.poll_once()
            if not worked and self._built() == before:
                return
        raise AssertionError("the engine does not come to rest")

    def _built(self) -> list[tuple[int, int]]:
        builders = [builder for builder in self.world.builders.values() if isinstance(builder, FakeBuilder)]
        return [(builder.calls["submit"], len(builder.running)) for builder in builders]

    async def finish_all(self) -> None:
        """Settle, with every build ending well (or as `outcome_for` says) until nothing is left to do."""
        await self.settle()
        while self.builder.running:
            for key in self.builder.running:
                self.builder.finish(key)
            await self.settle()

    async def view(self, ref: ChangeRef) -> ChangeView:
        """Return what is stored about a change."""
        async with self.world.store.transaction() as tx:
            view = await load_change(tx, ref.id, timedelta(days=3))
        assert view is not None
        return view

    async def verdicts(self, ref: ChangeRef) -> dict[str, Verdict]:
        """Return the newest run's verdicts by package."""
        view = await self.view(ref)
        return {finding.package: finding.judgement.verdict for finding in view.runs[0].findings}


@dataclass(slots=True, kw_only=True)
class Stage(Engine):
    """The engine with everything around it."""

    forge: FakeForge
    clock: FakeClock
    _deliveries: int = 0

    async def deliver(self, *intents: Intent) -> None:
        """Let a webhook have come in."""
        self._deliveries += 1
        delivery = ReceivedDelivery(
            forge="github",
            guid=f"delivery-{self._deliveries}",
            event="test",
            received_at=self.clock.now(),
            intents=intents,
        )
        async with self.world.store.transaction() as tx:
            await tx.deliveries.record([delivery])

    async def open(
        self, *, config: str | None = CONFIG, paths: tuple[str, ...] = ("libfoo.spec",), **state: object
    ) -> ChangeRef:
        """Open a pull request by somebody with write permission (unless told otherwise)."""
        change: ChangeState = self.forge.open_change(**state)  # type: ignore[arg-type]
        if config is not None:
            self.forge.put_files(change.base_branch, {".revdeps.yaml": config})
        self.forge.put_files(change.head_sha, {"libfoo.spec": "Name: libfoo\n"})
        self.forge.touch(change.ref, paths)
        await self.deliver(Refresh(change=change.ref))
        return change.ref

    async def push(self, ref: ChangeRef, user: str = "octocat") -> None:
        """Push a commit to a pull request."""
        change = self.forge.push(ref)
        self.forge.put_files(change.head_sha, {"libfoo.spec": "Name: libfoo\n# changed\n"})
        await self.deliver(Refresh(change=ref, pushed_sha=change.head_sha, pushed_by=user))

    async def deliver_refresh(self, ref: ChangeRef) -> None:
        """Let the forge say that something about a pull request changed."""
        await self.deliver(Refresh(change=ref))

    async def ask(self, ref: ChangeRef, body: str, author: str = "octocat") -> FakeComment:
        """Comment."""
        comment = self.forge.write(ref, body, author)
        intent = Commented(change=ref, comment=comment.id, author=author, body=body, written_at=self.clock.now())
        await self.deliver(intent)
        return comment

    async def say(self, ref: ChangeRef, body: str, author: str = "octocat") -> FakeComment:
        """Comment, and settle."""
        comment = await self.ask(ref, body, author)
        await self.settle()
        return comment

    def check(self, ref: ChangeRef) -> Check:
        """Return the gate as it stands on the head commit."""
        return self.forge.latest_check(self.forge.changes[ref].head_sha)

    def comment(self, ref: ChangeRef) -> str:
        """Return the summary comment, empty where there is none."""
        found = [comment.body for comment in self.forge.comments_on(ref) if "revdeps:v1" in comment.body]
        assert len(found) <= 1, "more than one summary comment"
        return found[0] if found else ""


@asynccontextmanager
async def stage(directory: Path, **changes: object) -> AsyncIterator[Stage]:
    """Set the stage: `octocat` may write; the backend is `fake` and ends no build by itself."""
    clock, forge = FakeClock(), FakeForge()
    forge.grant("octocat", Permission.WRITE)
    async with engine(directory, {"github": forge}, clock, **changes) as parts:
        yield Stage(world=parts.world, forge=forge, builder=parts.builder, resolver=parts.resolver, clock=clock)


@asynccontextmanager
async def engine(
    directory: Path, forges: Mapping[str, Forge], clock: Clock, **changes: object
) -> AsyncIterator[Engine]:
    """The engine over these forges; `changes` are other parts of its world."""
    store = SqlStore(_hasty(f"sqlite:///{directory}/revdeps.db"))
    await store.upgrade()
    builder, resolver, specs = FakeBuilder(clock=clock), FakeResolver(), FakeSpecs()
    world = World(
        store=store,
        forges=forges,
        builders={"fake": builder},
        resolver=resolver,
        specs=specs,
        sources=specs,
        pins=FakePins(),
        comments=plain_lines,
        logs=LogFiles(directory / "logs"),
        clock=clock,
        load_config=lambda text, path, specs: load(text, path, specs, OFFER),
        settings=EngineSettings(state=directory, public_url="https://revdeps.example"),
    )
    try:
        yield Engine(world=replace(world, **changes), builder=builder, resolver=resolver)  # type: ignore[arg-type]
    finally:
        await store.close()


def _hasty(address: str) -> AsyncEngine:
    """Return a database that does not wait for the disk at every commit: it need not outlive a power cut."""
    made = make_engine(address, 1)

    def set_up(connection: DBAPIConnection, _entry: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.close()

    event.listen(made.sync_engine, "connect", set_up)
    return made
