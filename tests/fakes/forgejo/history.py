"""What people do to repositories: make them, fork them, push to them, open pull requests from them.

The commits are real. Payloads as in `services/webhook/notifier.go` and `modules/structs/hook.go`.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes import git
from tests.fakes.forgejo import render
from tests.fakes.forgejo.model import PullRequest, Repository, User, World


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


def drop(world: World, repo: Repository) -> dict[str, Any]:
    """Delete a repository, and return `structs.RepositoryPayload`."""
    shape, owner = render.repository(world, repo), render.user(world, repo.owner)
    del world.repositories[repo.full_name]
    return {"action": "deleted", "repository": shape, "organization": owner, "sender": owner}


async def fork(world: World, parent: Repository, user: User) -> Repository:
    """The user's fork of a repository, made where there is none yet."""
    full_name = f"{user.login}/{parent.name}"
    if full_name not in world.repositories:
        where = world.root / f"{user.login}+{parent.name}.git"
        await asyncio.to_thread(shutil.copytree, parent.git_dir, where)
        world.repositories[full_name] = Repository(
            user, parent.name, world.new_id(), where, parent.private, world.now(), parent=parent
        )
    return world.repositories[full_name]


async def push(world: World, repo: Repository, what: Push) -> dict[str, Any]:
    """Commit to a branch, made from the default one where it is new; return the payload of `push`."""
    before = await git.resolve(repo.git_dir, f"refs/heads/{what.branch}")
    if what.parent and not what.files:
        after = await git.reset(repo.git_dir, what.branch, what.parent)
        return await push_event(world, repo, what.branch, what.user, before=before, after=after)
    parent = what.parent or before or await git.resolve(repo.git_dir, f"refs/heads/{repo.default_branch}")
    commit = git.NewCommit(
        branch=what.branch, parent=parent, files=what.files, author=what.user.login, when=world.now(),
        message=what.message or f"Change {what.branch}",
    )  # fmt: skip
    after = await git.commit(repo.git_dir, commit)
    return await push_event(world, repo, what.branch, what.user, before=before, after=after)


async def push_event(
    world: World, repo: Repository, branch: str, user: User, *, before: str | None, after: str
) -> dict[str, Any]:
    """`structs.PushPayload`."""
    new = await git.commits(repo.git_dir, f"{before}..{after}" if before else after) if after != git.ZERO else []
    shapes = [_commit(world, repo, facts) for facts in reversed(new)]
    return {
        "ref": f"refs/heads/{branch}",
        "before": before or git.ZERO,
        "after": after,
        "compare_url": f"{world.url}/{repo.full_name}/compare/{before or git.ZERO}...{after}",
        "commits": shapes,
        "total_commits": len(shapes),
        "head_commit": shapes[0] if shapes else None,
        "repository": render.repository(world, repo),
        "pusher": render.user(world, user),
        "sender": render.user(world, user),
    }


def _commit(world: World, repo: Repository, facts: git.CommitFacts) -> dict[str, Any]:
    person = {"name": facts.author, "email": f"{facts.author}@users.noreply.example", "username": facts.author}
    return {
        "id": facts.sha,
        "message": facts.message,
        "url": f"{world.url}/{repo.full_name}/commit/{facts.sha}",
        "author": person,
        "committer": person,
        "verification": None,
        "timestamp": facts.when,
        "added": [],
        "removed": [],
        "modified": [],
    }


async def open_pull(
    world: World, base: Repository, head: Repository, branch: str, facts: dict[str, Any]
) -> PullRequest:
    """Make a pull request and its ref in the base repository; it shares its numbers with issues."""
    now, base_ref = world.now(), facts.pop("base_ref", None) or base.default_branch
    head_sha = await git.resolve(head.git_dir, f"refs/heads/{branch}")
    if head_sha is None:
        raise AssertionError(f"no {branch} in {head.full_name}")
    new = PullRequest(
        repo=base, number=next(base.numbers), id=world.new_id(), head_repo=head, head_ref=branch, head_sha=head_sha,
        base_ref=base_ref, merge_base="", created_at=now, updated_at=now, **facts,
    )  # fmt: skip
    base.pulls[new.number] = new
    await follow(new)
    return new


async def follow(pull: PullRequest) -> None:
    """Let `refs/pull/N/head` follow the head, also from a fork, and find where it begins (`services/pull/pull.go`)."""
    where, ref = pull.repo.git_dir, f"refs/pull/{pull.number}/head"
    if pull.head_repo is not None and pull.head_repo is not pull.repo:
        await git.git(where, "fetch", "--quiet", str(pull.head_repo.git_dir), f"+refs/heads/{pull.head_ref}:{ref}")
    else:
        await git.git(where, "update-ref", ref, pull.head_sha)
    tip = await git.resolve(where, f"refs/heads/{pull.base_ref}")
    if tip is None:
        raise AssertionError(f"no branch {pull.base_ref} in {pull.repo.full_name}")
    pull.merge_base = await git.merge_base(where, tip, pull.head_sha)


async def moved(world: World, repo: Repository, branch: str, after: str) -> list[PullRequest]:
    """Take the open pull requests of a branch along to its new commit, and return them."""
    found = [
        pull
        for other in world.repositories.values()
        for pull in other.pulls.values()
        if pull.head_repo is repo and pull.head_ref == branch and pull.state == "open"
    ]
    for pull in found:
        pull.head_sha, pull.updated_at = after, world.now()
        await follow(pull)
    return found


async def pull_event(world: World, pull: PullRequest, action: str, sender: User, **more: Any) -> dict[str, Any]:
    """`structs.PullRequestPayload`; `more` holds `changes`."""
    return {
        "action": action,
        "number": pull.number,
        **more,
        "pull_request": await render.pull(world, pull),
        "requested_reviewer": None,
        "repository": render.repository(world, pull.repo),
        "sender": render.user(world, sender),
        "commit_id": "",
        "review": None,
    }
