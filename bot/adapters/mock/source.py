"""Makes the SRPM of a change, in mock's root: nothing of the spec is parsed, and nothing of the change run, outside."""

import shutil
from pathlib import Path

from bot.adapters.jobs.facts import BUILD_DIRECTORY, parse_facts, query_command
from bot.adapters.jobs.failing import BuildFailed, refused
from bot.adapters.jobs.methods import check_method
from bot.adapters.jobs.sources import copy_tree, spec_in_checkout, spec_text, with_suffix, write_archive
from bot.adapters.mock.outcome import must
from bot.adapters.mock.process import Ended, Mock
from bot.domain.build import Phase, TreeSource
from bot.domain.config import SourceMethod
from bot.domain.failure import BuildEnd, classify
from bot.ports.sources import SpecFacts

_TREE = f"{BUILD_DIRECTORY}/checkout"
_MADE = f"{BUILD_DIRECTORY}/made"


def make_srpm(mock: Mock, source: TreeSource, work: Path) -> Path:
    """Return the SRPM, made from the checkout; raise `BuildFailed` where it cannot be made. `work` is a directory."""
    check_method(source)
    if source.package.method is SourceMethod.COMMAND:
        return _by_command(mock, source, work)
    sources, specs = work / "sources", work / "specs"
    spec = spec_in_checkout(source)
    copy_tree(spec.parent, sources)
    path = _written(specs / spec.name, spec_text(source))
    if source.package.method is SourceMethod.ARCHIVE:
        write_archive(source, _facts(mock, path, sources, work), sources)
    return _built(mock, path, sources, work)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, errors="surrogateescape")
    return path


def _built(mock: Mock, spec: Path, sources: Path, work: Path) -> Path:
    results = work / "srpm"
    must(mock.run(["--buildsrpm", "--spec", str(spec), "--sources", str(sources)], results))
    return _single(results)


def _single(directory: Path) -> Path:
    found = sorted(path for path in directory.glob("*.src.rpm") if path.is_file() and not path.is_symlink())
    if len(found) != 1:
        raise refused(f"one source package was expected, {len(found)} were made")
    return found[0]


def _facts(mock: Mock, spec: Path, sources: Path, work: Path) -> SpecFacts:
    """Let rpm in the root say what the spec is called and what it wants archived."""
    staged = work / "checkout"
    shutil.copytree(sources, staged, symlinks=True)
    _written(staged / spec.name, spec.read_text(errors="surrogateescape"))
    _enter(mock, staged, work)
    asked = _inside(mock, query_command(f"{_TREE}/{spec.name}"), work)
    facts = parse_facts(asked.said)
    if asked.status != 0 or facts is None:
        raise _broken(asked)
    if not facts.sources:
        raise refused("the spec names no Source0 that the repository could be archived as")
    return facts


def _enter(mock: Mock, staged: Path, work: Path) -> None:
    """Make a root with the checkout in it."""
    must(mock.run(["--init"], work / "init"))
    must(mock.run(["--no-clean", "--copyin", str(staged), _TREE], work / "copyin"))


def _inside(mock: Mock, command: list[str], work: Path) -> Ended:
    """Run a command in the root, in the checkout, as the building user."""
    return mock.run(["--quiet", "--no-clean", "--unpriv", "--cwd", _TREE, "--chroot", "--", *command], work / "chroot")


def _broken(ended: Ended) -> BuildFailed:
    """Return the error for a command in the root that failed: what it said is why."""
    return BuildFailed(classify(BuildEnd(tail=ended.said, phase=Phase.SRPM)))


def _by_command(mock: Mock, source: TreeSource, work: Path) -> Path:
    staged, made = work / "checkout", work / "made"
    copy_tree(Path(source.directory), staged, history=True)
    _enter(mock, staged, work)
    script = f'mkdir -p {_MADE} && export RESULTDIR={_MADE} && exec /bin/sh -euc "$1"'
    command = ["/bin/sh", "-euc", script, "command", source.package.command or "false"]
    ended = _inside(mock, command, work)
    mock.console.write(ended.said.encode())
    if ended.status != 0:
        raise _broken(ended)
    made.mkdir()
    _taken(mock, f"{_MADE}/*.src.rpm", made, work)
    srpm = _single(made)
    return _suffixed(mock, source.release_suffix, work) if source.release_suffix else srpm


def _taken(mock: Mock, pattern: str, target: Path, work: Path) -> None:
    if mock.run(["--no-clean", "--copyout", pattern, str(target)], work / "copyout").status != 0:
        raise refused(f"nothing was made that looks like {pattern.rsplit('/', 1)[-1]}")


def _suffixed(mock: Mock, suffix: str, work: Path) -> Path:
    """Unpack the source package that was made in the root, append the suffix to its release, and pack it again."""
    unpack = f'mkdir -p {_MADE}/SOURCES && rpm -i --nodeps --nosignature --define "_topdir {_MADE}" {_MADE}/*.src.rpm'
    if _inside(mock, ["/bin/sh", "-euc", unpack], work).status != 0:
        raise refused("the source package cannot be unpacked")
    for name in ("SPECS", "SOURCES"):
        _taken(mock, f"{_MADE}/{name}", work / name, work)
    specs = [path for path in (work / "SPECS").glob("*.spec") if path.is_file() and not path.is_symlink()]
    if len(specs) != 1:
        raise refused("the source package holds no spec")
    text = with_suffix(specs[0].read_text(errors="surrogateescape"), suffix)
    return _built(mock, _written(specs[0], text), work / "SOURCES", work)
