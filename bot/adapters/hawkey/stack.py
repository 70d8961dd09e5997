"""From a target, a snapshot and a change to the spec of a universe."""

from bot.adapters.hawkey.metadata import fetch_later, fetch_metadata, is_whole
from bot.adapters.hawkey.pins import FILELISTS, Pin, PinnedRepository
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Layer, UniverseSpec
from bot.domain.target import Target
from bot.ports.errors import Misconfigured
from bot.ports.resolver import Overlay


def stack(settings: HawkeySettings, pin: Pin, target: Target, overlay: Overlay | None = None) -> UniverseSpec:
    """Return what to load for a target as it was pinned, with a change over it.

    The change's repository comes from a build system and not from a user, so it may be anywhere; what is new in it is
    fetched. Filelists are loaded where those of the base were fetched (`fetch_filelists`). Raises Misconfigured where
    the target names other repositories than the snapshot.
    """
    if len(pin.repositories) != len(target.repositories):
        raise Misconfigured(
            f"target {target.name}", "its repositories are not those of the pinned metadata", "Start the run anew."
        )
    base = tuple(
        Layer(
            url=part.url,
            digest=part.digest,
            priority=wanted.priority,
            excludes=wanted.excludes,
            module_hotfixes=wanted.module_hotfixes,
        )
        for pinned, wanted in zip(pin.repositories, target.repositories, strict=True)
        for part in (pinned, pinned.sources)
        if part is not None
    )
    files = all(is_whole(layer.digest, FILELISTS, settings) for layer in base)
    change: tuple[Layer, ...] = ()
    if overlay is not None:
        change = tuple(_of_change(url, settings, files=files) for url in overlay.repository.split())
    return UniverseSpec(
        cache=settings.cache,
        arch=target.arch,
        base=base,
        buildroot=target.buildroot,
        modules=target.modules,
        files=files,
        change=change,
        replaces=overlay.replaces if overlay is not None else frozenset(),
        priority=overlay.priority if overlay is not None else None,
    )


def _of_change(url: str, settings: HawkeySettings, *, files: bool) -> Layer:
    digest = fetch_metadata(url, settings)
    if files:
        fetch_later(PinnedRepository(url=url, digest=digest), FILELISTS, settings)
    return Layer(url=url, digest=digest)


def fetch_filelists(settings: HawkeySettings, pin: Pin) -> None:
    """Fetch the filelists of all repositories, as they were pinned; raise Transient where they are not there."""
    for pinned in pin.repositories:
        fetch_later(pinned, FILELISTS, settings)
