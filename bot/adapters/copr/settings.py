"""What an operator says about one Copr."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.domain.target import DistGitInstance

DIST_GITS: Mapping[str, DistGitInstance] = {
    "fedora": DistGitInstance(url="https://src.fedoraproject.org/{namespace}/rpms/{name}", namespace="")
}
"""The dist-gits that every Copr knows from the beginning (coprs/models.py, insert_fedora_distgit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoprSettings:
    """A Copr, by the name under which targets speak of it. `url` is where its API and its pages are."""

    name: str
    url: str
    login: str
    token: str = field(repr=False)
    owner: str
    """The user, or `@group`, whose projects ours are."""
    credentials: Path | None = None
    """Where login and token were read, for messages."""
    prefix: str = "revdeps"
    """Projects whose names begin so, and `-`, are ours: services that share an account need one each."""
    clone_urls: Mapping[str, str] = field(default_factory=dict)
    """By forge: where the commits of a pull request can be fetched, with `{repository}` for `owner/name`."""
    dist_gits: Mapping[str, DistGitInstance] = field(default_factory=lambda: DIST_GITS)
    """By the names under which this Copr knows them."""
    source_chroot: str = "fedora-latest-x86_64"
    """Where the source package of a change is made."""
    source_packages: tuple[str, ...] = ("make", "packit")
    """What a package's own `command` finds there, beside git and rpm-build."""
    upload: bool = False
    """Whether source packages may be made here and uploaded, where the Copr cannot fetch them."""
    max_running: int = 20
    """How many builds of ours may be there at once."""
    delete_after: timedelta = timedelta(days=14)
    """After which time the Copr removes a project that nobody has removed."""
    timeout: timedelta = timedelta(seconds=60)
    """For one answer of the Copr."""
    metadata: timedelta = timedelta(minutes=45)
    """How long the packages of a build may take to come into its repository once that was asked for."""
    connections: int = 4
    """Calls at once."""
