"""What people do to projects: make them, fork them, push to them, open merge requests. The commits are real."""

from pathlib import Path
from typing import Any

from tests.fakes import git
from tests.fakes.forge_history import Push, commit, copy, delete, point
from tests.fakes.gitlab import events
from tests.fakes.gitlab.model import OWNER, MergeRequest, Project, User, World


async def create(world: World, path: str, files: git.Files | Path, *, visibility: str, owner: User) -> Project:
    """Make a project with a first commit on its default branch."""
    new = Project(path, next(world.small_ids), world.root / f"{path.replace('/', '+')}.git", visibility)
    new.members[owner.id] = OWNER
    await git.init(new.git_dir, new.default_branch)
    world.projects[new.id] = new
    first = Push(branch=new.default_branch, files=files, user=owner, message="Begin")
    await commit(new, first, owner.username, world.now())
    return new


async def fork(world: World, parent: Project, user: User) -> Project:
    """The user's fork of a project, made where there is none yet."""
    path = f"{user.username}/{parent.path.rpartition('/')[2]}"
    known = world.project(path)
    if known is not None:
        return known
    where = world.root / f"{path.replace('/', '+')}.git"
    await copy(parent, where)
    new = Project(path, next(world.small_ids), where, parent.visibility, parent=parent)
    new.members[user.id] = OWNER
    world.projects[new.id] = new
    return new


async def push(world: World, where: Project, what: Push) -> tuple[str, str]:
    """Commit to a branch, made from the default one where it is new; return the commits before and after."""
    before, after = await commit(where, what, what.user.username, world.now())
    return before or git.ZERO, after


async def drop_branch(world: World, where: Project, branch: str, user: str) -> dict[str, Any]:
    """Delete a branch: a push to nothing, whose payload is returned."""
    before = await delete(where, branch)
    return events.push(world, where, world.user(user), f"refs/heads/{branch}", before, git.ZERO)


async def open_request(
    world: World, target: Project, source: Project, branch: str, author: User, *, title: str, target_branch: str,
    draft: bool,
) -> MergeRequest:  # fmt: skip
    """Make a merge request and its ref in the target project."""
    sha = await git.resolve(source.git_dir, f"refs/heads/{branch}")
    if sha is None:
        raise AssertionError(f"no branch {branch} in {source.path}")
    now = world.now()
    new = MergeRequest(
        project=target, iid=next(target.numbers), id=world.new_id(), author=author, title=title, source=source,
        source_branch=branch, target_branch=target_branch, sha=sha, base_sha="", start_sha="", created_at=now,
        updated_at=now, draft=draft,
    )  # fmt: skip
    target.requests[new.iid] = new
    await follow(world, new, sha)
    return new


async def follow(world: World, what: MergeRequest, sha: str) -> None:
    """Take a merge request along to a commit: a new version of its diff, and `refs/merge-requests/N/head`."""
    where, ref = what.project.git_dir, f"refs/merge-requests/{what.iid}/head"
    await point(ref, what.project, what.source, what.source_branch, sha)
    tip = await git.resolve(where, f"refs/heads/{what.target_branch}")
    if tip is None:
        raise AssertionError(f"no branch {what.target_branch} in {what.project.path}")
    what.sha, what.start_sha, what.updated_at = sha, tip, world.now()
    what.base_sha = await git.merge_base(where, tip, sha)
