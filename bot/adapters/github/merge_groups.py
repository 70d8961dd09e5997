"""Merge groups: what a merge queue has put together on a branch of its own, to be tested before it is merged.

The branch is called `gh-readonly-queue/BASE/pr-NUMBER-SHA` after the pull request that came last (webhook event
`merge_group`). GitHub has nothing to ask about a group beside that branch, and removes it when the group is over.
"""

import re
from collections.abc import Sequence
from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.adapters.github.pulls import differing_files
from bot.domain.run import ChangeRef, ChangeState
from bot.ports.errors import Gone

_BRANCH = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-[0-9]+-[0-9a-f]+")
_REF = "/repos/{owner}/{name}/git/ref/{+ref}"
_COMPARE = "/repos/{owner}/{name}/compare/{basehead}"
_FILES = 300
"""GitHub names no more of them in a comparison."""


async def change(client: GitHubClient, ref: ChangeRef) -> ChangeState:
    """Read a group as if it were a pull request; raises Gone where it is over."""
    base = base_of(ref.queue)
    head_sha = await _tip(client, ref, ref.queue)
    base_sha = (await _comparison(client, ref, await _tip(client, ref, base), head_sha))["merge_base_commit"]["sha"]
    return ChangeState(
        ref=ref,
        title=f"Merge queue: #{ref.number} into {base}",
        author="",
        head_sha=head_sha,
        base_sha=base_sha,
        base_branch=base,
        head_repo=str(ref.repo),
    )


async def changed_files(client: GitHubClient, ref: ChangeRef) -> Sequence[str]:
    """Return old and new paths of everything that the group brings to the base branch."""
    head = await _tip(client, ref, ref.queue)
    compared = await _comparison(client, ref, await _tip(client, ref, base_of(ref.queue)), head)
    if len(compared["files"]) >= _FILES:
        return await differing_files(client, ref, compared["merge_base_commit"]["sha"], head)
    paths = [path for file in compared["files"] for path in (file.get("previous_filename"), file["filename"]) if path]
    return tuple(dict.fromkeys(paths))


def base_of(branch: str) -> str:
    """Return the branch that a group is to be merged into; raises Gone for one that is no group's."""
    found = _BRANCH.fullmatch(branch)
    if found is None:
        raise Gone(f"{branch} is no branch of a merge queue")
    return found["base"]


async def _tip(client: GitHubClient, ref: ChangeRef, branch: str) -> str:
    read = await client.get(ref.repo, _REF, {"ref": f"heads/{branch}"})
    return str(read.data["object"]["sha"])


async def _comparison(client: GitHubClient, ref: ChangeRef, base: str, head: str) -> Any:
    return (await client.get(ref.repo, _COMPARE, {"basehead": f"{base}...{head}"})).data
