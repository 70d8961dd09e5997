"""Builds of a Copr: found, listed, observed, cancelled. Everything here blocks.

A build of ours has one chroot, so its state is that chroot's, once its source is made. Before that it says what the
source is at, and then goes back to pending, which is no news.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from copr.v3 import CoprNoResultException, CoprRequestException

from bot.adapters.copr import outcomes
from bot.adapters.copr.names import Place
from bot.adapters.copr.results import Results
from bot.adapters.copr.settings import CoprSettings
from bot.domain.build import BuildState, Cancelled, Outcome, Succeeded
from bot.domain.failure import infrastructure, of_copr
from bot.ports.builder import Artifacts, BuildStatus
from bot.ports.errors import Rejected

_PAGE = 200
_TAIL = 256 * 1024
"""Bytes of a log's end that are looked at."""
_STOPPED = ("canceled", "unknown")
"""A build is in no state that has a name when its one chroot was retired under it: that alone is cancelled then
(coprs/logic/builds_logic.py, cancel_build_chroots_by_mock; models.py, Build.status)."""
_ENDED = ("succeeded", "failed", "skipped", "forked", *_STOPPED)
_AT_WORK = ("starting", "running", "importing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A successful build: what came out, in which directory, where that is served.

    Results and repositories need not be at one place: a Copr can keep what it builds in Pulp (coprs/models.py,
    Copr.repo_url and CoprDir.repo_url), and tells of the repository of the project's main directory.
    """

    artifacts: Artifacts
    directory: str
    repository: str


def known(client: Any, settings: CoprSettings, place: Place, directory: str) -> int | None:
    """Return the build in a directory, None where there is none. A directory is made with its first build."""
    try:
        client.monitor_proxy.monitor(settings.owner, place.project, project_dirname=directory)
    except CoprNoResultException as error:
        if str(error.result.error).startswith("Dirname "):
            return None
        raise
    listed_now = listed(client, settings, place.project, 0) or []
    return next((int(build.id) for build in reversed(listed_now) if build.project_dirname == directory), None)


def listed(client: Any, settings: CoprSettings, project: str, oldest: int) -> list[Any] | None:
    """Return a project's builds, the newest first, back to the number `oldest`; None where there is no project."""
    found: list[Any] = []
    try:
        for offset in range(0, 1 << 30, _PAGE):
            page = client.build_proxy.get_list(
                settings.owner, project, pagination={"limit": _PAGE, "offset": offset, "order": "id"}
            )
            found += page
            if len(page) < _PAGE or int(page[-1].id) <= oldest:
                break
    except CoprNoResultException:
        return None
    return found


def has_ended(build: Any) -> bool:
    """Whether a build will not change any more."""
    return build.state in _ENDED


def unfinished(build: Any) -> BuildStatus:
    """Say how far a build is."""
    begun = build.state in _AT_WORK or build.source_package.get("name") is not None
    started = _time(build.started_on)
    return BuildStatus(state=BuildState.RUNNING if begun else BuildState.QUEUED, started_at=started)


def ended(client: Any, results: Results, build: Any) -> BuildStatus:
    """Say how a build ended, and what was in its root."""
    chroot = _chroot(client, int(build.id))
    base = chroot.result_url if chroot is not None else None
    if base:
        results.forget(base)
    outcome = _outcome(client, results, build, chroot)
    return BuildStatus(
        state=BuildState.DONE,
        started_at=_time(build.started_on),
        ended_at=_time(build.ended_on),
        outcome=outcome,
        installed=results.installed(base) if base else (),
    )


def _outcome(client: Any, results: Results, build: Any, chroot: Any) -> Outcome:
    if build.state in _STOPPED:
        return Cancelled()
    if build.state in ("succeeded", "forked"):
        return Succeeded()
    if build.state == "skipped":
        return outcomes.skipped()
    if chroot is None or not chroot.result_url:
        base = _source_url(client, int(build.id))
        build_log, backend_log = _logs(results, base) if base else ("", "")
        return of_copr("failed", source=True, build_log=build_log, backend_log=backend_log)
    if results.succeeded(chroot.result_url):
        binaries = outcomes.nevras(results.packages(chroot.result_url))[1]
        repository = _repository(build, chroot)
        if binaries and not chroot.result_url.startswith(repository) and not _has(results, repository, binaries):
            return infrastructure("Copr built the packages, but could not put them where it serves them from")
        if binaries:
            return Succeeded()  # signing it, or making metadata, failed: the packages are there
    build_log, backend_log = _logs(results, chroot.result_url)
    return of_copr("failed", build_log=build_log, backend_log=backend_log)


def _logs(results: Results, base: str) -> tuple[str, str]:
    """Return the ends of the build's and the dispatcher's logs, which tell why a build failed."""
    build = results.ended_log(base, -_TAIL, _TAIL)
    return build.decode(errors="replace"), results.backend_log(base)[-_TAIL:]


def made(client: Any, results: Results, number: int) -> Made:
    """Return what a build that succeeded made; raise Rejected where it has no results."""
    build = client.build_proxy.get(number)
    chroot = _chroot(client, number)
    if chroot is None or not chroot.result_url:
        raise Rejected(f"build {number} has no results")
    listed_packages = list(client.build_chroot_proxy.get_built_packages(number, chroot.name).packages)
    source, binaries = outcomes.nevras(listed_packages or results.packages(chroot.result_url))
    return Made(
        artifacts=Artifacts(source=source, binaries=binaries),
        directory=build.project_dirname,
        repository=_repository(build, chroot),
    )


def _repository(build: Any, chroot: Any) -> str:
    """Return where the repository is that a build's packages come into."""
    return f"{build.repo_url.rstrip('/').rpartition('/')[0]}/{build.project_dirname}/{chroot.name}/"


def _has(results: Results, repository: str, binaries: Sequence[str]) -> bool:
    """Whether packages are in a repository that is not made of the results of builds.

    Where they are uploaded, to Pulp, metadata that are made anew do not have what an upload has failed for
    (background_worker_build.py, build; storage.py, PulpStorage.init_project).
    """
    return set(binaries) <= results.repository(repository)[1]


def log_part(client: Any, results: Results, number: int, *, has_ended: bool, offset: int, length: int) -> bytes:
    """Return a part of a build's log; of the source package's where that failed; empty where there is none."""
    chroot = _chroot(client, number)
    if chroot is None:
        return b""
    if chroot.result_url:
        read = results.ended_log if has_ended else results.running_log
        return read(chroot.result_url, offset, length)
    base = _source_url(client, number) if chroot.state == "failed" else None
    return results.ended_log(base, offset, length) if base else b""


def cancel(number: int, client: Any) -> None:
    """Stop a build; nothing happens to one that has ended, or is gone."""
    try:
        client.build_proxy.cancel(number)
    except CoprNoResultException:
        return
    except CoprRequestException as error:
        if getattr(error.result.get("__response__"), "status_code", 0) != 409:
            raise


def _chroot(client: Any, number: int) -> Any:
    """Return the one chroot of a build, None where it is gone."""
    found = client.build_chroot_proxy.get_list(number)
    return found[0] if found else None


def _source_url(client: Any, number: int) -> str | None:
    """Return where the results of making the source package are; the server has no answer before there are any."""
    try:
        url = client.build_proxy.get_source_chroot(number).result_url
    except CoprRequestException:
        return None
    return f"{url.rstrip('/')}/" if url else None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
