"""Reads the header of an RPM package on disk, whoever signed it: what several backends and the resolver look into."""

from pathlib import Path
from typing import Any


class NoPackage(Exception):
    """A file is no RPM package that can be read; the message is rpm's own."""


def read(path: Path) -> Any:
    """Return `rpm.hdr`; the file may end with the header, whose own digest is checked.

    Raises NoPackage, and OSError where the file cannot be opened.
    """
    import rpm

    transaction = rpm.TransactionSet()
    transaction.setVSFlags(rpm._RPMVSF_NOSIGNATURES)
    with path.open("rb") as stream:
        try:
            return transaction.hdrFromFdno(stream.fileno())
        except rpm.error as error:
            raise NoPackage(str(error)) from error
