"""Where a repository is to be had: at its own address, or at the mirrors that a Metalink or a mirror list names.

Mirrors on hosts that are not allowed are dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from bot.adapters.hawkey.access import check_allowed
from bot.adapters.hawkey.fetch import UnavailableError, fetch
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.hosts import checked
from bot.domain.target import Repository, RepositoryKind
from bot.ports.errors import Misconfigured, Transient

REPOMD = "repodata/repomd.xml"
_MOST_BYTES = 1 << 22
_TOLD = 5
_STRONG = ("sha512", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The addresses under which a repository is, best first, and what its repomd.xml must be.

    `digests` are checksums by algorithm, of which one must be met; empty: anything will do.
    """

    bases: tuple[str, ...]
    digests: frozenset[tuple[str, str]] = frozenset()


def find_places(repository: Repository, scratch: Path, settings: HawkeySettings) -> Places:
    """Return where a repository is. Raises Misconfigured where no allowed mirror is named, Transient where the list of
    mirrors cannot be reached.
    """
    if repository.kind is RepositoryKind.BASEURL:
        return Places(bases=(repository.url,))
    path = scratch / "mirrors"
    try:
        fetch(repository.url, path, most=_MOST_BYTES, settings=settings)
    except UnavailableError as error:
        raise _explain(repository, error) from error
    if repository.kind is RepositoryKind.METALINK:
        named, digests = _metalink(repository.url, path.read_bytes())
    else:
        named, digests = _mirror_list(path.read_text("utf-8", "replace")), frozenset[tuple[str, str]]()
    return Places(bases=_allowed(repository, named, settings), digests=digests)


def _explain(repository: Repository, error: UnavailableError) -> Misconfigured | Transient:
    if error.missing or error.mend:
        mend = error.mend or "Check the address."
        return Misconfigured(repository.url, f"there is no {repository.kind} ({error.what})", mend)
    return Transient(f"{repository.url}: the {repository.kind} cannot be read ({error.what})")


def _allowed(repository: Repository, named: Sequence[str], settings: HawkeySettings) -> tuple[str, ...]:
    hosts = {base: host for base in named if (host := _host(base)) is not None}
    if not hosts:
        what = f"the {repository.kind} names no mirror that can be read (http: or https:)"
        raise Misconfigured(repository.url, what, "Check the address, or name a repository by its own.")
    allowed = [base for base in hosts if _is_allowed(base, settings)]
    if not allowed:
        told = ", ".join(sorted(set(hosts.values()))[:_TOLD])
        raise Misconfigured(
            repository.url,
            f"none of the {len(hosts)} mirrors that it names is on an allowed host (they are on {told})",
            "Ask the operator to allow one of them, or name a repository by its own address.",
        )
    return tuple(allowed)


def _host(base: str) -> str | None:
    """Return the host of an address that can be read, None for another."""
    try:
        return checked(base).netloc
    except ValueError:
        return None


def _is_allowed(base: str, settings: HawkeySettings) -> bool:
    try:
        check_allowed(base, settings)
    except Misconfigured:
        return False
    return True


def _mirror_list(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _metalink(url: str, content: bytes) -> tuple[list[str], frozenset[tuple[str, str]]]:
    """Return the mirrors, those that are preferred first, and the checksums of the repomd.xml that they may have."""
    try:
        root = ET.fromstring(content)  # noqa: S314 - expat bounds what entities come to; the size is bounded, too
    except ET.ParseError as error:
        raise Misconfigured(url, f"it is no metalink ({error})", "Check the address and its kind.") from None
    file = next((found for found in root.iter() if _is_repomd(found)), None)
    if file is None:
        raise Misconfigured(url, "the metalink is not one of a repomd.xml", "Check the address.")
    named = sorted(file.iterfind(".//{*}url"), key=_preference)
    texts = ((found.text or "").strip() for found in named)
    bases = [text.removesuffix(f"/{REPOMD}") for text in texts if text.endswith(f"/{REPOMD}")]
    digests = {(found.get("type", ""), (found.text or "").strip().lower()) for found in file.iterfind(".//{*}hash")}
    return bases, frozenset(pair for pair in digests if pair[0] in _STRONG)


def _is_repomd(element: ET.Element) -> bool:
    return element.tag.rpartition("}")[2] == "file" and element.get("name") == "repomd.xml"


def _preference(url: ET.Element) -> int:
    """Return a number by which the preferred come first (`preference` rises with it; in version 4 `priority` falls)."""
    text = url.get("preference", "0")
    if "priority" in url.attrib:
        return int(url.attrib["priority"]) if url.attrib["priority"].isdecimal() else 0
    return -int(text) if text.isdecimal() else 0
