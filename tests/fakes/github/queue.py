"""Merge queues: the groups that are tested before they are merged, the branch that each is on, and comparisons.

Read in: GitHub docs, "Managing a merge queue" (the branches, one group for every entry, each on top of those before),
octokit/webhooks merge_group.*; OpenAPI operationIds git/get-ref and repos/compare-commits.
"""

from dataclasses import dataclass
from typing import Any

from tests.fakes import git
from tests.fakes.github import render
from tests.fakes.github.model import PullRequest, User, World
from tests.fakes.github.webhooks import Sender
from tests.fakes.github.wire import Answer, Call, Routes, invalid, not_found

ROUTES = Routes()
MOST_FILES = 300

Event = dict[str, Any]


@ROUTES.add("GET", "/repos/{owner}/{repo}/git/ref/{ref}", needs=["contents:read"])
async def get_ref(call: Call) -> Answer:
    """operationId git/get-ref: `heads/BRANCH`, to the letter."""
    repo, ref = call.repository(), call["ref"]
    if not ref.startswith(("heads/", "tags/")):
        raise invalid("Reference", "ref", "invalid")
    sha = await git.resolve(repo.git_dir, f"refs/{ref}")
    if sha is None:
        raise not_found()
    here = f"{call.world.url}/repos/{repo.full_name}/git"
    found = {"type": "commit", "sha": sha, "url": f"{here}/commits/{sha}"}
    return Answer({"ref": f"refs/{ref}", "node_id": f"REF_{sha}", "url": f"{here}/refs/{ref}", "object": found})


@ROUTES.add("GET", "/repos/{owner}/{repo}/compare/{basehead}", needs=["contents:read"])
async def compare(call: Call) -> Answer:
    """operationId repos/compare-commits: from the merge base on, at most 300 files."""
    repo = call.repository()
    old, dots, new = call["basehead"].partition("...")
    known = [await git.resolve(repo.git_dir, name) for name in (old, new)]
    if not dots or known[0] is None or known[1] is None:
        raise not_found()
    base = await git.merge_base(repo.git_dir, known[0], known[1])
    changed = (await git.changes(repo.git_dir, base, known[1]))[:MOST_FILES]
    files = []
    for change in changed:
        shape: dict[str, Any] = {"sha": change.blob, "filename": change.path, "status": change.status}
        files.append(shape | ({"previous_filename": change.previous} if change.previous else {}))
    return Answer({"merge_base_commit": {"sha": base}, "base_commit": {"sha": known[0]}, "files": files})


@dataclass(frozen=True, slots=True)
class MergeQueue:
    """The merge queues of all repositories; each act returns when its webhooks have been answered."""

    world: World
    sender: Sender

    async def add(self, pull: PullRequest, user: str = "octocat", *, on: str | None = None) -> Event:
        """Add a pull request, behind the group at `on`; return what `merge_group` told."""
        where = pull.repo.git_dir
        below = await git.resolve(where, on or f"refs/heads/{pull.base_ref}")
        if below is None:
            raise AssertionError(f"there is no {on or pull.base_ref}")
        sha = await git.merge(where, below, pull.head_sha, f"Merge pull request #{pull.number}", "web-flow")
        if sha is None:
            raise AssertionError(f"#{pull.number} has conflicts")
        branch = f"gh-readonly-queue/{pull.base_ref}/pr-{pull.number}-{below}"
        await git.git(where, "update-ref", f"refs/heads/{branch}", sha)
        group = {"branch": branch, "head": sha, "base": below}
        told = _event(self.world, pull, self.world.user(user), group) | {"action": "checks_requested"}
        self.sender.emit(pull.repo, "merge_group", told)
        await self.sender.settled()
        return told

    async def remove(self, pull: PullRequest, told: Event, *, reason: str = "dequeued") -> None:
        """Take a group apart; `told` is what `add` returned."""
        await git.git(pull.repo.git_dir, "update-ref", "-d", told["merge_group"]["head_ref"])
        who = render.user(self.world, self.world.user("web-flow"))
        payload = {**told, "action": "destroyed", "reason": reason, "sender": who}
        self.sender.emit(pull.repo, "merge_group", payload)
        await self.sender.settled()


def _event(world: World, pull: PullRequest, user: User, group: dict[str, str]) -> Event:
    return {
        "merge_group": {
            "head_sha": group["head"],
            "head_ref": f"refs/heads/{group['branch']}",
            "base_sha": group["base"],
            "base_ref": f"refs/heads/{pull.base_ref}",
            "head_commit": {"id": group["head"], "message": f"Merge pull request #{pull.number}"},
        },
        "repository": render.repository(world, pull.repo),
        "sender": render.user(world, user),
    }
