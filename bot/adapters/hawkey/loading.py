"""What a universe is made of, and how it gets into hawkey: layers of pinned metadata, and what of them is hidden."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.architectures import built_elsewhere
from bot.adapters.hawkey.comps import expand
from bot.adapters.hawkey.metadata import FILELISTS, metadata_directory
from bot.adapters.hawkey.modules import hide_inactive_streams
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
    module_hotfixes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseSpec:
    """Everything that a universe is made of; equal specs are equal universes.

    `change` lies over `base`: binaries of the base that were built from a source in `replaces`, and those whose NEVRA
    is in `hidden`, are not there. `buildroot` lists what every root has, `@` and a name for a whole group; `modules`
    the streams (`name:stream`) that are enabled beside the default ones. Filelists are loaded where `files` says so.
    """

    cache: Path
    arch: str
    base: tuple[Layer, ...]
    buildroot: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    files: bool = True
    change: tuple[Layer, ...] = ()
    replaces: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """hawkey's sack of packages, and the layers in it by the names of their repositories there."""

    sack: Any
    layers: Mapping[str, Layer]
    buildroot: tuple[str, ...]
    """What every root has, without groups."""
    elsewhere: frozenset[tuple[str, str]]
    """Repository and name of source packages that are known not to be built on the spec's architecture."""


def load(spec: UniverseSpec) -> Loaded:
    """Load the metadata, from the `.solv` cache where there is one.

    Raises Misconfigured where they are corrupt, or do not have the groups and module streams that were asked for.
    """
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
            _load(hawkey, sack, name, layer, spec)
    _hide(hawkey, sack, layers, spec)
    _hide_modules(sack, layers, spec)
    comps = _documents(spec.base, spec, "group")
    buildroot = expand(spec.buildroot, comps, lambda name: bool(hawkey.Query(sack).filter(name=name)))
    elsewhere = frozenset(
        (name, source)
        for name, layer in layers.items()
        for source in built_elsewhere(metadata_directory(spec.cache, layer.digest), spec.arch)
    )
    return Loaded(sack=sack, layers=layers, buildroot=buildroot, elsewhere=elsewhere)


def has_filelists(cache: Path, layer: Layer) -> bool:
    """Whether a layer's filelists are here."""
    return _file(metadata_directory(cache, layer.digest), FILELISTS) is not None


def _load(hawkey: Any, sack: Any, name: str, layer: Layer, spec: UniverseSpec) -> None:
    directory = metadata_directory(spec.cache, layer.digest)
    # hawkey.Repo is this class with a deprecation warning around it; dnf's own stand-in needs the whole of dnf.
    repo = hawkey._hawkey.Repo(name)
    repo.priority = layer.priority
    repo.repomd_fn = str(directory / "repomd.xml")
    repo.primary_fn = _file(directory, "primary")
    filelists = _file(directory, FILELISTS) if spec.files else None
    if filelists is not None:
        repo.filelists_fn = filelists
    try:
        sack.load_repo(repo, load_filelists=filelists is not None, build_cache=True)
    except hawkey.Exception as error:
        raise Misconfigured(
            layer.url, f"its metadata cannot be read ({error})", "Create them anew with createrepo_c."
        ) from error


def _file(directory: Path, kind: str) -> str | None:
    """Return the path of the metadata of a kind, if they are there."""
    return next((str(path) for path in directory.glob(f"{kind}.*")), None)


def _documents(layers: Iterable[Layer], spec: UniverseSpec, kind: str) -> Mapping[str, Path]:
    """Return the files of a kind by the addresses of their repositories."""
    found = {layer.url: _file(metadata_directory(spec.cache, layer.digest), kind) for layer in layers}
    return {url: Path(path) for url, path in found.items() if path is not None}


def _hide_modules(sack: Any, layers: Mapping[str, Layer], spec: UniverseSpec) -> None:
    documents = _documents(layers.values(), spec, "modules")
    if documents or spec.modules:
        # A change is what is being tested: it is there even where it replaces packages of a module.
        hotfixes = [name for name, layer in layers.items() if layer.module_hotfixes or name.startswith(_CHANGE)]
        hide_inactive_streams(sack, spec.arch, documents, spec.modules, hotfixes)


def _hide(hawkey: Any, sack: Any, layers: Mapping[str, Layer], spec: UniverseSpec) -> None:
    for name, layer in layers.items():
        if layer.excludes:
            sack.add_excludes(hawkey.Query(sack).filter(reponame=name, name__glob=list(layer.excludes)))
    if not (spec.replaces or spec.hidden):
        return  # looking at every package of a distribution takes longer than loading it
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
