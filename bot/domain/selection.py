"""Which packages of a repository a change touches."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from bot.domain.config import NEED_A_COPR, Config, PackageConfig, SourceMethod

CONFIG_FILE = ".revdeps.yaml"
"""Part of no package: a change of nothing else rebuilds nothing."""

DEFAULT_SPEC = "*.spec"
"""Stands for the only spec of the repository, where the configuration names none; known once it is checked out."""

_WHOLE_REPOSITORY = NEED_A_COPR | {SourceMethod.ARCHIVE, SourceMethod.COMMAND}


def touched(config: Config, files: Sequence[str]) -> tuple[PackageConfig, ...]:
    """Return the packages that a change of these files (paths in the repository) touches, in the configuration's order.

    A package is touched by its spec; by what its `paths` match, where it has any (`*` also matches `/`, a glob that
    ends with `/` means the directory); by every file where the repository itself is its source; and else by whatever
    is in its spec's directory or below, down to a directory that holds another package's spec.
    """
    changed = [file for file in files if file != CONFIG_FILE]
    directories = {_directory(package.spec) for package in config.packages}
    changed_directories = {_owner(file, directories) for file in changed}
    return tuple(package for package in config.packages if _is_touched(package, changed, changed_directories))


def default_specs(specs: Sequence[str]) -> tuple[str, ...]:
    """Return the specs of which the only one is the package where a configuration names none.

    Those at the top of the repository, or, where there is none at the top, all of them.
    """
    return tuple(spec for spec in specs if "/" not in spec) or tuple(specs)


def _is_touched(package: PackageConfig, changed: Sequence[str], directories: Collection[str | None]) -> bool:
    if package.spec in changed:
        return True
    if package.paths:
        globs = [glob + "*" if glob.endswith("/") else glob for glob in package.paths]
        return any(fnmatchcase(file, glob) for file in changed for glob in globs)
    if package.method in _WHOLE_REPOSITORY:
        return bool(changed)
    return _directory(package.spec) in directories


def _directory(path: str) -> str:
    """Return the directory of a path, empty for the top of the repository."""
    return path.rpartition("/")[0]


def _owner(file: str, directories: Collection[str]) -> str | None:
    """Return the innermost of the directories that holds the file."""
    directory = _directory(file)
    while directory not in directories:
        if not directory:
            return None
        directory = _directory(directory)
    return directory
