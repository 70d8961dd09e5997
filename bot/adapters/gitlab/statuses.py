"""Checks as commit statuses: where one belongs, and how it is told.

Read in GitLab's "Commits API" (commit status) and app/services/ci/create_commit_status_service.rb: a status is a job of
a pipeline. It is looked for among the unfinished ones of its name in the pipeline that is named, or else in the newest
one of the commit; where the commit has no pipeline one is made, as "external". A state can be left for another one
only: the same state again is refused, and with it a new description. What ended and begins again is a new job.

The pipeline that counts for a merge request is its head pipeline. That one may belong to the project from which the
change comes or to the one it goes to, and with merged results and merge trains it tests a commit that GitLab made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cachetools import LRUCache, TTLCache

from bot.adapters import own_comment
from bot.adapters.gitlab import notes, trains
from bot.adapters.gitlab.client import GitLabClient
from bot.adapters.gitlab.failures import Forbidden
from bot.domain.publication import Check, CheckStatus
from bot.domain.report.escape import prose
from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Gone, Rejected

_REMEMBERED = 10_000
_BELIEVED = timedelta(hours=1)
"""How long a status is taken to be running still because we said so: somebody may have cancelled its pipeline."""
_LONGEST = 255
"""Characters of a description and of an address."""
_CANNOT = "Cannot transition status"
_UNFINISHED = ("created", "pending", "running")
_IN_NOTE = "note:"
"""Begins the id of a check that stands in a note."""

_STATES = {CheckStatus.QUEUED: "pending", CheckStatus.IN_PROGRESS: "running"}
_ENDS = {
    Conclusion.SUCCESS: "success",
    Conclusion.SKIPPED: "success",  # A skipped pipeline would hold the merge request up where pipelines must succeed.
    Conclusion.FAILURE: "failed",
    Conclusion.TIMED_OUT: "failed",
    Conclusion.CANCELLED: "canceled",
    Conclusion.ACTION_REQUIRED: "canceled",  # It blocks, says why in its description, and begins anew when decided.
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A commit of a project, and the pipeline or branch by which a status gets to where it is seen."""

    project: int
    sha: str
    pipeline: int | None = None
    ref: str = ""

    @property
    def selector(self) -> Mapping[str, object]:
        if self.pipeline is not None:
            return {"pipeline_id": self.pipeline}
        return {"ref": self.ref} if self.ref else {}


