"""What a built package is by its contents, without what differs between two builds of the same.

A change is built anew after every push, and its packages' files never have the same checksums again: they carry the
time and the Release, with the commit in it. What a dependent's build can see of them is in the header: the digest,
mode, owner and link of every file, the scripts, and what is provided and required. Whatever is not known to be noise
counts.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from bot.adapters import rpm_header

_SUFFIX = re.compile(r"\.rd[0-9a-f]{7}$")
"""What the engine appends to the Release of a change (`bot.domain.queue.release_suffix`)."""

_NOISE = frozenset(
    {
        "BUILDTIME": 1006,
        "BUILDHOST": 1007,
        "FILEMTIMES": 1034,
        "ARCHIVESIZE": 1046,
        "CHANGELOGTIME": 1080,
        "CHANGELOGNAME": 1081,
        "CHANGELOGTEXT": 1082,
        "COOKIE": 1094,
        "FILEDEVICES": 1095,
        "FILEINODES": 1096,
        "SOURCEPKGID": 1146,
        "PAYLOADSHA256": 5092,
        "PAYLOADSHA256ALT": 5097,
        "PAYLOADSIZE": 5112,
        "PAYLOADSIZEALT": 5113,
        "PAYLOADSHA512": 5121,
        "PAYLOADSHA512ALT": 5122,
        "PAYLOADSHA3_256": 5123,
        "PAYLOADSHA3_256ALT": 5124,
    }.values()
)
"""Tags that say when, where and from which file a package was built, or how it is packed.

By their numbers (rpm's include/rpm/rpmtag.h), for a package may be built by a later rpm than reads it here.
"""

_FIRST_TAG = 1000
"""Below are signatures and digests over the header, which differ wherever the rest does."""


def content_digest(path: Path, nvra: str) -> str | None:
    """Return the SHA-256 of what a package consists of, None where there is no sound header of that package.

    The file may end with the header, whose own digest is checked.
    """
    import rpm

    try:
        header = rpm_header.read(path)
    except (OSError, rpm_header.NoPackage):
        return None
    if _text(header[rpm.RPMTAG_NVRA]) != nvra:
        return None
    release = _text(header[rpm.RPMTAG_RELEASE])
    found = _SUFFIX.search(release)
    names = (release, found.group()) if found else ()  # a Koji that makes the source package itself appends nothing
    tags = sorted(tag for tag in header.keys() if tag >= _FIRST_TAG and tag not in _NOISE)  # noqa: SIM118 - no mapping
    lines = [f"{tag} {_plain(header[tag], names)}" for tag in tags]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: object, names: Iterable[str]) -> str:
    """Return a tag's value as text, without what only names the build."""
    if isinstance(value, list | tuple):
        return repr([_plain(item, names) for item in value])
    text = _text(value)
    for name in names:
        text = text.replace(name, "")
    return text


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
