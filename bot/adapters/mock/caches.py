"""Keeps what mock keeps between builds within its bound: bootstrap roots, packages, packed roots.

All of it goes by the name of a configuration's root. What was not used for the longest time goes first, by mock's own
hand (`--scrub=all`), since most of it is root's; what a build is using stays.
"""

import fcntl
import os
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.adapters.mock.config import Chroot
from bot.adapters.mock.process import environment
from bot.adapters.mock.settings import MockSettings

_SCRUB_TIME = 1800


def extension(settings: MockSettings, slot: int) -> str:
    """Return what a worker's root has behind its name. Several services may use one machine's mock."""
    return f"{zlib.crc32(bytes(settings.state)):08x}-{slot}"


@contextmanager
def in_use(settings: MockSettings, chroot: Chroot) -> Iterator[None]:
    """Keep what belongs to a root from being scrubbed meanwhile, and note that it was used."""
    directory = settings.state / "roots"
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / f"{chroot.root}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        config = directory / f"{chroot.root}.cfg"
        if not config.exists():
            chroot.write(directory)
        os.utime(config)
        yield
    finally:
        os.close(descriptor)


def keep_bound(settings: MockSettings) -> list[str]:
    """Scrub roots, the one that was used longest ago first, until the rest is within the bound; return their names."""
    configs = sorted((settings.state / "roots").glob("*.cfg"), key=lambda path: path.stat().st_mtime)
    sizes = {config: _size(settings, config.stem) for config in configs}
    gone = []
    for config in configs:
        if sum(sizes.values()) <= settings.bound:
            break
        if sizes[config] and _scrub(settings, config):
            sizes[config] = 0
            gone.append(config.stem)
    return gone


def _scrub(settings: MockSettings, config: Path) -> bool:
    """Let mock remove what belongs to a root, for every worker; False where a build is using it."""
    descriptor = os.open(config.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for slot in range(settings.slots):
            command = [settings.command, "-r", str(config), "--uniqueext", extension(settings, slot), "--scrub=all"]
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                    timeout=_SCRUB_TIME,
                    env=environment(),
                )
        config.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _size(settings: MockSettings, root: str) -> int:
    places = [settings.caches / root, *settings.roots.glob(f"{root}*")]
    return sum(_size_of(place) for place in places)


def _size_of(directory: Path) -> int:
    total = 0
    for path, _, names in os.walk(directory):
        for name in names:
            with suppress(OSError):  # went away while we looked, or may not be looked at
                total += Path(path, name).lstat().st_blocks * 512
    return total
