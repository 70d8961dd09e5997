"""Where packages are built: repositories, architecture, backend."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository with `repodata/repomd.xml` under `url` (`file:`, `http:` or `https:`); binary, source, or both."""

    url: str
    priority: int = 99
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to build for, as `.revdeps.yaml` names it and the operator's settings complete it.

    `buildroot` lists what every root has before any BuildRequires, by name or capability (Koji's and comps' `@build`).
    """

    name: str
    arch: str
    backend: str
    repositories: tuple[Repository, ...]
    buildroot: tuple[str, ...] = ()
