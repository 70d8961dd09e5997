"""Projects of a Copr: made, found, shown what is published, removed. Everything here blocks."""

from typing import Any

from copr.v3 import CoprNoResultException, CoprRequestException

from bot.adapters.copr import builds
from bot.adapters.copr.names import Place, chroot_of
from bot.adapters.copr.settings import CoprSettings
from bot.domain.ids import WorkspaceRef
from bot.domain.target import RepositoryKind, Target
from bot.ports.builder import WorkspaceSpec
from bot.ports.errors import Misconfigured, Transient

_PAGE = 100
ABOVE_ALL = 1
"""The priority of what is published; repositories have 99 unless they say otherwise. A Copr hides nothing of a chroot:
what a change replaces would be installed where its EVR is higher. The resolver is told (`RepoState.priority`)."""


def prepare(client: Any, settings: CoprSettings, name: str, spec: WorkspaceSpec) -> Place:
    """Make a project, or find it; it goes by itself some day, should nobody remove it."""
    place = Place(name, chroot_of(spec.target))
    try:
        client.project_proxy.add(
            settings.owner,
            name,
            [place.chroot],
            description=f"Rebuilds by RevDeps: {spec.key}",
            additional_repos=_repositories(spec.target),
            unlisted_on_hp=True,
            enable_net=False,
            delete_after_days=max(1, settings.delete_after.days),
            appstream=False,
            follow_fedora_branching=False,
            exist_ok=True,
        )
    except CoprRequestException as error:
        if "chroot" not in str(error.result.error):
            raise
        raise Misconfigured(
            f"targets.{spec.target.name}.chroot",
            f"Copr ({settings.name}) has no chroot {place.chroot}",
            "Name one that it has: its page for a new project lists them.",
        ) from error
    return place


def _repositories(target: Target) -> list[str]:
    """Return what is to be added to the chroot's own repositories: what the target has at plain addresses."""
    plain = [each for each in target.repositories if each.kind is RepositoryKind.BASEURL]
    return [
        f"{each.url}?priority={each.priority}" if each.priority != 99 else each.url
        for each in plain
        if each.url.startswith(("http://", "https://"))
    ]


def show(client: Any, settings: CoprSettings, place: Place, directories: list[str]) -> None:
    """Let builds of a project see exactly these of its directories, beside what it was made with."""
    present = list(client.project_proxy.get(settings.owner, place.project).additional_repos)
    base = f"copr://{settings.owner}/{place.project}:custom:"
    wanted = [each for each in present if not each.startswith(base)]
    wanted += [f"copr://{settings.owner}/{directory}?priority={ABOVE_ALL}" for directory in directories]
    if wanted != present:
        client.project_proxy.edit(settings.owner, place.project, additional_repos=wanted)


def discard(client: Any, settings: CoprSettings, place: Place) -> None:
    """Delete a project, for which its builds have to have ended; nothing happens where it is gone."""
    for build in builds.listed(client, settings, place.project, 0) or []:
        if not builds.has_ended(build):
            builds.cancel(int(build.id), client)
    try:
        client.project_proxy.delete(settings.owner, place.project)
    except CoprNoResultException:
        return
    except CoprRequestException as error:
        if "still running" in str(error.result.error):
            raise Transient(f"a build began in {place.project} while it was being removed") from error
        raise


def ours(client: Any, settings: CoprSettings) -> tuple[WorkspaceRef, ...]:
    """Return all our projects, a page at a time."""
    found: list[WorkspaceRef] = []
    for offset in range(0, 1 << 30, _PAGE):
        page = client.project_proxy.get_list(settings.owner, pagination={"limit": _PAGE, "offset": offset})
        for project in page:
            if project.name.startswith(f"{settings.prefix}-"):
                found += [Place(project.name, chroot).ref for chroot in list(project.chroot_repos)[:1] or ["none"]]
        if len(page) < _PAGE:
            break
    return tuple(found)
