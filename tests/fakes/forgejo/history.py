"""What people do to repositories: make them, fork them, push to them, open pull requests from them.

The commits are real. Payloads as in `services/webhook/notifier.go` and `modules/structs/hook.go`.
"""

from typing import Any

from tests.fakes import git
from tests.fakes.forge_history import Push, commit, point, pulls_from
from tests.fakes.forgejo import render
from tests.fakes.forgejo.model import PullRequest, Repository, User, World


def drop(world: World, repo: Repository) -> dict[str, Any]:
    """Delete a repository, and return `structs.RepositoryPayload`."""
    shape, owner = render.repository(world, repo), render.user(world, repo.owner)
    del world.repositories[repo.full_name]
    return {"action": "deleted", "repository": shape, "organization": owner, "sender": owner}


async def push(world: World, repo: Repository, what: Push) -> dict[str, Any]:
    """Commit to a branch, made from the default one where it is new; return the payload of `push`."""
    before, after = await commit(repo, what, what.user.login, world.now())
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
    await point(ref, pull.repo, pull.head_repo, pull.head_ref, pull.head_sha)
    tip = await git.resolve(where, f"refs/heads/{pull.base_ref}")
    if tip is None:
        raise AssertionError(f"no branch {pull.base_ref} in {pull.repo.full_name}")
    pull.merge_base = await git.merge_base(where, tip, pull.head_sha)


async def moved(world: World, repo: Repository, branch: str, after: str) -> list[PullRequest]:
    """Take the open pull requests of a branch along to its new commit, and return them."""
    found = pulls_from(world, repo, branch)
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
