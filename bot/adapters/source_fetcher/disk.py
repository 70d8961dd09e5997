"""The checkout on disk: it is somebody else's, so neither its links nor its file names may lead out of it."""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from bot.adapters.source_fetcher.wanted import Wanted
from bot.domain.config import PackageConfig
from bot.domain.wording import quoted
from bot.ports.errors import Rejected


class Part:
    """A file on its way: written under a name of its own, and moved to its place once it is whole and right."""

    def __init__(self, directory: Path, wanted: Wanted, most: int) -> None:
        self._directory = directory
        self._wanted = wanted
        self._most = most
        self._size = 0
        self._digest = hashlib.new(wanted.algorithm, usedforsecurity=False)
        self._file = NamedTemporaryFile(dir=directory, prefix=".fetching-", delete=False)  # noqa: SIM115 (discard closes)

    def write(self, chunk: bytes) -> None:
        """Append to the file; raise `Rejected` where it grows too large."""
        self._size += len(chunk)
        if self._size > self._most:
            raise too_large(self._wanted, self._most)
        self._file.write(chunk)
        self._digest.update(chunk)

    def keep(self) -> None:
        """Move the file to its place; raise `Rejected` where it is not what was expected."""
        found = self._digest.hexdigest()
        if found != self._wanted.digest:
            what = f"its {self._wanted.algorithm} is {found}, not {self._wanted.digest}"
            raise Rejected(f"{quoted(self._wanted.name)} is not what was expected: {what}")
        self._file.close()
        path = Path(self._file.name)
        path.chmod(0o644)
        path.replace(self._directory / self._wanted.name)

    def discard(self) -> None:
        """Remove what was not kept."""
        Path(self._file.name).unlink(missing_ok=True)
        with suppress(OSError):  # a full disk is told when writing; closing would tell it again
            self._file.close()


def too_large(wanted: Wanted, most: int) -> Rejected:
    """Return the error for a file beyond the bound."""
    return Rejected(f"{quoted(wanted.name)} is larger than the {most:,} bytes that are fetched")


def directory_of(checkout: Path, package: PackageConfig) -> Path:
    """Return the spec's directory; raise `Rejected` where it is missing or leads out of the checkout."""
    top = checkout.resolve()
    directory = (top / package.spec).parent.resolve()
    if not directory.is_relative_to(top) or ".git" in directory.parts[len(top.parts) :] or not directory.is_dir():
        raise Rejected(f"there is no directory for {quoted(package.spec)} in the repository")
    return directory


def read_sources(path: Path, most: int) -> str:
    """Return a `sources` file, of at most so many bytes; raise Rejected where it is none.

    A link could show what is not the repository's.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        message = f"the file `sources` beside the spec cannot be read: {error.strerror}"
        raise Rejected(f"{message}. `source: lookaside` reads the list of files there") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise Rejected(f"`sources` is no plain file of at most {most:,} bytes")
        try:
            return file.read(most).decode()
        except UnicodeDecodeError:
            raise Rejected("`sources` is not UTF-8 text") from None


def is_there(directory: Path, wanted: Wanted) -> bool:
    """Tell whether the file is there already, as a plain file with the right contents; raise Rejected for a folder."""
    path = directory / wanted.name
    if path.is_symlink() or not path.is_file():
        if path.is_dir() and not path.is_symlink():
            raise Rejected(f"{quoted(wanted.name)} is a directory of the repository, and a source's name")
        return False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(wanted.algorithm, usedforsecurity=False))
    return found.hexdigest() == wanted.digest


def plain_files(directory: Path) -> tuple[str, ...]:
    """Return the names of the plain files in a directory."""
    return tuple(path.name for path in directory.iterdir() if path.is_file() and not path.is_symlink())
