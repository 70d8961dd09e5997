"""Finds out what a Copr calls the repository of a package in a dist-git: it makes the address itself."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.target import DistGitInstance

_PARTS = {"{name}": "(?P<name>[^/]+)", "{namespace}": "(?P<namespace>[^/]+(?:/[^/]+)*)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InDistGit:
    """A package as a Copr is told of it: `instance` is its name for the dist-git; without a namespace: the default."""

    instance: str
    package: str
    namespace: str | None = None


def package_at(url: str, instances: Mapping[str, DistGitInstance]) -> InDistGit | None:
    """Return the package whose repository is at an address, None where no dist-git has one there."""
    for name, address in _addresses(instances):
        parts = (_PARTS.get(part, re.escape(part)) for part in re.split(r"(\{\w+\})", _plain(address)))
        found = re.fullmatch("".join(parts), _plain(url))
        if found is not None:
            return InDistGit(instance=name, package=found["name"], namespace=found.groupdict().get("namespace"))
    return None


def _addresses(instances: Mapping[str, DistGitInstance]) -> Iterator[tuple[str, str]]:
    """Yield where packages are: first where no namespace has to be named, as anything may be one."""
    for name, instance in instances.items():
        if (address := instance.repositories()) is not None:
            yield name, address
    for name, instance in instances.items():
        if instance.has_namespaces:
            yield name, instance.url


def _plain(url: str) -> str:
    return url.removesuffix(".git")
