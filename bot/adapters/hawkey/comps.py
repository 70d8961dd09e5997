"""Package groups of repositories (comps): `@build` in a target's buildroot stands for the packages of that group."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from bot.adapters.hawkey.packed import unpacked
from bot.domain.wording import did_you_mean, quoted
from bot.ports.errors import Misconfigured

MARK = "@"
MOST_BYTES = 1 << 26
"""So long is a comps file at most, unpacked; Fedora's has some 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The packages of a group: those that it cannot be without, and those that it has where they are there."""

    mandatory: list[str] = field(default_factory=list)
    default: list[str] = field(default_factory=list)


def expand(buildroot: Sequence[str], comps: Mapping[str, Path], is_there: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the buildroot with packages in place of groups.

    `comps` are the comps files of the repositories, by the addresses of these; a group that is in several has the
    packages of all. A group's default packages that are nowhere are left out, as dnf does, its mandatory ones are not.
    Raises Misconfigured for a group that nobody has, and for comps that cannot be read.
    """
    if not any(entry.startswith(MARK) for entry in buildroot):
        return tuple(buildroot)
    groups = _groups(comps)
    names: dict[str, None] = {}
    for entry in buildroot:
        if not entry.startswith(MARK):
            names[entry] = None
            continue
        group = groups.get(entry.removeprefix(MARK))
        if group is None:
            hint = did_you_mean(entry, [f"{MARK}{known}" for known in sorted(groups)])
            what = f"there is no package group {quoted(entry)} in the repositories"
            raise Misconfigured("buildroot", what, f"Correct `buildroot` of the target.{hint}")
        names.update(dict.fromkeys(group.mandatory))
        names.update(dict.fromkeys(name for name in group.default if is_there(name)))
    return tuple(names)


def _groups(comps: Mapping[str, Path]) -> Mapping[str, Group]:
    """Return the groups by id, and by name where no other has that for its id."""
    by_id: defaultdict[str, Group] = defaultdict(Group)
    names: dict[str, str] = {}
    for url, path in comps.items():
        try:
            root = _parsed(path)
        except (ET.ParseError, OSError, ValueError) as error:
            raise Misconfigured(
                url, f"its package groups (comps) cannot be read ({error})", "Create its metadata anew."
            ) from error
        for element in root.iter("group"):
            key = element.findtext("id", "").strip()
            names.setdefault(element.findtext("name", "").strip(), key)
            _add(by_id[key], element.iter("packagereq"))
    return {**{name: by_id[key] for name, key in names.items()}, **by_id}


def _add(group: Group, requirements: Iterable[ET.Element]) -> None:
    # Without a type a package is mandatory; optional and conditional ones are not installed with their group.
    wanted = {"mandatory": group.mandatory, "default": group.default}
    for requirement in requirements:
        name = (requirement.text or "").strip()
        into = wanted.get(requirement.get("type", "mandatory"))
        if name and into is not None:
            into.append(name)


def _parsed(path: Path) -> ET.Element:
    """Parse a file as it comes, packed or not; raise ValueError where it is too long."""
    parser = ET.XMLParser()  # noqa: S314  expat bounds entities by itself since 2.4
    for chunk in unpacked(path, MOST_BYTES):
        parser.feed(chunk)
    return parser.close()
