"""What became of a build: the end of its log makes an outcome; Copr itself says no more than "failed".

The words are those of copr-rpmbuild (rpmbuild/copr_rpmbuild/helpers.py) and of mock.
"""

import re
from typing import Any

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure import BuildEnd, cause_of, classify, signature_of
from bot.domain.packages import Nevra

TAIL = 256 * 1024
"""Bytes of a log's end that are looked at."""
_TIME = re.compile(r"(?m)^.*!! Copr timeout => sending ")
_BEGAN = "Executing(%"
_UNSOLVED = re.compile(
    r"(?m)^.*(?:nothing provides .+|No matching package to install: .+|Failed to resolve the transaction.*"
    r"|No match for argument: .+|conflicting requests|Some packages could not be found\.|Problem(?: \d+)?: .+)$"
)


def failed(log: str) -> Failed:
    """Say why a build failed in its chroot."""
    if not log.strip():
        return infrastructure("Copr kept no log of the build")
    if _TIME.search(log):
        return classify(BuildEnd(tail=log, timed_out=True, limit="the build took longer than it may"))
    if _BEGAN in log:
        return classify(BuildEnd(tail=log))
    unsolved = _UNSOLVED.search(log)
    if unsolved:
        return _failure(FailureReason.UNRESOLVABLE, Phase.BUILDROOT, unsolved.group().strip())
    return infrastructure(cause_of(log) or "the builder failed without a word")


def source_failed(log: str) -> Failed:
    """Say why a source package could not be made."""
    if not log.strip():
        return infrastructure("Copr kept no log of the source package's build")
    if _TIME.search(log):
        return _failure(FailureReason.TIMEOUT, Phase.SRPM, "making the source package took longer than it may")
    return _failure(FailureReason.SRPM, Phase.SRPM, cause_of(log))


def skipped() -> Failed:
    """Say that the package is not built on this architecture."""
    cause = "the package excludes this architecture (ExclusiveArch, ExcludeArch)"
    return _failure(FailureReason.UNRESOLVABLE, Phase.BUILDROOT, cause)


def infrastructure(cause: str) -> Failed:
    """Say that it was not the package's fault."""
    return _failure(FailureReason.INFRASTRUCTURE, None, cause)


def _failure(reason: FailureReason, phase: Phase | None, cause: str) -> Failed:
    return Failed(reason=reason, phase=phase, signature=signature_of(phase, cause), cause=cause[:400])


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
