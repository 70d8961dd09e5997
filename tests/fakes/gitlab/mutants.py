"""Ways in which a GitLab could be wrong, by name. A contract that does not catch them proves nothing.

`MUTANTS[name](server)` makes a server wrong in one way.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tests.fakes.gitlab.model import HookEvent
from tests.fakes.gitlab.server import GitLabServer
from tests.fakes.gitlab.wire import Answer, Call

Plant = Callable[[GitLabServer], None]
Spoil = Callable[[Call, Answer], Answer]
MUTANTS: dict[str, Plant] = {}
_NOTES = "projects/:id/merge_requests/:iid/notes"
_STATUS = "projects/:id/statuses/:sha"


def _mutant(function: Plant) -> Plant:
    MUTANTS[function.__name__] = function
    return function


def _spoil(server: GitLabServer, method: str, template: str, spoil: Spoil) -> None:
    """Let an endpoint's answers be spoilt."""

    def wrong(endpoint: Callable[[Call], Awaitable[Answer]]) -> Callable[[Call], Awaitable[Answer]]:
        async def answer(call: Call) -> Answer:
            return spoil(call, await endpoint(call))

        return answer

    server.gate.routes = [
        replace(route, endpoint=wrong(route.endpoint))
        if (route.method, route.template) == (method, template)
        else route
        for route in server.gate.routes
    ]


def _ask(server: GitLabServer, method: str, template: str, **given: Any) -> None:
    """Let an endpoint understand something else than what it was asked."""

    def deaf(endpoint: Callable[[Call], Awaitable[Answer]]) -> Callable[[Call], Awaitable[Answer]]:
        async def answer(call: Call) -> Answer:
            kept = {name: value for name, value in {**call.given, **given}.items() if value is not None}
            return await endpoint(replace(call, given=kept))

        return answer

    server.gate.routes = [
        replace(route, endpoint=deaf(route.endpoint)) if (route.method, route.template) == (method, template) else route
        for route in server.gate.routes
    ]


def _first_page(_call: Call, answer: Answer) -> Answer:
    return Answer(answer.body)


@_mutant
def statuses_pile_up(server: GitLabServer) -> None:
    def spoil(call: Call, answer: Answer) -> Answer:
        for pipeline in call.world.pipelines:
            for status in pipeline.statuses:
                status.user, status.retried = call.world.user("somebody"), False
        return answer

    _spoil(server, "POST", _STATUS, spoil)


@_mutant
def a_status_keeps_its_first_words(server: GitLabServer) -> None:
    words: dict[int, str | None] = {}

    def spoil(call: Call, answer: Answer) -> Answer:
        for pipeline in call.world.pipelines:
            for status in pipeline.statuses:
                status.description = words.setdefault(pipeline.id, status.description)
        return answer

    _spoil(server, "POST", _STATUS, spoil)


@_mutant
def what_ended_stays_ended(server: GitLabServer) -> None:
    def spoil(call: Call, answer: Answer) -> Answer:
        for pipeline in call.world.pipelines:
            ended = [one for one in pipeline.statuses if one.status == "failed"]
            for status in pipeline.statuses:
                status.status = "failed" if ended else status.status
        return answer

    _spoil(server, "POST", _STATUS, spoil)


@_mutant
def links_of_statuses_are_dropped(server: GitLabServer) -> None:
    _ask(server, "POST", _STATUS, target_url=None)


@_mutant
def emoji_can_be_given_twice(server: GitLabServer) -> None:
    def spoil(call: Call, answer: Answer) -> Answer:
        call.note().awards.append(call.note().awards[-1])
        return answer

    _spoil(server, "POST", f"{_NOTES}/:note_id/award_emoji", spoil)


@_mutant
def there_is_one_page_of_notes(server: GitLabServer) -> None:
    _spoil(server, "GET", _NOTES, _first_page)


@_mutant
def there_is_one_page_of_diffs(server: GitLabServer) -> None:
    _spoil(server, "GET", "projects/:id/merge_requests/:iid/diffs", _first_page)


@_mutant
def notes_are_never_edited(server: GitLabServer) -> None:
    def spoil(call: Call, answer: Answer) -> Answer:
        call.note().history.pop()
        return answer

    _spoil(server, "PUT", f"{_NOTES}/:note_id", spoil)


@_mutant
def everybody_has_written_every_note(server: GitLabServer) -> None:
    def spoil(call: Call, answer: Answer) -> Answer:
        assert isinstance(answer.body, list)
        return replace(answer, body=[{**note, "author": {"id": call.user.id}} for note in answer.body])

    _spoil(server, "GET", _NOTES, spoil)


@_mutant
def what_is_closed_is_listed_as_open(server: GitLabServer) -> None:
    _ask(server, "GET", "projects/:id/merge_requests", state="all")


@_mutant
def nothing_ever_changes(server: GitLabServer) -> None:
    right = server.gate._respond

    def wrong(request: Any, answer: Answer) -> Any:
        response = right(request, answer)
        if request.headers.get("If-None-Match") and answer.status == 200:
            response.set_status(304)
            response.body = None
        return response

    server.gate._respond = wrong  # type: ignore[method-assign]


@_mutant
def everything_changes_all_the_time(server: GitLabServer) -> None:
    def spoil(call: Call, answer: Answer) -> Answer:
        assert isinstance(answer.body, dict)
        return replace(answer, body={**answer.body, "asked_at": call.world.new_id()})

    _spoil(server, "GET", "projects/:id/merge_requests/:iid", spoil)


@_mutant
def everybody_is_a_developer(server: GitLabServer) -> None:
    server.world.user("passer-by")
    for project in server.world.projects.values():
        project.members[server.world.user("passer-by").id] = 30


@_mutant
def files_are_taken_for_text(server: GitLabServer) -> None:
    def spoil(_call: Call, answer: Answer) -> Answer:
        assert isinstance(answer.body, bytes)
        return replace(answer, body=answer.body.decode(errors="replace").encode())

    _spoil(server, "GET", "projects/:id/repository/files/:path/raw", spoil)


@_mutant
def files_are_always_those_of_the_default_branch(server: GitLabServer) -> None:
    _ask(server, "GET", "projects/:id/repository/files/:path/raw", ref=None)


@_mutant
def labels_are_left_out(server: GitLabServer) -> None:
    def spoil(_call: Call, answer: Answer) -> Answer:
        assert isinstance(answer.body, dict)
        return replace(answer, body={**answer.body, "labels": []})

    _spoil(server, "GET", "projects/:id/merge_requests/:iid", spoil)


@_mutant
def projects_of_others_are_listed(server: GitLabServer) -> None:
    _ask(server, "GET", "projects", membership=None)


@_mutant
def strangers_are_members(server: GitLabServer) -> None:
    def spoil(_call: Call, answer: Answer) -> Answer:
        assert isinstance(answer.body, dict)
        return replace(answer, body={**answer.body, "permissions": {"project_access": {"access_level": 30}}})

    _spoil(server, "GET", "projects/:id", spoil)


@_mutant
def an_event_is_sent_again_under_another_key(server: GitLabServer) -> None:
    right = server.webhooks._deliver

    async def wrong(event: HookEvent) -> None:
        event.key = f"{event.key}-again"
        await right(event)

    server.webhooks._deliver = wrong  # type: ignore[method-assign]


@_mutant
def events_are_forgotten(server: GitLabServer) -> None:
    _spoil(server, "GET", "projects/:id/hooks/:hook_id/events", lambda _call, answer: replace(answer, body=[]))
