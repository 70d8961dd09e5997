"""Pins repositories: those at an address as they are, those of Koji tags by their number and with the tag's sources."""

from dataclasses import replace

from bot.adapters.hawkey.access import check_allowed
from bot.adapters.hawkey.metadata import fetch_repository
from bot.adapters.hawkey.pins import PinnedRepository, PinnedSources
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository


def pin_repository(repository: Repository, arch: str, settings: HawkeySettings) -> PinnedRepository:
    """Fetch a repository's metadata unless they are here already; return what they are, and where they came from.

    Raises Misconfigured where there is no such repository, or its hub is not allowed, Transient where it or its hub
    cannot be reached.
    """
    tag = repository.koji
    if tag is None:
        return fetch_repository(repository, settings)
    from bot.adapters.hawkey.koji_sources import latest_repository, read_sources  # slow to import, and seldom of use

    check_allowed(tag.hub, settings)
    check_allowed(tag.topurl, settings)
    found = latest_repository(tag, arch)
    pinned = fetch_repository(replace(repository, url=found.url, koji=None), settings)
    sources = PinnedSources(url=tag.topurl, digest=read_sources(tag, found.event, settings.cache))
    return replace(pinned, sources=sources)
