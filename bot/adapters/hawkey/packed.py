"""Reads metadata files as they are kept, packed or not, up to a bound."""

from collections.abc import Iterator
from pathlib import Path

PACKINGS = {".gz": "gzdio", ".xz": "xzdio", ".bz2": "bzdio", ".zst": "zstdio"}
_CHUNK = 1 << 16


def unpacked(path: Path, most_bytes: int) -> Iterator[bytes]:
    """Yield the contents of a file; raise ValueError where they are longer, OSError where they cannot be unpacked."""
    import rpm  # whose files know every packing that metadata come in

    file = rpm.fd(str(path), "r", PACKINGS.get(path.suffix, "ufdio"))
    try:
        length = 0
        while chunk := file.read(_CHUNK):
            length += len(chunk)
            if length > most_bytes:
                raise ValueError(f"it is longer than {most_bytes:,} bytes")
            yield chunk
    finally:
        file.close()
