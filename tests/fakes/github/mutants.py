"""Ways in which a GitHub could be wrong, by name. A contract that does not catch them proves nothing.

`plant(server, name)` makes a server wrong in one way.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tests.fakes.github import apps
from tests.fakes.github.server import GitHubServer
from tests.fakes.github.wire import Answer, ApiError, Call

Plant = Callable[[GitHubServer], None]
Around = Callable[[Call], Awaitable[Answer]]
MUTANTS: dict[str, Plant] = {}

_CHECK = "/repos/{owner}/{repo}/check-runs/{check_run_id}"
_CHECKS = "/repos/{owner}/{repo}/check-runs"
_OF_COMMIT = "/repos/{owner}/{repo}/commits/{ref}/check-runs"
_ATTEMPT = "/app/hook/deliveries/{delivery_id}/attempts"


def plant(server: GitHubServer, name: str) -> None:
    """Make a server wrong."""
    MUTANTS[name](server)


def _mutant(method: str, template: str = "") -> Callable[[Around], Around]:
    """Let a function answer such requests instead; without a template every request of that method."""

    def declare(wrong: Around) -> Around:
        def plant(server: GitHubServer) -> None:
            async def around(call: Call) -> Answer:
                meant = (call.route.method, call.route.template) == (method, template or call.route.template)
                return await (wrong(call) if meant else call.route.endpoint(call))

            server.gate.around = around

        MUTANTS[wrong.__name__] = plant
        return wrong

    return declare


async def _altered(call: Call, alter: Callable[[Any], Any]) -> Answer:
    answer = await call.route.endpoint(call)
    return replace(answer, body=alter(answer.body))


@_mutant("PATCH", _CHECK)
async def anybody_may_write_to_a_check(call: Call) -> Answer:
    run = call.world.checks[call.number("check_run_id")]
    run.app = call.app
    return await call.route.endpoint(call)


@_mutant("PATCH", _CHECK)
async def annotations_replace_those_before(call: Call) -> Answer:
    call.world.checks[call.number("check_run_id")].annotations.clear()
    return await call.route.endpoint(call)


@_mutant("PATCH", _CHECK)
async def a_conclusion_completes_nothing(call: Call) -> Answer:
    return await _altered(call, lambda body: body | {"status": "in_progress"})


@_mutant("POST", _CHECKS)
async def a_wrong_check_is_taken(call: Call) -> Answer:
    try:
        return await call.route.endpoint(call)
    except ApiError:
        call.body.update(conclusion="success", status="completed", head_sha=call.repository().pulls[1].head_sha)
        for name in ("output", "actions"):
            call.body.pop(name, None)
        return await call.route.endpoint(call)


@_mutant("GET", _OF_COMMIT)
async def checks_lose_what_we_call_them(call: Call) -> Answer:
    return await _altered(
        call, lambda body: body | {"check_runs": [run | {"external_id": ""} for run in body["check_runs"]]}
    )


@_mutant("POST", _CHECKS)
async def a_check_of_a_fork_knows_its_pull_request(call: Call) -> Answer:
    return await _altered(call, lambda body: body | {"pull_requests": [{"number": 1}]})


@_mutant("POST", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions")
async def reactions_pile_up(call: Call) -> Answer:
    return replace(await call.route.endpoint(call), status=201)


@_mutant("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}")
async def an_edit_is_lost(call: Call) -> Answer:
    answer = await call.route.endpoint(call)
    comment = call.world.comments[call.number("comment_id")]
    comment.history.append(comment.history[-2])
    return answer


@_mutant("POST", "/graphql")
async def nothing_is_folded_away(call: Call) -> Answer:
    answer = await call.route.endpoint(call)
    for comment in call.world.comments.values():
        comment.minimised = None
    return answer


@_mutant("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission")
async def roles_have_their_old_names(call: Call) -> Answer:
    return await _altered(call, lambda body: body | {"role_name": body["permission"]})


@_mutant("GET", "/repos/{owner}/{repo}/pulls")
async def there_is_no_second_page(call: Call) -> Answer:
    return replace(await call.route.endpoint(call), headers={})


@_mutant("GET", "/repos/{owner}/{repo}/pulls/{pull_number}")
async def no_answer_is_like_the_one_before(call: Call) -> Answer:
    return await _altered(call, lambda body: body | {"id": call.world.new_id()})


@_mutant("GET", "/repos/{owner}/{repo}/contents/{path}")
async def files_are_never_raw(call: Call) -> Answer:
    answer = await call.route.endpoint(call)
    return Answer({"content": ""}) if isinstance(answer.body, bytes) else answer


@_mutant("POST", _CHECKS)
async def everything_is_granted(call: Call) -> Answer:
    call.token.permissions.update(call.token.installation.permissions)
    return await call.route.endpoint(call)


@_mutant("GET", "/repos/{owner}/{repo}")
async def private_repositories_are_shown(call: Call) -> Answer:
    repo = call.world.repositories[f"{call['owner']}/{call['repo']}"]
    repo.private = False
    return await call.route.endpoint(call)


@_mutant("GET", "/app/hook/deliveries")
async def deliveries_are_kept_for_ever(call: Call) -> Answer:
    return Answer([apps.delivery(call.world, sent) for sent in reversed(call.world.deliveries)])


@_mutant("POST", _ATTEMPT)
async def a_redelivery_has_another_guid(call: Call) -> Answer:
    for sent in call.world.deliveries:
        if sent.id == call.number("delivery_id"):
            sent.guid = "another"
    return await call.route.endpoint(call)


@_mutant("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}")
async def a_tree_that_is_cut_off_passes_for_whole(call: Call) -> Answer:
    return await _altered(call, lambda body: body | {"truncated": False})


def a_renamed_repository_is_lost(server: GitHubServer) -> None:
    class Forgetful(dict[str, Any]):
        def __setitem__(self, name: str, repo: Any) -> None:
            """Forget it."""

    server.world.moved = Forgetful()


def there_are_no_secondary_limits(server: GitHubServer) -> None:
    server.gate.secondary.enforced = False


MUTANTS |= {wrong.__name__: wrong for wrong in (a_renamed_repository_is_lost, there_are_no_secondary_limits)}
