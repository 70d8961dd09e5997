"""What a universe is made of, and how it gets into hawkey: layers of pinned metadata, and what of them is hidden."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.architectures import built_elsewhere
from bot.adapters.hawkey.comps import expand
from bot.adapters.hawkey.modules import hide_inactive_streams
from bot.adapters.hawkey.pins import FILELISTS, UNPACKED, metadata_directory
from bot.adapters.hawkey.superseding import SOURCE_ARCHES, hide, priority_among, source_name, supersede
from bot.ports.errors import Misconfigured

__all__ = [
    "SOURCE_ARCHES",
    "Layer",
    "Loaded",
    "UniverseSpec",
    "has_filelists",
    "is_change",
    "is_of_change",
    "load",
    "source_name",
]

_CHANGE = "change-"
"""What the names of a change's repositories begin with; those of the base begin with hexadecimal digests."""
_WHOLE = "-files"
"""What the names of repositories end with that are loaded with filelists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One repository of a universe: pinned metadata and where its packages are. A lower `priority` number wins.

    That of a change follows from what it supersedes, whatever is said here.
    """

    url: str
    digest: str
    priority: int = 99
    excludes: tuple[str, ...] = ()
    module_hotfixes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseSpec:
    """Everything that a universe is made of; equal specs are equal universes.

    `change` lies over `base`, with `priority` or one that follows from what it supersedes (see `superseding`): that is
    not there. `stand_ins` are further packages; binaries of the base whose NEVRA is in `hidden` are not there.
    `buildroot` lists what every root has, `@` and a name for a whole group; `modules` the streams (`name:stream`) that
    are enabled beside the default ones. Filelists are loaded where `files` says so.
    """

    cache: Path
    arch: str
    base: tuple[Layer, ...]
    buildroot: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    files: bool = True
    change: tuple[Layer, ...] = ()
    replaces: frozenset[str] = frozenset()
    priority: int | None = None
    stand_ins: tuple[Layer, ...] = ()
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
    superseded: frozenset[int]
    """The base's binary packages in whose place the change is."""


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
    for layer in spec.base:
        layers.setdefault(_name(layer, spec), layer)
    for name, layer in layers.items():
        _load(hawkey, sack, name, layer, spec)
        if layer.excludes:
            sack.add_excludes(hawkey.Query(sack).filter(reponame=name, name__glob=list(layer.excludes)))
    over = _over(sack, layers, spec)
    for name, layer in over.items():
        _load(hawkey, sack, name, layer, spec)
    layers |= over
    if any(name.endswith(_WHOLE) for name in layers):
        _find_files(hawkey, sack)
    _hide_modules(sack, layers, spec)
    superseded = _hide(hawkey, sack, spec)
    comps = _documents(spec.base, spec, "group")
    buildroot = expand(spec.buildroot, comps, lambda name: bool(hawkey.Query(sack).filter(name=name)))
    elsewhere = frozenset(
        (name, source)
        for name, layer in layers.items()
        for source in built_elsewhere(metadata_directory(spec.cache, layer.digest), spec.arch)
    )
    return Loaded(sack=sack, layers=layers, buildroot=buildroot, elsewhere=elsewhere, superseded=superseded)


def has_filelists(cache: Path, layer: Layer) -> bool:
    """Whether a layer's filelists are here."""
    return _file(metadata_directory(cache, layer.digest), FILELISTS) is not None


def _load(hawkey: Any, sack: Any, name: str, layer: Layer, spec: UniverseSpec) -> None:
    directory = metadata_directory(spec.cache, layer.digest)
    # hawkey.Repo is this class with a deprecation warning around it; dnf's own stand-in needs the whole of dnf.
    repo = hawkey._hawkey.Repo(name)
    repo.priority = layer.priority
    repo.repomd_fn = str(directory / "repomd.xml")
    filelists = _file(directory, FILELISTS) if spec.files else None
    if filelists is not None:
        repo.filelists_fn = filelists
    try:
        with _primary(directory) as repo.primary_fn:
            sack.load_repo(repo, load_filelists=filelists is not None, build_cache=True)
    except hawkey.Exception as error:
        raise Misconfigured(
            layer.url, f"its metadata cannot be read ({error})", "Create them anew with createrepo_c."
        ) from error


@contextmanager
def _primary(directory: Path) -> Iterator[str | None]:
    """Yield the path of the primary metadata; where nobody has loaded them yet, they lie there unpacked until then."""
    unpacked = directory / UNPACKED
    try:
        stream = unpacked.open("rb")
    except FileNotFoundError:
        yield _file(directory, "primary")
        return
    with stream:
        try:
            yield f"/dev/fd/{stream.fileno()}"  # which it is, whoever else has loaded them meanwhile
        finally:
            unpacked.unlink(missing_ok=True)


def _find_files(hawkey: Any, sack: Any) -> None:
    """Have libsolv find in the filelists who has the files that are required, and keep that in the `.solv` files.

    It does so with the first question for providers. Where that came later, every process would look for itself.
    """
    len(hawkey.Query(sack).filter(provides="/"))


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
        hotfixes = [name for name, layer in layers.items() if layer.module_hotfixes or is_change(name)]
        hide_inactive_streams(sack, spec.arch, documents, spec.modules, hotfixes)


def _over(sack: Any, base: Mapping[str, Layer], spec: UniverseSpec) -> dict[str, Layer]:
    """Return the layers that lie over the base, which is in the sack already, by the names of their repositories."""
    if not spec.change:
        return {_name_over(layer, spec): layer for layer in spec.stand_ins}
    priority = spec.priority
    if priority is None:
        priority = priority_among(sack, {name: layer.priority for name, layer in base.items()}, spec.replaces)
    change = {_name_over(layer, spec): replace(layer, priority=priority) for layer in spec.change}
    return change | {_name_over(layer, spec): layer for layer in spec.stand_ins}


def _name(layer: Layer, spec: UniverseSpec) -> str:
    """Return the name of a layer in the sack, with which those of its `.solv` files begin.

    With filelists it is another one: libsolv keeps in these files who has which of the files that were asked for, and
    never looks again.
    """
    return f"{layer.digest}{_WHOLE}" if spec.files and has_filelists(spec.cache, layer) else layer.digest


def _name_over(layer: Layer, spec: UniverseSpec) -> str:
    return f"{_CHANGE}{_name(layer, spec)}"


def _hide(hawkey: Any, sack: Any, spec: UniverseSpec) -> frozenset[int]:
    """Hide what is not there over the base; return what the change supersedes."""
    if spec.hidden:
        hide(sack, (p for p in hawkey.Query(sack) if str(p) in spec.hidden and not is_of_change(p)))
    change = {_name_over(layer, spec) for layer in spec.change}
    return supersede(sack, change, spec.replaces) if change else frozenset()


def is_change(repository: str) -> bool:
    """Whether a repository, by its name, is a change's and not the base's."""
    return repository.startswith(_CHANGE)


def is_of_change(package: Any) -> bool:
    """Whether a package comes from a change and not from the base."""
    return is_change(package.reponame)
