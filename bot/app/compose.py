"""Puts the engine's world together from settings: one function per kind of process."""

import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from bot.adapters.config_file import Offer, load
from bot.adapters.dist_git import DistGitPins
from bot.adapters.github.budget import UNLIMITED, RateLimits
from bot.adapters.github.forge import GitHubForge
from bot.adapters.github.settings import GitHubSettings
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.jobs.directory import Job
from bot.adapters.log_files import LogFiles
from bot.adapters.markdown import plain_lines
from bot.adapters.sandbox.maker import SandboxSourceMaker
from bot.adapters.sandbox.settings import Limits, SandboxSettings
from bot.adapters.sandbox.spec import SandboxSpecReader
from bot.adapters.source_fetcher import HttpSourceFetcher, open_session
from bot.adapters.sql.store import SqlStore
from bot.app.backends import Site, open_backends
from bot.app.build_systems import BuildSystems, build_systems
from bot.app.forges import Surroundings, forge_entries, hook_url
from bot.app.settings import Settings, secret
from bot.app.targets import offer, operator_targets
from bot.domain.config import Config, ConfigProblem
from bot.engine.world import ConfigLoader, EngineSettings, World
from bot.ports.clock import Clock
from bot.ports.forge import Forge
from bot.ports.resolver import RootSolver

_MIB = 1024 * 1024


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present time as aware UTC."""
        return datetime.now(UTC)


@asynccontextmanager
async def world(settings: Settings, forges: Mapping[str, Forge] | None = None) -> AsyncIterator[World]:
    """Open everything and close it again. `forges` replaces those of the settings."""
    clock = SystemClock()
    sandbox = sandbox_settings(settings)
    async with AsyncExitStack() as stack:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = await SqlStore.open(settings.database)
        stack.push_async_callback(store.close)
        if settings.embedded:
            await store.upgrade()
        await store.check()
        resolver = HawkeyResolver(hawkey_settings(settings))
        stack.push_async_callback(resolver.close)
        fetching = await stack.enter_async_context(open_session(settings.allowed_hosts))
        if forges is None:
            forges = await _forges(settings, clock, stack)
        specs = SandboxSpecReader(sandbox)
        systems = build_systems(settings.build_systems_file)
        builders = open_backends(_site(settings, systems, stack))
        presets = operator_targets(settings.targets_file, systems, tuple(builders))
        offered = offer(systems, tuple(builders), settings.allowed_hosts)
        yield World(
            store=store,
            forges=forges,
            builders=builders,
            resolver=resolver,
            specs=specs,
            sources=HttpSourceFetcher(fetching, specs, settings.allowed_hosts),
            pins=DistGitPins(),
            comments=plain_lines,
            logs=LogFiles(settings.state_dir / "logs"),
            clock=clock,
            load_config=_config_loader(replace(offered, presets=presets)),
            settings=engine_settings(settings, presets),
        )


async def _forges(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Mapping[str, Forge]:
    forges: dict[str, Forge] = {}
    if settings.github_app_id is not None:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        forges["github"] = GitHubForge(github_settings(settings, settings.github_app_id), session, clock)
    for name, entry in forge_entries(settings).items():
        # Cookies of one forge are none of another's business.
        session = await stack.enter_async_context(aiohttp.ClientSession())
        where = hook_url(settings, name)
        forges[name] = entry.open(Surroundings(name=name, session=session, clock=clock, hook_url=where))
    return forges


def github_settings(settings: Settings, app_id: int) -> GitHubSettings:
    """Return what the adapter needs of GitHub; raise Misconfigured where the App's key cannot be read."""
    return GitHubSettings(
        app_id=app_id,
        private_key=secret(settings.github_private_key_file, "REVDEPS_GITHUB_PRIVATE_KEY_FILE"),
        api_url=settings.github_api_url,
        web_url=settings.github_web_url,
        limits=RateLimits() if settings.github_limits else UNLIMITED,
    )


