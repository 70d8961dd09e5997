# ruff: noqa: N803 - the names are Koji's
"""Ways in which a hub could be wrong, by name. A contract that does not catch them proves nothing.

`plant(hub, name)` makes a hub wrong in one way; it is done before the hub starts.
"""

from collections.abc import Callable, Mapping
from typing import Any

import koji
from tests.fakes.koji import rules
from tests.fakes.koji.server import KojiHub

Plant = Callable[[KojiHub], None]
MUTANTS: dict[str, Plant] = {}


def plant(hub: KojiHub, name: str) -> None:
    """Make a hub wrong."""
    MUTANTS[name](hub)


def _mutant(function: Plant) -> Plant:
    MUTANTS[function.__name__] = function
    return function


def _instead(hub: KojiHub, method: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    hub.gate.methods[method] = make(hub.gate.methods[method])


@_mutant
def draft_and_scratch_makes_a_draft(hub: KojiHub) -> None:
    def make(build: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(src: str, target: str, opts: Any = None, priority: Any = None, channel: Any = None) -> Any:
            kept = {key: value for key, value in (opts or {}).items() if key != "scratch" or not opts.get("draft")}
            return build(src, target, kept, priority, channel)

        return wrong

    _instead(hub, "build", make)


@_mutant
def build_looks_at_the_target(hub: KojiHub) -> None:
    def make(build: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(src: str, target: str, *rest: Any, **named: Any) -> Any:
            if hub.world.target(target) is None:
                raise koji.GenericError(f"unknown build target: {target}")
            return build(src, target, *rest, **named)

        return wrong

    _instead(hub, "build", make)


@_mutant
def one_fault_spoils_a_multicall(hub: KojiHub) -> None:
    hub.gate.one_fault_spoils_all = True


@_mutant
def cancelling_what_has_ended_raises(hub: KojiHub) -> None:
    def make(cancel: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(task_id: int, recurse: bool = True) -> None:
            if hub.world.task(task_id).finished:
                raise koji.GenericError("task has ended")
            cancel(task_id, recurse)

        return wrong

    _instead(hub, "cancelTask", make)


@_mutant
def cancelling_leaves_subtasks(hub: KojiHub) -> None:
    _instead(hub, "cancelTask", lambda cancel: lambda task_id, recurse=True: cancel(task_id, recurse=False))


@_mutant
def result_of_what_was_cancelled_is_nothing(hub: KojiHub) -> None:
    def make(result: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(taskId: int, raise_fault: bool = True) -> Any:
            if hub.world.task(taskId).state == koji.TASK_STATES["CANCELED"]:
                return None
            return result(taskId, raise_fault)

        return wrong

    _instead(hub, "getTaskResult", make)


@_mutant
def a_repository_is_ready_before_it_is_made(hub: KojiHub) -> None:
    hub.repositories.early = True


@_mutant
def any_repository_does_for_a_build_that_waits(hub: KojiHub) -> None:
    class Blind:
        """`rules`, but blind to when a build was tagged."""

        def __getattr__(self, name: str) -> Any:
            return getattr(rules, name)

        def tagged_all(self, world: Any, tag: Any, nvrs: list[str], event: Any) -> bool:
            return True

    hub.handlers.rules = Blind()


@_mutant
def a_removed_side_tag_stays(hub: KojiHub) -> None:
    hub.gate.methods["removeSideTag"] = lambda sidetag: None


@_mutant
def a_side_tag_shows_its_builds_to_its_parent(hub: KojiHub) -> None:
    right = hub.world.inheritance

    def wrong(tag: Any) -> Any:
        return [*(each for each in hub.world.tags_by_name.values() if tag.id in each.parents), *right(tag)]

    hub.world.inheritance = wrong  # type: ignore[method-assign]


@_mutant
def tasks_of_everybody_are_ours(hub: KojiHub) -> None:
    _instead(
        hub,
        "listTasks",
        lambda tasks: (
            lambda opts=None, queryOpts=None: tasks(
                {key: value for key, value in (opts or {}).items() if key != "owner"}, queryOpts
            )
        ),
    )


@_mutant
def uploads_lose_their_last_byte(hub: KojiHub) -> None:
    right = hub.gate.upload

    def wrong(query: Mapping[str, str], chunk: bytes) -> Any:
        assert right is not None
        return right(query, chunk[:-1])

    hub.gate.upload = wrong


@_mutant
def negative_offsets_count_from_the_front(hub: KojiHub) -> None:
    def make(download: Callable[..., Any]) -> Callable[..., Any]:
        return lambda taskID, fileName, offset=0, size=-1: download(taskID, fileName, max(offset, 0), size)

    _instead(hub, "downloadTaskOutput", make)


@_mutant
def everything_is_allowed(hub: KojiHub) -> None:
    hub.policies.demand = lambda name, data: None  # type: ignore[method-assign]


@_mutant
def sessions_never_expire(hub: KojiHub) -> None:
    hub.expire_sessions = lambda: None  # type: ignore[method-assign]
    hub.world.limits["SessionRenewalTimeout"] = 1 << 40


@_mutant
def a_call_whose_answer_was_lost_is_done_again(hub: KojiHub) -> None:
    hub.sessions.changed = lambda: None  # type: ignore[method-assign]


@_mutant
def scratch_builds_are_imported(hub: KojiHub) -> None:
    right = hub.handlers.handle

    def wrong(task: Any, host: Any) -> Any:
        if task.method == "build":
            task.request[2].pop("scratch", None)
            task.request[2].pop("arch_override", None)
            task.request[2]["draft"] = True
        return right(task, host)

    hub.handlers.handle = wrong  # type: ignore[method-assign]


@_mutant
def drafts_take_the_real_name(hub: KojiHub) -> None:
    right = hub.handlers.handle

    def wrong(task: Any, host: Any) -> Any:
        if task.method == "build":
            task.request[2].pop("draft", None)
        return right(task, host)

    hub.handlers.handle = wrong  # type: ignore[method-assign]


@_mutant
def a_tag_was_always_set_as_it_is(hub: KojiHub) -> None:
    _instead(hub, "getBuildConfig", lambda config: lambda tag, event=None: config(tag))


@_mutant
def side_tags_of_everybody_are_ours(hub: KojiHub) -> None:
    _instead(
        hub, "listSideTags", lambda tags: lambda basetag=None, user=None, queryOpts=None: tags(basetag, None, queryOpts)
    )
