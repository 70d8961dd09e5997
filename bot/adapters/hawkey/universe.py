"""All packages that one target offers, with or without a change over them, loaded into hawkey.

A universe is what a solver process keeps between questions. Packages are known by hawkey's number for them, which is
small and quick to compare; what leaves this package is named by NEVRA and checksum.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from bot.adapters.hawkey.metadata import metadata_directory
from bot.domain.packages import BinaryPackage, Nevra, SourcePackage
from bot.ports.errors import Misconfigured

SOURCE_ARCHES = frozenset({"src", "nosrc"})
_DYNAMIC = "rpmlib(DynamicBuildRequires)"
_CHANGE = "change-"
"""What the names of a change's repositories begin with; those of the base are hexadecimal digests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One repository of a universe: pinned metadata and where its packages are. A lower `priority` number wins."""

    url: str
    digest: str
    priority: int = 99
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseSpec:
    """Everything that a universe is made of; equal specs are equal universes.

    `change` lies over `base`: binaries of the base that were built from a source in `replaces`, and those whose NEVRA
    is in `hidden`, are not there. `buildroot` lists what every root has.
    """

    cache: Path
    arch: str
    base: tuple[Layer, ...]
    buildroot: tuple[str, ...] = ()
    change: tuple[Layer, ...] = ()
    replaces: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()


