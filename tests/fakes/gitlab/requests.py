"""Merge requests, their notes and award emoji.

Read in: GitLab docs, "Merge requests API", "Notes API", "Emoji reactions API"; lib/api/notes.rb; lib/api/award_emoji.rb
(404 for a second emoji of the same name by the same user); app/services/notes/{create,update}_service.rb and
lib/gitlab/quick_actions/extractor.rb (notes are searched for orders, new and edited ones alike).
"""

import re

from tests.fakes import git
from tests.fakes.gitlab import events, render
from tests.fakes.gitlab.model import DEVELOPER, MAINTAINER, Award, MergeRequest, Note, User, World
from tests.fakes.gitlab.wire import PAGED, Answer, ApiError, Call, Routes, forbidden, not_found, paged, wrong

ROUTES = Routes()
LIMIT = 1_000_000
_EMOJI = {"eyes", "rocket", "confused", "thumbsup", "thumbsdown"}
_ORDERS = "approve|close|draft|label|lock|merge|reopen|target_branch|title|unlock"
_QUICK_ACTION = re.compile(
    rf"(?P<code>^```.+?\n```$)|(?P<html>^<[^>]+?>\n.+?\n</[^>]+?>$)|(?P<quote>^>>>.+?\n>>>$)"
    rf"|(?:^/(?P<order>{_ORDERS})(?:[ ](?P<words>[^\n]*))?(?:\s*\n|$(?!\n)))",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)


@ROUTES.add(
    "GET", "projects/:id/merge_requests", {**PAGED, "state": str, "scope": str},
    state=("opened", "closed", "locked", "merged", "all"), scope=("all", "created_by_me", "assigned_to_me"),
)  # fmt: skip
async def requests(call: Call) -> Answer:
    where, state = call.project(), call.given.get("state", "all")
    found = [one for one in where.requests.values() if state in {"all", one.state}]
    shapes = [render.request(call.world, one) for one in reversed(found)]
    return paged(call, shapes, f"projects/{where.id}/merge_requests")


@ROUTES.add("GET", "projects/:id/merge_requests/:iid")
async def request(call: Call) -> Answer:
    return Answer(render.whole_request(call.world, call.request()))


@ROUTES.add("GET", "projects/:id/merge_requests/:iid/diffs", PAGED)
async def diffs(call: Call) -> Answer:
    what = call.request()
    found = [
        {
            "old_path": change.previous or change.path,
            "new_path": change.path,
            "a_mode": "100644",
            "b_mode": "100644",
            "diff": "",
            "new_file": change.status == "added",
            "renamed_file": change.status == "renamed",
            "deleted_file": change.status == "removed",
            "generated_file": False,
        }
        for change in await git.changes(what.project.git_dir, what.base_sha, what.sha)
    ]
    return paged(call, found, f"projects/{what.project.id}/merge_requests/{what.iid}/diffs")


@ROUTES.add("GET", "projects/:id/merge_requests/:iid/pipelines", PAGED)
async def pipelines(call: Call) -> Answer:
    what = call.request()
    found = [render.pipeline(call.world, one) for one in reversed(call.world.pipelines_of(what))]
    return paged(call, found, f"projects/{what.project.id}/merge_requests/{what.iid}/pipelines")


@ROUTES.add("GET", "projects/:id/merge_trains/merge_requests/:iid")
async def train(call: Call) -> Answer:
    """The place of a merge request on a train ("Merge trains API")."""
    call.project(at_least=DEVELOPER)
    what = call.request()
    if not what.train:
        raise not_found()
    newest = [one for one in call.world.pipelines_of(what) if one.ref.endswith("/train")][-1:]
    return Answer(
        {
            "id": what.id,
            "merge_request": {"iid": what.iid, "project_id": what.project.id, "state": what.state},
            "pipeline": render.pipeline(call.world, newest[0]) if newest else None,
            "target_branch": what.target_branch,
            "status": what.train,
        }
    )


_NOTES = "projects/:id/merge_requests/:iid/notes"


@ROUTES.add(
    "GET", _NOTES, {**PAGED, "sort": str, "order_by": str, "activity_filter": str},
    sort=("asc", "desc"), order_by=("created_at", "updated_at"),
    activity_filter=("all_notes", "only_comments", "only_activity"),
)  # fmt: skip
async def notes(call: Call) -> Answer:
    what = call.request()
    found = notes_of(call.world, what)
    if call.given.get("activity_filter") == "only_comments":
        found = [note for note in found if not note.system]
    if call.given.get("sort", "desc") == "desc":
        found.reverse()
    shapes = [render.note(call.world, note) for note in found]
    return paged(call, shapes, f"projects/{what.project.id}/merge_requests/{what.iid}/notes")


