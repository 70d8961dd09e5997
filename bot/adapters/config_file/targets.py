"""The key `targets`: what is built for, completed by what the operator has set up."""

from collections.abc import Mapping
from dataclasses import replace

from bot.adapters.config_file.copr_only import check_dist_git
from bot.adapters.config_file.reading import DEFAULT_BACKEND, Reading, text, texts
from bot.adapters.config_file.repositories import named, repository
from bot.adapters.config_file.tree import Node
from bot.domain.target import DistGit, DistGitInstance, Target
from bot.domain.wording import did_you_mean, quoted

DEFAULT_NAME = "default"


def targets(reading: Reading) -> tuple[Target, ...]:
    """Return the targets; their names are unique."""
    found: list[Target] = []
    seen: dict[str, int] = {}
    for node in reading.sound_items("targets"):
        target = _described(reading, node) if node.kind is dict else _named(reading, node)
        if target.name in seen:
            what = f"two targets are called {quoted(target.name)} (the first is in line {seen[target.name]})"
            reading.complain(node.place, f"{what}; give each a `name:` of its own")
        seen.setdefault(target.name, node.place.line)
        found.append(target)
    return tuple(found)


def named_targets(reading: Reading) -> Mapping[str, Target]:
    """Return the targets of a file in which each stands under its name, as far as the schema finds them good."""
    found = {}
    for name, node in reading.root.items.items():
        if reading.root.kind is dict and reading.sound((name,)):
            with_name = {**node.items, "name": Node(node.place, scalar=str(name))}
            found[str(name)] = _described(reading, replace(node, items=with_name))
    return found


def _named(reading: Reading, node: Node) -> Target:
    """Return a target of the operator's."""
    name = str(node.scalar)
    known = _preset(reading, name)
    presets = reading.offer.presets
    if known is None and presets is not None:
        hint = did_you_mean(name, sorted(presets)) or _known(sorted(presets))
        reading.complain(node.place, f"there is no target {quoted(name)} on this service.{hint}")
    return known or _blank(reading, name)


def _described(reading: Reading, node: Node) -> Target:
    """Return a target that the file describes, on top of the operator's one of that name."""
    name = text(node.items.get("name")) or DEFAULT_NAME
    base = _preset(reading, name)
    if base is None and "repositories" not in node.items:
        reading.complain(node.place, "the key `repositories` is missing: a target needs at least one repository")
    target = base or _blank(reading, name)
    target = replace(target, arch=text(node.items.get("arch")) or target.arch)
    if "repositories" in node.items:
        items = node.items["repositories"].items.values()
        target = replace(target, repositories=tuple(repository(reading, item, target.arch) for item in items))
    if "buildroot" in node.items:
        target = replace(target, buildroot=texts(node.items["buildroot"]))
    if "modules" in node.items:
        target = replace(target, modules=texts(node.items["modules"]))
    if "chroot" in node.items:
        target = replace(target, chroot=text(node.items["chroot"]))
    if "backend" in node.items:
        target = replace(target, backend=_backend(reading, node.items["backend"]))
    if "fallback" in node.items:
        target = replace(target, fallback=_backend(reading, node.items["fallback"]))
    if "dist-git" in node.items:
        target = replace(target, dist_git=_dist_git(reading, node.items["dist-git"], target))
    check_dist_git(reading, node, target)
    return target


def _dist_git(reading: Reading, node: Node, target: Target) -> DistGit | None:
    offered = reading.offer.dist_gits
    branch = text(node.items.get("branch"))
    if branch is None and not any(each.koji or each.url.startswith("koji:") for each in target.repositories):
        reading.complain(node.place, "the key `branch` is missing: no Koji among the repositories tells of commits")
    if offered is not None and target.backend not in offered:
        return None  # what else is wrong is told about the backend
    known = None if offered is None else offered[target.backend]
    instance: DistGitInstance | None = named(reading, node, "instance", known)
    if instance is None:
        return DistGit(url="dist-git:{name}", branch=branch)
    url = _repositories(reading, node, instance)
    reading.check_address(node, url)
    others = (offered or {}).get(target.fallback or "")
    namespace = text(node.items.get("namespace")) or instance.namespace
    if others is not None and url not in {each.repositories(namespace) for each in others.values()}:
        reading.complain(
            node.place, f"{quoted(target.fallback or '')}, the `fallback`, knows no dist-git at {quoted(url)}"
        )
    return DistGit(url=url, branch=branch)


def _repositories(reading: Reading, node: Node, instance: DistGitInstance) -> str:
    """Return where the packages of a dist-git are, in the namespace that is named or meant."""
    namespace = node.items.get("namespace")
    if namespace is not None and not instance.has_namespaces:
        reading.complain(namespace.place, f"the dist-git at {quoted(instance.url)} has no namespaces")
    url = instance.repositories(text(namespace))
    if url is None:
        what = f"the key `namespace` is missing: packages are at {quoted(instance.url)}"
        reading.complain(node.place, what)
    return url or instance.url


def _preset(reading: Reading, name: str) -> Target | None:
    return (reading.offer.presets or {}).get(name)


def _blank(reading: Reading, name: str) -> Target:
    backend = reading.offer.backends[0] if reading.offer.backends else DEFAULT_BACKEND
    return Target(name=name, arch=reading.offer.arch, backend=backend, repositories=())


def _backend(reading: Reading, node: Node) -> str:
    name = reading.offer.short_backends.get(str(node.scalar), str(node.scalar))
    known = reading.offer.backends
    if known and name not in known:
        reading.complain(
            node.place, f"this service has no backend {quoted(name)}.{did_you_mean(name, known) or _known(known)}"
        )
    return name


def _known(names: tuple[str, ...] | list[str]) -> str:
    return f" It has: {', '.join(quoted(name) for name in names)}." if names else ""
