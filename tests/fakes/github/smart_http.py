"""Git over HTTP: who may read and write where.

Read in: GitHub docs, "Authenticating as a GitHub App installation" (HTTP-based Git access with `x-access-token` and the
token). A public repository can be read by anybody, but never with a wrong token.
"""

from aiohttp import web

from tests.fakes import git_http
from tests.fakes.github.credentials import token_of
from tests.fakes.github.model import Repository, World
from tests.fakes.github.wire import ApiError, granted

_REALM = "GitHub"


async def serve(world: World, request: web.Request) -> web.Response:
    """Answer a request to `/{owner}/{repo}.git/…`."""
    repo = world.repositories.get(f"{request.match_info['owner']}/{request.match_info['repo']}")
    named = f"{request.match_info['owner']}/{request.match_info['repo']}"
    if repo is None and (moved := world.moved.get(named)) is not None:
        there = f"{world.url}/{moved.full_name}.git{request.path_qs.removeprefix(f'/{named}.git')}"
        return web.Response(status=301, headers={"Location": there})
    refused = _refusal(world, request, repo, writes=git_http.writes(request))
    if refused is not None or repo is None:
        return refused or web.Response(status=404, text="Repository not found.\n")
    return await git_http.backend(repo.git_dir, request, request.match_info["rest"])


def _refusal(world: World, request: web.Request, repo: Repository | None, *, writes: bool) -> web.Response | None:
    given = git_http.credentials(request)
    if given is None:
        return None if repo and not repo.private and not writes else git_http.who_are_you(_REALM)
    try:
        token = token_of(world, given[1])
    except ApiError:
        return git_http.who_are_you(_REALM)
    if given[0] != "x-access-token":
        return git_http.who_are_you(_REALM)
    if repo is None or (repo.private and not token.reaches(repo)):
        return web.Response(status=404, text="Repository not found.\n")
    level = "write" if writes else "read"
    if (repo.private or writes) and not (token.reaches(repo) and granted(token, "contents", level)):
        return web.Response(status=403, text="Write access to repository not granted.\n")
    return None
