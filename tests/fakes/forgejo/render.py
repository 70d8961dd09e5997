"""The shapes on the wire: the structures of `modules/structs`, filled as `services/convert` does."""

from typing import Any

from tests.fakes import git
from tests.fakes.forge_model import stamp
from tests.fakes.forgejo.model import Comment, PullRequest, Repository, Status, User, World

Shape = dict[str, Any]
_ZERO = "0001-01-01T00:00:00Z"


def user(world: World, who: User) -> Shape:
    """`structs.User`; what only its owner may see is empty."""
    return {
        "id": who.id,
        "login": who.login,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": f"{who.login}@noreply.forgejo.example",
        "avatar_url": f"{world.url}/avatars/{who.id}",
        "html_url": f"{world.url}/{who.login}",
        "language": "",
        "is_admin": False,
        "last_login": _ZERO,
        "created": _ZERO,
        "restricted": False,
        "active": False,
        "prohibit_login": False,
        "location": "",
        "pronouns": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": who.login,
    }


def repository(world: World, repo: Repository, viewer: User | None = None) -> Shape:
    """`structs.Repository`; a webhook tells an owner's permissions."""
    page, may = f"{world.url}/{repo.full_name}", (viewer or repo.owner).login
    switches = ("template", "empty", "mirror", "globally_editable_wiki", "ignore_whitespace_conflicts", "internal")
    options = ("has_issues", "has_wiki", "has_projects", "has_releases", "has_packages", "has_actions")
    merging = ("merge_commits", "rebase", "rebase_explicit", "squash_merge", "fast_forward_only_merge", "rebase_update")
    return {
        "id": repo.id,
        "owner": user(world, repo.owner),
        "name": repo.name,
        "full_name": repo.full_name,
        "description": "",
        "private": repo.private,
        "fork": repo.parent is not None,
        "parent": repository(world, repo.parent, viewer) if repo.parent else None,
        "size": 20,
        "language": "",
        "languages_url": f"{world.url}/api/v1/repos/{repo.full_name}/languages",
        "html_url": page,
        "url": f"{world.url}/api/v1/repos/{repo.full_name}",
        "link": "",
        "ssh_url": f"ssh://git@forgejo.example/{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "original_url": "",
        "website": "",
        "default_branch": repo.default_branch,
        "archived": repo.archived,
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.created_at),
        "archived_at": "1970-01-01T00:00:00Z",
        "permissions": {
            "admin": repo.may(may, "admin"), "push": repo.may(may, "write"), "pull": repo.may(may, "read"),
        },
        "has_pull_requests": repo.has_pull_requests,
        "open_pr_counter": sum(pull.state == "open" for pull in repo.pulls.values()),
        "default_merge_style": "merge",
        "object_format_name": "sha1",
        "avatar_url": "",
        "mirror_interval": "",
        "mirror_updated": _ZERO,
        "repo_transfer": None,
        "topics": [],
        **dict.fromkeys(switches, False),
        **dict.fromkeys(options, True),
        **dict.fromkeys((f"allow_{way}" for way in merging), True),
        **dict.fromkeys(("stars_count", "forks_count", "watchers_count", "open_issues_count", "release_counter"), 0),
    }  # fmt: skip


def labels(world: World, pull: PullRequest) -> list[Shape]:
    """`structs.Label`."""
    return [
        {
            "id": pull.repo.id * 100 + number,
            "name": name,
            "exclusive": False,
            "is_archived": False,
            "color": "ededed",
            "description": "",
            "url": f"{world.url}/api/v1/repos/{pull.repo.full_name}/labels/{pull.repo.id * 100 + number}",
        }
        for number, name in enumerate(pull.labels, 1)
    ]


def page_of(world: World, pull: PullRequest) -> str:
    return f"{world.url}/{pull.repo.full_name}/pulls/{pull.number}"


