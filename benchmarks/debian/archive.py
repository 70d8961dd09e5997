"""The indexes of the Debian archive that this machine's apt uses, fetched without touching apt's configuration."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NOT_A_RELEASE = ("-updates", "-security", "-backports", "-proposed")
_TIMEOUT = 300.0
"""Seconds that apt may take for the indexes of one release."""


class NoArchiveError(Exception):
    """There is no Debian archive to make a distribution of; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """What there is for one release: its name, and the plain files."""

    release: str
    packages: Path
    sources: Path


def fetch(directory: Path) -> Indexes:
    """Fetch `Packages` and `Sources` of the main component into a directory; raises NoArchiveError.

    A private apt configuration asks for the sources too, which most machines do not. Root is not needed.
    """
    if shutil.which("apt-get") is None:
        raise NoArchiveError("there is no apt-get here: run it on Debian, or in a container of Debian")
    site, release = _main_release()
    (directory / "apt" / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    listed = directory / "apt" / "sources.list"
    listed.write_text("".join(f"{kind} {site} {release} main\n" for kind in ("deb", "deb-src")))
    settings = {
        "Dir::Etc::sourcelist": listed,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": directory / "apt" / "lists",
        "Dir::Cache": directory / "apt" / "cache",
        "Acquire::GzipIndexes": "false",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    _run(["apt-get", *options, "-qq", "update"])
    found = {}
    for kind in ("Packages", "Sources"):
        name = _run(["apt-get", *options, "indextargets", "--format", "$(FILENAME)", f"Created-By: {kind}"]).strip()
        found[kind] = directory / f"{kind}.all"
        with found[kind].open("wb") as output:
            subprocess.run(
                ["/usr/lib/apt/apt-helper", *options, "cat-file", name], stdout=output, check=True, timeout=_TIMEOUT
            )
    return Indexes(release=release, packages=found["Packages"], sources=found["Sources"])


def _main_release() -> tuple[str, str]:
    """Return site and name of the release that apt is set up for."""
    wanted = "$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)"
    lines = _run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]).splitlines()
    for line in sorted(set(lines)):
        site, release, component, origin = f"{line} ".split(" ", 3)
        if component == "main" and origin.strip() == "Debian" and not release.endswith(_NOT_A_RELEASE):
            return site, release
    raise NoArchiveError("apt knows no Debian archive: run apt-get update, or use a container of Debian")


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise NoArchiveError(f"{command[0]} did not end within {_TIMEOUT:.0f} s: is the network reachable?") from None
    if done.returncode:
        text = " ".join(done.stderr.split()[:60])
        raise NoArchiveError(f"{command[0]} failed ({text}): is the archive reachable?")
    return done.stdout
