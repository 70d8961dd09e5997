"""Where packages are built: repositories, architecture, backend."""

from dataclasses import dataclass
from enum import StrEnum

_NAMESPACE = "{namespace}/"


class RepositoryKind(StrEnum):
    """What is at a repository's address."""

    BASEURL = "baseurl"
    """The directory that holds `repodata/repomd.xml`."""
    METALINK = "metalink"
    """A Metalink file, which names mirrors of `repomd.xml` and its checksums."""
    MIRRORLIST = "mirrorlist"
    """A text with the address of a mirror in each line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KojiHub:
    """A Koji: `hub` is the address where it answers, `topurl` where its files are."""

    hub: str
    topurl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KojiTag:
    """A tag of a Koji hub, of which it makes repositories. `hub` is where it answers, `topurl` where its files are."""

    hub: str
    topurl: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository, of binary packages, source packages, or both, at `url` (`file:`, `http:` or `https:`)."""

    url: str
    priority: int = 99
    excludes: tuple[str, ...] = ()
    kind: RepositoryKind = RepositoryKind.BASEURL
    gpgkey: str | None = None
    """Address of the public keys of which one has signed `repomd.xml`; None: signatures are not checked."""
    module_hotfixes: bool = False
    """Whether its packages are there also where a module has packages of the same name."""
    koji: KojiTag | None = None
    """The tag whose latest repository this is: `url` is then replaced by the one with its number, and the source
    packages come from the hub.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class DistGit:
    """A dist-git: a git repository for each source package, at `url` with `{name}` for the package's name."""

    url: str
    branch: str | None = None
    """Whose head is meant where nobody tells of what commit a package was built; None: its source package is."""

    def repository(self, package: str) -> str:
        """Return the address of a package's repository."""
        return self.url.replace("{name}", package)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistGitInstance:
    """A dist-git as a Copr knows it: `url` has `{name}` in it, and `{namespace}/` where packages have namespaces."""

    url: str
    namespace: str | None = None
    """What is meant where none is named, which may be empty: none at all; None: one has to be named."""

    @property
    def has_namespaces(self) -> bool:
        """Whether a namespace is part of where a package is."""
        return _NAMESPACE in self.url

    def repositories(self, namespace: str | None = None) -> str | None:
        """Return where the repositories of a namespace are, with `{name}`; None where one would have to be named."""
        meant = namespace or self.namespace
        if not self.has_namespaces:
            return self.url
        return None if meant is None else self.url.replace(_NAMESPACE, f"{meant}/" if meant else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to build for, as `.revdeps.yaml` names it and the operator's settings complete it.

    `buildroot` lists what every root has before any BuildRequires, by name or capability; `@build` stands for the
    packages of that group. `modules` are module streams (`name:stream`) that are enabled beside the default ones.
    """

    name: str
    arch: str
    backend: str
    repositories: tuple[Repository, ...]
    buildroot: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    chroot: str | None = None
    """What a Copr calls the place to build in (`fedora-42-x86_64`); None: the target's name and architecture.

    With mock, the chroot on whose configuration the target's is based; None: on none.
    """
    fallback: str | None = None
    """The backend that builds where `backend` refuses to build the change."""
    dist_git: DistGit | None = None
    """What dependents are made from, with a Copr; None: from the source packages of the repositories."""


def is_copr(backend: str) -> bool:
    """Tell whether a backend's name is a Copr's (`copr`, `copr:NAME`): some things only a Copr can do."""
    return backend.partition(":")[0] == "copr"
