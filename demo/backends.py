"""What the demo can run on: the sandbox, or the stand-in of another build system, which builds for real.

A backend is a context that serves what it needs, and yields what the packages' configuration says of it and what the
bot is told. To add one, add its function to `BACKENDS`.
"""

import asyncio
import os
import platform
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import koji

from demo.distro import BUILDROOT, Distribution
from tests.fakes.copr.sandbox_worker import SandboxWorker as CoprSandboxWorker
from tests.fakes.copr.server import CoprServer
from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.model import Tag
from tests.fakes.koji.policies import for_user
from tests.fakes.koji.sandbox_worker import SandboxWorker
from tests.fakes.koji.server import KojiHub
from tests.fakes.mock.stage import Stage as MockStage
from tests.fakes.packages import Made

_TAG = "miniature-build"
_ACCOUNT = "revdeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """`repositories` are those of `.revdeps.yaml`'s target, `target` what else it says; `environment` is the bot's."""

    name: str
    repositories: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    target: str = ""

    @property
    def configuration(self) -> str:
        """The `.revdeps.yaml` of every package's repository."""
        return (
            "version: 1\n\n"
            "targets:\n"
            "  - name: miniature\n"
            f"    arch: {platform.machine()}\n"
            f"    backend: {self.name}\n"
            f"{self.target}"
            "    repositories:\n"
            + "".join(f"      - {repository}\n" for repository in self.repositories)
            + f"    buildroot: [{', '.join(BUILDROOT)}]\n"
        )


Serving = Callable[[Path, Distribution], AbstractAsyncContextManager[Backend]]


@asynccontextmanager
async def _sandbox(_directory: Path, distribution: Distribution) -> AsyncIterator[Backend]:
    repositories = (distribution.binary_repo.as_uri(), distribution.source_repo.as_uri())
    yield Backend(name="sandbox", repositories=repositories)


@asynccontextmanager
async def _koji(directory: Path, distribution: Distribution) -> AsyncIterator[Backend]:
    """Serve the distribution as a tag of a hub, over TLS; the bot has a certificate and what policy has to allow."""
    certificates = Certificates(_emptied(directory))
    worker = SandboxWorker(directory / "builders", BUILDROOT)
    arch = platform.machine()
    hub = KojiHub(topdir=directory / "koji", worker=worker, policies=for_user(_ACCOUNT), certificates=certificates)
    try:
        async with hub:
            hub.add_host(arches=arch)
            hub.add_user(_ACCOUNT)
            tag = hub.add_tag(_TAG, arches=arch)
            hub.add_target(_TAG, tag, tag)
            await asyncio.to_thread(_import, hub, tag, distribution)
            async with hub.driven():
                await asyncio.to_thread(_make_repository, hub, certificates)
                yield Backend(
                    name="koji",
                    repositories=(f"koji: {{tag: {_TAG}}}",),
                    environment=_environment(hub, certificates, directory),
                )
                if hub.violations:
                    raise AssertionError("calls that a hub would refuse:\n" + "\n".join(hub.violations))
    finally:
        worker.close()


