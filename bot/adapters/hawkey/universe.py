"""All packages that one target offers, with or without a change over them, loaded into hawkey.

A universe is what a solver process keeps between questions. Packages are known by hawkey's number for them, which is
small and quick to compare; what leaves this package is named by NEVRA and checksum.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from bot.adapters.hawkey.access import local_path
from bot.adapters.hawkey.contents import content_digest
from bot.adapters.hawkey.headers import Header, kept_header
from bot.adapters.hawkey.loading import SOURCE_ARCHES, Layer, UniverseSpec, is_change, is_of_change, load, source_name
from bot.adapters.hawkey.plain import Facts, source_from
from bot.adapters.hawkey.rich import conditions, implied
from bot.domain.packages import BinaryPackage, Nevra, SourcePackage

__all__ = ["SOURCE_ARCHES", "Layer", "Universe", "UniverseSpec", "source_name"]

_DYNAMIC = "rpmlib(DynamicBuildRequires)"
_DESCRIBED = 1 << 13
"""Of so many source packages it is kept what there is to say of them, some 1 kB each."""


class Universe:
    """The loaded packages of a spec, and what is quick to look up about them."""

    def __init__(self, spec: UniverseSpec) -> None:
        """Load the metadata, from the `.solv` cache where there is one; raise Misconfigured where they are corrupt."""
        import hawkey

        self._hawkey = hawkey
        loaded = load(spec)
        self.spec = replace(spec, buildroot=loaded.buildroot)
        self.sack = loaded.sack
        self._layers = loaded.layers
        self._elsewhere = loaded.elsewhere
        self.superseded = loaded.superseded
        # Caches of this universe alone: one on the class would keep every universe alive.
        self.requirements = cache(lambda number: self.required(self.packages[number]))
        self.providers = cache(self._providers)
        self.neighbours = cache(self._neighbours)
        self.identity = cache(self._identity)
        self.source_of = cache(self._source_of)
        self.facts = lru_cache(_DESCRIBED)(self._facts)

    def forget(self) -> None:
        """Give back what is remembered of packages, after all of them were asked for."""
        for remembered in (self.requirements, self.providers, self.neighbours, self.identity):
            remembered.cache_clear()

    def query(self) -> Any:
        """Return a new query over what is not hidden."""
        return self._hawkey.Query(self.sack)

    @cached_property
    def packages(self) -> Mapping[int, Any]:
        """The packages by their number."""
        return {hash(package): package for package in self.query()}

    @cached_property
    def checksum(self) -> int:
        """A checksum over which package has which number."""
        names = "\n".join(f"{number} {package}" for number, package in self.packages.items())
        return zlib.crc32(names.encode())

    @cached_property
    def sources(self) -> Mapping[str, int]:
        """The source package of each name: a change's before the base's, then by priority, then by EVR."""
        return {
            name: numbers[0] if len(numbers) == 1 else self.preferred(numbers)
            for name, numbers in self._by_name(package for package in self._all(source=True)).items()
        }

    @cached_property
    def built(self) -> frozenset[int]:
        """The source packages that count: of each name one."""
        return frozenset(self.sources.values())

    @cached_property
    def binaries(self) -> Mapping[str, frozenset[int]]:
        """The binary packages built from each source, by its name."""
        grouped: dict[str, set[int]] = defaultdict(set)
        for package in self._all(source=False):
            grouped[source_name(package)].add(hash(package))
        return {name: frozenset(numbers) for name, numbers in grouped.items()}

    @cached_property
    def binary_names(self) -> Mapping[str, Sequence[int]]:
        """The binary packages of each name."""
        return {name: tuple(numbers) for name, numbers in self._by_name(self._all(source=False)).items()}

    def binaries_named(self, name: str) -> frozenset[int]:
        """Return the binary packages of one name, without looking at all others."""
        found = self.query().filter(name=name)
        return frozenset(hash(package) for package in found if package.arch not in SOURCE_ARCHES)

    def only_for(self) -> tuple[str, ...]:
        """Return for which architectures the binary packages are, where none is for this universe's; else nothing."""
        fitting = [arch for arch in self.sack.list_arches() if arch != "noarch"]
        if self.query().filter(arch=fitting):
            return ()
        return tuple(sorted({str(package.arch) for package in self._all(source=False)} - {"noarch"}))

    def replaced(self) -> list[str]:
        """Return the names of the base's binary packages that the change hides, sorted."""
        if not self.spec.replaces:
            return []
        everything = self._hawkey.Query(self.sack, flags=self._hawkey.IGNORE_EXCLUDES)
        binaries = [package for package in everything if package.arch not in SOURCE_ARCHES]
        brought = {package.name for package in binaries if is_of_change(package)}
        return sorted(
            {
                str(package.name)
                for package in binaries
                if not is_of_change(package) and (package.name in brought or source_name(package) in self.spec.replaces)
            }
        )

    def change_priority(self) -> int | None:
        """Return the priority that the change has among the base's repositories, None without a change."""
        return next((layer.priority for name, layer in self._layers.items() if is_change(name)), None)

    @cached_property
    def of_change(self) -> frozenset[int]:
        """The packages of the change, binary and source, and stand-ins."""
        return frozenset(map(hash, self.query().filter(reponame=list(filter(is_change, self._layers)))))

    @cached_property
    def changed(self) -> frozenset[int]:
        """The binary packages that the change brings."""
        return frozenset(number for number in self.of_change if self.packages[number].arch not in SOURCE_ARCHES)

    def _all(self, *, source: bool) -> Iterable[Any]:
        return (package for package in self.packages.values() if (package.arch in SOURCE_ARCHES) == source)

    def _by_name(self, packages: Iterable[Any]) -> Mapping[str, list[int]]:
        grouped: dict[str, list[int]] = defaultdict(list)
        for package in packages:
            grouped[package.name].append(hash(package))
        return grouped

    def priority(self, number: int) -> int:
        """Return the priority of the repository that a package is from; a lower number wins."""
        return self._priority(self.packages[number])

    def _priority(self, package: Any) -> int:
        return self._layers[package.reponame].priority

    def _preference(self, package: Any) -> Any:
        return (is_of_change(package), -self._priority(package), _Comparable(package))

    def preferred(self, numbers: Iterable[int]) -> int:
        """Return which of several packages of one name is the one that gets installed: by priority, then by EVR."""
        return hash(self.preferred_package(map(self.packages.__getitem__, numbers)))

    def preferred_package(self, packages: Iterable[Any]) -> Any:
        """Return the same of packages that a query found, without looking at all others."""
        return max(packages, key=self._preference)

    # Dependencies.

    def required(self, package: Any) -> tuple[str, ...]:
        """Return what a package requires, or brings along; with a source package's the target's buildroot."""
        own = (*map(str, package.requires), *implied(package, self.spec.arch))
        return (*own, *self.spec.buildroot) if package.arch in SOURCE_ARCHES else own

    def _providers(self, requirement: str) -> frozenset[int]:
        """Return the packages that provide a capability, or any part of a rich dependency."""
        try:
            found = self.query().filter(provides=requirement)
        except self._hawkey.ValueException:
            return frozenset()  # not a dependency at all: nothing can provide it
        if not found and requirement.startswith("/"):
            found = self.query().filter(file=requirement, arch=self.sack.list_arches())
        return frozenset(map(hash, found)).union(*map(self.providers, conditions(requirement)))

    def _neighbours(self, number: int) -> frozenset[int]:
        """Return every package that provides something that this one requires."""
        return frozenset[int]().union(*(self.providers(requirement) for requirement in self.requirements(number)))

    # Names for the outside.

    def _identity(self, number: int) -> str:
        """Return NEVRA and checksum: equal for equal contents, in whatever universe.

        What was built for a run goes by its contents, where its header can be read: each push builds it anew.
        """
        package = self.packages[number]
        if self._is_rebuilt(package):
            nvra = f"{package.name}-{package.version}-{package.release}.{package.arch}"
            digest = content_digest(self._header(package), nvra)
            if digest is not None:
                return f"{package.name}.{package.arch} contents:{digest}"
        return f"{package} {_checksum(self._hawkey, package)}"

    def unread_headers(self) -> tuple[Header, ...]:
        """Return the headers that tell the contents of what was built for a run, as far as they are not here."""
        rebuilt = (package for number in sorted(self.changed) if self._is_rebuilt(package := self.packages[number]))
        return tuple(
            Header(
                location=self._location(package),
                checksum=_checksum(self._hawkey, package),
                length=package.hdr_end,
            )
            for package in rebuilt
            if not self._is_local(package) and not self._header(package).is_file()
        )

    def _is_rebuilt(self, package: Any) -> bool:
        """Whether a package was built for a run; a build system's repository may have others beside."""
        return is_of_change(package) and source_name(package) in self.spec.replaces

    def _is_local(self, package: Any) -> bool:
        return self._location(package).startswith("file:")

    def _header(self, package: Any) -> Path:
        """Return the file that begins with a package's header, or would."""
        if self._is_local(package):
            return local_path(self._location(package))
        return kept_header(self.spec.cache, _checksum(self._hawkey, package))

    def _source_of(self, number: int) -> str:
        """Return the name of the source package that a binary package was built from; a source package's own name."""
        return source_name(self.packages[number])

    def binary(self, number: int) -> BinaryPackage:
        """Describe a binary package."""
        package = self.packages[number]
        return BinaryPackage(
            nevra=_nevra(package), location=self._location(package), checksum=_checksum(self._hawkey, package)
        )

    def _facts(self, number: int) -> Facts:
        """Return what there is to say of a source package."""
        return self._told(self.packages[number])

    def source(self, number: int) -> SourcePackage:
        """Describe a source package."""
        return source_from(self.facts(number))

    def described(self, package: Any) -> SourcePackage:
        """Describe a source package that a query found."""
        return source_from(self._told(package))

    def _told(self, package: Any) -> Facts:
        return (
            package.name,
            package.epoch,
            package.version,
            package.release,
            package.arch,
            self._location(package),
            _checksum(self._hawkey, package),
            hash(package) in self._dynamic,
            (package.reponame, package.name) in self._elsewhere,
        )

    @cached_property
    def _dynamic(self) -> frozenset[int]:
        found = self.query().filter(requires=_DYNAMIC)  # of any version; a glob would look at every requirement's text
        return frozenset(hash(package) for package in found)

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
