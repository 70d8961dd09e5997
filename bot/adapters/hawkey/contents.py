"""What a built package is by its contents, without what differs between two builds of the same.

A change is built anew after every push, and its packages' files never have the same checksums again: they carry the
time and the commit. What a dependent's build can see of them is in the header: the digest, mode, owner and link of
every file, the scripts, and what is provided and required. Whatever is not known to be noise counts.
"""

import hashlib
import os
import re
from pathlib import Path

_SUFFIX = re.compile(r"\.rd[0-9a-f]{7}$")
"""What the engine appends to the Release of a change (`bot.domain.queue.release_suffix`)."""

_NOISE = (
    "BUILDTIME",
    "BUILDHOST",
    "COOKIE",
    "SOURCEPKGID",
    "FILEMTIMES",
    "FILEINODES",
    "FILEDEVICES",
    "CHANGELOGTIME",
    "CHANGELOGNAME",
    "CHANGELOGTEXT",
    "PAYLOADDIGEST",
    "PAYLOADDIGESTALT",
    "PAYLOADSIZE",
    "PAYLOADSIZEALT",
    "ARCHIVESIZE",
    "LONGARCHIVESIZE",
)
"""Tags that say when, where and from which file a package was built, or how it is packed."""

_FIRST_TAG = 1000
"""Below are signatures and digests over the header, which differ wherever the rest does."""


def content_digest(path: Path) -> str | None:
    """Return the SHA-256 of what a package consists of, None where it cannot be read or was not built for a run."""
    import rpm

    transaction = rpm.TransactionSet()
    transaction.setVSFlags(rpm._RPMVSF_NOSIGNATURES | rpm._RPMVSF_NODIGESTS)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        header = transaction.hdrFromFdno(descriptor)
    except rpm.error:
        return None
    finally:
        os.close(descriptor)
    suffix = _SUFFIX.search(_text(header[rpm.RPMTAG_RELEASE]))
    if suffix is None:
        return None
    noise = {getattr(rpm, f"RPMTAG_{name}", -1) for name in _NOISE}
    tags = sorted(tag for tag in header.keys() if tag >= _FIRST_TAG and tag not in noise)  # noqa: SIM118 - no mapping
    lines = [f"{tag} {_plain(header[tag], suffix.group())}" for tag in tags]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: object, suffix: str) -> str:
    """Return a tag's value as text, without the suffix that stands for a commit."""
    if isinstance(value, list | tuple):
        return repr([_plain(item, suffix) for item in value])
    return _text(value).replace(suffix, "")


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
