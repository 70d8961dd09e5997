"""Builds: submitted, batched, cancelled, deleted, shown.

Read in frontend/coprs_frontend/coprs/views/apiv3_ns/apiv3_builds.py and apiv3_build_chroots.py, and in
logic/builds_logic.py and logic/batches_logic.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.fakes.copr import forms
from tests.fakes.copr.dist_gits import DistGits
from tests.fakes.copr.model import FINISHED, Batch, Build, Chroot, CoprError, Project, User, bad, forbidden, missing
from tests.fakes.copr.projects import Projects, can_build


class Builds:
    """All builds of all projects."""

    def __init__(self, projects: Projects, now: Callable[[], float], results: Callable[[], str]) -> None:
        self._projects = projects
        self._now = now
        self._results = results
        self._last = 0
        self._batches = 0
        self.dist_gits = DistGits()
        self.cancelled: Callable[[Build], None] = lambda build: None

    def get(self, number: int) -> Build:
        try:
            return self._projects.builds[number]
        except KeyError:
            raise missing(f"Build {number} does not exist.") from None

    def of(self, project: Project) -> list[Build]:
        return [build for build in self._projects.builds.values() if build.project is project]

    def create(self, user: User, kind: str, data: dict[str, Any]) -> Build | list[Build]:
        """The source's form is checked, then the rights, then what the logic asks. A list for several addresses."""
        project = self._projects.get(str(data.get("ownername")), str(data.get("projectname")))
        active = self._projects.active(project)
        chroots = forms.chroots_of(data, active)
        source = forms.source_of(kind, data, [name for name, alive in self._projects.mock_chroots.items() if alive])
        if kind == "distgit":
            source = self.dist_gits.source(source)
        timeout = self._timeout(data)
        self._check_batch(user, data)
        if not can_build(user, project):
            raise forbidden(f"User {user.name} is not allowed to build in the copr: {project.full_name}")
        if not active:
            raise bad(f"Can't create build - project {project.full_name} has no active chroots")
        self._projects.not_blocked(project, "Can't build while there is an operation in progress: {action}")
        sources = [source]
        if kind == "url":
            sources = [{"url": url} for url in str(source["pkgs"]).split()]
        made = []
        for each in sources:
            batch = self._batch(data)
            directory = project.name
            if data.get("project_dirname"):
                directory = self._projects.directory(project, str(data["project_dirname"]), create=True)
            build = self._new(user, project, directory, kind, each)
            build.timeout, build.background = timeout, forms.truth(data.get("background"))
            build.enable_net = forms.truth(data.get("enable_net", project.options["enable_net"]))
            build.chroots = [Chroot(name, build) for name in chroots]
            if batch is not None:
                build.batch = batch
                batch.builds.append(build)
            made.append(build)
        return made if kind == "url" else made[0]

    def _new(self, user: User, project: Project, directory: str, kind: str, source: dict[str, Any]) -> Build:
        self._last += 1
        named = {"url": "link"}.get(kind, kind)
        submitted = int(self._now())
        build = Build(self._last, project, directory, user.name, named, source, submitted, forms.DEFAULT_TIMEOUT)
        if named in ("link", "upload"):
            build.srpm_url = str(source.get("url"))
        self._projects.builds[build.id] = build
        return build

    def _timeout(self, data: Mapping[str, Any]) -> int:
        try:
            found = forms.number(data.get("timeout"), 0, forms.MAX_TIMEOUT)
        except ValueError as error:
            raise forms.parameters({"timeout": [str(error)]}) from None
        return forms.DEFAULT_TIMEOUT if found is None else found

    def _check_batch(self, user: User, data: Mapping[str, Any]) -> None:
        """forms.py, _validate_batch_opts, and models.py, Build.batching_user_error."""
        wrong = {}
        for key, other in (("with_build_id", "after_build_id"), ("after_build_id", "with_build_id")):
            if not data.get(key):
                continue
            if data.get(other):
                wrong[key] = ["Only one batch option can be specified"]
                continue
            build = self._projects.builds.get(int(data[key]))
            told = f"Build {data[key]} not found" if build is None else _batching(user, build, key == "with_build_id")
            if told:
                wrong[key] = [told]
        if wrong:
            raise forms.parameters(wrong)

    def _batch(self, data: Mapping[str, Any]) -> Batch | None:
        """logic/builds_logic.py, setup_batch."""
        if number := data.get("with_build_id"):
            return self._batch_of(self.get(int(number)))
        if number := data.get("after_build_id"):
            before = self._batch_of(self.get(int(number)))
            self._batches += 1
            return Batch(self._batches, blocked_by=before)
        return None

    def _batch_of(self, build: Build) -> Batch:
        if build.batch is None:
            self._batches += 1
            build.batch = Batch(self._batches, [build])
        return build.batch

    def cancel(self, user: User, build: Build) -> None:
        """logic/builds_logic.py, cancel_build: at once for whoever asks, the builder hears of it later."""
        if not can_build(user, build.project):
            raise forbidden("You are not allowed to cancel this build.")
        if build.finished:
            raise CoprError(409, f"Cannot cancel build {build.id}")
        build.canceled = True
        self.cancelled(build)

    def delete(self, user: User, build: Build) -> None:
        """logic/builds_logic.py, check_build_to_delete; ActionInProgressException has no code of its own: 500."""
        if build.project.persistent:
            raise forbidden(f"User '{user.name}' can not delete a persistent build {build.id}")
        if not can_build(user, build.project):
            raise forbidden(f"User '{user.name}' doesn't have permissions to delete build {build.id}")
        if not build.finished:
            raise CoprError(500, f"User '{user.name}' can not delete build {build.id}")
        del self._projects.builds[build.id]

    def delete_all(self, user: User, numbers: Sequence[int]) -> None:
        """logic/builds_logic.py, delete_builds: all of them or none."""
        found = [self._projects.builds[number] for number in numbers if number in self._projects.builds]
        told = ""
        if denied := [build for build in found if not can_build(user, build.project)]:
            told += f"You don't have permissions to delete build(s) {_numbers(denied)}.\n"
        if running := [build for build in found if build not in denied and not build.finished]:
            told += f"Build(s) {_numbers(running)} are still running.\n"
        if unknown := [number for number in numbers if number not in self._projects.builds]:
            told += f"Build(s) {', '.join(map(str, unknown))} don't exist.\n"
        if told:
            raise bad(told)
        for build in found:
            del self._projects.builds[build.id]

    def shown(self, build: Build) -> dict[str, Any]:
        """apiv3_builds.py, to_dict."""
        return {
            "id": build.id,
            "state": build.state,
            "projectname": build.project.name,
            "ownername": build.project.owner,
            "repo_url": f"{self._projects.repositories()}/{build.project.full_name}",
            "source_package": {"name": build.package, "version": build.version, "url": build.srpm_url},
            "submitted_on": build.submitted,
            "started_on": build.started,
            "ended_on": build.ended,
            "submitter": build.submitter,
            "chroots": [chroot.name for chroot in build.chroots],
            "project_dirname": build.directory,
            "is_background": build.background,
        }

    def source_chroot(self, build: Build) -> dict[str, Any]:
        """apiv3_builds.py, to_source_chroot: os.path.dirname of an address that may be none: 500 until it has one."""
        log = self._source_log(build)
        if log is None:
            raise CoprError(500, "Request wasn't successful, there is probably a bug in the Copr code.")
        return {"state": build.source_state, "result_url": log.rpartition("/")[0]}

    def _source_log(self, build: Build) -> str | None:
        """models.py, Build._compressed_log_variant."""
        base = f"{self._results()}/{build.project.owner}/{build.directory}/srpm-builds/{build.source_dir}"
        if not build.source_dir:
            return None
        if build.source_state == "running":
            return f"{base}/builder-live.log"
        known = build.source_state in ("failed", "succeeded", "canceled", "importing")
        return f"{base}/builder-live.log.gz" if known else None

    def chroot(self, number: int, name: str) -> Chroot:
        """logic/complex_logic.py, get_build_chroot."""
        build = self.get(number)
        for chroot in build.chroots:
            if chroot.name == name:
                return chroot
        if name not in self._projects.mock_chroots:
            raise missing(f"Chroot {name} does not exist")
        raise missing(f"Build {number} was not submitted to {name} chroot.")

    def chroot_shown(self, chroot: Chroot) -> dict[str, Any]:
        """apiv3_build_chroots.py, to_dict. The state is the part's own: a cancelled build's part may say pending."""
        return {
            "name": chroot.name,
            "started_on": chroot.started,
            "ended_on": chroot.ended,
            "result_url": self.result_url(chroot),
            "state": chroot.state,
        }

    def result_url(self, chroot: Chroot) -> str | None:
        if not chroot.result_dir:
            return None
        build = chroot.build
        return f"{self._results()}/{build.project.owner}/{build.directory}/{chroot.name}/{chroot.result_dir}/"

    def monitor(self, project: Project, directory: str, fields: set[str]) -> list[dict[str, Any]]:
        """apiv3_monitor.py: of each package of the directory the latest build in each active chroot."""
        active = self._projects.active(project)
        packages: dict[str, dict[str, Any]] = {}
        for build in sorted(self.of(project), key=lambda each: -each.id):
            if build.directory != directory or build.package is None:
                continue
            for chroot in build.chroots:
                seen = packages.setdefault(build.package, {})
                if chroot.name in active and chroot.name not in seen:
                    seen[chroot.name] = self._monitored(chroot, fields)
        return [{"name": name, "chroots": packages[name]} for name in sorted(packages) if packages[name]]

    def _monitored(self, chroot: Chroot, fields: set[str]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "state": chroot.state,
            "status": chroot.state,
            "build_id": chroot.build.id,
            "pkg_version": chroot.build.version,
        }
        url = self.result_url(chroot)
        for key, name in (("url_build_log", "builder-live.log"), ("url_backend_log", "backend.log")):
            if key in fields:
                suffix = ".gz" if chroot.state in FINISHED else ""
                found[key] = f"{url}{name}{suffix}" if url and chroot.state not in ("pending", "waiting") else None
        return found


def _batching(user: User, build: Build, modifies: bool) -> str | None:
    """models.py, Build.batching_user_error."""
    if build.batch is not None:
        if not modifies:
            return None
        if build.batch.finished:
            return f"Batch {build.batch.id} is already finished"
        if any(can_build(user, each.project) for each in build.batch.builds):
            return None
        names = ", ".join(sorted({each.project.full_name for each in build.batch.builds}))
        return (
            f"The batch {build.batch.id} belongs to project {names}.  You are not allowed to "
            "build there, so you neither can edit the batch."
        )
    head = f"Build {build.id} is not yet in any batch, and "
    if not can_build(user, build.project):
        return (
            f"{head}user '{user.name}' doesn't have the build permissions in project '{build.project.full_name}' "
            "to create a new one"
        )
    if build.finished:
        return f"{head}new batch can not be created because the build has already finished"
    return None


def _numbers(builds: Sequence[Build]) -> str:
    return ", ".join(str(build.id) for build in builds)
