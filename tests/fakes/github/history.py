"""What people do to repositories: make them, fork them, push to them, open pull requests from them.

The commits are real. Payloads as in octokit/webhooks' examples push and pull_request.*; which pull requests a push
moves, and that it does so after `push` was sent, as GitHub's docs on `pull_request.synchronize` tell.
"""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes import git
from tests.fakes.github import render
from tests.fakes.github.model import PullRequest, Repository, User, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """`parent` resets the branch to that commit first (a forced push), and without files that is all; None goes on from
    where it stands.
    """

    branch: str
    files: git.Files | Path
    user: User
    message: str = ""
    parent: str | None = None


async def create(world: World, full_name: str, files: git.Files | Path, *, private: bool) -> Repository:
    """Make a repository with a first commit on its default branch."""
    owner, _, name = full_name.partition("/")
    where = world.root / f"{owner}+{name}.git"
    repo = Repository(world.user(owner), name, world.new_id(), where, private, world.now())
    await git.init(where, repo.default_branch)
    world.repositories[full_name] = repo
    await push(world, repo, Push(branch=repo.default_branch, files=files, user=repo.owner, message="Begin"))
    return repo


async def fork(world: World, parent: Repository, user: User) -> Repository:
    """The user's fork of a repository, made where there is none yet."""
    full_name = f"{user.login}/{parent.name}"
    if full_name in world.repositories:
        return world.repositories[full_name]
    where = world.root / f"{user.login}+{parent.name}.git"
    await asyncio.to_thread(shutil.copytree, parent.git_dir, where)
    repo = Repository(user, parent.name, world.new_id(), where, parent.private, world.now(), parent=parent)
    world.repositories[full_name] = repo
    return repo


async def push(world: World, repo: Repository, what: Push) -> dict[str, Any]:
    """Commit to a branch, made from the default one where it is new; return the payload of `push`."""
    before = await git.resolve(repo.git_dir, f"refs/heads/{what.branch}")
    if what.parent and not what.files:
        after = await git.reset(repo.git_dir, what.branch, what.parent)
        return await push_event(world, repo, what, before, after)
    parent = what.parent or before or await git.resolve(repo.git_dir, f"refs/heads/{repo.default_branch}")
    commit = git.NewCommit(
        branch=what.branch, parent=parent, files=what.files, author=what.user.login, when=world.now(),
        message=what.message or f"Change {what.branch}",
    )  # fmt: skip
    after = await git.commit(repo.git_dir, commit)
    return await push_event(world, repo, what, before, after)


async def drop_branch(world: World, repo: Repository, branch: str, user: User) -> dict[str, Any]:
    """Delete a branch: a push to nothing, whose payload is returned (octokit/webhooks' example push.with-deleted)."""
    before = await git.resolve(repo.git_dir, f"refs/heads/{branch}") or git.ZERO
    await git.git(repo.git_dir, "update-ref", "-d", f"refs/heads/{branch}")
    payload = await push_event(world, repo, Push(branch=branch, files={}, user=user), before, before)
    return payload | {"after": git.ZERO, "deleted": True}


async def push_event(world: World, repo: Repository, what: Push, before: str | None, after: str) -> dict[str, Any]:
    """Payload of `push`."""
    new = await git.commits(repo.git_dir, f"{before}..{after}" if before else after)
    shapes = [await _commit(world, repo, facts) for facts in new]
    forced = what.parent is not None and before is not None
    person = {"name": repo.owner.login, "email": f"{repo.owner.login}@users.noreply.example"}
    shape = render.repository(world, repo)
    return {
        "ref": f"refs/heads/{what.branch}",
        "before": before or git.ZERO,
        "after": after,
        "repository": shape | {"owner": shape["owner"] | person, "master_branch": repo.default_branch, "stargazers": 0},
        "pusher": {"name": what.user.login, "email": f"{what.user.login}@users.noreply.example"},
        "sender": render.user(world, what.user),
        "created": before is None,
        "deleted": False,
        "forced": forced,
        "base_ref": None,
        "compare": f"{world.url}/{repo.full_name}/compare/{(before or git.ZERO)[:12]}...{after[:12]}",
        "commits": shapes,
        "head_commit": shapes[-1] if shapes else None,
    }


async def _commit(world: World, repo: Repository, facts: git.CommitFacts) -> dict[str, Any]:
    person = {"name": facts.author, "email": f"{facts.author}@users.noreply.example", "username": facts.author}
    changes = await git.changes(repo.git_dir, facts.parents[0], facts.sha) if facts.parents else []
    by_status: Mapping[str, list[str]] = {
        name: [change.path for change in changes if change.status == status]
        for name, status in (("added", "added"), ("removed", "removed"), ("modified", "modified"))
    }
    return {
        "id": facts.sha,
        "tree_id": facts.tree,
        "distinct": True,
        "message": facts.message,
        "timestamp": facts.when,
        "url": f"{world.url}/{repo.full_name}/commit/{facts.sha}",
        "author": person,
        "committer": person,
        **by_status,
    }


async def open_pull(world: World, base: Repository, head: Repository, branch: str, pull: dict[str, Any]) -> PullRequest:
    """Make a pull request and its ref in the base repository."""
    now, base_ref = world.now(), pull.pop("base_ref", None) or base.default_branch
    base_sha = await git.resolve(base.git_dir, f"refs/heads/{base_ref}")
    head_sha = await git.resolve(head.git_dir, f"refs/heads/{branch}")
    if base_sha is None or head_sha is None:
        raise AssertionError(f"no branch {base_ref} in {base.full_name}, or no {branch} in {head.full_name}")
    new = PullRequest(
        repo=base, number=next(base.numbers), id=world.new_id(), head_repo=head, head_ref=branch, head_sha=head_sha,
        base_ref=base_ref, base_sha=base_sha, created_at=now, updated_at=now, **pull,
    )  # fmt: skip
    base.pulls[new.number] = new
    await update_ref(new)
    return new


async def update_ref(pull: PullRequest) -> None:
    """Let `refs/pull/N/head` follow the head, also from a fork."""
    ref = f"refs/pull/{pull.number}/head"
    if pull.head_repo is not None and pull.from_fork:
        source = str(pull.head_repo.git_dir)
        await git.git(pull.repo.git_dir, "fetch", "--quiet", source, f"+refs/heads/{pull.head_ref}:{ref}")
    else:
        await git.git(pull.repo.git_dir, "update-ref", ref, pull.head_sha)


async def moved(world: World, repo: Repository, branch: str, after: str) -> list[PullRequest]:
    """Take the open pull requests of a branch along to its new commit, and return them."""
    found = [
        pull
        for other in world.repositories.values()
        for pull in other.pulls.values()
        if pull.head_repo is repo and pull.head_ref == branch and pull.state == "open"
    ]
    for pull in found:
        base_sha = await git.resolve(pull.repo.git_dir, f"refs/heads/{pull.base_ref}")
        pull.head_sha, pull.base_sha, pull.updated_at = after, base_sha or pull.base_sha, world.now()
        await update_ref(pull)
    return found


async def pull_event(world: World, pull: PullRequest, action: str, sender: User, **more: Any) -> dict[str, Any]:
    """Payload of `pull_request`; `more` holds `before` and `after`, `changes` or `label`."""
    return {
        "action": action,
        "number": pull.number,
        "pull_request": await render.pull(world, pull),
        **more,
        "repository": render.repository(world, pull.repo),
        "sender": render.user(world, sender),
    }