def _issue(world: World, pull: PullRequest) -> Shape:
    """What `structs.Issue` and `structs.PullRequest` share."""
    return {
        "number": pull.number,
        "user": user(world, pull.user),
        "title": pull.title,
        "body": pull.body,
        "labels": labels(world, pull),
        "milestone": None,
        "assignee": None,
        "assignees": None,
        "state": pull.state,
        "is_locked": pull.locked,
        "comments": len(world.comments_of(pull)),
        "html_url": page_of(world, pull),
        "due_date": None,
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": stamp(pull.closed_at),
        "pin_order": 0,
    }


def issue(world: World, pull: PullRequest) -> Shape:
    """`structs.Issue` of a pull request, as comments' webhooks have it."""
    repo = pull.repo
    return _issue(world, pull) | {
        "id": pull.id,
        "url": f"{world.url}/api/v1/repos/{repo.full_name}/issues/{pull.number}",
        "original_author": "",
        "original_author_id": 0,
        "assets": [],
        "ref": "",
        "pull_request": {
            "merged": pull.merged_at is not None,
            "merged_at": stamp(pull.merged_at),
            "draft": pull.draft,
            "html_url": page_of(world, pull),
        },
        "repository": {"id": repo.id, "name": repo.name, "owner": repo.owner.login, "full_name": repo.full_name},
    }


async def pull(world: World, pr: PullRequest, viewer: User | None = None) -> Shape:
    """`structs.PullRequest`, by `ToAPIPullRequest`: `base.sha` is where the branch stands, not where it was left; a
    fork that was deleted leaves the ref in the base repository.
    """
    here = page_of(world, pr)
    base_sha = await git.resolve(pr.repo.git_dir, f"refs/heads/{pr.base_ref}")
    files = await git.changes(pr.repo.git_dir, pr.merge_base, pr.head_sha)
    head_repo = repository(world, pr.head_repo, viewer) if pr.head_repo else None
    return _issue(world, pr) | {
        "id": pr.id,
        "url": here,
        "diff_url": f"{here}.diff",
        "patch_url": f"{here}.patch",
        "requested_reviewers": None,
        "requested_reviewers_teams": None,
        "draft": pr.draft,
        "review_comments": 0,
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
        "mergeable": True,
        "merged": pr.merged_at is not None,
        "merged_at": stamp(pr.merged_at),
        "merge_commit_sha": None,
        "merged_by": None,
        "allow_maintainer_edit": False,
        "merge_base": pr.merge_base,
        "base": {
            "label": pr.base_ref, "ref": pr.base_ref, "sha": base_sha or "", "repo_id": pr.repo.id,
            "repo": repository(world, pr.repo, viewer),
        },
        "head": {
            "label": pr.head_ref, "ref": pr.head_ref if head_repo else f"refs/pull/{pr.number}/head",
            "sha": pr.head_sha, "repo_id": pr.head_repo.id if pr.head_repo else -1, "repo": head_repo,
        },
    }  # fmt: skip


def comment(world: World, which: Comment) -> Shape:
    """`structs.Comment`."""
    here = page_of(world, which.repo.pulls[which.number])
    return {
        "id": which.id,
        "html_url": f"{here}#issuecomment-{which.id}",
        "pull_request_url": here,
        "issue_url": "",
        "user": user(world, which.user),
        "original_author": "",
        "original_author_id": 0,
        "body": which.body,
        "assets": [],
        "created_at": stamp(which.created_at),
        "updated_at": stamp(which.updated_at),
    }


def status(world: World, repo: Repository, which: Status) -> Shape:
    """`structs.CommitStatus`, whose state goes by the name `status`."""
    return {
        "id": which.id,
        "status": which.state,
        "target_url": which.target_url,
        "description": which.description,
        "url": f"{world.url}/api/v1/repos/{repo.full_name}/statuses/{which.sha}",
        "context": which.context,
        "creator": user(world, which.creator),
        "created_at": stamp(which.created_at),
        "updated_at": stamp(which.created_at),
    }
