"""Asks a Koji from which commits it built packages: a build's `source` has the commit, whatever was asked for."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from bot.adapters.koji_hub.reading import reading
from bot.domain.packages import SourcePackage
from bot.domain.target import DistGit, KojiTag

BATCH = 100
"""Calls in one request."""
_SOURCE = re.compile(r"git\+(?P<url>https?://[^?#]+)\??#(?P<commit>[0-9a-f]{40,64})")
"""As Koji keeps it (koji/daemon.py, SCM.get_source), without a directory: a dist-git has a repository a package."""


def commits_of_builds(tag: KojiTag, dist_git: DistGit, packages: Sequence[SourcePackage]) -> Mapping[str, str]:
    """Return by name the commits of those packages that the hub built from the dist-git. Blocks.

    Raises Transient where the hub does not answer, Misconfigured where it refuses.
    """
    with reading(tag) as session:
        with session.multicall(batch=BATCH) as calls:
            asked = {package.name: calls.getBuild(_nvr(package)) for package in packages}
        sources = {name: (call.result or {}).get("source") for name, call in asked.items()}
    found = {name: _SOURCE.fullmatch(source) for name, source in sources.items() if source}
    return {
        name: source["commit"]
        for name, source in found.items()
        if source is not None and _place(source["url"]) == _place(dist_git.repository(name))
    }


def _nvr(package: SourcePackage) -> str:
    nevra = package.nevra
    return f"{nevra.name}-{nevra.version}-{nevra.release}"


def _place(url: str) -> tuple[str | None, str]:
    """Return what two addresses of one repository have in common."""
    parts = urlsplit(url)
    return parts.hostname, parts.path.rstrip("/").removesuffix(".git")
