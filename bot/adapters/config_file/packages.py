"""The key `packages`: the repository's packages, and how their SRPMs are made."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from bot.adapters.config_file.reading import Reading, text, texts
from bot.adapters.config_file.tree import Node, Place
from bot.domain.config import PackageConfig, SourceMethod
from bot.domain.selection import default_specs
from bot.domain.wording import did_you_mean, quoted

PLACEHOLDERS = ("name", "filename", "hashtype", "hash")
"""What may stand in braces in a lookaside cache's address."""

_NEEDED: Mapping[SourceMethod, str] = {
    SourceMethod.LOOKASIDE: "lookaside",
    SourceMethod.URLS: "checksums",
    SourceMethod.COMMAND: "command",
}


def packages(reading: Reading) -> tuple[PackageConfig, ...]:
    """Return the packages, or the one that stands for them where the file names none."""
    if "packages" not in reading.root.items:
        spec = _only_spec(reading, reading.root.place)
        return (PackageConfig(spec=spec),) if spec else ()
    found = []
    seen: dict[str, int] = {}
    for node in reading.sound_items("packages"):
        package = _package(reading, node)
        named = {"spec": package.spec, "name": package.name}
        for word in (f"{what} {quoted(name)}" for what, name in named.items() if name):
            if word in seen:
                reading.complain(node.place, f"the {word} belongs to a package already, in line {seen[word]}")
            seen[word] = node.place.line
        found.append(package)
    return tuple(found)


def _package(reading: Reading, node: Node) -> PackageConfig:
    method = SourceMethod(text(node.items.get("source")) or SourceMethod.SPEC.value)
    for other, key in _NEEDED.items():
        if key in node.items and method is not other:
            reading.complain(node.keys[key], f"`{key}` has a meaning only with `source: {other.value}`")
        elif key not in node.items and method is other:
            reading.complain(node.items["source"].place, f"`source: {other.value}` needs the key `{key}` beside it")
    checksums = node.items["checksums"].items if "checksums" in node.items else {}
    return PackageConfig(
        spec=_spec(reading, node),
        name=text(node.items.get("name")),
        method=method,
        lookaside=_lookaside(reading, node.items.get("lookaside")),
        checksums=tuple((str(name), str(value.scalar).lower()) for name, value in checksums.items()),
        command=text(node.items.get("command")),
        paths=_paths(reading, node.items.get("paths")),
    )


def _spec(reading: Reading, node: Node) -> str:
    if "spec" not in node.items:
        return _only_spec(reading, node.place)
    place = node.items["spec"].place
    spec = _inside(reading, place, str(node.items["spec"].scalar))
    if spec and not any(fnmatchcase(spec, known) for known in reading.specs):
        hint = did_you_mean(spec, reading.specs) or _listing(reading.specs)
        reading.complain(place, f"there is no file {quoted(spec)} in the repository.{hint}")
    return spec


def _only_spec(reading: Reading, place: Place) -> str:
    """Return the only spec of the repository; complain where there is none, or more than one."""
    candidates = default_specs(reading.specs)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        message = "there is more than one spec file, so each package has to name its own with `spec:`."
        reading.complain(place, message + _listing(candidates))
    else:
        reading.complain(place, "there is no spec file in the repository; commit one, or name it with `spec:`")
    return ""


def _listing(specs: tuple[str, ...]) -> str:
    more = f" and {len(specs) - 5} more" if len(specs) > 5 else ""
    return f" There are: {', '.join(quoted(spec) for spec in specs[:5])}{more}." if specs else ""


def _inside(reading: Reading, place: Place, path: str) -> str:
    """Return a path in its shortest form; complain about one that leaves the repository."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or not path.isprintable():
        message = "has to stay inside the repository: a path from its top, with `/` and without `..`"
        reading.complain(place, f"{quoted(path)} {message}")
        return ""
    return str(parts)


def _paths(reading: Reading, node: Node | None) -> tuple[str, ...]:
    if node is not None:
        for item in node.items.values():
            _inside(reading, item.place, str(item.scalar))
    return texts(node)


def _lookaside(reading: Reading, node: Node | None) -> str | None:
    if node is None:
        return None
    address = str(node.scalar)
    found = re.findall(r"\{([^{}]*)\}", address)
    for word in found:
        if word not in PLACEHOLDERS:
            known = ", ".join(f"`{{{name}}}`" for name in PLACEHOLDERS)
            reading.complain(node.place, f"{quoted('{' + word + '}')} has no meaning in this address; known: {known}")
    if not {"hash", "filename"} & set(found):
        reading.complain(node.place, "expected an address with `{hash}` or `{filename}` in it: one for every file")
    if "{" in address.split("/")[2]:
        reading.complain(node.place, "the host of the address has to stand there in full, without braces")
    else:
        reading.check_address(node, address)
    return address
