"""Fetches the released source distributions that the demo's packages are made from.

`pip` fetches them, from whichever index it is set up for, and checks every file against the digests in
`distribution/sources.txt` and `updates.txt`. No code of a project runs here: see `distribution/metadata_backend.py`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DISTRIBUTION = Path(__file__).parent / "distribution"
CACHE = Path(__file__).parents[1] / ".cache/demo"
"""Where the demo keeps what it has fetched and built."""
LISTS = ("sources.txt", "updates.txt")
_PIP = ("-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
        "--no-build-isolation", "--use-pep517", "--require-hashes")  # fmt: skip


class DemoError(Exception):
    """The demo cannot go on; the text says what happened and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """One line of a list: a project, its version and the SHA-256 of its source distribution."""

    project: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of the file, as spec files call it."""
        return f"{self.project}-{self.version}.tar.gz"


def pinned(name: str) -> tuple[Pinned, ...]:
    """Read one of the lists."""
    found = []
    for line in (DISTRIBUTION / name).read_text().splitlines():
        if line and not line.startswith("#"):
            requirement, _, digest = line.partition(" --hash=sha256:")
            project, _, version = requirement.partition("==")
            found.append(Pinned(project=project, version=version, sha256=digest))
    return tuple(found)


def fetch_sources(directory: Path, progress: Callable[[str], None]) -> None:
    """See to it that the files of both lists are in `directory`; only what is missing is downloaded.

    Raises `DemoError` with pip's own words where they cannot be had, or are not what the digests say.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        wanted = pinned(name)
        if not all(_intact(directory / source.file_name, source.sha256) for source in wanted):
            progress(
                f"fetching {len(wanted)} source distributions" if len(wanted) > 1 else f"fetching {wanted[0].project}"
            )
            _download(DISTRIBUTION / name, directory)
            _check(wanted, directory)


def _intact(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download(requirements: Path, directory: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="revdeps-demo-") as scratch:
        backend = Path(scratch, "setuptools")
        backend.mkdir()
        (backend / "__init__.py").touch()
        shutil.copyfile(DISTRIBUTION / "metadata_backend.py", backend / "build_meta.py")
        answer = subprocess.run(
            [sys.executable, *_PIP, "--dest", str(directory), "--requirement", str(requirements)],
            capture_output=True,
            text=True,
            check=False,
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": scratch},
        )
    if answer.returncode != 0:
        said = "\n".join(line for line in answer.stderr.splitlines() if not line.startswith("WARNING"))
        raise DemoError(
            f"the demo's source distributions cannot be fetched:\n{said.strip()}\n"
            "Check that pip can reach a package index (`pip config list`), then run the demo again."
        )


def _check(wanted: tuple[Pinned, ...], directory: Path) -> None:
    for source in wanted:
        if not _intact(directory / source.file_name, source.sha256):
            raise DemoError(
                f"pip left no intact {source.file_name}. The index may name the file otherwise: "
                f"look into {directory}, remove it and run the demo again."
            )
