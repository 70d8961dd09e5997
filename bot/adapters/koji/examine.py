"""Looks at a hub with the eyes of an operator: does it answer, whom does it take us for, what does it let us do.

What policies say cannot be asked for (`evalPolicy` is for builders, kojihub/kojihub.py, Koji 1.35): it is found out by
trying. A build is asked for whose source package is not there: builders look at the policies first
(builder/kojid, BuildTask.handler), so it fails for the policy, or gets past it and is cancelled.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any

import koji

from bot.adapters.koji.hub import Hub
from bot.adapters.koji.settings import KojiSettings
from bot.adapters.koji.tasks import has_ended
from bot.ports.diagnosis import Diagnosis, doubtful, well, wrong
from bot.ports.errors import Rejected

_NEEDED = (1, 35)
"""The first version with requests for repositories; draft builds are there since 1.34."""
_LOOKS = 30
_NOWHERE = "cli-build/revdeps-doctor/no-such-package-0-0.src.rpm"
_POLICY = "policy violation"
_SNIPPET = "Ask the hub's administrators for the policies in deploy/koji-policy.example."


async def examine(settings: KojiSettings, tags: Sequence[str], *, trying: bool) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found; with `trying` a side tag of each tag is made and removed again, and a build asked for.

    Raises `Transient` where the hub does not answer, `Misconfigured` where it does not log us in.
    """
    hub = Hub(settings)
    about = f"koji:{settings.name}"
    try:
        yield await hub.call(lambda session: _who(session, hub.user, about))
        yield await hub.call(lambda session: _version(session, about))
        yield await hub.call(lambda session: _load(session, about, settings.busy))
        for tag in tags:
            yield await hub.call(partial(_tag, about=about, tag=tag))
            if trying:
                async for found in _try(hub, settings, f"{about} {tag}", tag):
                    yield found
        if not (tags and trying):
            what = "whether side tags, drafts and builds from source packages are allowed was not tried"
            yield doubtful(about, what, "Run `revdeps doctor --try`, with --tag where no target names one.")
    finally:
        await hub.close()


def _who(session: Any, user: dict[str, Any], about: str) -> Diagnosis:
    permissions = ", ".join(session.getPerms()) or "no permissions"
    return well(about, f"logged in as {user['name']} ({permissions})")


def _version(session: Any, about: str) -> Diagnosis:
    version = str(session.getKojiVersion())
    if tuple(int(part) for part in version.split(".")[:2]) < _NEEDED:
        needed = ".".join(map(str, _NEEDED))
        return wrong(about, f"the hub is Koji {version}", f"Koji {needed} or later is needed: drafts, repo requests.")
    return well(about, f"Koji {version}, which has draft builds")


def _load(session: Any, about: str, busy: float) -> Diagnosis:
    hosts = session.listHosts(channelID="default", enabled=True, ready=True)
    capacity = sum(host["capacity"] for host in hosts)
    if not capacity:
        return wrong(about, "no builder is ready in the channel default", "Nothing is submitted until one is.")
    load = sum(min(host["task_load"], host["capacity"]) for host in hosts) / capacity
    what = f"{len(hosts)} builders in the channel default, {load:.0%} taken"
    if load > busy:
        return doubtful(about, what, f"Nothing is submitted above {busy:.0%} (`busy` in the build systems file).")
    return well(about, what)


def _tag(session: Any, about: str, tag: str) -> Diagnosis:
    if session.getTag(tag) is None:
        return wrong(f"{about} {tag}", "there is no such tag", "Name the tag that packages are built in.")
    if session.getRepo(tag) is None:
        return wrong(f"{about} {tag}", "the tag has no repository", "Name a tag that packages are built in.")
    return well(f"{about} {tag}", "the tag has a repository")


async def _try(hub: Hub, settings: KojiSettings, about: str, tag: str) -> AsyncGenerator[Diagnosis, None]:
    try:
        made = await hub.call(lambda session: str(session.createSideTag(tag)["name"]))
    except Rejected as refusal:
        yield wrong(about, f"no side tag may be made: {refusal}", _SNIPPET)
        return
    try:
        yield well(about, f"a side tag may be made ({made}, removed again)")
        yield await _policy(hub, settings, about, made)
    finally:
        await hub.call(lambda session: session.removeSideTag(made))


async def _policy(hub: Hub, settings: KojiSettings, about: str, side_tag: str) -> Diagnosis:
    """Ask for a draft build of nothing, and see how far it gets."""
    options = {"draft": True, "skip_tag": True}
    task = await hub.call(lambda session: int(session.build(_NOWHERE, side_tag, options)))
    try:
        for _ in range(_LOOKS):
            found = await hub.call(lambda session: _progress(session, task))
            if found is not None:
                break
            await asyncio.sleep(settings.pause.total_seconds())
    finally:
        await hub.call(lambda session: session.cancelTask(task))
    if found is None:
        return doubtful(about, f"no builder took the build that was tried (task {task})", "Try again later.")
    if _POLICY in found:
        return wrong(about, f"no draft may be built from a source package: {found}", _SNIPPET)
    return well(about, "drafts may be built from source packages")


def _progress(session: Any, task: int) -> str | None:
    """Return why the task failed, nothing where it got past the policies, None while neither is known."""
    if has_ended(session.getTaskInfo(task)):
        try:
            session.getTaskResult(task)
        except koji.GenericError as fault:
            return str(fault)
        return ""
    return "" if session.getTaskChildren(task) else None
