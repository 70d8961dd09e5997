"""Writes small rpm-md repositories (repomd, primary, filelists) from Python values, like createrepo_c from packages.

The packages' files are written too, with made-up contents and a true checksum, so that they can be fetched. A
capability is written as in a spec: `libfoo`, `libfoo >= 1:2.0-1`, `/usr/bin/foo`, `(a or b)`.
"""

import gzip
import hashlib
import lzma
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

_OPERATORS = {"=": "EQ", "<": "LT", ">": "GT", "<=": "LE", ">=": "GE"}
_MARKS = {"x86_64": "x86-64", "i686": "x86-32", "aarch64": "aarch-64"}
_IN_PRIMARY = re.compile(r"/etc/|.*bin/|/usr/lib/sendmail$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpm:
    """A binary package. It provides its own name = EVR and, unless it is noarch, `name(arch)` by itself.

    `source` defaults to its name. `contents` stands for what is inside: another one is another checksum at an equal
    NEVRA.
    """

    name: str
    version: str = "1"
    release: str = "1"
    epoch: int = 0
    arch: str = "x86_64"
    source: str = ""
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    obsoletes: tuple[str, ...] = ()
    recommends: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()
    supplements: tuple[str, ...] = ()
    enhances: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    contents: str = ""

    @property
    def evr(self) -> str:
        """`[epoch:]version-release`."""
        return f"{self.epoch}:{self.version}-{self.release}" if self.epoch else f"{self.version}-{self.release}"

    @property
    def sourcerpm(self) -> str:
        """File name of the SRPM that it was built from."""
        return f"{self.source or self.name}-{self.version}-{self.release}.src.rpm"

    @property
    def all_provides(self) -> tuple[str, ...]:
        """What it provides, its own name included."""
        marked = f"{self.name}({_MARKS.get(self.arch, 'x86-64')}) = {self.evr}"
        return (f"{self.name} = {self.evr}", *(() if self.arch == "noarch" else (marked,)), *self.provides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Srpm:
    """A source package; `requires` and `conflicts` are its BuildRequires and BuildConflicts."""

    name: str
    version: str = "1"
    release: str = "1"
    epoch: int = 0
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    contents: str = ""

    arch = "src"
    provides = obsoletes = recommends = suggests = supplements = enhances = all_provides = ()
    sourcerpm = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Source packages hold at least their spec."""
        return (f"{self.name}.spec",)


Package = Rpm | Srpm


def write_repository(
    directory: Path,
    packages: Sequence[Package],
    *,
    compression: str = "gz",
    filelists: bool = True,
    more: Mapping[str, str] | None = None,
) -> str:
    """Write a repository anew into `directory` and return its `file:` URL. `compression`: gz, xz, zst or empty.

    `more` are further documents by their kind, as `modules` or `group`.
    """
    shutil.rmtree(directory / "repodata", ignore_errors=True)
    (directory / "repodata").mkdir(parents=True)
    checksums = [_write_package(directory, package) for package in packages]
    documents = {"primary": _primary(packages, checksums)}
    if filelists:
        documents["filelists"] = _filelists(packages, checksums)
    documents.update(more or {})
    records = [_write_document(directory, kind, text, compression) for kind, text in documents.items()]
    repomd = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">\n'
        f"<revision>1</revision>\n{''.join(records)}</repomd>\n"
    )
    (directory / "repodata" / "repomd.xml").write_text(repomd)
    return directory.resolve().as_uri()


def location(package: Package) -> str:
    """Path of a package's file in its repository."""
    return f"Packages/{package.name}-{package.version}-{package.release}.{package.arch}.rpm"


def digest(package: Package) -> str:
    """Checksum of a package's file, in hexadecimal digits."""
    return hashlib.sha256(_contents(package)).hexdigest()


def _contents(package: Package) -> bytes:
    return repr(package).encode()


def _write_package(directory: Path, package: Package) -> str:
    path = directory / location(package)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_contents(package))
    return digest(package)


def _write_document(directory: Path, kind: str, text: str, compression: str) -> str:
    plain = text.encode()
    packed = _COMPRESSIONS[compression](plain)
    suffix = f".{compression}" if compression else ""
    name = f"repodata/{hashlib.sha256(packed).hexdigest()}-{kind}.xml{suffix}"
    (directory / name).write_bytes(packed)
    return (
        f'<data type="{kind}"><checksum type="sha256">{hashlib.sha256(packed).hexdigest()}</checksum>'
        f'<open-checksum type="sha256">{hashlib.sha256(plain).hexdigest()}</open-checksum>'
        f'<location href="{name}"/><timestamp>1</timestamp><size>{len(packed)}</size>'
        f"<open-size>{len(plain)}</open-size></data>\n"
    )


def _zstd(plain: bytes) -> bytes:
    done = subprocess.run(["zstd", "-q", "-c"], input=plain, capture_output=True, check=True)
    return done.stdout


_COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": lambda plain: gzip.compress(plain, mtime=0),
    "xz": lzma.compress,
    "zst": _zstd,
}


