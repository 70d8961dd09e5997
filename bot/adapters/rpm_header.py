"""Reads the header of an RPM package on disk, whoever signed it: what several backends and the resolver look into."""

import struct
from pathlib import Path
from typing import Any

_LEAD = 96
"""How many bytes stand before the signature, whose own header is 16 long and begins with a magic number of 8."""
_ENTRY = 16
"""Of the index that follows, before the values."""


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


def is_cut_off(path: Path, header: Any) -> bool:
    """Tell whether the file ends before its payload does, as far as the signature says how long that is."""
    import rpm

    with path.open("rb") as stream:
        entries, values = struct.unpack(">II", stream.read(_LEAD + 16)[_LEAD + 8 :])
    signature: int = 16 + entries * _ENTRY + values
    padding = -signature % 8
    payload = int(header[rpm.RPMTAG_LONGSIGSIZE] or 0)
    return path.stat().st_size < _LEAD + signature + padding + payload
