"""What people do to the git repositories behind the fake forges. The commits are real.

What a forge makes of it, and whom it tells in which words, is its own: see its `history` module.
"""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.fakes import git


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """`parent` resets the branch to that commit first (a forced push), and without files that is all; None goes on from
    where it stands.
    """

    branch: str
    files: git.Files | Path
    user: Any
    message: str = ""
    parent: str | None = None


async def commit(repo: Any, what: Push, author: str, when: datetime) -> tuple[str | None, str]:
    """Commit to a branch, made from the default one where it is new; return where it stood, and where it stands."""
    before = await git.resolve(repo.git_dir, f"refs/heads/{what.branch}")
    if what.parent and not what.files:
        return before, await git.reset(repo.git_dir, what.branch, what.parent)
    parent = what.parent or before or await git.resolve(repo.git_dir, f"refs/heads/{repo.default_branch}")
    new = git.NewCommit(
        branch=what.branch, parent=parent, files=what.files, author=author, when=when,
        message=what.message or f"Change {what.branch}",
    )  # fmt: skip
    return before, await git.commit(repo.git_dir, new)


async def delete(repo: Any, branch: str) -> str:
    """Delete a branch, and return where it stood."""
    before = await git.resolve(repo.git_dir, f"refs/heads/{branch}") or git.ZERO
    await git.git(repo.git_dir, "update-ref", "-d", f"refs/heads/{branch}")
    return before


async def point(ref: str, repo: Any, source: Any, branch: str, sha: str) -> None:
    """Let a change's ref in its repository follow its head, also out of another repository; None: that was deleted."""
    if source is not None and source is not repo:
        await git.git(repo.git_dir, "fetch", "--quiet", str(source.git_dir), f"+refs/heads/{branch}:{ref}")
    else:
        await git.git(repo.git_dir, "update-ref", ref, sha)


async def copy(parent: Any, where: Path) -> None:
    """Copy a repository, as a fork begins."""
    await asyncio.to_thread(shutil.copytree, parent.git_dir, where)


# On forges with repositories and pull requests.


async def create(world: Any, kind: type, full_name: str, files: git.Files | Path | None, *, private: bool) -> Any:
    """Make a repository with a first commit on its default branch."""
    owner, _, name = full_name.partition("/")
    where = world.root / f"{owner}+{name}.git"
    repo = kind(world.user(owner), name, world.new_id(), where, private, world.now())
    await git.init(where, repo.default_branch)
    world.repositories[full_name] = repo
    files = files or {"README.md": "Hello\n"}
    first = Push(branch=repo.default_branch, files=files, user=repo.owner, message="Begin")
    await commit(repo, first, repo.owner.login, world.now())
    return repo


async def fork(world: Any, parent: Any, user: Any) -> Any:
    """The user's fork of a repository, made where there is none yet."""
    full_name = f"{user.login}/{parent.name}"
    if full_name not in world.repositories:
        where = world.root / f"{user.login}+{parent.name}.git"
        await copy(parent, where)
        new = type(parent)(user, parent.name, world.new_id(), where, parent.private, world.now(), parent=parent)
        world.repositories[full_name] = new
    return world.repositories[full_name]


def pulls_from(world: Any, repo: Any, branch: str) -> list[Any]:
    """The open pull requests that come from a branch, in whatever repository."""
    return [
        pull
        for other in world.repositories.values()
        for pull in other.pulls.values()
        if pull.head_repo is repo and pull.head_ref == branch and pull.state == "open"
    ]