@ROUTES.add("GET", f"{_NOTES}/:note_id")
async def note(call: Call) -> Answer:
    return Answer(render.note(call.world, call.note()))


@ROUTES.add("POST", _NOTES, {"body": str, "internal": bool, "created_at": str}, ["body"])
async def write(call: Call) -> Answer:
    what = call.request()
    if what.project.archived or (what.discussion_locked and not what.project.level(call.user)):
        raise forbidden()
    new = write_note(call.world, what, call.user, _text(call))
    call.emit(what.project, "Note Hook", events.note(call.world, new, "create"))
    return Answer(render.note(call.world, new), status=201)


@ROUTES.add("PUT", f"{_NOTES}/:note_id", {"body": str})
async def edit(call: Call) -> Answer:
    what = call.note()
    if what.author is not call.user and what.request.project.level(call.user) < MAINTAINER:
        raise forbidden()
    what.history.append(_without_orders(call.world, _text(call)))
    what.updated_at = call.world.now()
    call.emit(what.request.project, "Note Hook", events.note(call.world, what, "update"))
    return Answer(render.note(call.world, what))


@ROUTES.add("POST", f"{_NOTES}/:note_id/award_emoji", {"name": str}, ["name"])
async def award(call: Call) -> Answer:
    what, name = call.note(), call.given["name"]
    if name not in _EMOJI:
        raise ApiError(404, "404 Award Emoji Name is not a valid emoji name Not Found", violation=True)
    if any(one.name == name and one.user is call.user for one in what.awards):
        raise not_found("Award Emoji Name has already been taken")
    new = Award(name, call.user, call.world.new_id())
    what.awards.append(new)
    shape = {"id": new.id, "name": name, "user": render.user(call.world, call.user), "awardable_id": what.id}
    return Answer(shape | {"awardable_type": "Note"}, status=201)


@ROUTES.add("GET", f"{_NOTES}/:note_id/award_emoji", PAGED)
async def awards(call: Call) -> Answer:
    what = call.note()
    found = [{"id": one.id, "name": one.name, "user": render.user(call.world, one.user)} for one in what.awards]
    where = f"projects/{what.request.project.id}/merge_requests/{what.request.iid}/notes/{what.id}/award_emoji"
    return paged(call, found, where)


@ROUTES.add(
    "GET", "projects/:id/events",
    {**PAGED, "action": str, "target_type": str, "before": str, "after": str, "sort": str},
    action=("commented", "created", "pushed"),
)  # fmt: skip
async def events_of_project(call: Call) -> Answer:
    """What people wrote, newest first ("Events API"); `after` is a day that does not count itself."""
    where = call.project()
    found = [
        {
            "id": note.id, "project_id": where.id, "action_name": "commented on", "target_type": "Note",
            "created_at": render.stamp(note.created_at), "note": render.note(call.world, note),
            "author_username": note.author.username,
        }
        for note in call.world.notes.values()
        if note.request.project is where and note.created_at.date().isoformat() > call.given.get("after", "")
    ]  # fmt: skip
    return paged(call, list(reversed(found)), f"projects/{where.id}/events")


def notes_of(world: World, what: MergeRequest) -> list[Note]:
    """The notes of a merge request, oldest first."""
    return [note for note in world.notes.values() if note.request is what]


def write_note(world: World, what: MergeRequest, author: User, body: str, *, internal: bool = False) -> Note:
    """Write a note, after GitLab has carried out what stands in it."""
    now, text = world.now(), _without_orders(world, body)
    new = Note(world.new_id(), what, author, [text], now, now, internal=internal)
    world.notes[new.id] = new
    return new


def _text(call: Call) -> str:
    body: str = call.given["body"]
    if not body.strip():
        raise wrong("body is empty")
    if len(body) > LIMIT:
        raise ApiError(400, {"note": [f"is too long (maximum is {LIMIT} characters)"]}, violation=True)
    return body


def _without_orders(world: World, body: str) -> str:
    def taken(found: re.Match[str]) -> str:
        if not found["order"]:
            return found[0]
        world.quick_actions.append(f"/{found['order']} {found['words'] or ''}".rstrip())
        return ""

    return _QUICK_ACTION.sub(taken, body.replace("\r", "")).rstrip()
