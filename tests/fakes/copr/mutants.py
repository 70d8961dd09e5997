"""Ways in which a Copr could be wrong, by name. A contract that does not catch them proves nothing.

`MUTANTS[name](server)` makes a server wrong in one way; it is done before the server starts.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.fakes.copr import api
from tests.fakes.copr.model import Batch, Build, Chroot, Project, User
from tests.fakes.copr.server import CoprServer

Plant = Callable[[CoprServer], None]
MUTANTS: dict[str, Plant] = {}


def _mutant(function: Plant) -> Plant:
    MUTANTS[function.__name__] = function
    return function


@_mutant
def a_failed_batch_holds_up_the_next(server: CoprServer) -> None:
    class Strict(Batch):
        @property
        def finished(self) -> bool:
            return super().finished and all(build.state == "succeeded" for build in self.builds)

    right = server.builds._batch_of

    def wrong(build: Build) -> Batch:
        if build.batch is None:
            build.batch = Strict(99, [build])
        return right(build)

    server.builds._batch_of = wrong  # type: ignore[method-assign]


@_mutant
def batch_options_are_not_checked(server: CoprServer) -> None:
    server.builds._check_batch = lambda user, data: None  # type: ignore[method-assign]


@_mutant
def projects_go_with_their_running_builds(server: CoprServer) -> None:
    server.projects.delete = lambda user, project: server.projects.remove(project)  # type: ignore[method-assign]


@_mutant
def cancelling_what_has_ended_succeeds(server: CoprServer) -> None:
    right = server.builds.cancel

    def wrong(user: User, build: Build) -> None:
        if not build.finished:
            right(user, build)

    server.builds.cancel = wrong  # type: ignore[method-assign]


@_mutant
def builders_never_hear_of_a_cancellation(server: CoprServer) -> None:
    server.builds.cancelled = lambda build: None


@_mutant
def a_name_can_be_used_twice(server: CoprServer) -> None:
    right = server.projects.add

    def wrong(user: User, owner: str, data: dict[str, Any], *, exist_ok: bool) -> Project:
        return right(user, owner, data, exist_ok=True)

    server.projects.add = wrong  # type: ignore[method-assign]


@_mutant
def editing_adds_to_lists(server: CoprServer) -> None:
    right = server.projects.edit

    def wrong(user: User, project: Project, data: dict[str, Any]) -> Project:
        return right(user, project, data | {"repos": " ".join([*project.repos, data.get("repos", "")])})

    server.projects.edit = wrong  # type: ignore[method-assign]


@_mutant
def a_build_is_pending_once(server: CoprServer) -> None:
    right = server.farm.advance

    def wrong() -> bool:
        moved = right()
        for build in server.projects.builds.values():
            for chroot in build.chroots:
                if build.source_state == "succeeded" and chroot.state == "pending":
                    chroot.state = "starting"
        return moved

    server.farm.advance = wrong  # type: ignore[method-assign]


@_mutant
def directories_see_nothing_of_the_project(server: CoprServer) -> None:
    right = server.farm.job

    def wrong(chroot: Any) -> Any:
        job = right(chroot)
        own = [repo for repo in job.repos if chroot.build.directory in repo.directory.parts]
        return replace(job, find=lambda name: server.farm._find(name, own))

    server.farm.job = wrong  # type: ignore[method-assign]


@_mutant
def every_directory_is_the_main_one(server: CoprServer) -> None:
    right = server.storage.place

    def wrong(project: Project, directory: str, chroot: str) -> Any:
        return right(project, directory if chroot == "srpm-builds" else project.name, chroot)

    server.storage.place = wrong  # type: ignore[method-assign]


@_mutant
def tokens_never_expire(server: CoprServer) -> None:
    for user in server.users.values():
        user.expires = float("inf")


@_mutant
def everybody_may_do_everything(server: CoprServer) -> None:
    for user in server.users.values():
        user.admin = True


@_mutant
def the_monitor_knows_the_first_build(server: CoprServer) -> None:
    right = server.builds.of
    api_monitor = server.api.monitor

    def reversed_ids(call: api.Call) -> Any:
        server.builds.of = lambda project: [  # type: ignore[method-assign]
            build for build in right(project) if build.id == min(each.id for each in right(project))
        ]
        answer = api_monitor(call)
        server.builds.of = right  # type: ignore[method-assign]
        return answer

    server.api.monitor = reversed_ids  # type: ignore[method-assign]
    server._routes = server._table()


@_mutant
def lists_have_the_oldest_first(server: CoprServer) -> None:
    right = server.api._page

    def wrong(call: api.Call, items: list[dict[str, Any]]) -> Any:
        answer = right(call, items)
        return answer | {"items": answer["items"][::-1]}

    server.api._page = wrong  # type: ignore[method-assign]


@_mutant
def a_failed_build_shows_its_packages(server: CoprServer) -> None:
    right = server.farm._end

    def wrong(chroot: Chroot, state: str) -> None:
        right(chroot, state)
        if state == "failed" and chroot.result_dir:
            chroot.packages = [{"name": "foo", "epoch": 0, "version": "1", "release": "1", "arch": "noarch"}]

    server.farm._end = wrong  # type: ignore[method-assign]


@_mutant
def every_dist_git_is_the_first_one(server: CoprServer) -> None:
    right = server.builds.dist_gits.source
    server.builds.dist_gits.source = lambda data: right(data | {"distgit": None})  # type: ignore[method-assign]


@_mutant
def a_namespace_takes_the_place_of_the_path(server: CoprServer) -> None:
    right = server.builds.dist_gits.source

    def wrong(data: Any) -> dict[str, Any]:
        made = right(data)
        namespace = data.get("namespace")
        return made | {"clone_url": made["clone_url"].replace(f"{namespace}/rpms", str(namespace))}

    server.builds.dist_gits.source = wrong  # type: ignore[method-assign]


@_mutant
def every_commit_is_the_head(server: CoprServer) -> None:
    right = server.builds.dist_gits.source

    def wrong(data: Any) -> dict[str, Any]:
        return {key: value for key, value in right(data).items() if key != "committish"}

    server.builds.dist_gits.source = wrong  # type: ignore[method-assign]


@_mutant
def a_clone_knows_one_method_only(server: CoprServer) -> None:
    right = server.builds.create

    def wrong(user: User, kind: str, data: dict[str, Any]) -> Any:
        return right(user, kind, data | {"srpm_build_method": "rpkg"})

    server.builds.create = wrong  # type: ignore[method-assign]


@_mutant
def time_outs_are_forgotten(server: CoprServer) -> None:
    server.builds._timeout = lambda data: 10**9  # type: ignore[method-assign]


@_mutant
def the_background_comes_first(server: CoprServer) -> None:
    server.farm._queue = lambda: iter(  # type: ignore[method-assign]
        sorted(server.projects.builds.values(), key=lambda build: (not build.background, build.id))
    )


@_mutant
def quotas_mean_nothing(server: CoprServer) -> None:
    server.farm._room = lambda build, busy: True  # type: ignore[method-assign]
