"""Merge trains: what GitLab has put together to be tested before it is merged.

Each merge request on a train has a commit of its own, in which it is merged on top of those before it, at
`refs/merge-requests/NUMBER/train`, and a pipeline for that commit (GitLab docs, "Merge trains", "Merge trains API").
When one before it leaves the train, GitLab makes a new commit and a new pipeline.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.adapters.gitlab.client import GitLabClient
from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.domain.run import ChangeRef, ChangeState
from bot.ports.errors import Gone, Rejected

_OVER = frozenset({"merged", "merging", "skip_merged"})
_TRAIN = "/train"


async def change(client: GitLabClient, ref: ChangeRef) -> ChangeState:
    """Read a merge request's place on a train as if it were a merge request; raises Gone where it is on none."""
    address = await client.address(ref.repo)
    car = await _car(client, ref)
    pipeline = car["pipeline"]
    made = (await client.get(f"{address}/repository/commits/{pipeline['sha']}")).data
    return ChangeState(
        ref=ref,
        title=f"Merge train: !{ref.number} into {car['target_branch']}",
        author="",
        head_sha=pipeline["sha"],
        base_sha=made["parent_ids"][0],
        base_branch=car["target_branch"],
        head_repo=str(ref.repo),
        place=str(pipeline["id"]),
    )


async def changed_files(client: GitLabClient, ref: ChangeRef) -> Sequence[str]:
    """Return old and new paths of everything that the train brings to the target branch, up to this merge request.

    Raises Rejected where GitLab gives up on comparing them.
    """
    car = await _car(client, ref)
    address = f"{await client.address(ref.repo)}/repository/compare"
    query = {"from": car["target_branch"], "to": car["pipeline"]["sha"]}
    found = (await client.get(address, **query)).data
    if found.get("compare_timeout"):
        raise Rejected(f"GitLab could not say in time what the merge train of {MERGE_REQUESTS.name(ref)} changes")
    return tuple(dict.fromkeys(path for file in found["diffs"] for path in (file["old_path"], file["new_path"])))


async def own_pipeline(client: GitLabClient, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the pipeline that counts for a merge request by itself: while it is on a train, the one before that."""
    head: Mapping[str, Any] | None = request.get("head_pipeline")
    if head is None or not head["ref"].endswith(_TRAIN):
        return head
    address = f"projects/{request['target_project_id']}/merge_requests/{request['iid']}/pipelines"
    return next((one for one in await client.pages(address) if not one["ref"].endswith(_TRAIN)), None)


async def _car(client: GitLabClient, ref: ChangeRef) -> Mapping[str, Any]:
    read = await client.get(f"{await client.address(ref.repo)}/merge_trains/merge_requests/{ref.number}")
    car: Mapping[str, Any] = read.data
    pipeline = car.get("pipeline")
    if car["status"] in _OVER or pipeline is None or pipeline["ref"] != ref.queue:
        raise Gone(f"{MERGE_REQUESTS.name(ref)} is on no merge train")
    return car
