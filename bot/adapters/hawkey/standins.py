"""Stand-ins for binary packages that cannot be installed: the same packages without the requirements nobody meets.

They answer "what would the buildroot be, had this been rebuilt already?" before anything was. They are written as a
small rpm-md repository beside the pinned metadata, because that is what hawkey loads.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bot.adapters.hawkey.metadata import metadata_directory, write_whole
from bot.adapters.hawkey.universe import Layer, Universe

_VERSIONED = re.compile(r"(?P<name>[^(].*) (?P<operator><=|>=|<|>|=) (?P<evr>\S+)")
_FLAGS = {"<": "LT", ">": "GT", "=": "EQ", "<=": "LE", ">=": "GE"}
_COMMON = "http://linux.duke.edu/metadata/common"
_RPM = "http://linux.duke.edu/metadata/rpm"
_REPO = "http://linux.duke.edu/metadata/repo"
_SAME_AS_BASE = 99


def stand_in(universe: Universe, numbers: Iterable[int]) -> Layer:
    """Write stand-ins for these packages, whose requirements are judged in `universe`, and return their layer."""
    bodies = [_package(universe, universe.packages[number]) for number in sorted(numbers)]
    primary = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="{_COMMON}" xmlns:rpm="{_RPM}" '
        f'packages="{len(bodies)}">\n{"".join(bodies)}</metadata>\n'
    )
    checksum = hashlib.sha256(primary.encode()).hexdigest()
    repomd = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="{_REPO}"><data type="primary">'
        f'<checksum type="sha256">{checksum}</checksum><location href="primary.xml"/></data></repomd>\n'
    )
    digest = hashlib.sha256(repomd.encode()).hexdigest()
    directory = metadata_directory(universe.spec.cache, digest)
    write_whole(directory / "primary.xml", primary)
    write_whole(directory / "repomd.xml", repomd)
    return Layer(url="stand-ins:", digest=digest, priority=_SAME_AS_BASE)


def _package(universe: Universe, package: Any) -> str:
    wanted = (str(requirement) for requirement in package.requires)
    met = [text for text in wanted if text.startswith("rpmlib(") or universe.providers(text)]
    provided = [str(capability) for capability in package.provides]
    files = "".join(f"<file>{escape(path)}</file>" for path in package.files)
    _, checksum = package.chksum
    return (
        f'<package type="rpm"><name>{escape(package.name)}</name><arch>{package.arch}</arch>'
        f'<version epoch="{package.epoch}" ver={quoteattr(package.version)} rel={quoteattr(package.release)}/>'
        f'<checksum type="sha256" pkgid="YES">{hashlib.sha256(checksum).hexdigest()}</checksum>'
        f"<location href={quoteattr(package.location)}/><format>"
        f"<rpm:sourcerpm>{escape(package.sourcerpm or '')}</rpm:sourcerpm>"
        f"<rpm:provides>{_entries(provided)}</rpm:provides><rpm:requires>{_entries(met)}</rpm:requires>"
        f"{files}</format></package>\n"
    )


def _entries(capabilities: Iterable[str]) -> str:
    return "".join(_entry(capability) for capability in capabilities)


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
