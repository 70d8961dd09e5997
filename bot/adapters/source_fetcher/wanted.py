"""What has to be fetched: files with their addresses and checksums, out of a `sources` file or a spec's URLs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from bot.domain.config import PackageConfig
from bot.domain.wording import quoted
from bot.ports.errors import Rejected

DIGITS: Mapping[str, int] = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
"""The algorithms of checksums, with the number of hexadecimal digits of each."""

_TAGGED = re.compile(r"(?P<algorithm>[A-Za-z0-9-]+) \((?P<name>[^()]+)\) = (?P<digest>[0-9A-Fa-f]+)")
_PLAIN = re.compile(r"(?P<digest>[0-9A-Fa-f]{32,128}) [ *](?P<name>\S.*)")
_PLACEHOLDER = re.compile(r"\{(name|filename|hashtype|hash)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to fetch, and what it has to be. `name` is safe as a name in a directory."""

    name: str
    url: str
    algorithm: str
    digest: str
    """Hexadecimal, in small letters."""


def from_lookaside(text: str, package: str, address: str) -> Iterator[Wanted]:
    """Yield what a dist-git `sources` file names, at its lookaside cache's address.

    Both formats are read: `SHA512 (file) = digest`, and the older `digest  file`. Raises `Rejected` with the line's
    number where a line is neither, names a file that may not be written, or contradicts another.
    """
    seen: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        algorithm, name, digest = _entry(line.strip(), number)
        if seen.setdefault(name, digest) != digest:
            raise Rejected(f"`sources`, line {number}: {quoted(name)} stands there twice with different checksums")
        parts = {"name": package, "filename": name, "hashtype": algorithm, "hash": digest}
        url = _PLACEHOLDER.sub(lambda found, parts=parts: quote(parts[found[1]], safe=""), address)  # type: ignore[misc]
        yield Wanted(name=name, url=url, algorithm=algorithm, digest=digest)


def _entry(line: str, number: int) -> tuple[str, str, str]:
    """Return algorithm, file name and digest of a line."""
    found = _TAGGED.fullmatch(line) or _PLAIN.fullmatch(line)
    if not found:
        message = "expected `SHA512 (file) = checksum`, or `checksum  file` in the older format"
        raise Rejected(f"`sources`, line {number}: {message}; found {quoted(line)}")
    parts = found.groupdict()
    by_length = {length: name for name, length in DIGITS.items()}
    algorithm = parts.get("algorithm", by_length.get(len(parts["digest"]), "")).lower().replace("-", "")
    if DIGITS.get(algorithm) != len(parts["digest"]):
        raise Rejected(f"`sources`, line {number}: {quoted(parts['digest'])} is no checksum of a kind that is known")
    return algorithm, _safe(parts["name"], f"`sources`, line {number}"), parts["digest"].lower()


def from_urls(sources: Sequence[str], package: PackageConfig, present: Sequence[str]) -> Iterator[Wanted]:
    """Yield what a spec's `Source:` and `Patch:` URLs name, with the checksums of the configuration.

    A file's name is what follows the last slash, as in rpm (so that `…/v1.tar.gz#/libfoo-1.tar.gz` names the file).
    What has no checksum has to be among the `present` files of the repository. Raises `Rejected` otherwise.
    """
    checksums = dict(package.checksums)
    missing = []
    for url in dict.fromkeys(source for source in sources if "://" in source):
        name = _safe(url.rpartition("/")[2], f"{quoted(url)} in {quoted(package.spec)}")
        if name in checksums:
            algorithm, _, digest = checksums[name].partition(":")
            yield Wanted(name=name, url=url.partition("#")[0], algorithm=algorithm, digest=digest.lower())
        elif name not in present:
            missing.append(name)
    if missing:
        names = ", ".join(quoted(name) for name in missing)
        raise Rejected(f"no checksum is known for {names}: add it under `checksums` of {quoted(package.spec)}")


def _safe(name: str, where: str) -> str:
    """Return a file name that stays in its directory and replaces nothing that it should not."""
    if name in {"", ".", "..", "sources"} or name.startswith((".", "-")) or name.endswith(".spec"):
        raise Rejected(f"{where}: a source may not be called {quoted(name)}")
    if "/" in name or "\\" in name or not name.isprintable() or len(name.encode()) > 200:
        raise Rejected(f"{where}: {quoted(name)} is no plain file name")
    return name
