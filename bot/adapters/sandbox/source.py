"""Makes the SRPM of a change from a checkout, as the repository's configuration says.

Outside the sandbox files are only copied and their text is edited; whatever parses the spec or runs a command of the
repository's happens inside. Links are copied as links and never followed out here.
"""

import io
import re
import tarfile
import zipfile
from pathlib import Path

from bot.adapters.sandbox.chamber import BuildFailed, Chamber
from bot.adapters.sandbox.history import files_of, fill_from_history
from bot.adapters.sandbox.root import BUILD_DIRECTORY, Step
from bot.adapters.sandbox.spec import parse_facts, query_command
from bot.adapters.sandbox.staging import bring_in, copy_tree, stage, taken_out
from bot.domain.build import Failed, FailureReason, Phase, TreeSource
from bot.domain.config import SourceMethod
from bot.domain.failure import signature_of

_TREE = f"{BUILD_DIRECTORY}/checkout"
_SPECS = f"{BUILD_DIRECTORY}/SPECS"
_SRPMS = f"{BUILD_DIRECTORY}/SRPMS"
_TOPDIR = ("--define", f"_topdir {BUILD_DIRECTORY}", "--define", "_buildhost localhost")
_RELEASE = re.compile(r"(?im)^(?P<tag>Release[ \t]*:[ \t]*)(?P<value>\S[^\n]*?)[ \t]*$")
_OLD_TIME = (1980, 1, 1, 0, 0, 0)


def refused(cause: str) -> BuildFailed:
    """Return the error for a source package that cannot be made."""
    signature = signature_of(Phase.SRPM, cause)
    return BuildFailed(Failed(reason=FailureReason.SRPM, phase=Phase.SRPM, signature=signature, cause=cause))


def make_srpm(chamber: Chamber, source: TreeSource) -> Path:
    """Return the SRPM, made from the checkout; raise `BuildFailed` with rpm's message where it cannot be made."""
    if source.package.method is SourceMethod.COMMAND:
        return _made_by_command(chamber, source)
    spec = spec_in_checkout(source)
    text = spec.read_text(errors="surrogateescape")
    if source.package.method is SourceMethod.RPMAUTOSPEC:
        text = fill_from_history(text, Path(source.directory), source.package.spec)
    staged = stage(chamber)
    copy_tree(spec.parent, staged / "checkout")
    _stage_spec(staged, spec.name, with_suffix(text, source.release_suffix))
    bring_in(chamber, staged, Phase.SRPM)
    inside = f"{_SPECS}/{spec.name}"
    if source.package.method is SourceMethod.ARCHIVE:
        _archive(chamber, source, inside)
    return _rpmbuild_source(chamber, inside, _TREE)


def spec_in_checkout(source: TreeSource) -> Path:
    """Return the spec's path; raise `BuildFailed` where it is missing or leads out of the checkout."""
    checkout = Path(source.directory).resolve()
    spec = (checkout / source.package.spec).resolve()
    if not spec.is_relative_to(checkout) or not spec.is_file():
        raise refused(f"there is no spec {source.package.spec} in the repository")
    return spec


def with_suffix(text: str, suffix: str) -> str:
    """Append a suffix to the first Release of a spec."""
    return _RELEASE.sub(lambda found: f"{found['tag']}{found['value']}{suffix}", text, count=1) if suffix else text


def _stage_spec(staged: Path, name: str, text: str) -> None:
    (staged / "SPECS").mkdir()
    (staged / "SPECS" / name).write_text(text, errors="surrogateescape")


def _rpmbuild_source(chamber: Chamber, spec: str, sources: str) -> Path:
    command = ["rpmbuild", "-bs", "--nodeps", *_TOPDIR, "--define", f"_sourcedir {sources}", spec]
    chamber.must(Step(command=command), Phase.SRPM)
    return _the_srpm(chamber)


def _the_srpm(chamber: Chamber) -> Path:
    found = taken_out(chamber, _SRPMS, ".src.rpm")
    if len(found) != 1:
        raise refused(f"one source package was expected, {len(found)} were made")
    return found[0]


def _archive(chamber: Chamber, source: TreeSource, spec: str) -> None:
    """Make Source0 from the checkout, in the format that its name asks for, under `name-version/`."""
    facts = parse_facts(chamber.output(query_command(spec)))
    if facts is None or not facts.sources:
        chamber.must(Step(command=query_command(spec)), Phase.SRPM)
        raise refused("the spec names no Source0 that the repository could be archived as")
    name = facts.sources[0].rsplit("/", 1)[-1]
    prefix = f"{facts.name}-{facts.version}"
    files = files_of(Path(source.directory))
    staged = stage(chamber)
    (staged / "checkout").mkdir()
    target = staged / "checkout" / name
    if name.endswith(".zip"):
        _zip(target, Path(source.directory), files, prefix)
    else:
        _tar(target, Path(source.directory), files, prefix)
    bring_in(chamber, staged, Phase.SRPM)


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


def _made_by_command(chamber: Chamber, source: TreeSource) -> Path:
    staged = stage(chamber)
    copy_tree(Path(source.directory), staged / "checkout", history=True)
    bring_in(chamber, staged, Phase.SRPM)
    environment = {"RESULTDIR": _SRPMS}
    command = ["/bin/sh", "-euc", source.package.command or "false"]
    chamber.must(Step(command=command, directory=_TREE, environment=environment), Phase.SRPM)
    made = _the_srpm(chamber)
    if not source.release_suffix:
        return made
    chamber.must(
        Step(command=["rpm", "-i", "--nodeps", "--nosignature", *_TOPDIR, f"{_SRPMS}/{made.name}"]), Phase.SRPM
    )
    made.unlink()
    specs = taken_out(chamber, _SPECS, ".spec")
    if len(specs) != 1:
        raise refused("the source package holds no spec")
    text = with_suffix(specs[0].read_text(errors="surrogateescape"), source.release_suffix)
    staged = stage(chamber)
    _stage_spec(staged, specs[0].name, text)
    bring_in(chamber, staged, Phase.SRPM)
    return _rpmbuild_source(chamber, f"{_SPECS}/{specs[0].name}", f"{BUILD_DIRECTORY}/SOURCES")
