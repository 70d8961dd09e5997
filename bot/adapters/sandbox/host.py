"""What the host offers to builds over it: a fingerprint that changes with its packages, and the paths it uses."""

import hashlib
import os
import platform
import re
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """Facts about this host that a root over it depends on."""

    fingerprint: str
    """Digest over names, sizes and times of its libraries and programs: another host, or an update, is another."""
    python: str
    """`3.11`."""
    libdir: Path
    """Where its libraries lie: /usr/lib/x86_64-linux-gnu, /usr/lib64."""
    macros: Mapping[str, str]
    """Values for the shipped rpm macros."""


def is_real_root() -> bool:
    """Whether this process is root, and not only inside a user namespace (a rootless container)."""
    if os.geteuid() != 0:
        return False
    mapped = Path("/proc/self/uid_map").read_text().split()
    return mapped == ["0", "0", str(2**32 - 1)]


@cache
def host_facts() -> HostFacts:
    """Look at the host, once in a process."""
    libdir = _library_directory()
    python = subprocess.run(
        [_SYSTEM_PYTHON, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    sitelib = f"/usr/lib/python{python}/site-packages"
    return HostFacts(
        fingerprint=_fingerprint(libdir, python),
        python=python,
        libdir=libdir,
        macros={
            "libdir": str(libdir),
            "lib": str(libdir.relative_to("/usr")),
            "python3_version": python,
            "python3_sitelib": sitelib,
        },
    )


def _library_directory() -> Path:
    known = (f"/usr/lib/{platform.machine()}-linux-gnu", "/usr/lib64", "/usr/lib")
    return next((Path(path) for path in known if (Path(path) / "libc.so.6").exists()), Path("/usr/lib"))


def _fingerprint(libdir: Path, python: str) -> str:
    digest = hashlib.sha256()
    for directory in (
        libdir,
        Path("/usr/bin"),
        Path("/usr/sbin"),
        Path(f"/usr/lib/python{python}"),
        libdir / "pkgconfig",
    ):
        if not directory.is_dir():
            continue
        for path in sorted(directory.iterdir()):
            if path.name == "__pycache__":  # written by whoever imports first
                continue
            facts = path.lstat()
            # A directory's size and time change with any file in it, so only its name counts.
            own = "" if stat.S_ISDIR(facts.st_mode) else f"{facts.st_size}\0{int(facts.st_mtime)}"
            digest.update(f"{path}\0{facts.st_mode}\0{own}\n".encode())
    return digest.hexdigest()


def installed_version(command: str, *arguments: str) -> str:
    """Return the first version number that a program prints, "0" where it prints none or is missing."""
    try:
        answer = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "0"
    found = re.search(r"\d+(?:\.\d+)+|\b\d+\b", answer.stdout + answer.stderr)
    return found.group() if found else "0"
