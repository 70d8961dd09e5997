"""The shapes of users, repositories and pull requests on the wire, in answers and in webhooks alike.

Read in: the published OpenAPI description (schemas simple-user, full-repository, pull-request) and the examples of
octokit/webhooks (pull_request, issue_comment). Address templates that nobody follows are left out of repositories
in webhooks no more than in answers: both come from `repository`.
"""

from typing import Any

from tests.fakes import git
from tests.fakes.forge_model import stamp
from tests.fakes.github.model import App, Installation, PullRequest, Repository, User, World, node_id

Shape = dict[str, Any]

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPO_LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def user(world: World, who: User) -> Shape:
    """Schema simple-user."""
    here = f"{world.url}/users/{who.login.replace('[', '%5B').replace(']', '%5D')}"
    return {
        "login": who.login,
        "id": who.id,
        "node_id": node_id("U", who.id),
        "avatar_url": f"{world.url}/u/{who.id}?v=4",
        "gravatar_id": "",
        "url": here,
        "html_url": f"{world.url}/{who.login}",
        **{name: here + path for name, path in _USER_LINKS.items()},
        "type": who.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def repository(world: World, repo: Repository) -> Shape:
    """Schema repository, and what full-repository adds that costs nothing."""
    here, page = f"{world.url}/repos/{repo.full_name}", f"{world.url}/{repo.full_name}"
    open_count = sum(pull.state == "open" for pull in repo.pulls.values())
    return {
        "id": repo.id,
        "node_id": node_id("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(world, repo.owner),
        "html_url": page,
        "description": None,
        "fork": repo.parent is not None,
        "url": here,
        **{name: here + path for name, path in _REPO_LINKS.items()},
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.created_at),
        "pushed_at": stamp(repo.created_at),
        "git_url": f"git://{page.partition('://')[2]}.git",
        "ssh_url": f"git@github.example:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "size": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "has_pull_requests": True,
        "pull_request_creation_policy": "all",
        "forks_count": 0,
        "mirror_url": None,
        "archived": repo.archived,
        "disabled": False,
        "open_issues_count": open_count,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "custom_properties": {},
        "visibility": "private" if repo.private else "public",
        "forks": 0,
        "open_issues": open_count,
        "watchers": 0,
        "default_branch": repo.default_branch,
    }


def association(repo: Repository, who: User) -> str:
    """How somebody stands to a repository (schema author-association)."""
    if who.login == repo.owner.login:
        return "OWNER"
    return "COLLABORATOR" if repo.roles.get(who.login, "none") != "none" else "NONE"


def label(world: World, repo: Repository, name: str) -> Shape:
    """Schema label."""
    return {
        "id": repo.id * 100 + sum(name.encode()) % 100,
        "node_id": node_id("LA", repo.id),
        "url": f"{world.url}/repos/{repo.full_name}/labels/{name}",
        "name": name,
        "description": None,
        "color": "ededed",
        "default": False,
    }


def pull_brief(world: World, pull: PullRequest) -> Shape:
    """The part of a pull request that lists, single reads and webhooks share (schema pull-request-simple)."""
    here = f"{world.url}/repos/{pull.repo.full_name}"
    mine, issue = f"{here}/pulls/{pull.number}", f"{here}/issues/{pull.number}"
    page = f"{world.url}/{pull.repo.full_name}/pull/{pull.number}"
    links = {
        "self": mine,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{mine}/comments",
        "review_comment": f"{here}/pulls/comments{{/number}}",
        "commits": f"{mine}/commits",
        "statuses": f"{here}/statuses/{pull.head_sha}",
    }
    return {
        "url": mine,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": links[name] for name in ("issue", "commits", "review_comments", "review_comment")},
        **{f"{name}_url": links[name] for name in ("comments", "statuses")},
        "number": pull.number,
        "state": pull.state,
        "locked": pull.locked,
        "title": pull.title,
        "user": user(world, pull.user),
        "body": pull.body or None,
        "labels": [label(world, pull.repo, name) for name in pull.labels],
        "milestone": None,
        "active_lock_reason": None,
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": stamp(pull.closed_at),
        "merged_at": stamp(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _end(world, pull.head_repo, pull.head_ref, pull.head_sha, pull.user),
        "base": _end(world, pull.repo, pull.base_ref, pull.base_sha, pull.repo.owner),
        "_links": {name: {"href": target} for name, target in links.items()},
        "author_association": association(pull.repo, pull.user),
        "auto_merge": None,
        "draft": pull.draft,
    }


def _end(world: World, repo: Repository | None, ref: str, sha: str, otherwise: User) -> Shape:
    """`head` or `base`; a fork that was deleted leaves null."""
    owner = repo.owner if repo else otherwise
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(world, owner),
        "repo": repository(world, repo) if repo else None,
    }


async def pull(world: World, pr: PullRequest) -> Shape:
    """Schema pull-request, with what only a single read (and a webhook) tells."""
    where = pr.repo.git_dir
    base = await git.merge_base(where, pr.base_sha, pr.head_sha)
    files = await git.changes(where, base, pr.head_sha)
    comments = sum(c.repo is pr.repo and c.number == pr.number for c in world.comments.values())
    return {
        **pull_brief(world, pr),
        "merged": pr.merged_at is not None,
        "mergeable": None if pr.merged_at else True,
        "rebaseable": None if pr.merged_at else True,
        "mergeable_state": "draft" if pr.draft else "clean",
        "merged_by": user(world, pr.repo.owner) if pr.merged_at else None,
        "comments": comments,
        "review_comments": 0,
        "maintainer_can_modify": pr.from_fork,
        "commits": await git.count(where, base, pr.head_sha),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }


def app(world: World, which: App) -> Shape:
    """Schema integration."""
    return {
        "id": which.id,
        "slug": which.slug,
        "node_id": node_id("A", which.id),
        "client_id": which.client_id,
        "owner": user(world, which.owner),
        "name": which.slug,
        "description": "",
        "external_url": world.url,
        "html_url": f"{world.url}/apps/{which.slug}",
        "created_at": stamp(which.created_at),
        "updated_at": stamp(which.created_at),
        "permissions": which.permissions,
        "events": list(which.events),
    }


def installation(world: World, which: Installation) -> Shape:
    """Schema installation."""
    return {
        "id": which.id,
        "client_id": which.app.client_id,
        "account": user(world, which.account),
        "repository_selection": "all" if which.selected is None else "selected",
        "access_tokens_url": f"{world.url}/app/installations/{which.id}/access_tokens",
        "repositories_url": f"{world.url}/installation/repositories",
        "html_url": f"{world.url}/settings/installations/{which.id}",
        "app_id": which.app.id,
        "app_slug": which.app.slug,
        "target_id": which.account.id,
        "target_type": which.account.type,
        "permissions": which.permissions,
        "events": list(which.app.events),
        "created_at": stamp(which.created_at),
        "updated_at": stamp(which.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": stamp(which.suspended_at),
    }
