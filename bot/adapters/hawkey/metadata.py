"""Fetches rpm-md metadata with librepo and keeps it, addressed by the digest of its repomd.xml.

Equal metadata are stored once, whoever asks and from wherever they come. A directory appears as a whole or not at all
(it is written aside and renamed), so that many processes may share the cache.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.hosts import checked, is_allowed
from bot.ports.errors import Misconfigured, Transient

_KINDS = ("primary", "filelists", "modules", "group", "group_gz")
_PACKED = frozenset({".gz", ".xz", ".bz2", ".zst", ".zck"})
_BAD_REPOMD = frozenset({18, 34})  # LRE_REPOMDXML, LRE_XMLPARSER: what came is no repomd.xml


def check_allowed(url: str, settings: HawkeySettings) -> None:
    """Raise Misconfigured unless the settings allow to read a repository at this URL."""
    try:
        parts = checked(url)
    except ValueError as error:
        raise Misconfigured(url, f"no repository can be read there: {error}", "Correct the address.") from None
    if parts.scheme == "file":
        if not settings.allow_file:
            raise Misconfigured(url, "file: repositories are not allowed here", "Name an http: or https: repository.")
    elif not is_allowed(parts, settings.allowed_hosts):
        raise Misconfigured(
            url,
            f"host {parts.netloc} is not among the allowed hosts",
            "Ask the operator to allow it, or name another repository.",
        )


def local_path(url: str) -> Path:
    """Return the path that a `file:` URL names."""
    return Path(unquote(urlsplit(url).path))


def metadata_directory(cache: Path, digest: str) -> Path:
    """Return where the metadata with this repomd.xml digest are kept."""
    return cache / "metadata" / digest


def fetch_metadata(url: str, settings: HawkeySettings) -> str:
    """Fetch a repository's metadata unless they are here already; return the SHA-256 of its repomd.xml.

    Checksums are verified. Raises Misconfigured where there is no repository, and Transient where it cannot be reached
    or where repomd.xml names what is not there (yet).
    """
    if urlsplit(url).scheme == "file" and not (local_path(url) / "repodata" / "repomd.xml").is_file():
        raise _no_repository(url)
    cache = settings.cache / "metadata"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as scratch:
        digest = _digest(_download(url, (), Path(scratch) / "repomd", settings)["repomd"])
        if (cache / digest).is_dir():
            return digest
        found = _download(url, _KINDS, Path(scratch) / "all", settings)
        digest = _digest(found["repomd"])
        if "primary" not in found:
            raise Misconfigured(url, "its repomd.xml names no primary metadata", "Create it anew with createrepo_c.")
        _keep(found, Path(scratch) / "kept", cache / digest)
        return digest


def _keep(found: Mapping[str, Path], aside: Path, final: Path) -> None:
    aside.mkdir()
    shutil.copyfile(found["repomd"], aside / "repomd.xml")
    for kind in _KINDS:
        if kind in found:
            source = found[kind]
            source.replace(aside / f"{kind}.xml{source.suffix if source.suffix in _PACKED else ''}")
    try:
        aside.rename(final)
    except OSError:
        if not final.is_dir():  # else another process was faster, with the same contents
            raise


def _download(url: str, kinds: Sequence[str], directory: Path, settings: HawkeySettings) -> Mapping[str, Path]:
    import librepo

    directory.mkdir()
    failures: list[str] = []
    handle = librepo.Handle()
    handle.repotype = librepo.YUMREPO
    handle.urls = [url]
    handle.yumdlist = list(kinds)
    handle.checksum = True
    handle.connecttimeout = settings.connect_timeout
    handle.lowspeedtime = settings.stall_timeout
    handle.lowspeedlimit = 1000
    handle.destdir = str(directory)
    handle.hmfcb = lambda _data, message, _url, _kind: failures.append(message)
    result = librepo.Result()
    try:
        handle.perform(result)
    except librepo.LibrepoException as error:
        code, text, _ = error.args
        raise _explain(url, code, "; ".join(dict.fromkeys(failures)) or text) from error
    return {kind: Path(path) for kind, path in result.yum_repo.items() if kind in {"repomd", *kinds}}


def _explain(url: str, code: int, text: str) -> Misconfigured | Transient:
    if code in _BAD_REPOMD:
        return Misconfigured(url, f"its repomd.xml is corrupt ({text.strip()})", "Create it anew with createrepo_c.")
    if "404" in text and "repomd.xml" in text:
        return _no_repository(url)
    return Transient(f"{url}: the repository is down, or being written just now ({text.strip()})")


def _no_repository(url: str) -> Misconfigured:
    return Misconfigured(
        url, "there is no repository (no repodata/repomd.xml)", "Check the address, or create one with createrepo_c."
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(aside).replace(path)