class Universe:
    """The loaded packages of a spec, and what is quick to look up about them."""

    def __init__(self, spec: UniverseSpec) -> None:
        """Load the metadata, from the `.solv` cache where there is one; raise Misconfigured where they are corrupt."""
        import hawkey

        self.spec = spec
        self._hawkey = hawkey
        solv = spec.cache / "solv"
        solv.mkdir(parents=True, exist_ok=True)
        self.sack = hawkey.Sack(cachedir=str(solv), arch=spec.arch)
        self._layers: dict[str, Layer] = {}
        # The base first: so its packages have the same numbers in every universe over it.
        for layer in spec.base:
            self._load(layer.digest, layer)
        for layer in spec.change:
            self._load(f"{_CHANGE}{layer.digest}", layer)
        self._hide()
        # Caches of this universe alone: one on the class would keep every universe alive.
        self.requirements = cache(self._requirements)
        self.providers = cache(self._providers)
        self.neighbours = cache(self._neighbours)
        self.identity = cache(self._identity)
        self.source_of = cache(self._source_of)

    def _load(self, name: str, layer: Layer) -> None:
        if name in self._layers:
            return  # the same contents twice, as a mirror named beside its origin
        self._layers[name] = layer
        directory = metadata_directory(self.spec.cache, layer.digest)
        # hawkey.Repo is this class with a deprecation warning around it; dnf's own stand-in needs the whole of dnf.
        repo = self._hawkey._hawkey.Repo(name)
        repo.priority = layer.priority
        repo.repomd_fn = str(directory / "repomd.xml")
        for path in directory.glob("*.xml*"):
            if path.name.startswith("primary."):
                repo.primary_fn = str(path)
            elif path.name.startswith("filelists."):
                repo.filelists_fn = str(path)
        try:
            self.sack.load_repo(repo, load_filelists=bool(repo.filelists_fn), build_cache=True)
        except self._hawkey.Exception as error:
            raise Misconfigured(
                layer.url, f"its metadata cannot be read ({error})", "Create them anew with createrepo_c."
            ) from error

    def _hide(self) -> None:
        for name, layer in self._layers.items():
            if layer.excludes:
                self.sack.add_excludes(self.query().filter(reponame=name, name__glob=list(layer.excludes)))
        hidden = [
            package
            for package in self.query()
            if not package.reponame.startswith(_CHANGE)
            and package.arch not in SOURCE_ARCHES
            and (str(package) in self.spec.hidden or source_name(package) in self.spec.replaces)
        ]
        if hidden:
            self.sack.add_excludes(self.query().filter(pkg=hidden))

    def query(self) -> Any:
        """Return a new query over what is not hidden."""
        return self._hawkey.Query(self.sack)

    @cached_property
    def packages(self) -> Mapping[int, Any]:
        """The packages by their number."""
        return {hash(package): package for package in self.query()}

    @cached_property
    def sources(self) -> Mapping[str, int]:
        """The source package of each name: a change's before the base's, then by priority, then by EVR."""
        return {
            name: max(numbers, key=self._preference)
            for name, numbers in self._by_name(package for package in self._all(source=True)).items()
        }

    @cached_property
    def binaries(self) -> Mapping[str, frozenset[int]]:
        """The binary packages built from each source, by its name."""
        grouped: dict[str, set[int]] = defaultdict(set)
        for package in self._all(source=False):
            grouped[source_name(package)].add(hash(package))
        return {name: frozenset(numbers) for name, numbers in grouped.items()}

    @cached_property
    def binary_names(self) -> Mapping[str, frozenset[int]]:
        """The binary packages of each name."""
        return {name: frozenset(numbers) for name, numbers in self._by_name(self._all(source=False)).items()}

    @cached_property
    def changed(self) -> frozenset[int]:
        """The binary packages that the change brings."""
        return frozenset(hash(package) for package in self._all(source=False) if package.reponame.startswith(_CHANGE))

    def _all(self, *, source: bool) -> Iterable[Any]:
        return (package for package in self.packages.values() if (package.arch in SOURCE_ARCHES) == source)

    def _by_name(self, packages: Iterable[Any]) -> Mapping[str, list[int]]:
        grouped: dict[str, list[int]] = defaultdict(list)
        for package in packages:
            grouped[package.name].append(hash(package))
        return grouped

    def _preference(self, number: int) -> Any:
        package = self.packages[number]
        layer = self._layers[package.reponame]
        return (package.reponame.startswith(_CHANGE), -layer.priority, _Comparable(package))

    def preferred(self, numbers: Iterable[int]) -> int:
        """Return which of several packages of one name is the one that gets installed: by priority, then by EVR."""
        return max(numbers, key=self._preference)

    # Dependencies.

    def _requirements(self, number: int) -> tuple[str, ...]:
        """Return what a package requires; for a source package its BuildRequires and the target's buildroot."""
        package = self.packages[number]
        own = tuple(str(requirement) for requirement in package.requires)
        return (*own, *self.spec.buildroot) if package.arch in SOURCE_ARCHES else own

    def _providers(self, requirement: str) -> frozenset[int]:
        """Return the packages that provide a capability, or any part of a rich dependency."""
        try:
            found = self.query().filter(provides=requirement)
        except self._hawkey.ValueException:
            return frozenset()  # not a dependency at all: nothing can provide it
        if not found and requirement.startswith("/"):
            found = self.query().filter(file=requirement)
        return frozenset(hash(package) for package in found)

    def _neighbours(self, number: int) -> frozenset[int]:
        """Return every package that provides something that this one requires."""
        return frozenset[int]().union(*(self.providers(requirement) for requirement in self.requirements(number)))

    @cached_property
    def _requirers(self) -> Mapping[int, tuple[int, ...]]:
        grouped: dict[int, list[int]] = defaultdict(list)
        for number in self.packages:
            for provider in self.neighbours(number):
                grouped[provider].append(number)
        return {provider: tuple(numbers) for provider, numbers in grouped.items()}

    def requirers(self, number: int) -> tuple[int, ...]:
        """Return every package, binary or source, that requires something that this one provides."""
        return self._requirers.get(number, ())

    # Names for the outside.

    def _identity(self, number: int) -> str:
        """Return NEVRA and checksum: equal for equal contents, in whatever universe."""
        package = self.packages[number]
        return f"{package} {_checksum(self._hawkey, package)}"

    def _source_of(self, number: int) -> str:
        """Return the name of the source package that a binary package was built from; a source package's own name."""
        return source_name(self.packages[number])

    def binary(self, number: int) -> BinaryPackage:
        """Describe a binary package."""
        package = self.packages[number]
        return BinaryPackage(
            nevra=_nevra(package), location=self._location(package), checksum=_checksum(self._hawkey, package)
        )

    def source(self, number: int) -> SourcePackage:
        """Describe a source package."""
        package = self.packages[number]
        return SourcePackage(
            nevra=_nevra(package),
            location=self._location(package),
            checksum=_checksum(self._hawkey, package),
            dynamic=any(requirement.startswith(_DYNAMIC) for requirement in self.requirements(number)),
        )

    def _location(self, package: Any) -> str:
        base = self._layers[package.reponame].url
        if package.baseurl:  # xml:base: the packages lie elsewhere than the metadata
            base = urljoin(f"{base.rstrip('/')}/", package.baseurl)
        return f"{base.rstrip('/')}/{package.location}"


class _Comparable:
    """A package as `max` compares it: by EVR, under rpm's rules."""

    def __init__(self, package: Any) -> None:
        self.package = package

    def __lt__(self, other: "_Comparable") -> bool:
        return bool(self.package.evr_cmp(other.package) < 0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Comparable) and self.package.evr_cmp(other.package) == 0

    __hash__ = None  # type: ignore[assignment]


def source_name(package: Any) -> str:
    """Return the name of the source package that this one was built from, its own where it is one itself."""
    if package.arch in SOURCE_ARCHES or not package.sourcerpm:
        return str(package.name)
    return str(package.sourcerpm).rsplit("-", 2)[0]


def _nevra(package: Any) -> Nevra:
    return Nevra(
        name=package.name,
        epoch=package.epoch,
        version=package.version,
        release=package.release,
        arch=package.arch,
    )


def _checksum(hawkey: Any, package: Any) -> str:
    kind, digest = package.chksum
    return f"{hawkey.chksum_name(kind)}:{digest.hex()}"
