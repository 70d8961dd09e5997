"""Reads one repository, falling over from mirror to mirror: its repomd.xml, and the files that this names."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters.hawkey.access import check_allowed, write_whole
from bot.adapters.hawkey.fetch import UnavailableError, Validators, fetch
from bot.adapters.hawkey.mirrors import REPOMD, Places
from bot.adapters.hawkey.pins import PinnedRepository
from bot.adapters.hawkey.repomd import Record, parse_repomd
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.signature import UnsignedError, check_signature
from bot.domain.target import Repository
from bot.ports.errors import Misconfigured, Transient

MEND = "Create it anew with createrepo_c."
_SIGN = "Sign it with the key that `gpgkey` names, or name another key."
_KEYS = "Correct `gpgkey`."
_TRIES = 5
"""So many mirrors are tried for one file."""
_MOST_REPOMD = 1 << 24
_MOST_KEYS = 1 << 20


class Reader:
    """A repository, where it is, and a directory of our own to write into.

    After `read_repomd`, `repomd` is that file and `records` are the files that it names.
    """

    def __init__(self, repository: Repository, places: Places, scratch: Path, settings: HawkeySettings) -> None:
        self.repository = repository
        self.repomd = scratch / "repomd.xml"
        self.records: Mapping[str, Record] = {}
        self._places = places
        self._bases = places.bases
        self._scratch = scratch
        self._settings = settings
        self._keys: Path | None = None

    def pinned(self, digest: str) -> PinnedRepository:
        """Return what was read, and the mirrors that may have its packages, that one first from which it came."""
        return PinnedRepository(url=self._bases[0], digest=digest, mirrors=self._bases[1:_TRIES])

    def read_repomd(self) -> str:
        """Read repomd.xml from the first mirror that has a good one; return its SHA-256.

        It is not sent again where a server says that it is what the cache has, and no mirror is asked at all where a
        metalink says so. Raises Misconfigured and Transient.
        """
        failures: list[UnavailableError] = []
        for base in self._bases[:_TRIES]:
            try:
                digest = self._read_repomd(base)
            except UnavailableError as error:
                failures.append(error)
                continue
            self._bases = (base, *(other for other in self._places.bases if other != base))
            return digest
        raise _explain(self.repository.url, failures)

    def read(self, record: Record, path: Path) -> None:
        """Read a file that repomd.xml names; raise UnavailableError where no mirror has it as it is described."""
        most = self._settings.metadata_bytes if record.size is None else record.size
        failures: list[UnavailableError] = []
        for base in self._bases[:_TRIES]:
            try:
                fetch(_under(base, record.href), path, most=most, settings=self._settings)
            except UnavailableError as error:
                failures.append(error)
                continue
            if record.is_of(path):
                return
            failures.append(UnavailableError(f"{_under(base, record.href)} has another checksum than repomd.xml says"))
        raise UnavailableError(_told(failures))

    def _read_repomd(self, base: str) -> str:
        known = self._known_by_metalink()
        if known is None:
            self._request(base)
        else:
            shutil.copyfile(known, self.repomd)
        content = self.repomd.read_bytes()
        if not _is_meant(content, self._places.digests):
            raise UnavailableError(f"{_under(base, REPOMD)} is not the one that the metalink describes")
        try:
            self.records = parse_repomd(content)
        except ValueError as error:
            raise UnavailableError(f"its repomd.xml is corrupt ({error})", mend=MEND) from error
        if self.repository.gpgkey is not None:
            self._check_signature(base, self.repository.gpgkey)
        return hashlib.sha256(content).hexdigest()

    def _known_by_metalink(self) -> Path | None:
        """Return the repomd.xml of the cache, where the metalink describes just one and the cache has it."""
        digests = [digest for algorithm, digest in self._places.digests if algorithm == "sha256"]
        kept = [self._kept(digest) for digest in digests]
        return kept[0] if len(kept) == 1 and kept[0].is_file() else None

    def _kept(self, digest: str) -> Path:
        return self._settings.cache / "metadata" / Path(digest).name / "repomd.xml"

    def _request(self, base: str) -> None:
        """Fetch repomd.xml, on the condition that it is not what was fetched from there the last time."""
        url = _under(base, REPOMD)
        note = self._settings.cache / "validators" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
        known, kept = self._remembered(note)
        given = fetch(url, self.repomd, most=_MOST_REPOMD, settings=self._settings, known=known)
        if given is None:
            assert kept is not None  # nothing else makes a request conditional
            shutil.copyfile(kept, self.repomd)
        elif given.headers:
            digest = hashlib.sha256(self.repomd.read_bytes()).hexdigest()
            write_whole(note, json.dumps({"digest": digest, "etag": given.etag, "modified": given.modified}))

    def _remembered(self, note: Path) -> tuple[Validators | None, Path | None]:
        """Return what the server told of a repomd.xml, and where that is kept; nothing where it is not kept."""
        try:
            noted = json.loads(note.read_text())
            known, kept = Validators(etag=noted["etag"], modified=noted["modified"]), self._kept(noted["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            return None, None
        return (known, kept) if kept.is_file() else (None, None)

    def _check_signature(self, base: str, address: str) -> None:
        if self._keys is None:
            self._keys = self._fetch_keys(address)
        signature = self._scratch / "repomd.xml.asc"
        url = _under(base, f"{REPOMD}.asc")
        try:
            fetch(url, signature, most=_MOST_KEYS, settings=self._settings)
            check_signature(self.repomd, signature, self._keys)
        except UnavailableError as error:
            if not error.missing:
                raise
            raise UnavailableError(f"its repomd.xml is not signed (there is no {url})", mend=_SIGN) from error
        except UnsignedError as error:
            raise UnavailableError(f"the signature of its repomd.xml is wrong ({error})", mend=_SIGN) from error

    def _fetch_keys(self, address: str) -> Path:
        # A key on this machine's disk can only be the operator's: in a configuration file: addresses are refused where
        # those of repositories are.
        if urlsplit(address).scheme != "file":
            check_allowed(address, self._settings)
        path = self._scratch / "keys"
        try:
            fetch(address, path, most=_MOST_KEYS, settings=self._settings)
        except UnavailableError as error:
            if error.missing or error.mend:
                raise Misconfigured(address, f"there are no keys ({error.what})", error.mend or _KEYS) from error
            raise Transient(f"{address}: the keys cannot be read ({error.what})") from error
        return path


def _is_meant(content: bytes, digests: frozenset[tuple[str, str]]) -> bool:
    return not digests or any(hashlib.new(kind, content).hexdigest() == digest for kind, digest in digests)


def _under(base: str, path: str) -> str:
    return f"{base.rstrip('/')}/{path}"


def _explain(url: str, failures: Sequence[UnavailableError]) -> Misconfigured | Transient:
    """Say why no mirror has a good repomd.xml: somebody has to mend it unless one of them may have it later."""
    if all(failure.missing for failure in failures):
        return Misconfigured(
            url,
            "there is no repository (no repodata/repomd.xml)",
            "Check the address, or create one with createrepo_c.",
        )
    mends = [failure.mend for failure in failures if failure.mend]
    if all(failure.missing or failure.mend for failure in failures):
        return Misconfigured(url, _told(failures), mends[0])
    return Transient(f"{url}: the repository is down, or being written just now ({_told(failures)})")


def _told(failures: Sequence[UnavailableError]) -> str:
    return "; ".join(dict.fromkeys(failure.what for failure in failures))
