"""The endpoints of the API: what they take, whom they ask, what they answer.

Read in frontend/coprs_frontend/coprs/views/apiv3_ns/. An argument that an endpoint does not know is passed over, as the
real one does, and noted in `violations`: whoever sends it believes that it means something.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.copr import forms
from tests.fakes.copr.builds import Builds
from tests.fakes.copr.model import CoprError, Project, User, bad, forbidden, missing
from tests.fakes.copr.projects import Projects, can_build

_PAGE = {"limit", "offset", "order", "order_type"}
_PATH = {"ownername", "projectname"}


@dataclass
class Call:
    """A request: its query, its body, who sent it."""

    path: tuple[str, ...]
    query: Mapping[str, list[str]]
    body: dict[str, Any]
    user: Callable[[], User]
    unknown: set[str] = field(default_factory=set)

    def arguments(self, *names: str, **optional: str | None) -> list[Any]:
        """views/apiv3_ns/__init__.py, _convert_query_params: 400 for a missing one."""
        self.unknown |= set(self.query) - set(names) - set(optional) - _PAGE
        found: list[Any] = []
        for name in names:
            if name not in self.query:
                raise bad(f"Missing argument {name}")
            found.append(self.query[name][0])
        return found + [self.query.get(name, [default])[0] for name, default in optional.items()]

    def data(self, known: set[str]) -> dict[str, Any]:
        """json2form.py: what is None was not sent."""
        self.unknown |= set(self.query) - _PATH - {"exist_ok"}
        self.unknown |= set(self.body) - known
        return {key: value for key, value in self.body.items() if value is not None and key in known}


class Api:
    """Answers calls. `regenerated`: projects whose metadata were asked for anew."""

    def __init__(self, projects: Projects, builds: Builds) -> None:
        self._projects = projects
        self._builds = builds
        self.regenerated: Callable[[Project], None] = lambda project: None

    def project(self, call: Call) -> Any:
        owner, name = call.arguments("ownername", "projectname")
        return self._projects.shown(self._projects.get(owner, name))

    def project_list(self, call: Call) -> Any:
        (owner,) = call.arguments(ownername=None)
        found = [each for each in self._projects.living() if owner is None or each.owner == owner]
        return self._page(call, [self._projects.shown(each) for each in found])

    def project_search(self, call: Call) -> Any:
        (query,) = call.arguments("query")
        found = [each for each in self._projects.living() if query in each.full_name]
        return self._page(call, [self._projects.shown(each) for each in found])

    def project_add(self, call: Call) -> Any:
        user = call.user()
        data = _renamed(call.data(_project_fields()), {"devel_mode": "disable_createrepo", "additional_repos": "repos"})
        exist_ok = call.query.get("exist_ok") == ["True"]
        return self._projects.shown(self._projects.add(user, call.path[0], data, exist_ok=exist_ok))

    def project_edit(self, call: Call) -> Any:
        user, project = call.user(), self._projects.get(*call.path)
        data = _renamed(call.data(_project_fields()), {"devel_mode": "disable_createrepo", "additional_repos": "repos"})
        return self._projects.shown(self._projects.edit(user, project, data))

    def project_delete(self, call: Call) -> Any:
        user, project = call.user(), self._projects.get(*call.path)
        call.data({"verify"})  # a box to tick, which nobody looks at (forms.py, APICoprDeleteForm)
        shown = self._projects.shown(project)
        self._projects.delete(user, project)
        return shown

    def regenerate(self, call: Call) -> Any:
        user, project = call.user(), self._projects.get(*call.path)
        if not can_build(user, project):
            raise forbidden(f"User '{user.name}' can not see permissions for project '{project.full_name}'")
        self.regenerated(project)
        return self._projects.shown(project)

    def build(self, call: Call) -> Any:
        return self._builds.shown(self._builds.get(_number(call)))

    def build_list(self, call: Call) -> Any:
        owner, name, package, status = call.arguments("ownername", "projectname", packagename=None, status=None)
        project = self._projects.get(owner, name)
        found = [each for each in self._builds.of(project) if package is None or each.package == package]
        return self._page(call, [self._builds.shown(each) for each in found if status in (None, each.state)])

    def source_chroot(self, call: Call) -> Any:
        return self._builds.source_chroot(self._builds.get(_number(call)))

    def source_config(self, call: Call) -> Any:
        build = self._builds.get(_number(call))
        return {
            "source_type": build.kind,
            "source_dict": build.source,
            "memory_limit": 2048,
            "timeout": build.timeout,
            "is_background": build.background,
        }

    def built_packages(self, call: Call) -> Any:
        return {each.name: {"packages": each.packages} for each in self._builds.get(_number(call)).chroots}

    def cancel(self, call: Call) -> Any:
        user, build = call.user(), self._builds.get(_number(call))
        self._builds.cancel(user, build)
        return self._builds.shown(build)

    def create(self, kind: str) -> Callable[[Call], Any]:
        def answer(call: Call) -> Any:
            user = call.user()
            renamed = {"source_build_method": "srpm_build_method"} if kind == "scm" else {}
            known = forms.BUILD | forms.SOURCES[kind] | set(renamed)
            if kind == "upload":
                known |= {"filename", "url"}
            data = _renamed(call.data(known), renamed)
            made = self._builds.create(user, kind, data)
            if isinstance(made, list):
                return {"items": [self._builds.shown(each) for each in made], "meta": {}}
            return self._builds.shown(made)

        return answer

    def check_before_build(self, call: Call) -> Any:
        user = call.user()
        data = call.data(forms.BUILD)
        project = self._projects.get(str(data.get("ownername")), str(data.get("projectname")))
        if not can_build(user, project):
            raise forbidden(f"User '{user.name}' is not allowed to build in '{project.full_name}'")
        forms.chroots_of(data, self._projects.active(project))
        return {"message": "It should be safe to submit a build like this"}

    def delete_build(self, call: Call) -> Any:
        user, build = call.user(), self._builds.get(_number(call))
        shown = self._builds.shown(build)
        self._builds.delete(user, build)
        return shown

    def delete_builds(self, call: Call) -> Any:
        user, numbers = call.user(), list(call.data({"builds"}).get("builds", []))
        self._builds.delete_all(user, numbers)
        return {"builds": numbers}

    def chroot(self, call: Call) -> Any:
        build, name = call.arguments("build_id", "chrootname")
        return self._builds.chroot_shown(self._builds.chroot(int(build), name))

    def chroot_list(self, call: Call) -> Any:
        """A build that is unknown has no chroots: that is no error."""
        (build,) = call.arguments("build_id")
        found = self._projects.builds.get(int(build))
        return self._page(call, [self._builds.chroot_shown(each) for each in found.chroots] if found else [])

    def chroot_packages(self, call: Call) -> Any:
        build, name = call.arguments("build_id", "chrootname")
        return {"packages": self._builds.chroot(int(build), name).packages}

    def monitor(self, call: Call) -> Any:
        names = {"additional_fields[]": None}
        owner, name, directory, _ = call.arguments("ownername", "projectname", project_dirname=None, **names)
        project = self._projects.get(owner, name)
        fields = set(call.query.get("additional_fields[]", []))
        if wrong := fields - {"url_build_log", "url_backend_log", "url_build"}:
            raise bad(f"Wrong additional_fields argument(s): {', '.join(sorted(wrong))}")
        if directory:
            self._projects.directory(project, directory, create=False)
        packages = self._builds.monitor(project, directory or project.name, fields)
        return {"output": "ok", "message": "Project monitor request successful", "packages": packages}

    def chroots(self, call: Call) -> Any:
        """apiv3_mock_chroots.py: name and comment of what is active."""
        call.arguments()
        return {name: "" for name, alive in self._projects.mock_chroots.items() if alive}

    def auth_check(self, call: Call) -> Any:
        user = call.user()
        return {"id": 1, "name": user.name}

    def _page(self, call: Call, items: list[dict[str, Any]]) -> Any:
        """views/apiv3_ns/__init__.py, Paginator: by id, the newest first, unless something else is asked for."""
        given = {key: call.query[key][0] for key in _PAGE if key in call.query}
        order = given.get("order", "id")
        if items and order not in ("id", *items[0]):
            raise CoprError(500, f"Cannot order by {order}, it doesn't have such property")
        kind = given.get("order_type") or {"id": "DESC", "name": "ASC"}.get(order)
        limit, offset = (int(given[key]) if given.get(key) else None for key in ("limit", "offset"))
        ordered = sorted(items, key=lambda item: item.get(order) or 0, reverse=kind == "DESC") if kind else items
        end = None if not limit else (offset or 0) + limit
        meta = {"limit": limit, "offset": offset or 0, "order": order, "order_type": kind}
        return {"items": ordered[offset or 0 : end], "meta": meta}


def _project_fields() -> set[str]:
    return forms.PROJECT | {"devel_mode", "additional_repos"}


def _renamed(data: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Lists that are no chroots are joined with spaces (json2form.py)."""
    return {
        names.get(key, key): " ".join(map(str, value))
        if isinstance(value, list) and key not in ("chroots", "exclude_chroots")
        else value
        for key, value in data.items()
    }


def _number(call: Call) -> int:
    if not call.path[0].isdigit():
        raise missing("Such API endpoint doesn't exist")
    return int(call.path[0])
