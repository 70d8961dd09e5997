"""What becomes of repositories: renamed, transferred, archived, deleted.

Read in: GitHub docs, "Renaming a repository" and "Transferring a repository" (the old address leads to the new one, in
the API and for git, until somebody takes the name), "Redirects" in the REST guides (301, and 307 where the request is
to be repeated as it is), "Archiving repositories" (read-only: 403 on every write). The real one redirects to
`/repositories/ID`; here the new name stands there.
"""

from tests.fakes.github.model import Repository, User, World
from tests.fakes.github.wire import Answer, ApiError, Call


def move(world: World, repo: Repository, owner: User, name: str) -> None:
    """Give a repository another name, another owner, or both; the old address leads there."""
    old = repo.full_name
    del world.repositories[old]
    repo.owner, repo.name = owner, name
    world.repositories[repo.full_name] = repo
    world.moved[old] = repo
    world.moved.pop(repo.full_name, None)
    for installation in world.installations.values():
        if installation.selected is not None and old in installation.selected:
            installation.selected = (installation.selected - {old}) | {repo.full_name}


def rename(world: World, full_name: str, name: str) -> str:
    """Rename a repository, and return its new full name. An App hears of it only by asking for `repository` events."""
    repo = world.repositories[full_name]
    move(world, repo, repo.owner, name)
    return repo.full_name


def transfer(world: World, full_name: str, owner: str) -> str:
    """Give a repository to another account, and return its new full name."""
    repo = world.repositories[full_name]
    move(world, repo, world.user(owner), repo.name)
    return repo.full_name


def delete(world: World, repo: Repository) -> None:
    """Delete a repository with everything in it; nothing leads there any more."""
    del world.repositories[repo.full_name]
    world.moved = {name: moved for name, moved in world.moved.items() if moved is not repo}


def redirected(call: Call) -> Answer | None:
    """Where a request to an old address is to go, for whoever may see the repository."""
    given = call.request.match_info
    repo = call.world.moved.get(f"{given.get('owner')}/{given.get('repo')}")
    if repo is None or (repo.private and call.world.installation_for(repo, call.app) is None):
        return None
    rest = call.request.path_qs.split("/", 4)
    location = "/".join([call.world.url, "repos", repo.full_name, *rest[4:]])
    body = {"message": "Moved Permanently", "url": location, "documentation_url": "https://docs.github.com/rest"}
    return Answer(body, status=301 if call.route.method == "GET" else 307, headers={"Location": location})


def forbid_writing(call: Call) -> None:
    """Refuse to write to what is archived."""
    given = call.request.match_info
    repo = call.world.repositories.get(f"{given.get('owner')}/{given.get('repo')}")
    if repo is not None and repo.archived and call.route.method != "GET":
        raise ApiError(403, "Repository was archived so is read-only.")