def _emptied(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _import(hub: KojiHub, tag: Tag, distribution: Distribution) -> None:
    """Put every source package into the tag as a build, with the packages that were built of it."""
    built: dict[str, list[Made]] = {}
    for file in sorted(distribution.binary_repo.glob("*.rpm")):
        header = koji.get_header_fields(str(file), ["name", "version", "release", "epoch", "arch", "sourcerpm"])
        source = header.pop("sourcerpm") or f"{header['name']}-{header['version']}-{header['release']}.src.rpm"
        built.setdefault(source, []).append(Made(**header, file=file))
    for file in sorted(distribution.source_repo.glob("*.src.rpm")):
        hub.add_build(tag, "", file=file, binaries=built.pop(file.name, []))
    for source, binaries in built.items():  # host-base, which has no source package
        parts = koji.parse_NVRA(source)
        hub.add_build(tag, parts["name"], parts["version"], parts["release"], binaries=binaries)


def _make_repository(hub: KojiHub, certificates: Certificates) -> None:
    """Ask for the tag's repository and wait for it, as a hub has one for every tag that is built from."""
    session = koji.ClientSession(hub.url, {"serverca": str(certificates.authority)})
    session.ssl_login(str(certificates.user(_ACCOUNT)), serverca=str(certificates.authority))
    while session.repo.request(_TAG, min_event="last")["repo"] is None:
        time.sleep(0.2)
    session.logout()
    session.rsession.close()


def _environment(hub: KojiHub, certificates: Certificates, directory: Path) -> Mapping[str, str]:
    certificate = certificates.user(_ACCOUNT)
    systems = directory / "systems.yaml"
    systems.write_text(
        f"koji:\n  demo:\n    hub: {hub.url}\n    topurl: {hub.topurl}\n    max_running: 4\n    busy: 1.0\n"
        f"    login: {{certificate: {certificate}, authority: {certificates.authority}}}\n"
    )
    return {
        "REVDEPS_BUILD_SYSTEMS_FILE": str(systems),
        "REVDEPS_ALLOWED_HOSTS": "localhost 127.0.0.1",
        "REQUESTS_CA_BUNDLE": str(certificates.authority),
    }


@asynccontextmanager
async def _copr(directory: Path, distribution: Distribution) -> AsyncIterator[Backend]:
    """Serve the distribution beside the results of a Copr; the bot has an account and a login file."""
    shutil.rmtree(directory, ignore_errors=True)
    worker = CoprSandboxWorker(directory / "builders", buildroot=BUILDROOT)
    chroot = f"fedora-42-{platform.machine()}"
    server = CoprServer(directory / "copr", worker)
    server.projects.mock_chroots[chroot] = True
    user = server.add_user(_ACCOUNT)
    served = server.storage.root / "miniature"
    for name, repository in (("binary", distribution.binary_repo), ("source", distribution.source_repo)):
        await asyncio.to_thread(shutil.copytree, repository, served / name)
    await server.start()
    try:
        async with server.driven():
            login = directory / "login"
            settings = server.config(user) | {"encrypted": "false"}
            login.write_text("[copr-cli]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
            systems = directory / "systems.yaml"
            systems.write_text(f"copr:\n  demo: {{results: '{server.results_url}', login: {login}, max_running: 4}}\n")
            yield Backend(
                name="copr",
                repositories=tuple(f"{server.results_url}/miniature/{name}/" for name in ("binary", "source")),
                target=f"    chroot: {chroot}\n",
                environment={
                    "REVDEPS_BUILD_SYSTEMS_FILE": str(systems),
                    "REVDEPS_ALLOWED_HOSTS": "localhost 127.0.0.1",
                },
            )
            if server.violations:
                raise AssertionError("arguments that no Copr knows:\n" + "\n".join(server.violations))
    finally:
        await server.close()
        worker.close()


@asynccontextmanager
async def _mock(directory: Path, distribution: Distribution) -> AsyncIterator[Backend]:
    """Put the stand-in of mock in the bot's way."""
    stage = MockStage(_emptied(directory), sandbox=str(directory / "sandbox"))
    systems = directory / "systems.yaml"
    systems.write_text(f"mock: {{slots: 2, roots: {stage.roots}, caches: {stage.caches}}}\n")
    yield Backend(
        name="mock",
        repositories=(distribution.binary_repo.as_uri(), distribution.source_repo.as_uri()),
        environment={
            "PATH": f"{stage.command.parent}{os.pathsep}{os.environ['PATH']}",
            "REVDEPS_BUILD_SYSTEMS_FILE": str(systems),
            "REVDEPS_ALLOWED_HOSTS": "localhost",
        },
    )
    if stage.violations:
        raise AssertionError(f"what mock does not know:\n{stage.violations}")


BACKENDS: Mapping[str, Serving] = {"sandbox": _sandbox, "koji": _koji, "copr": _copr, "mock": _mock}
