"""What Copr tells of a build that bot.domain.failure does not: packages that are skipped, and lists of packages."""

from typing import Any

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure import signature_of
from bot.domain.packages import Nevra


def skipped() -> Failed:
    """Say that the package is not built on this architecture, with the change or without."""
    cause = "the package excludes this architecture (ExclusiveArch, ExcludeArch)"
    signature = signature_of(Phase.BUILDROOT, cause)
    return Failed(reason=FailureReason.UNRESOLVABLE, phase=Phase.BUILDROOT, signature=signature, cause=cause)


def nevras(packages: list[dict[str, Any]]) -> tuple[str, tuple[str, ...]]:
    """Return the source package and the binary ones, sorted, of a build's list of packages; no source is empty."""
    source, binaries = "", list[str]()
    for each in packages:
        name = str(
            Nevra(
                name=str(each["name"]),
                epoch=int(each.get("epoch") or 0),
                version=str(each["version"]),
                release=str(each["release"]),
                arch=str(each["arch"]),
            )
        )
        if each["arch"] == "src":
            source = name
        else:
            binaries.append(name)
    return source, tuple(sorted(binaries))
