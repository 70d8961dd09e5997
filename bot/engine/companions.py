"""Several changes together: finds out about the other pull requests what a run and its commander need to know."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from bot.domain.commands import Command, Mistake
from bot.domain.companions import in_need, other_than, ref_of, unseen_text
from bot.domain.config import PackageConfig
from bot.domain.ids import SnapshotId
from bot.domain.parlance import Parlance
from bot.domain.permission import Permission
from bot.domain.policy import is_trusted
from bot.domain.report.together import by_itself
from bot.domain.report.values import Joint
from bot.domain.run import Change, ChangeRef, ChangeState, Conclusion, Part, Problem, Run, RunState
from bot.domain.selection import CONFIG_FILE, DEFAULT_SPEC, touched
from bot.domain.target import Target
from bot.domain.verbs import Verb
from bot.domain.wording import quoted
from bot.engine.asking import asking
from bot.engine.change_actions import finished
from bot.engine.world import World
from bot.ports.errors import Gone
from bot.ports.resolver import Question

_NOTHING_BUILT = "Nothing was built. "


async def trusts_people(world: World, change: Change, state: ChangeState) -> bool:
    """Tell whether the head commit is built without an approval: by its author, and by who pushed it where that is
    known.
    """
    forge = world.forge(change.ref.repo.forge)
    people = {state.author}
    if change.pushed_by and change.pushed_sha == state.head_sha:
        people.add(change.pushed_by)
    permissions = [(name, await forge.permission(change.ref.repo, name)) for name in sorted(people)]
    return is_trusted(permissions, world.settings.trusted_apps)


async def look_up(
    world: World, own: ChangeState, actor: str, commands: Sequence[Command | Mistake]
) -> Mapping[str, Part | str]:
    """Return what each pull request that a `with` names would be in a run, or why it cannot be in one, as written."""
    named = [command for command in commands if isinstance(command, Command) and command.verb is Verb.WITH]
    written = dict.fromkeys(change for command in named for change in command.changes)
    return {change: await _find(world, own, actor, change) for change in written}


async def _find(world: World, own: ChangeState, actor: str, written: str) -> Part | str:
    forge = world.forge(own.ref.repo.forge)
    parlance = forge.capabilities.parlance
    ref = other_than(own, written, parlance)
    if isinstance(ref, str):
        return ref
    try:
        permission = await forge.permission(ref.repo, actor)
        if permission < Permission.READ:
            return unseen_text(written, parlance)
        state = await forge.change(ref)
    except Gone:
        return unseen_text(written, parlance)
    ref = _as_the_forge_writes_it(ref, state)
    if permission < Permission.WRITE:
        return (
            f"`with` builds the code of {quoted(written)}, so it takes {parlance.right(Permission.WRITE)} there too; "
            f"{quoted(actor)} has {parlance.right(permission)} in {quoted(str(ref.repo))}."
        )
    if not state.open:
        return f"{quoted(written)} is closed: there is nothing to test together."
    async with world.store.transaction() as tx:
        known = await tx.changes.get(ref.id) or Change(ref=ref)
    trusted = await trusts_people(world, known, state)
    if not trusted and known.approved_sha != state.head_sha:
        head, right = state.head_sha[:10], parlance.right(Permission.WRITE)
        return (
            f"The head of {quoted(written)}, `{head}`, is by somebody without {right} there. Once it was read, and "
            f"`/revdeps ok @{head}` said there, it can be tested together with this."
        )
    return Part(
        change=ref,
        head_sha=state.head_sha,
        base_sha=state.base_sha,
        base_branch=state.base_branch,
        head_repo=state.head_repo,
        url=state.url,
        approved=not trusted,
    )


def _as_the_forge_writes_it(ref: ChangeRef, state: ChangeState) -> ChangeRef:
    """Return the reference by which the pull request's own events name it: forges take names in any case."""
    written = ref_of(state.url, state)
    same = isinstance(written, ChangeRef) and str(written).lower() == str(ref).lower()
    return written if same and isinstance(written, ChangeRef) else ref


