"""The key `repositories` of a target: addresses, tags of a Koji, projects of a Copr."""

from collections.abc import Mapping
from typing import TypeVar

from bot.adapters.config_file.reading import Reading, text, texts
from bot.adapters.config_file.tree import Node
from bot.domain.target import KojiHub, KojiTag, Repository, RepositoryKind
from bot.domain.wording import did_you_mean, quoted

_FORMS = ("url", "koji", "copr")

_Place = TypeVar("_Place")


def repository(reading: Reading, node: Node, arch: str) -> Repository:
    """Return a repository for an architecture; complain about what cannot be one."""
    if node.kind is not dict:
        reading.check_address(node, str(node.scalar))
        return Repository(url=str(node.scalar))
    forms = [form for form in _FORMS if form in node.items]
    if len(forms) != 1:
        what = (
            f"only one of {_ticked(forms)} can be named" if forms else f"one of the keys {_ticked(_FORMS)} is missing"
        )
        reading.complain(node.place, f"{what}: where the repository is")
        return Repository(url="")
    url, tag = _place(reading, node.items[forms[0]], forms[0], arch)
    if "gpgkey" in node.items:
        reading.check_address(node.items["gpgkey"], str(node.items["gpgkey"].scalar))
    if "kind" in node.items and forms != ["url"]:
        reading.complain(node.items["kind"].place, "`kind` says what is at a `url`, and there is none here")
    priority = node.items["priority"].scalar if "priority" in node.items else 99
    hotfixes = node.items.get("module-hotfixes")
    return Repository(
        url=url,
        priority=int(priority or 0),
        excludes=texts(node.items.get("excludes")),
        kind=RepositoryKind(text(node.items.get("kind")) or RepositoryKind.BASEURL),
        gpgkey=text(node.items.get("gpgkey")),
        module_hotfixes=hotfixes is not None and hotfixes.scalar is True,
        koji=tag,
    )


def _place(reading: Reading, node: Node, form: str, arch: str) -> tuple[str, KojiTag | None]:
    """Return a repository's address, and the tag whose repository it is."""
    if form == "koji":
        return _koji(reading, node, arch)
    if form == "copr":
        return _copr(reading, node), None
    reading.check_address(node, str(node.scalar))
    return str(node.scalar), None


def _koji(reading: Reading, node: Node, arch: str) -> tuple[str, KojiTag | None]:
    name = str(node.items["tag"].scalar)
    hub: KojiHub | None = named(reading, node, "hub", reading.offer.koji_hubs)
    if hub is None:
        return f"koji:{name}", None
    reading.check_address(node, hub.hub)
    reading.check_address(node, hub.topurl)
    top = hub.topurl.rstrip("/")
    return f"{top}/repos/{name}/latest/{arch}", KojiTag(hub=hub.hub, topurl=top, tag=name)


def _copr(reading: Reading, node: Node) -> str:
    project, chroot = str(node.items["project"].scalar), str(node.items["chroot"].scalar)
    results: str | None = named(reading, node, "instance", reading.offer.coprs)
    if results is None:
        return f"copr:{project}/{chroot}"
    url = f"{results.rstrip('/')}/{project}/{chroot}/"
    reading.check_address(node, url)
    return url


def named(reading: Reading, node: Node, key: str, known: Mapping[str, _Place] | None) -> _Place | None:
    """Return what the operator has set up under the name that the key gives, or the only thing that there is."""
    if known is None:
        return None  # not known here: any name is taken on trust
    name = text(node.items.get(key))
    if name is not None and name in known:
        return known[name]
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    has = f" It has: {', '.join(quoted(other) for other in sorted(known))}." if known else ""
    if name is None:
        missing = f"the key `{key}` is missing, and this service knows {'several' if known else 'none'}."
        reading.complain(node.place, f"{missing}{has}")
    else:
        place = node.items[key].place
        reading.complain(
            place, f"this service knows no {key} {quoted(name)}.{did_you_mean(name, sorted(known)) or has}"
        )
    return None


def _ticked(names: tuple[str, ...] | list[str]) -> str:
    return f"{', '.join(f'`{name}`' for name in names[:-1])} and `{names[-1]}`"
