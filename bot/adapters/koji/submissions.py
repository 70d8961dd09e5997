"""Asks a hub for builds, for many in two requests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import koji

from bot.adapters.koji import tasks
from bot.adapters.koji.workspaces import Workspace
from bot.domain.build import BuildRequest
from bot.domain.ids import BuildKey, BuildRef
from bot.ports.errors import Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What `build` is asked for: `source` is what it takes for one."""

    source: str
    tag: str
    options: Mapping[str, Any]


def order_of(key: BuildKey, request: BuildRequest, workspace: Workspace, source: str) -> Order:
    """Return what is asked for to have a build in a workspace."""
    metadata = {tasks.KEY: key, tasks.LIMIT: int(request.timeout.total_seconds())}
    options: dict[str, Any] = {"fail_fast": True, "custom_user_metadata": metadata}
    if request.publishable:
        options |= {"draft": True, "skip_tag": True}
    else:
        options |= {"scratch": True, "rebuild_srpm": False, "arch_override": workspace.arch}
    if shown := workspace.shown(request.generation):
        options["wait_builds"] = shown
    return Order(source=source, tag=workspace.tag, options=options)


def ask_for_builds(
    session: Any, orders: Sequence[Order], priority: int, told: Callable[[Exception], Exception]
) -> list[BuildRef | Exception]:
    """Ask for builds; return for each its task, or why there is none (`told` says what the client's errors mean)."""
    with session.multicall() as many:
        found = {tag: many.getTag(tag) for tag in dict.fromkeys(order.tag for order in orders)}
    there = {tag for tag, answer in found.items() if answer.result is not None}
    with session.multicall() as many:
        asked = [
            many.build(order.source, order.tag, dict(order.options), priority=priority) if order.tag in there else None
            for order in orders
        ]
    return [_ref(order, answer, told) for order, answer in zip(orders, asked, strict=True)]


def _ref(order: Order, answer: Any, told: Callable[[Exception], Exception]) -> BuildRef | Exception:
    if answer is None:
        return Gone(f"the side tag {order.tag} was removed")
    try:
        return BuildRef(str(answer.result))
    except koji.GenericError as error:
        return told(error)