async def with_companions(world: World, run: Run) -> Run:
    """Return a run whose own configuration was read with what its companions touch, at its end where that is nothing.

    Such a run never waits, and is never skipped: somebody asked for it, and its checks stand on several commits.
    """
    now, parlance = world.clock.now(), world.parlance(run.change.repo.forge)
    if run.state is RunState.WAITING:
        problem = Problem(
            what=f"This commit is by somebody without {parlance.right(Permission.WRITE)}.",
            hint=f"Read it, say `/revdeps ok @{run.head_sha[:10]}`, and ask for the test of several changes again.",
        )
        return finished(replace(run, state=RunState.ACTIVE), Conclusion.ACTION_REQUIRED, now, problem)
    if run.conclusion is Conclusion.SKIPPED:
        return replace(run, conclusion=Conclusion.ACTION_REQUIRED)
    if run.state is RunState.FINISHED:
        return run
    parts = []
    for part in run.companions:
        with asking():
            packages = await _packages(world, part)
        if isinstance(packages, str):
            what = f"{parlance.name(part.change)} cannot be built: {packages}"
            problem = Problem(what=what, hint=_NOTHING_BUILT.strip())
            return finished(run, Conclusion.ACTION_REQUIRED, now, problem)
        parts.append(replace(part, packages=packages))
    return replace(run, companions=tuple(parts))


async def _packages(world: World, part: Part) -> tuple[PackageConfig, ...] | str:
    """Return which packages a companion touches, or why that is not known."""
    forge, repo = world.forge(part.change.repo.forge), part.change.repo
    files = await forge.changed_files(part.change)
    commit = part.head_sha if CONFIG_FILE in files else part.base_branch
    text = await forge.read_file(repo, CONFIG_FILE, commit)
    if text is None:
        return f"there is no {CONFIG_FILE} on its base branch."
    loaded = world.load_config(text, CONFIG_FILE, (DEFAULT_SPEC,))
    if isinstance(loaded, tuple):
        return f"its {CONFIG_FILE} has problems, the first of them in line {loaded[0].line}: {loaded[0].message}"
    return touched(loaded, files) or "it touches no package."


def same_package(run: Run, parlance: Parlance) -> Problem | None:
    """Return what is wrong where two of the run's pull requests change one package."""
    changes: defaultdict[str, list[str]] = defaultdict(list)
    for part in run.parts:
        for package in part.packages:
            changes[package.name or ""].append(parlance.name(part.change))
    for name, who in changes.items():
        if len(set(who)) > 1:
            return Problem(
                what=f"{' and '.join(who)} both change {name}: two changes of one package cannot be tested together.",
                hint=f"{_NOTHING_BUILT}{by_itself(parlance)}",
            )
    return None


async def joint_after(world: World, run: Run) -> Joint | None:
    """Return the newest run of another change that tests this run's commit too and began after it; None where there
    is none, or it was stopped.
    """
    async with world.store.transaction() as tx:
        found = [
            other
            for change in await tx.runs.joined(run.change.id)
            for other in await tx.runs.of_change(change)
            if other.created_at >= run.created_at
            and other.stop is None
            and any((part.change, part.head_sha) == (run.change, run.head_sha) for part in other.companions)
        ]
    newest = max(found, key=attrgetter("created_at"), default=None)
    return None if newest is None else Joint(run=newest.id, change=newest.change)


async def tested_alone_after(world: World, run: Run, part: Part) -> bool:
    """Whether a companion's commit has a run of its own that began after this one."""
    async with world.store.transaction() as tx:
        own = await tx.runs.of_change(part.change.id)
    return any(other.created_at > run.created_at and other.head_sha == part.head_sha for other in own)


async def build_order(
    world: World, run: Run, target: Target, snapshot: SnapshotId, known: Collection[str]
) -> tuple[int, ...]:
    """Return the places of the run's changes in the order in which to build them.

    By what the target's own source packages of these names (`known`) need; what only the changes ask for is not known
    before they are built, so else it is the order in which they were named.
    """
    needs = set()
    for needed in known:
        others = tuple(name for name in known if name != needed)
        question = Question(subject=needed, packages=others)
        found = await world.resolver.reverse_dependencies(snapshot, target, question) if others else ()
        needs |= {(dependent.source.name, needed) for dependent in found}
    return in_need(run.parts, needs)
