"""Modular packages: which streams are enabled, and so which packages are there at all. libdnf decides, as for dnf.

Packages of streams that are neither enabled nor default are hidden, and so are packages outside of modules where an
active stream has a package of the same name. What repositories with hotfixes hold is never hidden.
"""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.packed import unpacked
from bot.domain.wording import did_you_mean, quoted
from bot.ports.errors import Misconfigured

MOST_BYTES = 1 << 28
"""So long are a repository's module metadata at most, unpacked; RHEL's have some 20 MB."""

_KEY = "modules"
_MEND = "Correct `modules` of the target."


def hide_inactive_streams(
    sack: Any, arch: str, documents: Mapping[str, Path], enabled: Sequence[str], hotfixes: Sequence[str]
) -> None:
    """Hide what dnf would hide, with these streams (`name:stream`) enabled beside the default ones.

    `documents` are the repositories' module metadata, by address; `hotfixes` names the sack's repositories from which
    nothing is hidden. Raises Misconfigured where metadata cannot be read, or where a stream is not there, stands
    beside another one of its module, or needs what is not there.
    """
    from libdnf.module import ModulePackageContainer

    # Where libdnf looks for what is enabled on a machine: an empty place, because nothing of this machine counts.
    with tempfile.TemporaryDirectory() as nowhere:
        container = ModulePackageContainer(False, nowhere, arch)
        _read(container, documents, Path(nowhere) / "etc" / "dnf" / "modules.defaults.d")
        problems = sack.filter_modules(container, list(hotfixes), nowhere, None, update_only=False)
        platform = _unnamed_platform(sack, container)
        if platform:
            container.addPlatformPackage("", platform)
        _enable(container, enabled)
        if platform or enabled:
            problems = sack.filter_modules(container, list(hotfixes), nowhere, None, update_only=True)
        _check(container, enabled, problems)


def _read(container: Any, documents: Mapping[str, Path], defaults: Path) -> None:
    """Give libdnf the streams by themselves, and the default ones as if an administrator had written them down.

    Taken from the sack's repositories, metadata that cannot be parsed would end the process.
    """
    defaults.mkdir(parents=True)
    for number, (url, path) in enumerate(documents.items()):
        try:
            text = b"".join(unpacked(path, MOST_BYTES)).decode()
            container.add(text, url)
        except (OSError, ValueError, RuntimeError) as error:
            mend = "Create them anew with modifyrepo_c."
            raise Misconfigured(url, f"its module metadata cannot be read ({error})", mend) from error
        (defaults / f"{number}.yaml").write_text(text)


def _unnamed_platform(sack: Any, container: Any) -> str:
    """Return the platform for which all streams are, where no package of the repositories says what the platform is.

    libdnf asks the package that provides `system-release`; repositories of one part of a distribution lack it.
    """
    import hawkey

    if hawkey.Query(sack).filter(provides="base-module"):
        return ""
    named = {
        stream
        for module in container.getModulePackages()
        for dependency in module.getModuleDependencies()
        for requires in dependency.getRequires()
        for stream in dict(requires).get("platform", ())
        if not stream.startswith("-")
    }
    return f"platform:{named.pop()}" if len(named) == 1 else ""


def _enable(container: Any, enabled: Sequence[str]) -> None:
    known = sorted({module.getNameStream() for module in container.getModulePackages()})
    for stream in enabled:
        if stream not in known:
            mend = f"{_MEND}{did_you_mean(stream, known)}"
            raise Misconfigured(_KEY, f"there is no module stream {quoted(stream)} in the repositories", mend)
        name, _, of = stream.partition(":")
        if container.getEnabledStream(name) not in {"", of}:
            raise Misconfigured(_KEY, f"two streams of the module {quoted(name)} are enabled", "Leave one of them out.")
        container.enable(name, of)


def _check(container: Any, enabled: Collection[str], problems: Sequence[Any]) -> None:
    """Raise Misconfigured where a stream that was asked for is not active. A default one that is not is no error."""
    active = {module.getNameStream() for module in container.getModulePackages() if container.isModuleActive(module)}
    missing = sorted(set(enabled) - active)
    if missing:
        why = "; ".join(line for rule in problems[0] for line in rule) if problems else "no build of it fits"
        raise Misconfigured(_KEY, f"the module stream {quoted(missing[0])} cannot be enabled ({why})", _MEND)
