"""Every kind of backend, and how the operator's settings make backends of it.

A kind is a function from `Site` to builders by the name under which targets speak of them: `sandbox`, or `koji:NAME`
for the build system NAME. Where a kind has one builder alone, the kind's name is enough (`koji`). To add a kind, add
its function to `KINDS`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from copr.v3 import CoprException, config_from_file

from bot.adapters.copr import CoprBuilder, CoprSettings
from bot.adapters.koji import Certificate, Keytab, KojiBuilder, KojiSettings
from bot.adapters.mock import MockBuilder, MockSettings
from bot.adapters.sandbox import SandboxBuilder, SandboxSettings, SandboxSourceMaker
from bot.app.build_systems import VARIABLE, BuildSystems, CoprSystem, KojiLogin, KojiSystem, MockSystem
from bot.ports.builder import Builder
from bot.ports.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the service gives to every kind of backend."""

    systems: BuildSystems
    state: Path
    """Absolute; the service's state directory."""
    sandbox: SandboxSettings
    supervisor: Sequence[str]
    """The command that supervises one local build; the job's directory comes after it."""
    make_source: SandboxSourceMaker
    """Makes the source package of a change, for backends that take one."""
    stack: AsyncExitStack
    """Whatever has to be closed goes here."""
    clone_urls: Mapping[str, str] = field(default_factory=dict)
    """By forge: where others fetch commits, with `{repository}` for `owner/name`."""


Kind = Callable[[Site], Mapping[str, Builder]]


def open_backends(site: Site) -> Mapping[str, Builder]:
    """Return every backend by name; the first is the default of targets that name none."""
    return {name: builder for kind in KINDS for name, builder in kind(site).items()}


def short_names(names: Sequence[str]) -> Mapping[str, str]:
    """Return which backend a kind's name alone means, where it has one only."""
    kinds = [name.partition(":")[0] for name in names]
    return {kind: name for kind, name in zip(kinds, names, strict=True) if kinds.count(kind) == 1 and kind != name}


def koji_settings(
    name: str, system: KojiSystem, login: KojiLogin, state: Path, clone_urls: Mapping[str, str]
) -> KojiSettings:
    """Return what the adapter needs of a hub; raise Misconfigured where a file of the log-in cannot be read."""
    for file in login.files:
        if not os.access(file, os.R_OK):
            raise Misconfigured(
                VARIABLE,
                f"koji.{name}.login: {file} cannot be read",
                "Put it there, and give the service's user the right to read it.",
            )
    return KojiSettings(
        name=name,
        hub=system.hub,
        topurl=system.topurl,
        state=state / "koji" / name,
        credentials=_credentials(login),
        max_running=system.max_running,
        busy=system.busy,
        priority=system.priority,
        suffix=system.suffix,
        source=system.source,
        clone_urls=clone_urls,
    )


def _credentials(login: KojiLogin) -> Certificate | Keytab:
    if login.certificate is not None:
        return Certificate(file=login.certificate, authority=login.authority)
    assert login.keytab is not None
    assert login.principal is not None
    return Keytab(principal=login.principal, file=login.keytab, authority=login.authority)


def _sandbox(site: Site) -> Mapping[str, Builder]:
    return {"sandbox": SandboxBuilder(site.sandbox, site.supervisor)}


def _koji(site: Site) -> Mapping[str, Builder]:
    found: dict[str, Builder] = {}
    for name, system in site.systems.koji.items():
        if system.login is not None:
            settings = koji_settings(name, system, system.login, site.state, site.clone_urls)
            builder = KojiBuilder(settings, site.make_source)
            site.stack.push_async_callback(builder.close)
            found[f"koji:{name}"] = builder
    return found


def copr_settings(name: str, system: CoprSystem, clone_urls: Mapping[str, str]) -> CoprSettings:
    """Return what the adapter needs of a Copr; raise Misconfigured where its login cannot be read."""
    try:
        found = config_from_file(str(system.login))
    except (CoprException, OSError, ValueError, KeyError) as error:
        raise _no_login(name, system, f"cannot be read ({type(error).__name__})") from None
    if missing := [key for key in ("login", "token", "username", "copr_url") if not found.get(key)]:
        raise _no_login(name, system, f"lacks {', '.join(missing)}")
    return CoprSettings(
        name=name,
        url=found["copr_url"],
        login=found["login"],
        token=found["token"],
        owner=system.owner or found["username"],
        credentials=system.login,
        prefix=system.prefix,
        clone_urls=clone_urls,
        dist_gits=system.all_dist_gits,
        source_chroot=system.source_chroot,
        source_packages=system.source_packages,
        upload=system.upload,
        max_running=system.max_running,
        delete_after=timedelta(days=system.delete_after_days),
    )


def _no_login(name: str, system: CoprSystem, what: str) -> Misconfigured:
    mend = "Write into it what the Copr shows at /api/, and let the service's user read it."
    return Misconfigured(VARIABLE, f"copr.{name}.login: {system.login} {what}", mend)


def _copr(site: Site) -> Mapping[str, Builder]:
    found: dict[str, Builder] = {}
    for name, system in site.systems.copr.items():
        if isinstance(system, CoprSystem):
            builder = CoprBuilder(copr_settings(name, system, site.clone_urls), site.make_source)
            site.stack.push_async_callback(builder.close)
            found[f"copr:{name}"] = builder
    return found


def mock_settings(system: MockSystem, state: Path) -> MockSettings:
    """Return what the adapter needs of mock."""
    return MockSettings(
        state=state / "mock",
        slots=system.slots,
        roots=system.roots,
        caches=system.caches,
        bound=int(system.gib * 2**30),
        isolation=system.isolation,
    )


def _mock(site: Site) -> Mapping[str, Builder]:
    system = site.systems.mock
    if system is None:
        return {}
    return {"mock": MockBuilder(mock_settings(system, site.state), (*site.supervisor, "--in", "mock"))}


KINDS: Sequence[Kind] = (_sandbox, _koji, _copr, _mock)
"""The sandbox is first: it needs no settings."""
