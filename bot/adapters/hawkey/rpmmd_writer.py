"""Writes small rpm-md repositories of our own beside the pinned metadata, because that is what hawkey loads."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from bot.adapters.hawkey.access import write_whole
from bot.adapters.hawkey.pins import metadata_directory

_VERSIONED = re.compile(r"(?P<name>[^(].*) (?P<operator><=|>=|<|>|=) (?P<evr>\S+)")
_FLAGS = {"<": "LT", ">": "GT", "=": "EQ", "<=": "LE", ">=": "GE"}
_KINDS = ("provides", "requires", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances")
_COMMON = "http://linux.duke.edu/metadata/common"
_RPM = "http://linux.duke.edu/metadata/rpm"
_REPO = "http://linux.duke.edu/metadata/repo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A package as it is written. Capabilities are as in a spec; `checksum` is `algorithm:hex`."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str
    checksum: str
    location: str
    sourcerpm: str = ""
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    supplements: tuple[str, ...] = ()
    enhances: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def write_metadata(cache: Path, packages: Iterable[Written], more: Mapping[str, str] | None = None) -> str:
    """Write the metadata of these packages into the cache and return the digest under which they are there.

    `more` are documents of our own, by kind; they lie beside the others as `<kind>.json`.
    """
    bodies = [_package(package) for package in packages]
    primary = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="{_COMMON}" xmlns:rpm="{_RPM}" '
        f'packages="{len(bodies)}">\n{"".join(bodies)}</metadata>\n'
    )
    files = {"primary": ("primary.xml", primary)}
    files.update({kind: (f"{kind}.json", text) for kind, text in (more or {}).items()})
    records = "".join(
        f'<data type="{kind}"><checksum type="sha256">{hashlib.sha256(text.encode()).hexdigest()}</checksum>'
        f'<location href="{name}"/></data>'
        for kind, (name, text) in files.items()
    )
    repomd = f'<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="{_REPO}">{records}</repomd>\n'
    digest = hashlib.sha256(repomd.encode()).hexdigest()
    directory = metadata_directory(cache, digest)
    for name, text in files.values():
        write_whole(directory / name, text)
    write_whole(directory / "repomd.xml", repomd)
    return digest


def _package(package: Written) -> str:
    algorithm, _, checksum = package.checksum.partition(":")
    files = "".join(f"<file>{escape(path)}</file>" for path in package.files)
    return (
        f'<package type="rpm"><name>{escape(package.name)}</name><arch>{package.arch}</arch>'
        f'<version epoch="{package.epoch}" ver={quoteattr(package.version)} rel={quoteattr(package.release)}/>'
        f'<checksum type="{algorithm}" pkgid="YES">{checksum}</checksum>'
        f"<location href={quoteattr(package.location)}/><format>"
        f"<rpm:sourcerpm>{escape(package.sourcerpm)}</rpm:sourcerpm>"
        f"{''.join(_entries(kind, getattr(package, kind)) for kind in _KINDS)}{files}</format></package>\n"
    )


def _entries(kind: str, capabilities: Sequence[str]) -> str:
    if not capabilities:
        return ""
    return f"<rpm:{kind}>{''.join(_entry(capability) for capability in capabilities)}</rpm:{kind}>"


def _entry(capability: str) -> str:
    found = _VERSIONED.fullmatch(capability)
    if found is None:
        return f"<rpm:entry name={quoteattr(capability)}/>"
    epoch, _, version_release = found["evr"].rpartition(":")
    version, _, release = version_release.partition("-")
    tail = f" rel={quoteattr(release)}" if release else ""
    return (
        f'<rpm:entry name={quoteattr(found["name"])} flags="{_FLAGS[found["operator"]]}" '
        f'epoch="{epoch or 0}" ver={quoteattr(version)}{tail}/>'
    )