class Statuses:
    """Publishes checks. It remembers which merge request a commit belongs to, and what was said last, to ask less."""

    def __init__(self, client: GitLabClient, clock: Clock) -> None:
        self._client = client
        self._requests: LRUCache[tuple[RepoRef, str], int] = LRUCache(_REMEMBERED)
        self._running: TTLCache[tuple[RepoRef, str, str], str] = TTLCache(
            _REMEMBERED, ttl=_BELIEVED.total_seconds(), timer=lambda: clock.now().timestamp()
        )

    async def publish(self, repo: RepoRef, check: Check, known: str | None) -> str:
        """Bring a check's status to what it is to be; where GitLab lets us nowhere, say it in a note. Return its id."""
        which = (repo, check.head_sha, check.name)
        running = self._running.pop(which, None)
        if running is not None and check.status is CheckStatus.IN_PROGRESS:
            identifier = running  # GitLab takes no news of a state that is so already.
        else:
            identifier = await self._publish(repo, check, known)
        if check.status is CheckStatus.IN_PROGRESS and not identifier.startswith(_IN_NOTE):
            self._running[which] = identifier
        return identifier

    def forget(self, repo: RepoRef, sha: str) -> None:
        """Forget what was said of a commit: it may have another pipeline, which has not heard it."""
        for which in [known for known in self._running if known[:2] == (repo, sha)]:
            del self._running[which]

    async def _publish(self, repo: RepoRef, check: Check, known: str | None) -> str:
        request = await self._merge_request(repo, check.head_sha)
        refusal: Rejected | None = None
        for place in await self._places(repo, check.head_sha, request):
            try:
                identifier = await self._post(place, check, known)
            except (Forbidden, Gone) as error:
                refusal = error
            else:
                if check.status is CheckStatus.COMPLETED:
                    await self._end_others(place, check)
                return identifier
        if request is not None:
            return await self._say(ChangeRef(repo=repo, number=request["iid"]), check)
        raise refusal or AssertionError("there is always a place to try")

    async def _merge_request(self, repo: RepoRef, sha: str) -> Mapping[str, Any] | None:
        """Return the merge request to which a commit belongs, rather one that it is the head of; None where none is."""
        address = await self._client.address(repo)
        number = self._requests.get((repo, sha))
        if number is None:
            try:
                found = await self._client.pages(f"{address}/repository/commits/{sha}/merge_requests")
            except Gone:
                return None
            if not found:
                return None
            number = min(found, key=lambda one: (one["sha"] != sha, one["state"] != "opened"))["iid"]
            self._requests[repo, sha] = number
        read: Mapping[str, Any] = (await self._client.get(f"{address}/merge_requests/{number}")).data
        return read

    async def _places(self, repo: RepoRef, sha: str, request: Mapping[str, Any] | None) -> Sequence[_Place]:
        here = (await self._client.project(repo)).id
        if request is None:
            return (_Place(project=here, sha=sha),)
        places = []
        pipeline = await trains.own_pipeline(self._client, request)
        if pipeline is not None and request["sha"] == sha and await self._tests(here, pipeline, sha):
            project = pipeline.get("project_id", here)
            places.append(_Place(project=project, sha=pipeline["sha"], pipeline=pipeline["id"]))
        if request["source_project_id"] is not None:
            places.append(_Place(project=request["source_project_id"], sha=sha, ref=request["source_branch"]))
        if request["source_project_id"] != here:
            # Only where the project has a pipeline of the commit; a fork's branch it does not know.
            places.append(_Place(project=here, sha=sha))
        return places

    async def _tests(self, project: int, pipeline: Mapping[str, Any], sha: str) -> bool:
        """Whether a pipeline is about a commit: for itself, or merged with where it is to go."""
        if pipeline["sha"] == sha:
            return True
        if not pipeline["ref"].startswith("refs/merge-requests/"):
            return False
        try:
            merged = await self._client.get(f"projects/{project}/repository/commits/{pipeline['sha']}")
        except Gone:
            return False
        return sha in merged.data["parent_ids"]

    async def _post(self, place: _Place, check: Check, known: str | None) -> str:
        address = f"projects/{place.project}/statuses/{place.sha}"
        try:
            made = await self._client.post(address, {**body(check), **place.selector})
        except Rejected as error:
            if _CANNOT not in error.reason:
                raise
            found = await self._unfinished(place, check.name)
            return str(max(one["id"] for one in found)) if found else known or ""
        return str(made["id"])

    async def _unfinished(self, place: _Place, name: str) -> list[Any]:
        address = f"projects/{place.project}/repository/commits/{place.sha}/statuses"
        return [one for one in await self._client.pages(address, name=name) if one["status"] in _UNFINISHED]

    async def _end_others(self, place: _Place, check: Check) -> None:
        """End what waits for us in other pipelines of the commit: one may have come after we first said something."""
        for one in await self._unfinished(place, check.name):
            other = _Place(project=place.project, sha=place.sha, pipeline=one["pipeline_id"])
            try:
                await self._post(other, check, None)
            except (Forbidden, Gone):
                continue

    async def _say(self, ref: ChangeRef, check: Check) -> str:
        """Put the check into a note, one for the merge request: a fork lets only its own people set a status."""
        marker = f"<!-- revdeps:check {check.name} -->"
        link = f" · [details]({check.details_url})" if check.details_url else ""
        text = (
            f"{marker}\n`{check.name}` on {check.head_sha[:12]}: **{state(check)}** — {prose(check.title)}{link}\n\n"
            "_The commit carries no status: the bot may set none in the project that it comes from. Invite the bot "
            "there, or run the merge request's pipeline in this project._"
        )
        note = await own_comment.upsert(notes.NotesOf(self._client, ref), text, marker, None)
        return f"{_IN_NOTE}{note}"


def body(check: Check) -> dict[str, object]:
    """Return the status as GitLab takes it."""
    title = check.title if len(check.title) <= _LONGEST else f"{check.title[: _LONGEST - 1]}…"
    sent: dict[str, object] = {"state": state(check), "name": check.name, "description": title}
    if check.details_url and len(check.details_url) <= _LONGEST:
        sent["target_url"] = check.details_url
    return sent


def state(check: Check) -> str:
    """Return GitLab's word for where a check is."""
    return _STATES[check.status] if check.conclusion is None else _ENDS[check.conclusion]
