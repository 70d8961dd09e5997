"""What people do to repositories: make them, fork them, push to them, open pull requests from them.

The commits are real. Payloads as in octokit/webhooks' examples push and pull_request.*; which pull requests a push
moves, and that it does so after `push` was sent, as GitHub's docs on `pull_request.synchronize` tell.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes import git
from tests.fakes.forge_history import Push, commit, delete, point, pulls_from
from tests.fakes.github import render
from tests.fakes.github.model import PullRequest, Repository, User, World


async def push(world: World, repo: Repository, what: Push) -> dict[str, Any]:
    """Commit to a branch, made from the default one where it is new; return the payload of `push`."""
    before, after = await commit(repo, what, what.user.login, world.now())
    return await push_event(world, repo, what, before, after)


async def drop_branch(world: World, repo: Repository, branch: str, user: User) -> dict[str, Any]:
    """Delete a branch: a push to nothing, whose payload is returned (octokit/webhooks' example push.with-deleted)."""
    before = await delete(repo, branch)
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
    await point(ref, pull.repo, pull.head_repo, pull.head_ref, pull.head_sha)


async def moved(world: World, repo: Repository, branch: str, after: str) -> list[PullRequest]:
    """Take the open pull requests of a branch along to its new commit, and return them."""
    found = pulls_from(world, repo, branch)
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
