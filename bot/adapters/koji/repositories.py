"""Side tags and their repositories: what is tagged, and whether builds can see it."""

from collections.abc import Sequence
from typing import Any

from bot.adapters.koji import tasks
from bot.ports.errors import Rejected

_ASKED_FOR = (1, 35)
"""The Koji from which on a repository is asked for; before it, one is made by itself when its tag changes."""


def tag_exactly(session: Any, tag: str, wanted: set[str]) -> list[int]:
    """Take out of a tag what is not wanted, ask for what is; the tasks that tag."""
    present = _tagged(session, tag)
    for nvr in sorted(present - wanted):
        session.untagBuild(tag, nvr)
    return [session.tagBuild(tag, nvr) for nvr in sorted(wanted - present)]


def tagged(session: Any, tag: str, wanted: set[str], asked: Sequence[int]) -> int | None:
    """Return how many builds are tagged, None until all are; raise what a task that tags failed with.

    One that was asked for again while the first was waiting for a builder fails, for the build is in the tag by then
    (kojihub.py, _tag_build).
    """
    states = session.getTaskInfo(list(asked)) if asked else []
    if not all(tasks.has_ended(state) for state in states):
        return None
    if not wanted <= _tagged(session, tag):
        for number in asked:
            session.getTaskResult(number)
    return len(wanted)


def _tagged(session: Any, tag: str) -> set[str]:
    return {build["nvr"] for build in session.listTagged(tag)}


def repository(session: Any, tag: str, requests: dict[str, int]) -> int | None:
    """Return the repository that holds all that is tagged, None until there is one.

    `requests` are, by tag, those that the hub was at last time. Raises Rejected where it has given one up:
    it tries a few times (kojihub/repos.py, check_repo_queue), and would begin again with another one.
    """
    if _version(session) < _ASKED_FOR:
        repo = session.getRepo(tag)
        return int(repo["id"]) if repo and repo["create_event"] >= session.tagLastChangeEvent(tag) else None
    if tag in requests:
        told = session.repo.checkRequest(requests.pop(tag))
        if told["repo"] is None and not told["request"]["active"]:
            task, tries = told["request"]["task_id"], told["request"]["tries"]
            what = f"Koji could not make a repository of {tag} in {tries} tries, and its task {task} says why"
            raise Rejected(f"{what}. That is for the hub's administrators to mend; `/revdeps run` tests anew.")
    answer = session.repo.request(tag, min_event="last")
    if answer["repo"]:
        return int(answer["repo"]["id"])
    requests[tag] = answer["request"]["id"]
    return None


def _version(session: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in session.getKojiVersion().split(".")[:2])
