"""A distribution-sized RPM repository, metadata alone, made out of the Debian archive and kept under `.cache/`.

`python -m benchmarks.distribution [--rank]` makes it and says where it is. With `--rank` versions are replaced by their
rank in dpkg's order, so that RPM's solver and Debian's tools have to agree exactly. Beside the repository lie the
plain `Packages` and `Sources`, of the same packages.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from benchmarks.debian import control, convert
from benchmarks.debian.archive import Indexes, NoArchiveError, fetch
from benchmarks.debian.convert import Converter, Package
from benchmarks.debian.versions import ranks

CACHE = Path(__file__).parents[1] / ".cache"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
    'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{count}">\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A repository of `binaries` and `sources` packages, and what every buildroot of it has."""

    directory: str
    release: str
    ranked: bool
    binaries: int
    sources: int
    buildroot: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the repository is."""
        return Path(self.directory).as_uri()

    @property
    def packages_index(self) -> Path:
        """The binary packages, as Debian's tools read them."""
        return Path(self.directory) / "Packages"

    @property
    def sources_index(self) -> Path:
        """The source packages, likewise, without those that the repository leaves out."""
        return Path(self.directory) / "Sources"


def distribution(*, ranked: bool = False) -> Distribution:
    """Return the distribution, made where it is not there yet; raises NoArchiveError where it cannot be made.

    It is kept for as long as the code that makes it stays the same; `make clean` removes it.
    """
    top = CACHE / "distribution"
    final = top / ("ranked" if ranked else "readable")
    stamp = final / "made.json"
    if stamp.is_file():
        made = json.loads(stamp.read_text())
        if made.pop("code") == _code():
            return Distribution(**made | {"buildroot": tuple(made["buildroot"])})
    shutil.rmtree(final, ignore_errors=True)
    final.mkdir(parents=True)
    made = write(_indexes(top), final, ranked=ranked)
    stamp.write_text(json.dumps(asdict(made) | {"code": _code()}, indent=2))
    return made


def write(indexes: Indexes, directory: Path, *, ranked: bool) -> Distribution:
    """Write the repository, and the indexes without what it leaves out, into a directory."""
    with indexes.packages.open() as lines:
        binaries = [convert.binary(stanza) for stanza, _ in control.stanzas(lines)]
    sources = []
    with indexes.sources.open() as lines, (directory / "Sources").open("w") as kept:
        for stanza, text in control.stanzas(lines):
            if control.built_here(stanza):
                sources.append(convert.source(stanza))
                kept.writelines((*text, "\n"))
    shutil.copyfile(indexes.packages, directory / "Packages")
    packages = [*binaries, *sources]
    converter = Converter(
        ranks=ranks(convert.mentioned(packages)) if ranked else {}, virtual=convert.virtual_names(binaries)
    )
    write_metadata(directory, packages, converter)
    essential = sorted(package.name for package in binaries if package.essential)
    return Distribution(
        directory=str(directory),
        release=indexes.release,
        ranked=ranked,
        binaries=len(binaries),
        sources=len(sources),
        buildroot=(*essential, "build-essential"),
    )


def write_metadata(directory: Path, packages: Sequence[Package], converter: Converter) -> None:
    """Write `repodata/`, package by package."""
    (directory / "repodata").mkdir()
    path = directory / "repodata" / "primary.xml.gz"
    with _packed(path) as output:
        output.write(_HEAD.format(count=len(packages)).encode())
        for package in packages:
            output.write(converter.xml(package).encode())
        output.write(b"</metadata>\n")
    (directory / "repodata" / "repomd.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">'
        f'<revision>1</revision><data type="primary"><checksum type="sha256">{_digest([path])}</checksum>'
        f'<open-checksum type="sha256">{output.checksum.hexdigest()}</open-checksum>'
        '<location href="repodata/primary.xml.gz"/><timestamp>1</timestamp>'
        f"<size>{path.stat().st_size}</size><open-size>{output.size}</open-size></data></repomd>\n"
    )


class _Summed:
    """A stream that sums up what goes through it."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile) -> None:
        self._stream = stream
        self.checksum = hashlib.sha256()
        self.size = 0

    def write(self, text: bytes) -> None:
        self.checksum.update(text)
        self.size += len(text)
        self._stream.write(text)


@contextmanager
def _packed(path: Path) -> Iterator[_Summed]:
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as packed:
        yield _Summed(packed)


def _indexes(top: Path) -> Indexes:
    """The archive's indexes, fetched once for both kinds of distribution."""
    stamp = top / "archive.json"
    if not stamp.is_file():
        found = fetch(top)
        stamp.write_text(json.dumps({"release": found.release}))
    release = json.loads(stamp.read_text())["release"]
    return Indexes(release=release, packages=top / "Packages.all", sources=top / "Sources.all")


def _code() -> str:
    here = Path(__file__)
    return _digest([here, *sorted((here.parent / "debian").glob("*.py"))])


def _digest(paths: Iterable[Path]) -> str:
    checksum = hashlib.sha256()
    for path in paths:
        checksum.update(path.read_bytes())
    return checksum.hexdigest()


def main() -> None:
    """Make it, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distribution", description=__doc__)
    parser.add_argument("--rank", action="store_true", help="replace versions by their rank in dpkg's order")
    begun = time.monotonic()
    try:
        made = distribution(ranked=parser.parse_args().rank)
    except NoArchiveError as error:
        raise SystemExit(f"distribution: {error}") from None
    print(
        f"{made.directory}: {made.binaries} binary and {made.sources} source packages of {made.release} "
        f"({time.monotonic() - begun:.1f} s)"
    )


if __name__ == "__main__":
    main()
