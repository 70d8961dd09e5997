"""Side tags and their repositories: what is tagged, and whether builds can see it."""

from collections.abc import Sequence
from typing import Any

from bot.adapters.koji import tasks

_ASKED_FOR = (1, 35)
"""The Koji from which on a repository is asked for; before it, one is made by itself when its tag changes."""


def tag_exactly(session: Any, tag: str, wanted: set[str]) -> list[int]:
    """Take out of a tag what is not wanted, ask for what is; the tasks that tag."""
    tagged = {build["nvr"] for build in session.listTagged(tag)}
    for nvr in sorted(tagged - wanted):
        session.untagBuild(tag, nvr)
    return [session.tagBuild(tag, nvr) for nvr in sorted(wanted - tagged)]


def tagged(session: Any, asked: Sequence[int]) -> int | None:
    """Return how many tasks have tagged something, None until all have; raise what one of them failed with."""
    states = session.getTaskInfo(list(asked)) if asked else []
    if not all(tasks.has_ended(state) for state in states):
        return None
    for number in asked:
        session.getTaskResult(number)
    return len(states)


def repository(session: Any, tag: str) -> int | None:
    """Return the repository that holds all that is tagged, None until there is one."""
    if _version(session) >= _ASKED_FOR:
        repo = session.repo.request(tag, min_event="last")["repo"]
    else:
        repo = session.getRepo(tag)
        if repo and repo["create_event"] < session.tagLastChangeEvent(tag):
            repo = None
    return int(repo["id"]) if repo else None


def _version(session: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in session.getKojiVersion().split(".")[:2])
