"""Where an event happened: a project's owner may be a group in a group."""

from bot.domain.run import ChangeRef, RepoRef
from bot.engine.intake import MalformedEvent
from handlers import payload


def project(forge: str, data: object) -> RepoRef:
    """Return the project of an event; raise MalformedEvent where it names none."""
    path = payload.text(data, "project", "path_with_namespace")
    owner, _, name = path.rpartition("/")
    if not (owner and name):
        raise MalformedEvent(f"project.path_with_namespace is {path[:80]!r}, not group/name")
    return RepoRef(forge=forge, owner=owner, name=name)


def merge_request(forge: str, data: object, *path: str) -> ChangeRef:
    """Return the merge request described at a path, in the event's project."""
    return ChangeRef(repo=project(forge, data), number=payload.number(data, *path, "iid"))
