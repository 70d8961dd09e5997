"""Stand-ins for binary packages that cannot be installed: the same packages without the requirements nobody meets.

They answer "what would the buildroot be, had this been rebuilt already?" before anything was.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from bot.adapters.hawkey.loading import Layer
from bot.adapters.hawkey.rpmmd_writer import Written, write_metadata
from bot.adapters.hawkey.universe import Universe

_AS_THEY_ARE = ("provides", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances")


def stand_in(universe: Universe, numbers: Iterable[int]) -> Layer:
    """Write stand-ins for these packages, whose requirements are judged in `universe`, and return their layer.

    It has the best priority among the repositories that the packages are from.
    """
    chosen = sorted(numbers)
    packages = [_package(universe, universe.packages[number]) for number in chosen]
    priority = min(map(universe.priority, chosen))
    return Layer(url="stand-ins:", digest=write_metadata(universe.spec.cache, packages), priority=priority)


def _package(universe: Universe, package: Any) -> Written:
    wanted = (str(requirement) for requirement in package.requires)
    _, checksum = package.chksum
    return Written(
        name=package.name,
        epoch=package.epoch,
        version=package.version,
        release=package.release,
        arch=package.arch,
        checksum=f"sha256:{hashlib.sha256(checksum).hexdigest()}",
        location=package.location,
        sourcerpm=package.sourcerpm or "",
        requires=tuple(text for text in wanted if text.startswith("rpmlib(") or universe.providers(text)),
        files=tuple(package.files),
        **{kind: tuple(map(str, getattr(package, kind))) for kind in _AS_THEY_ARE},
    )
