"""Makes the SRPM of a change from a checkout, as the repository's configuration says.

Outside the sandbox files are only copied and their text is edited; whatever parses the spec or runs a command of the
repository's happens inside. Links are copied as links and never followed out here.
"""

from pathlib import Path

from bot.adapters.jobs.facts import BUILD_DIRECTORY, parse_facts, query_command
from bot.adapters.jobs.failing import refused
from bot.adapters.jobs.methods import check_method
from bot.adapters.jobs.sources import copy_tree, spec_in_checkout, spec_text, with_suffix, write_archive
from bot.adapters.sandbox.chamber import Chamber
from bot.adapters.sandbox.root import Step
from bot.adapters.sandbox.staging import bring_in, stage, taken_out
from bot.domain.build import Phase, TreeSource
from bot.domain.config import SourceMethod

_TREE = f"{BUILD_DIRECTORY}/checkout"
_SPECS = f"{BUILD_DIRECTORY}/SPECS"
_SRPMS = f"{BUILD_DIRECTORY}/SRPMS"
_TOPDIR = ("--define", f"_topdir {BUILD_DIRECTORY}", "--define", "_buildhost localhost")


def make_srpm(chamber: Chamber, source: TreeSource) -> Path:
    """Return the SRPM, made from the checkout; raise `BuildFailed` with rpm's message where it cannot be made."""
    check_method(source)
    if source.package.method is SourceMethod.COMMAND:
        return _made_by_command(chamber, source)
    spec = spec_in_checkout(source)
    staged = stage(chamber)
    copy_tree(spec.parent, staged / "checkout")
    _stage_spec(staged, spec.name, spec_text(source))
    bring_in(chamber, staged, Phase.SRPM)
    inside = f"{_SPECS}/{spec.name}"
    if source.package.method is SourceMethod.ARCHIVE:
        _archive(chamber, source, inside)
    return _rpmbuild_source(chamber, inside, _TREE)


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
    staged = stage(chamber)
    (staged / "checkout").mkdir()
    write_archive(source, facts, staged / "checkout")
    bring_in(chamber, staged, Phase.SRPM)


def _made_by_command(chamber: Chamber, source: TreeSource) -> Path:
    staged = stage(chamber)
    copy_tree(Path(source.directory), staged / "checkout", history=True)
    (staged / "checkout").chmod(0o755)  # bubblewrap enters it before it becomes the building user
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
