"""The action that finds out which packages of a change are built with which others of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from bot.domain.actions import RelateSubjects
from bot.domain.build import Build
from bot.domain.decide import ChangeView
from bot.domain.packages import Nevra
from bot.domain.run import Relation, RunTarget
from bot.domain.subjects import Subjects
from bot.engine.build_actions import overlay_of
from bot.engine.change_actions import run_view
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.resolver import Buildroot, Unsolvable
from bot.ports.store import Transaction


async def relate_subjects(world: World, view: ChangeView, action: RelateSubjects) -> Write:
    """Look in the root of each build for what another package of the change replaces or adds.

    What was in it under the name of another one's binary is that one's. What the distribution's own source package
    would not have in its buildroot any more tells of names that went, and of what took another's place. Where all that
    says nothing, the change is as visible as it is going to be.
    """
    found = run_view(view, action.run)
    target = next(target for target in found.targets if target.target.name == action.target)
    builds = [build for build in found.builds if build.key in action.builds]
    async with world.store.transaction() as tx:
        roots = await tx.roots.get([build.key for build in builds])
    packages = [build.package for build in builds]
    owners, lost = _owners(target, packages), await _lost(world, target, packages)
    fresh = tuple(
        Relation(
            build=build.key,
            needs=_needs(build, _names(roots.get(build.key, ())), lost.get(build.package, ()), owners),
        )
        for build in builds
    )
    related = replace(target, relations=(*target.relations, *fresh))
    if not Subjects(run=found.run, targets=(related,), builds=found.builds).mutual(related).outdated():
        related = replace(related, generation=0)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_target(related)

    return write


def _owners(target: RunTarget, packages: Collection[str]) -> Mapping[str, str]:
    """Return by name of a binary which package of the change has it now."""
    published = [(Nevra.parse(each.source).name, each.binaries) for each in target.published]
    return {name: source for source, binaries in published if source in packages for name in _names(binaries)}


async def _lost(world: World, target: RunTarget, packages: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return what the distribution's packages of these names would not find as it is now in their buildroots, by name.

    That is all of it where there would be none.
    """
    assert target.snapshot is not None  # the change was built on it
    known = [name for name in (Nevra.parse(nevra).name for nevra in target.replaced) if name in packages]
    if not known:
        return {}
    before = await world.resolver.buildroots(target.snapshot, target.target, known)
    after = await world.resolver.buildroots(target.snapshot, target.target, known, overlay_of(target))
    return {name: _names(_nevras(before[name]) - _nevras(after[name])) for name in known}


def _needs(build: Build, root: Collection[str], lost: Collection[str], owners: Mapping[str, str]) -> tuple[str, ...]:
    """Return the others that a package is built with: all of them where it cannot be told which."""
    unknown = not root or any(name in root and name not in owners for name in lost)
    found = owners.values() if unknown else (owners[name] for name in root if name in owners)
    return tuple(sorted({name for name in found if name != build.package}))


def _nevras(root: Buildroot | Unsolvable) -> frozenset[str]:
    return frozenset(str(package.nevra) for package in root.packages) if isinstance(root, Buildroot) else frozenset()


def _names(nevras: Iterable[str]) -> frozenset[str]:
    return frozenset(Nevra.parse(nevra).name for nevra in nevras)
