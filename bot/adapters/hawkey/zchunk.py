"""zchunk, which not every libsolv reads: such metadata are kept with another packing."""

from pathlib import Path

from bot.ports.errors import Misconfigured

ENDING = ".zck"
_CHUNK = 1 << 16


def repack(path: Path, to: Path, most: int) -> None:
    """Write what a zchunk file holds into a gzip file.

    Raises ValueError where it holds more than `most` bytes, OSError where it is no zchunk file or cut short, and
    Misconfigured where this machine cannot unpack it.
    """
    import gzip  # like what starts processes, of no use to most repositories
    import subprocess

    try:
        process = subprocess.Popen(["unzck", "-c", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Misconfigured("unzck", "it is missing on this machine", "Install zchunk.") from None
    size = 0
    with process, gzip.open(to, "wb", compresslevel=1) as stream:
        assert process.stdout is not None  # it is a pipe
        while chunk := process.stdout.read(_CHUNK):
            size += len(chunk)
            if size > most:
                process.kill()
                raise ValueError(f"it is longer than {most:,} bytes")
            stream.write(chunk)
    if process.returncode:
        raise OSError("it is no zchunk file, or cut short")
