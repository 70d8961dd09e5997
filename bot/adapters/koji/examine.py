"""Looks at a hub with the eyes of an operator: does it answer, whom does it take us for, what does it let us do.

What policies say cannot be asked for (`evalPolicy` is for builders, kojihub/kojihub.py, Koji 1.35): it is found out by
trying. A build is asked for whose source package, or commit, is not there: builders look at the policies first
(builder/kojid, BuildTask and BuildSRPMFromSCMTask), so it fails for the policy, or gets past it and is cancelled.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import koji

from bot.adapters.koji.hub import Hub
from bot.adapters.koji.refusals import refusal
from bot.adapters.koji.settings import KojiSettings, SourceOrigin
from bot.adapters.koji.tasks import has_ended
from bot.adapters.koji.workspaces import NoMoreSideTags, make
from bot.ports.diagnosis import Diagnosis, State, doubtful, well, wrong
from bot.ports.errors import Rejected

_NEEDED = (1, 34)
"""The first version with draft builds. Requests for repositories came with 1.35; before it, kojira makes them."""
_LOOKS = 30
_NO_COMMIT = "0" * 40
_NOWHERE = "cli-build/revdeps-doctor/no-such-package-0-0.src.rpm"
_NONE: Mapping[str, str] = {}
_SNIPPET = "Ask the hub's administrators for the policies in deploy/koji-policy.example."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A build that cannot be: how far it gets tells what the hub allows. `of` says what it is made from."""

    source: str
    of: str

    @property
    def checks_out(self) -> bool:
        """Whether a builder has to check something out."""
        return self.source != _NOWHERE


async def examine(
    settings: KojiSettings, tags: Sequence[str], *, trying: bool, repositories: Mapping[str, str] = _NONE
) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found; with `trying` a side tag of each tag is made and removed again, and a build asked for.

    Of `repositories` (`owner/name`, by forge) commits are asked for where the hub is to check changes out.
    Raises `Transient` where the hub does not answer, `Misconfigured` where it does not log us in.
    """
    hub = Hub(settings)
    about = f"koji:{settings.name}"
    try:
        yield await hub.call(lambda session: _who(session, hub.user, about))
        yield await hub.call(lambda session: _version(session, about))
        yield await hub.call(lambda session: _load(session, about, settings.busy))
        for tag in tags:
            there = await hub.call(partial(_tag, about=about, tag=tag))
            yield there
            if trying and there.state is not State.WRONG:
                async for found in _try(hub, settings, f"{about} {tag}", tag, repositories):
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
        return wrong(about, f"the hub is Koji {version}", f"Koji {needed} or later is needed, for draft builds.")
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


async def _try(
    hub: Hub, settings: KojiSettings, about: str, tag: str, repositories: Mapping[str, str]
) -> AsyncGenerator[Diagnosis, None]:
    try:
        made = await hub.call(lambda session: _side_tag(session, hub.user["id"], tag, settings))
    except NoMoreSideTags as full:
        yield doubtful(about, str(full), "Raise the number in the hub's policy `sidetag`, should runs wait for long.")
        return
    except Rejected as refusal:
        yield wrong(about, f"no side tag may be made: {refusal}", _SNIPPET)
        return
    try:
        yield well(about, f"a side tag may be made ({made}, removed again)")
        yield await _policy(hub, settings, about, made, _Trial(source=_NOWHERE, of="source packages"))
        if settings.source is SourceOrigin.SCM:
            for forge, pattern in settings.clone_urls.items():
                yield await _checkout(hub, settings, f"{about} {forge}", made, pattern, repositories.get(forge))
    finally:
        await hub.call(lambda session: session.removeSideTag(made))


def _side_tag(session: Any, user: int, tag: str, settings: KojiSettings) -> str:
    return make(session, tag, settings, len(session.listSideTags(basetag=tag, user=user)))


async def _checkout(
    hub: Hub, settings: KojiSettings, about: str, side_tag: str, pattern: str, repository: str | None
) -> Diagnosis:
    if repository is None:
        what = "whether its builders may check changes out was not tried"
        return doubtful(about, what, "Name a repository there: --repository FORGE:OWNER/NAME.")
    source = f"git+{pattern.format(repository=repository)}#{_NO_COMMIT}"
    return await _policy(hub, settings, about, side_tag, _Trial(source=source, of=f"commits of {repository}"))


async def _policy(hub: Hub, settings: KojiSettings, about: str, side_tag: str, trial: _Trial) -> Diagnosis:
    """Ask for a draft build of nothing, and see how far it gets."""
    options = {"draft": True, "skip_tag": True}
    task = await hub.call(lambda session: int(session.build(trial.source, side_tag, options)))
    try:
        for _ in range(_LOOKS):
            found = await hub.call(lambda session: _progress(session, task, trial))
            if found is not None:
                break
            await asyncio.sleep(settings.pause.total_seconds())
    finally:
        await hub.call(lambda session: session.cancelTask(task))
    if found is None:
        return doubtful(about, f"no builder took the build that was tried (task {task})", "Try again later.")
    if found:
        return wrong(about, f"no draft may be built from {trial.of}: {found}", _SNIPPET)
    return well(about, f"drafts may be built from {trial.of}")


def _progress(session: Any, task: int, trial: _Trial) -> str | None:
    """Return what the hub does not allow, nothing where it got past the policies, None while neither is known."""
    if has_ended(session.getTaskInfo(task)):
        try:
            session.getTaskResult(task)
        except koji.GenericError as fault:
            refused = refusal(fault.faultCode, str(fault))
            return refused.cause if refused else ""
        return ""
    children = session.getTaskChildren(task)
    if not trial.checks_out:
        return "" if children else None
    checking = [child["id"] for child in children if child["method"] == "buildSRPMFromSCM"]
    return "" if checking and session.listBuildroots(taskID=checking[0]) else None  # it asks before it makes a root
