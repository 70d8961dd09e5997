"""Projects and their directories: made, edited, found, deleted.

Read in frontend/coprs_frontend/coprs/views/apiv3_ns/apiv3_projects.py, logic/coprs_logic.py and logic/complex_logic.py.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.copr import forms
from tests.fakes.copr.model import FINISHED, Build, CoprError, Project, User, bad, forbidden, missing

_FLAGS = (
    "unlisted_on_hp",
    "enable_net",
    "persistent",
    "auto_prune",
    "follow_fedora_branching",
    "disable_createrepo",
    "multilib",
    "module_hotfixes",
    "appstream",
)
_DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(_FLAGS, False),
    "auto_prune": True,
    "follow_fedora_branching": True,
    "description": "",
    "instructions": "",
    "homepage": None,
    "contact": None,
    "repos": "",
    "bootstrap": None,
    "isolation": None,
    "delete_after_days": None,
    "repo_priority": None,
}


class Projects:
    """All projects. `mock_chroots` are the chroots of this Copr, True where they are active."""

    def __init__(self, now: Callable[[], float], repositories: Callable[[], str]) -> None:
        self._now = now
        self.repositories = repositories
        """Where repositories are (models.py, Copr.repo_url)."""
        self.mock_chroots: dict[str, bool] = {}
        self.kept_in = "backend"
        self.all: dict[int, Project] = {}
        self.builds: dict[int, Build] = {}
        self.deleted: Callable[[Project], None] = lambda project: None
        self.made: Callable[[Project, str], None] = lambda project, directory: None
        self.blocked: set[str] = set()
        """Full names of projects with an action that goes on (logic/coprs_logic.py, unfinished_blocking_actions)."""

    def retire(self, chroot: str) -> None:
        """logic/builds_logic.py, cancel_build_chroots_by_mock: no build is cancelled, its part for the chroot is."""
        self.mock_chroots[chroot] = False
        for each in (part for build in self.builds.values() for part in build.chroots):
            if each.name == chroot and each.state not in FINISHED:
                each.state = "canceled"

    def active(self, project: Project) -> list[str]:
        """The project's chroots that have not been retired."""
        return [name for name in project.chroots if self.mock_chroots.get(name)]

    def get(self, owner: str, name: str) -> Project:
        """logic/complex_logic.py, get_copr_by_owner."""
        for project in self.living():
            if (project.owner, project.name) == (owner, name):
                return project
        raise missing(f"Project {owner}/{name} does not exist.")

    def living(self) -> Iterator[Project]:
        return (project for project in self.all.values() if not project.deleted)

    def add(self, user: User, owner: str, data: dict[str, Any], *, exist_ok: bool) -> Project:
        """apiv3_projects.py, ProjectAdd.post."""
        if owner.startswith("@"):
            if owner[1:] not in user.groups:
                raise forbidden(f"User '{user.name}' doesn't have access to group '{owner[1:]}'")
        elif owner != user.name and not user.admin:
            raise forbidden("You don't have permissions to create projects for this user")
        name = str(data.get("name") or "").strip()
        existing = next((each for each in self.living() if (each.owner, each.name) == (owner, name)), None)
        wrong = forms.project_name(name)
        if existing is not None:
            wrong.append(f"name: You already have a project named '{name}'.")
        options, more = self._options(data)
        chroots = [str(chroot) for chroot in data.get("chroots") or []]
        wrong += more
        wrong += self._wrong_chroots(chroots)
        if wrong:
            if exist_ok and existing is not None:
                return existing
            raise bad("\n".join(wrong))
        if options["persistent"] and not user.admin:
            raise forbidden("Non-admin cannot create persistent project.")
        if not options["auto_prune"] and not user.admin:
            raise forbidden("Non-admin cannot disable auto-prunning.")
        number = len(self.all) + 1
        project = Project(number, owner, name, user.name, chroots, self._now(), options, [name])
        self.all[number] = project
        self.made(project, name)
        return project

    def _wrong_chroots(self, chroots: list[str]) -> list[str]:
        active = [name for name, alive in self.mock_chroots.items() if alive]
        unknown = [name for name in chroots if name not in active]
        if unknown:
            several = ", ".join(f"'{name}'" for name in unknown)
            are = "are not valid choices" if len(unknown) > 1 else "is not a valid choice"
            return [f"chroots: {several} {are} for this field."]
        return [] if chroots else ["None: At least one chroot must be selected"]

    def _options(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        options, wrong = dict(_DEFAULTS), []
        for key in _DEFAULTS:
            if key in data:
                options[key] = forms.truth(data[key]) if key in _FLAGS else data[key]
        wrong += self._wrong_repos(str(options["repos"] or ""))
        for key, least, most in (("delete_after_days", -1, 720), ("repo_priority", 1, None)):
            try:
                options[key] = forms.number(options[key], least, most)
            except ValueError as error:
                wrong.append(f"{key}: {error}")
        if options["persistent"] and options["delete_after_days"]:
            wrong.append("delete_after_days: 'delete after' can not be combined with persistent")
        return options, wrong

    def _wrong_repos(self, repos: str) -> list[str]:
        wrong = forms.repositories(repos)
        for url in [] if wrong else repos.split():
            parts = urlsplit(url)
            if parts.scheme == "copr":
                try:
                    self.get(parts.netloc, parts.path.split("/")[1].partition(":")[0])
                except CoprError:
                    wrong.append(f"repos: {url} does not exist.")
        return wrong

    def edit(self, user: User, project: Project, data: dict[str, Any]) -> Project:
        """apiv3_projects.py, ProjectEdit: what is given replaces what was there, lists as a whole."""
        options, wrong = self._options(dict(project.options) | data)
        chroots = [str(chroot) for chroot in data.get("chroots") or []]
        if chroots:
            wrong += self._wrong_chroots(chroots)
        if wrong:
            raise bad("\n".join(wrong))
        self.may_edit(user, project, "Only owners and admins may update their projects.")
        self.not_blocked(project, "Can't change this project name, another operation is in progress: {action}")
        project.options = options
        if chroots:
            project.chroots = chroots
        return project

    def delete(self, user: User, project: Project) -> None:
        """logic/complex_logic.py, delete_copr: all its builds have to have ended."""
        builds = [build for build in self.builds.values() if build.project is project]
        if project.persistent:
            raise forbidden("This project is protected against deletion.")
        self.may_edit(user, project, "Only owners may delete their projects.")
        if running := [str(build.id) for build in builds if not build.finished]:
            raise bad(f"Build(s) {', '.join(running)} are still running.\n")
        self.not_blocked(project, "Can't delete this project, another operation is in progress: {action}")
        self.remove(project)

    def remove(self, project: Project) -> None:
        """Let a project go with its builds and results, as its owner, an administrator or the daily job may."""
        for number in [number for number, build in self.builds.items() if build.project is project]:
            del self.builds[number]
        project.deleted = True
        self.deleted(project)

    def expire(self) -> None:
        """coprs_frontend/commands/delete_expired_projects.py: daily, those whose days are over."""
        for project in list(self.living()):
            days = project.options["delete_after_days"]
            if days is not None and days >= 0 and project.created + days * 86_400 <= self._now():
                self.remove(project)

    def may_edit(self, user: User, project: Project, message: str) -> None:
        if not can_build(user, project):
            raise forbidden(message)

    def not_blocked(self, project: Project, message: str) -> None:
        """ActionInProgressException has no code of its own: 500."""
        if project.full_name in self.blocked:
            raise CoprError(500, message.format(action="fork"))

    def directory(self, project: Project, name: str, *, create: bool) -> str:
        """logic/coprs_logic.py, CoprDirsLogic: find a directory, or check its name and make it."""
        if name in project.directories:
            return name
        if not create:
            raise missing(f"Dirname '{name}' doesn't exist in '{project.full_name}' copr")
        if not name.startswith(f"{project.name}:"):
            raise bad(f"Copr dirname must start with '{project.name}:' prefix")
        parts = name.split(":")
        custom = name.startswith(f"{project.name}:custom:")
        if not custom and not (len(parts) == 3 and parts[1] == "pr" and parts[2].rpartition("-")[2].isnumeric()):
            raise bad(
                f"Please use directory format {project.name}:custom:<SUFFIX_OF_CHOICE> "
                f"or {project.name}:pr:<ID> (for automatically removed directories)"
            )
        if not all(piece.isalnum() for part in parts[1:] for piece in part.split("-")):
            raise bad(
                f"Wrong directory '{name}' specified.  Directory name can "
                "consist of alpha-numeric strings separated by colons."
            )
        project.directories.append(name)
        self.made(project, name)
        return name

    def shown(self, project: Project) -> dict[str, Any]:
        """apiv3_projects.py, to_dict."""
        options = project.options
        kept = {key: options[key] for key in _DEFAULTS if key not in ("repos", "disable_createrepo", "multilib")}
        kept.pop("delete_after_days")
        return {
            "id": project.id,
            "name": project.name,
            "projectname": project.name,
            "ownername": project.owner,
            "full_name": project.full_name,
            **kept,
            "devel_mode": options["disable_createrepo"],
            "additional_repos": project.repos,
            "chroot_repos": {
                name: f"{self.repositories()}/{project.full_name}/{name}/" for name in self.active(project)
            },
            "packit_forge_projects_allowed": [],
            "storage": self.kept_in,
        }


def can_build(user: User, project: Project) -> bool:
    """models.py, User.can_build_in: its owner, a member of its group, an administrator."""
    return user.admin or project.user == user.name or (project.owner[:1] == "@" and project.owner[1:] in user.groups)