def _primary(packages: Sequence[Package], checksums: Sequence[str]) -> str:
    bodies = (_package(package, checksum) for package, checksum in zip(packages, checksums, strict=True))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
        f'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{len(packages)}">\n{"".join(bodies)}</metadata>\n'
    )


def _package(package: Package, checksum: str) -> str:
    files = "".join(f"<file>{escape(path)}</file>" for path in package.files if _IN_PRIMARY.match(path))
    return (
        f'<package type="rpm"><name>{package.name}</name><arch>{package.arch}</arch>{_version(package)}'
        f'<checksum type="sha256" pkgid="YES">{checksum}</checksum><summary>{package.name}</summary><description/>'
        '<packager/><url/><time file="1" build="1"/><size package="1" installed="1" archive="1"/>'
        f'<location href="{location(package)}"/><format><rpm:license>MIT</rpm:license>'
        f"<rpm:sourcerpm>{package.sourcerpm}</rpm:sourcerpm>"
        f"{_capabilities('provides', package.all_provides)}{_capabilities('requires', package.requires)}"
        f"{_capabilities('conflicts', package.conflicts)}{_capabilities('obsoletes', package.obsoletes)}"
        f"{_capabilities('recommends', package.recommends)}{_capabilities('supplements', package.supplements)}"
        f"{_capabilities('suggests', package.suggests)}{_capabilities('enhances', package.enhances)}"
        f"{files}</format></package>\n"
    )


def _filelists(packages: Sequence[Package], checksums: Sequence[str]) -> str:
    bodies = (
        f'<package pkgid="{checksum}" name="{package.name}" arch="{package.arch}">{_version(package)}'
        f"{''.join(f'<file>{escape(path)}</file>' for path in package.files)}</package>\n"
        for package, checksum in zip(packages, checksums, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="{len(packages)}">\n'
        f"{''.join(bodies)}</filelists>\n"
    )


def _version(package: Package) -> str:
    return f'<version epoch="{package.epoch}" ver="{package.version}" rel="{package.release}"/>'


def _capabilities(kind: str, capabilities: Sequence[str]) -> str:
    entries = "".join(_entry(capability) for capability in capabilities)
    return f"<rpm:{kind}>{entries}</rpm:{kind}>" if entries else ""


def _entry(capability: str) -> str:
    parts = capability.split()
    if capability.startswith("(") or len(parts) != 3 or parts[1] not in _OPERATORS:
        return f"<rpm:entry name={quoteattr(capability)}/>"
    name, operator, evr = parts
    epoch, _, rest = evr.rpartition(":")
    version, _, release = rest.partition("-")
    tail = f" rel={quoteattr(release)}" if release else ""
    return (
        f'<rpm:entry name={quoteattr(name)} flags="{_OPERATORS[operator]}" '
        f'epoch="{epoch or 0}" ver={quoteattr(version)}{tail}/>'
    )


def soname_move(version: int = 1) -> list[Package]:
    """Return libfoo and who needs it; at `version` 2 only the new libfoo, whose soname moved with it.

    Two programs and libbar link to it. app is built with libbar: it can be once libbar was rebuilt.
    """
    new = f"{version}"
    libfoo: list[Package] = [
        Rpm(name="libfoo", version=new, provides=(f"libfoo.so.{version}()(64bit)",)),
        Rpm(name="libfoo-devel", version=new, source="libfoo", requires=(f"libfoo = {version}-1",)),
    ]
    if version > 1:
        return libfoo
    linked = "libfoo.so.1()(64bit)"
    return [
        Rpm(name="make"),
        *libfoo,
        Rpm(name="prog-a", requires=(linked,)),
        Rpm(name="prog-b", requires=(linked,)),
        Rpm(name="libbar", requires=(linked,), provides=("libbar.so.1()(64bit)",)),
        Rpm(name="libbar-devel", source="libbar", requires=("libbar = 1-1",)),
        Rpm(name="app", requires=("libbar.so.1()(64bit)",)),
        Srpm(name="libfoo", requires=("make",)),
        *(Srpm(name=name, requires=("libfoo-devel",)) for name in ("prog-a", "prog-b", "libbar")),
        Srpm(name="app", requires=("libbar-devel",)),
        Srpm(name="stranger", requires=("make",)),
    ]
