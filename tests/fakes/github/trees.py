"""Whole trees: what is left where a pull request's files are too many to be named.

Read in the published OpenAPI description under the operationId named at the endpoint.
"""

from tests.fakes import git
from tests.fakes.github.wire import Answer, Call, Routes, not_found

ROUTES = Routes()
ENTRIES = 100_000
"""In one recursive tree, at most (git/get-tree, notes)."""


@ROUTES.add("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}", needs=["contents:read"])
async def get_tree(call: Call) -> Answer:
    """operationId git/get-tree: any value of `recursive` makes it so; too many entries are cut off, and it is said."""
    repo = call.repository()
    sha = await git.resolve(repo.git_dir, call["tree_sha"])
    if sha is None:
        raise not_found()
    deep = ["-r", "-t"] if "recursive" in call.query else []
    lines = (await git.git(repo.git_dir, "ls-tree", "-z", *deep, sha)).decode().split("\0")[:-1]
    entries = []
    for line in lines[:ENTRIES]:
        meta, path = line.split("\t", 1)
        mode, kind, blob = meta.split()
        entries.append({"path": path, "mode": mode, "type": kind, "sha": blob})
    url = f"{call.world.url}/repos/{repo.full_name}/git/trees/{sha}"
    return Answer({"sha": sha, "url": url, "tree": entries, "truncated": len(lines) > ENTRIES})
