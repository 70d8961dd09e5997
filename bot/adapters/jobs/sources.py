"""The part of getting an SRPM that is done outside the root: files are fetched and copied, their text is edited.

Nothing of the change is run or parsed here, and links are copied as links and never followed.
"""

import hashlib
import io
import re
import shutil
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.adapters.jobs.failing import refused
from bot.adapters.jobs.history import files_of, fill_from_history, needs_history
from bot.domain.build import SrpmSource, TreeSource
from bot.domain.packages import BinaryPackage, Nevra
from bot.ports.resolver import RootSolver
from bot.ports.sources import SpecFacts

_RELEASE = re.compile(r"(?im)^(?P<tag>Release[ \t]*:[ \t]*)(?P<value>\S[^\n]*?)[ \t]*$")
_OLD_TIME = (1980, 1, 1, 0, 0, 0)


def fetched(source: SrpmSource, solver: RootSolver) -> Path:
    """Return the file of a source package that exists; raise `BuildFailed` where it is not what the metadata say."""
    address = urlsplit(source.location)
    name = unquote(address.path).rsplit("/", 1)[-1]
    if address.scheme in ("", "file"):
        path = Path(unquote(address.path))
        if not path.is_file():
            raise refused(f"the source package {name} is gone from its repository")
    else:
        try:
            nevra = Nevra.parse(name)
        except ValueError as error:
            raise refused(f"the source package's address does not end in its name: {error}") from error
        package = BinaryPackage(nevra=nevra, location=source.location, checksum=source.checksum)
        path = Path(solver.fetch([package])[0])
    algorithm, _, expected = source.checksum.partition(":")
    with path.open("rb") as file:
        if expected and hashlib.file_digest(file, algorithm).hexdigest() != expected:
            raise refused(f"the source package {name} is not the one in the metadata: its {algorithm} differs")
    return path


def spec_in_checkout(source: TreeSource) -> Path:
    """Return the spec's path; raise `BuildFailed` where it is missing or leads out of the checkout."""
    checkout = Path(source.directory).resolve()
    spec = (checkout / source.package.spec).resolve()
    if not spec.is_relative_to(checkout) or not spec.is_file():
        raise refused(f"there is no spec {source.package.spec} in the repository")
    return spec


def with_suffix(text: str, suffix: str) -> str:
    """Append a suffix to the first Release of a spec, and keep the Release out of the files that are built.

    rpm's own macros take `%{RELEASE}` for what goes into them: build ids, the names of debug information, package
    notes (`RPM_PACKAGE_RELEASE`). They are expanded when the whole spec has been read, so what the spec itself says of
    its release, in whatever letters, is the one with the suffix.
    """
    found = _RELEASE.search(text) if suffix else None
    if found is None:
        return text
    return f"{text[: found.end('value')]}{suffix}{text[found.end() :]}\n\n%global RELEASE 0\n"


def spec_text(source: TreeSource) -> str:
    """Return the text of the spec that is to be built: with the suffix, and with what rpmautospec would fill in.

    Undecodable bytes are surrogates. Whatever the method: most dist-git specs have their sources in a lookaside cache
    and their release in the history.
    """
    text = spec_in_checkout(source).read_text(errors="surrogateescape")
    if needs_history(text):
        text = fill_from_history(text, Path(source.directory), source.package.spec)
    return with_suffix(text, source.release_suffix)


def write_archive(source: TreeSource, facts: SpecFacts, directory: Path) -> None:
    """Make Source0 from the checkout, in the format that its name asks for, under `name-version/`."""
    name = facts.sources[0].rsplit("/", 1)[-1]
    prefix = f"{facts.name}-{facts.version}"
    files = files_of(Path(source.directory))
    target = directory / name
    if name.endswith(".zip"):
        _zip(target, Path(source.directory), files, prefix)
    else:
        _tar(target, Path(source.directory), files, prefix)


def _tar(target: Path, checkout: Path, files: list[Path], prefix: str) -> None:
    kinds = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz", "txz": "w:xz", "tar": "w:"}
    mode = kinds.get(target.name.rsplit(".", 1)[-1])
    if mode is None:
        raise refused(
            f"Source0 {target.name} names no archive format that can be made (.tar.gz, .tar.xz, .tar.bz2, .zip)"
        )
    with tarfile.open(str(target), mode) as archive:  # type: ignore[call-overload] # the mode is computed
        for file in files:
            member = archive.gettarinfo(str(checkout / file), f"{prefix}/{file}")
            member.uid = member.gid = member.mtime = 0
            member.uname = member.gname = "root"
            data = (checkout / file).read_bytes() if member.isreg() else b""
            archive.addfile(member, io.BytesIO(data) if member.isreg() else None)


def _zip(target: Path, checkout: Path, files: list[Path], prefix: str) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            if (checkout / file).is_symlink():
                continue
            member = zipfile.ZipInfo(f"{prefix}/{file}", _OLD_TIME)
            member.external_attr = ((checkout / file).stat().st_mode & 0o777) << 16
            archive.writestr(member, (checkout / file).read_bytes())


def copy_tree(source: Path, target: Path, *, history: bool = False) -> None:
    """Copy a checkout; links stay links, devices and sockets are left out, and so is .git unless `history` is set.

    The target may lie inside the source (a state directory in a working tree): what leads to it is left out.
    """
    target = target.resolve()

    def unwanted(directory: str, names: list[str]) -> set[str]:
        paths = {name: Path(directory, name) for name in names}
        return {
            name
            for name, path in paths.items()
            if (name == ".git" and not history) or _odd(path) or target.is_relative_to(path.resolve())
        }

    shutil.copytree(source, target, symlinks=True, ignore=unwanted, dirs_exist_ok=True)


def _odd(path: Path) -> bool:
    return not (path.is_symlink() or path.is_file() or path.is_dir())
