"""Tests every connection that the operator has configured: what `revdeps doctor` tells.

Each check is a function from `Patient` to what it finds. To add one, add it to `CHECKS`.
"""

import os
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from bot.adapters.copr.examine import examine as examine_copr
from bot.adapters.github.examine import examine as examine_github
from bot.adapters.hawkey.access import check_allowed
from bot.adapters.koji.examine import examine as examine_koji
from bot.adapters.sandbox.check import check_host
from bot.adapters.sql.store import SqlStore
from bot.app.backends import copr_settings, koji_settings, mock_settings
from bot.app.build_systems import BuildSystems, CoprSystem, KojiLogin, KojiSystem, MockSystem, build_systems
from bot.app.compose import SystemClock, clone_urls, github_settings, hawkey_settings, sandbox_settings
from bot.app.forges import ForgeEntry, Surroundings, forge_entries, hook_url
from bot.app.settings import Settings, unknown_variables
from bot.app.targets import operator_targets
from bot.domain.target import RepositoryKind, Target
from bot.ports.diagnosis import Diagnosis, HookWish, State, doubtful, well, wrong
from bot.ports.errors import LoginRefused, Misconfigured, RevdepsError, Transient
from handlers.github.translate import GitHubTranslator

_GIB = 1 << 30
_ENOUGH = 10
"""GiB that ought to be free: metadata of a large distribution, roots and logs."""
_UNASKED = {"installation", "installation_repositories"}
"""GitHub sends these to every App; they cannot be subscribed to."""
_TIME = aiohttp.ClientTimeout(total=30)
_CERTIFICATE = (
    "Let the far side renew it, or this machine trust who signed it; for a Koji hub, `authority` beside the login names"
    " that."
)
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What the operator has set, and how far the tests may go."""

    settings: Settings
    systems: BuildSystems
    targets: Sequence[Target]
    forges: Mapping[str, ForgeEntry] = field(default_factory=dict)
    tags: Sequence[str] = ()
    """Of Koji hubs, to be looked at beside those of the targets."""
    repositories: Mapping[str, str] = field(default_factory=dict)
    """By forge, one of its repositories (`owner/name`), for hubs that check changes out."""
    trying: bool = False
    """Whether something may be made, and removed again, to find out whether that is allowed."""


Examination = AsyncGenerator[Diagnosis, None]
Check = Callable[[Patient], Examination]


def patient(
    settings: Settings, tags: Sequence[str], *, trying: bool, repositories: Mapping[str, str] = _NONE
) -> Patient:
    """Read the files that the settings name; raise Misconfigured where one is wrong."""
    systems = build_systems(settings.build_systems_file)
    return Patient(
        settings=settings,
        systems=systems,
        forges=forge_entries(settings),
        targets=tuple(operator_targets(settings.targets_file, systems, systems.backends).values()),
        tags=tags,
        repositories=repositories,
        trying=trying,
    )


async def examine(who: Patient) -> AsyncGenerator[Diagnosis, None]:
    """Yield what every check finds; one that cannot go on says why, and the next begins."""
    for name, check in _checks(who):
        async with aclosing(guarded(name, check(who))) as found:
            async for diagnosis in found:
                yield diagnosis


def _checks(who: Patient) -> Sequence[tuple[str, Check]]:
    return [
        ("settings", _settings),
        ("database", _database),
        ("sandbox", _sandbox),
        ("github", _github),
        *((name, partial(_forge, name, entry)) for name, entry in who.forges.items()),
        *((f"koji:{name}", partial(_koji, name, system)) for name, system in who.systems.koji.items()),
        *((f"copr:{name}", partial(_copr, name, system)) for name, system in who.systems.copr.items()),
        *((("mock", partial(_mock, who.systems.mock)),) if who.systems.mock else ()),
        *((f"target {target.name}", partial(_target, target)) for target in who.targets),
    ]


async def guarded(name: str, check: Examination) -> Examination:
    """Yield what a check finds, and what it ends with where it cannot go on."""
    try:
        async with aclosing(check) as found:
            async for diagnosis in found:
                yield diagnosis
    except LoginRefused as trouble:
        yield wrong(name, f"{trouble.where}: {trouble.what}", trouble.operators_mend)
    except Misconfigured as trouble:
        yield wrong(name, f"{trouble.where}: {trouble.what}", trouble.mend)
    except Transient as trouble:
        if "certificate verify failed" in str(trouble):
            yield wrong(name, str(trouble), _CERTIFICATE)
        else:
            yield Diagnosis(about=name, state=State.SILENT, what=str(trouble), mend="Try again; is the address right?")
    except RevdepsError as trouble:
        yield wrong(name, str(trouble), "Ask those who run the far side.")
    except OSError as trouble:
        yield wrong(name, str(trouble), "Let the service's user have it.")


async def _settings(_who: Patient) -> Examination:
    for name, hint in unknown_variables(os.environ).items():
        yield doubtful("settings", f"there is no setting {name}, so it does nothing", hint.strip())


async def _database(who: Patient) -> Examination:
    who.settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = await SqlStore.open(who.settings.database)
    try:
        if who.settings.embedded:
            await store.upgrade()
        await store.check()
    finally:
        await store.close()
    yield well("database", "it can be written and has this version's schema")


async def _sandbox(who: Patient) -> Examination:
    sandbox = sandbox_settings(who.settings)
    check_host(sandbox)
    yield well("sandbox", f"builds can run here, {sandbox.slots} at once")
    free = shutil.disk_usage(who.settings.state_dir).free / _GIB
    what = f"{free:.0f} GiB are free in {who.settings.state_dir}"
    if free < _ENOUGH:
        yield doubtful("sandbox", what, f"{_ENOUGH} GiB and more are needed for a large distribution.")
    else:
        yield well("sandbox", what)


async def _github(who: Patient) -> Examination:
    if who.settings.github_app_id is None:
        if who.forges:
            return
        yield doubtful("github", "no App is configured, so GitHub is not served", "docs/github.md tells how.")
        return
    hook = f"{who.settings.public_url.rstrip('/')}/webhook/github" if who.settings.public_url else ""
    events = GitHubTranslator("github", who.settings.github_app_id).events - _UNASKED
    async with aiohttp.ClientSession() as session:
        settings = github_settings(who.settings, who.settings.github_app_id)
        async for found in examine_github(settings, session, SystemClock(), events, hook):
            yield found


async def _forge(name: str, entry: ForgeEntry, who: Patient) -> Examination:
    url = hook_url(who.settings, name)
    async with aiohttp.ClientSession() as session:
        around = Surroundings(name=name, session=session, clock=SystemClock(), hook_url=url)
        async for found in entry.examine(around, HookWish(url=url)):
            yield found


async def _koji(name: str, system: KojiSystem, who: Patient) -> Examination:
    if system.login is None:
        yield doubtful(f"koji:{name}", "it is only read: it has no `login`, so nothing is built there")
        return
    async for found in _hub(name, system, system.login, who):
        yield found


async def _hub(name: str, system: KojiSystem, login: KojiLogin, who: Patient) -> Examination:
    tags = [
        repository.koji.tag
        for target in who.targets
        for repository in target.repositories
        if repository.koji is not None and repository.koji.hub == system.hub
    ]
    settings = koji_settings(name, system, login, who.settings.state_dir.absolute(), clone_urls(who.settings))
    every = list(dict.fromkeys([*tags, *who.tags]))
    async for found in examine_koji(settings, every, trying=who.trying, repositories=who.repositories):
        yield found


async def _copr(name: str, system: CoprSystem | str, _who: Patient) -> Examination:
    if isinstance(system, str):
        yield doubtful(f"copr:{name}", "it is only read: it has no `login`, so nothing is built there")
        return
    async for found in examine_copr(copr_settings(name, system, {}), SystemClock().now().date()):
        yield found


async def _mock(system: MockSystem, who: Patient) -> Examination:
    settings = mock_settings(system, who.settings.state_dir.absolute())
    if shutil.which(settings.command) is None:
        yield wrong("mock", f"there is no program {settings.command} on this machine", "Install the package mock.")
    elif os.geteuid() == 0:
        yield wrong("mock", "mock does not run as root", "Run the service as a user of its own, in the group mock.")
    else:
        yield well("mock", f"it is installed; {settings.slots} builds at once")


async def _target(target: Target, who: Patient) -> Examination:
    """Ask for the repositories' index files; a tag's repository is looked at with its hub."""
    about = f"target {target.name}"
    async with aiohttp.ClientSession(timeout=_TIME) as session:
        for repository in target.repositories:
            try:
                check_allowed(repository.url, hawkey_settings(who.settings))
            except Misconfigured as trouble:
                yield wrong(about, f"{trouble.where}: {trouble.what}", "Add what is missing to REVDEPS_ALLOWED_HOSTS.")
                continue
            if repository.koji is None and repository.url.startswith("http"):
                based = repository.kind is RepositoryKind.BASEURL
                url = f"{repository.url.rstrip('/')}/repodata/repomd.xml" if based else repository.url
                yield await _answered(session, about, url)


async def _answered(session: aiohttp.ClientSession, about: str, url: str) -> Diagnosis:
    try:
        async with session.get(url) as answer:
            if answer.status < 400:
                return well(about, f"{url} is there")
            return wrong(about, f"{url} answers {answer.status}", "Correct the target's repositories.")
    except (aiohttp.ClientError, TimeoutError) as error:
        return Diagnosis(about=about, state=State.SILENT, what=f"{url}: {error}", mend="Try again later.")
