"""What only a Copr can do: complaints where something else is to build."""

from collections.abc import Iterator, Sequence

from bot.adapters.config_file.reading import DEFAULT_BACKEND, Reading
from bot.adapters.config_file.tree import Node
from bot.domain.config import NEED_A_COPR, PackageConfig
from bot.domain.target import Target, is_copr
from bot.domain.wording import quoted


def check_methods(reading: Reading, packages: Sequence[PackageConfig], targets: Sequence[Target]) -> None:
    """Complain about packages whose SRPM a Copr alone can make, where a target is built by something else."""
    others = [(target.name, backend) for target in targets for backend in _others(reading, target)]
    if not others:
        return
    target, backend = others[0]
    for node, package in zip(reading.sound_items("packages"), packages, strict=False):
        if package.method in NEED_A_COPR:
            needs = f"`source: {package.method.value}` needs a Copr, and target {quoted(target)} may be built by"
            mend = "name a Copr as its `backend`, or let a `command` make the SRPM"
            reading.complain(node.items["source"].place, f"{needs} {quoted(backend)}; {mend}")


def check_dist_git(reading: Reading, node: Node, target: Target) -> None:
    """Complain about a target's dist-git where something else than a Copr builds: it would rebuild source packages."""
    if "dist-git" in node.items or target.dist_git is not None:
        for backend in _others(reading, target):
            place = node.keys.get("dist-git", node.place)
            what = f"`dist-git` has a meaning only with a Copr, and {quoted(backend)} is none"
            reading.complain(place, f"{what}: it rebuilds the source packages of the repositories")


def _others(reading: Reading, target: Target) -> Iterator[str]:
    """Yield the backends of a target that are no Coprs; what an unknown service has for a default may be one."""
    for backend in (target.backend, target.fallback):
        known = bool(reading.offer.backends) or backend != DEFAULT_BACKEND
        if backend is not None and known and not is_copr(backend):
            yield backend
