"""What the engine works with: the ports, and the operator's settings that concern it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.domain.allocate import Quotas
from bot.domain.config import Config, ConfigProblem
from bot.domain.ids import ChangeId
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.selection import CONFIG_FILE
from bot.domain.systemic import MOST
from bot.engine.queues import Queues
from bot.ports.builder import Builder
from bot.ports.clock import Clock
from bot.ports.comments import CommentReader
from bot.ports.errors import Misconfigured
from bot.ports.forge import Forge
from bot.ports.logs import LogStore
from bot.ports.pins import SourcePins
from bot.ports.resolver import Resolver
from bot.ports.sources import SourceFetcher, SpecReader
from bot.ports.store import Store

ConfigLoader = Callable[[bytes, str, Sequence[str]], Config | tuple[ConfigProblem, ...]]
"""(contents, path for messages, spec paths to choose the default package from) → configuration or its problems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """The operator's settings for the engine."""

    state: Path
    """Directory for checkouts; the engine's own."""
    public_url: str = ""
    """Where people reach the run pages; empty where there are none."""
    lease: timedelta = timedelta(seconds=60)
    """How long after a process has died another one takes up what that worked on."""
    retention: timedelta = timedelta(days=3)
    """How long a finished run's workspaces are kept, so that `retry` need not start from the beginning."""
    log_retention: timedelta = timedelta(days=30)
    """How long whole build logs are kept."""
    tick: timedelta = timedelta(seconds=30)
    """How often work is looked for without a hint."""
    poll_interval: timedelta = timedelta(seconds=1)
    resync_interval: timedelta = timedelta(minutes=5)
    check_interval: timedelta = timedelta(seconds=10)
    """The least time between two progress updates of a check."""
    comment_interval: timedelta = timedelta(minutes=1)
    """The least time between two progress updates of a comment."""
    trusted_apps: tuple[str, ...] = ()
    """Logins of Apps and bots whose pull requests run by themselves."""
    systemic_failures: int = MOST
    """So many first rebuilds that fail with one signature pause a run; 0: none do."""
    quotas: Quotas = ()
    """How many builds of one repository run at once on each backend."""
    targets: tuple[str, ...] = ()
    """Names of the targets that the operator has set up."""
    workers: int = 4
    """How many changes are checked out, planned or prepared at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside the engine."""

    store: Store
    forges: Mapping[str, Forge]
    builders: Mapping[str, Builder]
    resolver: Resolver
    specs: SpecReader
    sources: SourceFetcher
    pins: SourcePins
    comments: CommentReader
    logs: LogStore
    clock: Clock
    load_config: ConfigLoader
    settings: EngineSettings
    queues: Queues = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "queues", Queues(self.clock))  # what it knows goes by this clock

    def forge(self, name: str) -> Forge:
        """Return the forge of that name; raise Misconfigured where the settings have none."""
        if name not in self.forges:
            raise Misconfigured("settings", f"no forge is called {name}", "Add it, or remove its webhooks.")
        return self.forges[name]

    def parlance(self, forge: str) -> Parlance:
        """Return the words of a forge, GitHub's for one that the settings have no more."""
        known = self.forges.get(forge)
        return PULL_REQUESTS if known is None else known.capabilities.parlance

    def name(self, change: str) -> str:
        """Return what the log calls a change, given its key: the key, with its number as its forge writes it."""
        return self.parlance(change.partition(":")[0]).key(ChangeId(change))

    def builder(self, name: str) -> Builder:
        """Return the build backend of that name; raise Misconfigured where the settings have none."""
        if name not in self.builders:
            known = ", ".join(sorted(self.builders))
            raise Misconfigured(CONFIG_FILE, f"backend {name!r} is not offered here", f"This service has: {known}.")
        return self.builders[name]