def _site(settings: Settings, systems: BuildSystems, stack: AsyncExitStack) -> Site:
    sandbox = sandbox_settings(settings)
    return Site(
        systems=systems,
        state=settings.state_dir.absolute(),
        sandbox=sandbox,
        supervisor=supervisor_command(settings),
        make_source=SandboxSourceMaker(sandbox),
        stack=stack,
        clone_urls=clone_urls(settings),
    )


def clone_urls(settings: Settings) -> Mapping[str, str]:
    """Return by forge where others fetch commits, with `{repository}` for `owner/name`."""
    return {
        "github": f"{settings.github_web_url.rstrip('/')}/{{repository}}.git",
        **{name: entry.clone_url for name, entry in forge_entries(settings).items()},
    }


def _config_loader(offer: Offer) -> ConfigLoader:
    def loader(content: bytes, path: str, specs: Sequence[str]) -> Config | tuple[ConfigProblem, ...]:
        return load(content, path, specs, offer)

    return loader


def engine_settings(settings: Settings, targets: Iterable[str]) -> EngineSettings:
    """Return the part of the settings that concerns the engine; `targets` are the names of the operator's."""
    return EngineSettings(
        state=settings.state_dir.absolute(),
        public_url=settings.public_url,
        retention=timedelta(days=settings.retention_days),
        log_retention=timedelta(days=settings.log_days),
        lease=timedelta(seconds=settings.lease_seconds),
        tick=timedelta(seconds=settings.tick_seconds),
        poll_interval=timedelta(seconds=settings.poll_seconds),
        check_interval=timedelta(seconds=settings.check_seconds),
        comment_interval=timedelta(seconds=settings.comment_seconds),
        trusted_apps=settings.trusted_apps,
        systemic_failures=settings.systemic_failures,
        quotas=tuple(settings.quotas.items()),
        targets=tuple(targets),
        workers=settings.workers,
    )


def sandbox_settings(settings: Settings) -> SandboxSettings:
    """Return the part of the settings that concerns the sandbox."""
    return SandboxSettings(
        state=settings.state_dir.absolute() / "sandbox",
        slots=settings.sandbox_slots,
        limits=Limits(memory=settings.sandbox_memory_mib * _MIB),
        base_root=settings.sandbox_base_root,
    )


def hawkey_settings(settings: Settings) -> HawkeySettings:
    """Return the part of the settings that concerns the resolver."""
    hosts = settings.allowed_hosts
    return HawkeySettings(
        cache=settings.state_dir.absolute() / "metadata",
        workers=settings.solver_workers,
        solver_bytes=settings.solver_mib * _MIB,
        allowed_hosts=hosts,
        allow_file="localhost" in hosts,
        serve_stale=settings.serve_stale,
        metadata_bytes=settings.metadata_file_mib * _MIB,
        cache_bytes=int(settings.metadata_gib * 1024 * _MIB),
    )


def supervisor_command(settings: Settings) -> tuple[str, ...]:
    """Return the command that supervises one local build; the job's directory comes after it."""
    hosts = (option for host in settings.allowed_hosts for option in ("--allowed-host", host))
    metadata = str(hawkey_settings(settings).cache)
    return (sys.executable, "-P", "-m", "bot", "supervise-build", "--metadata", metadata, *hosts)


def root_solver(metadata: Path, allowed_hosts: Sequence[str], job: Job) -> RootSolver:
    """Return what a supervisor asks for the packages of its root.

    The job names the snapshot, which was pinned from allowed places; the workspace's own repository is a `file:`.
    Servers may redirect to `allowed_hosts`.
    """
    named = (repository.url.split("/")[2] for repository in job.target.repositories if "//" in repository.url)
    settings = HawkeySettings(cache=metadata, workers=1, allowed_hosts=(*allowed_hosts, *named), allow_file=True)
    return HawkeyRootSolver(settings, job.snapshot, job.target, job.overlay)
