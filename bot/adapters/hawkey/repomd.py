"""`repomd.xml`: which files a repository's metadata consist of, with their checksums and sizes."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

_ALGORITHMS = {"sha": "sha1", "sha1": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384"} | {
    "sha512": "sha512",
    "md5": "md5",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One file: where it is under the repository, the checksum of what is there, and how long it is."""

    href: str
    algorithm: str
    checksum: str
    size: int | None
    """Bytes, as the file is; None where repomd.xml does not say."""
    open_size: int | None
    """Bytes, unpacked; None where repomd.xml does not say."""

    def is_of(self, path: Path) -> bool:
        """Whether a file is the one that is meant."""
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, self.algorithm).hexdigest() == self.checksum


def parse_repomd(content: bytes) -> Mapping[str, Record]:
    """Return the files by their type (`primary`, `filelists` …); raise ValueError, with what is wrong, otherwise.

    Files of types that nobody here reads may be of any form.
    """
    try:
        root = ET.fromstring(content)  # noqa: S314 - expat bounds what entities come to; the size is bounded, too
    except ET.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from None
    if root.tag.rpartition("}")[2] != "repomd":
        raise ValueError(f"it is no repomd.xml but {root.tag!r}")
    return {kind: _record(kind, data) for data in root.iterfind("{*}data") if (kind := data.get("type"))}


def _record(kind: str, data: ET.Element) -> Record:
    location, checksum = data.find("{*}location"), data.find("{*}checksum")
    if location is None or checksum is None or not checksum.text:
        raise ValueError(f"{kind} has no location or no checksum")
    href = location.get("href", "")
    if not href or href.startswith("/") or re.match(r"[A-Za-z][\w+.-]*:", href) or ".." in href.split("/"):
        raise ValueError(f"{kind} is not within the repository: {href!r}")
    algorithm = _ALGORITHMS.get(checksum.get("type", ""))
    if algorithm is None:
        raise ValueError(f"{kind} has a checksum of an unknown type, {checksum.get('type')!r}")
    return Record(
        href=href,
        algorithm=algorithm,
        checksum=checksum.text.strip().lower(),
        size=_number(data, "size"),
        open_size=_number(data, "open-size"),
    )


def _number(data: ET.Element, name: str) -> int | None:
    text = (data.findtext(f"{{*}}{name}") or "").strip()
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(f"{data.get('type')} has a {name} that is no number: {text!r}")
    return int(text)
