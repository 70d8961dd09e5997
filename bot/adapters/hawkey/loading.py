"""What a universe is made of, and how it gets into hawkey: layers of pinned metadata, and what of them is hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.metadata import metadata_directory
from bot.ports.errors import Misconfigured

SOURCE_ARCHES = frozenset({"src", "nosrc"})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """hawkey's sack of packages, and the layers in it by the names of their repositories there."""

    sack: Any
    layers: Mapping[str, Layer]


def load(spec: UniverseSpec) -> Loaded:
    """Load the metadata, from the `.solv` cache where there is one; raise Misconfigured where they are corrupt."""
    import hawkey

    solv = spec.cache / "solv"
    solv.mkdir(parents=True, exist_ok=True)
    sack = hawkey.Sack(cachedir=str(solv), arch=spec.arch)
    # The base first: so its packages have the same numbers in every universe over it. The same contents twice, as a
    # mirror named beside its origin, are one.
    layers: dict[str, Layer] = {}
    for name, layer in [
        *((layer.digest, layer) for layer in spec.base),
        *((f"{_CHANGE}{layer.digest}", layer) for layer in spec.change),
    ]:
        if name not in layers:
            layers[name] = layer
            _load(hawkey, sack, name, layer, metadata_directory(spec.cache, layer.digest))
    _hide(hawkey, sack, layers, spec)
    return Loaded(sack=sack, layers=layers)


def _load(hawkey: Any, sack: Any, name: str, layer: Layer, directory: Path) -> None:
    # hawkey.Repo is this class with a deprecation warning around it; dnf's own stand-in needs the whole of dnf.
    repo = hawkey._hawkey.Repo(name)
    repo.priority = layer.priority
    repo.repomd_fn = str(directory / "repomd.xml")
    for path in directory.glob("*.xml*"):
        if path.name.startswith("primary."):
            repo.primary_fn = str(path)
        elif path.name.startswith("filelists."):
            repo.filelists_fn = str(path)
    try:
        sack.load_repo(repo, load_filelists=bool(repo.filelists_fn), build_cache=True)
    except hawkey.Exception as error:
        raise Misconfigured(
            layer.url, f"its metadata cannot be read ({error})", "Create them anew with createrepo_c."
        ) from error


def _hide(hawkey: Any, sack: Any, layers: Mapping[str, Layer], spec: UniverseSpec) -> None:
    for name, layer in layers.items():
        if layer.excludes:
            sack.add_excludes(hawkey.Query(sack).filter(reponame=name, name__glob=list(layer.excludes)))
    hidden = [
        package
        for package in hawkey.Query(sack)
        if not is_of_change(package)
        and package.arch not in SOURCE_ARCHES
        and (str(package) in spec.hidden or source_name(package) in spec.replaces)
    ]
    if hidden:
        sack.add_excludes(hawkey.Query(sack).filter(pkg=hidden))


def is_of_change(package: Any) -> bool:
    """Whether a package comes from a change and not from the base."""
    return bool(package.reponame.startswith(_CHANGE))


def source_name(package: Any) -> str:
    """Return the name of the source package that this one was built from, its own where it is one itself."""
    if package.arch in SOURCE_ARCHES or not package.sourcerpm:
        return str(package.name)
    return str(package.sourcerpm).rsplit("-", 2)[0]
