"""The system to build over, where it is not the host: a directory, or a tarball that is unpacked once.

Tarballs are what image builders and `dnf --installroot` with `tar` leave behind. One that is replaced by another is
unpacked anew: it goes by path, size and time, since reading gigabytes for a digest at every build would cost more.
"""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from bot.adapters.sandbox.settings import SandboxSettings
from bot.ports.errors import Misconfigured

_UNPACK = ("tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--file")


def base_root(settings: SandboxSettings, configured: Path) -> Path:
    """Return the directory of the base root; raise `Misconfigured` where there is no system in it."""
    root = _unpacked(settings.state / "base-roots", configured) if configured.is_file() else configured
    if not (root / "usr").is_dir():
        raise Misconfigured(
            "sandbox.base_root",
            f"{configured} holds no installed system",
            "Make one, for example with `dnf --installroot`, or leave the setting out to build over this host.",
        )
    return root


def _unpacked(directory: Path, tarball: Path) -> Path:
    """Return where the tarball is unpacked; the first who asks unpacks it, and the others wait."""
    facts = tarball.stat()
    identity = f"{tarball.absolute()}\n{facts.st_size}\n{facts.st_mtime_ns}"
    root = directory / hashlib.sha256(identity.encode()).hexdigest()[:16]
    if root.is_dir():
        return root
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            _unpack(tarball, root)
    return root


def _unpack(tarball: Path, root: Path) -> None:
    fresh = root.with_name(f".{root.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o755)
    done = subprocess.run(
        [*_UNPACK, str(tarball.absolute()), "--directory", str(fresh)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise Misconfigured(
            "sandbox.base_root",
            f"{tarball} cannot be unpacked: {done.stderr.strip() or 'tar failed'}",
            "Name a tarball of a whole root, or a directory.",
        )
    fresh.rename(root)
