"""Two commits of a change that make the same, built for real: what has it in its root need not be rebuilt."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.jobs.directory import ref_of
from bot.domain.build import Succeeded
from bot.domain.ids import BuildKey, SnapshotId
from bot.domain.target import Repository, Target
from bot.ports.resolver import Buildroot, Overlay
from tests.fakes.rpmmd import Srpm, write_repository
from tests.fakes.sandbox import SandboxWorld, Spec

pytestmark = pytest.mark.rpm
PREAMBLE = """\
Provides: answer = %{VERSION}-%{RELEASE}
%define seed %{?_unique_build_ids:--build-id-seed=%{VERSION}-%{RELEASE}}
%define sources /usr/src/debug/library%{?_unique_debug_srcs:-%{VERSION}-%{RELEASE}}
%define __arch_install_post debugedit -i %{seed} -b %{_builddir} -d %{sources} %{buildroot}%{_libdir}/libanswer.so.1
"""
"""As find-debuginfo edits what a distribution ships, after %install: by default every file has the Release in it."""
NOTE = """'{"version":"'$RPM_PACKAGE_VERSION-$RPM_PACKAGE_RELEASE'"}'"""
"""As Fedora tells in every file which package it is of."""


def library(value: int = 1, release: str = "1") -> Spec:
    return Spec(
        name="library",
        release=release,
        preamble=PREAMBLE,
        prep=f"%setup -q -c -T\necho 'int answer(void) {{ return {value}; }}' > answer.c",
        build=f"gcc -g -O2 -fPIC -shared -Wl,--build-id=sha1 -Wl,--package-metadata={NOTE} -Wl,-soname,libanswer.so.1"
        " -o libanswer.so.1 answer.c",
        install="install -D libanswer.so.1 %{buildroot}%{_libdir}/libanswer.so.1",
        files="%{_libdir}/libanswer.so.1",
    )


@dataclass
class Place:
    """A sandbox, and a distribution in which `user` needs what the change makes."""

    sandbox: SandboxWorld
    resolver: HawkeyResolver
    target: Target
    snapshot: SnapshotId

    async def root(self, commit: str, spec: Spec) -> str:
        """Build a commit of the change and publish it; the digest of the root that `user` has then."""
        source = spec.tree(self.sandbox.directory / commit, suffix=f".rd{commit}")
        status, log = await self.sandbox.build_source(spec.name, source, key=commit)
        assert status.outcome == Succeeded(), log
        assert "debugedit -i --build-id-seed=1.0-0 " in log
        ref = ref_of(BuildKey(f"c/{spec.name}/{commit}"))
        state = await self.sandbox.builder.publish(await self.sandbox.workspace(), [ref], 0)
        assert state.packages[0].source == f"library-1.0-{spec.release}.rd{commit}.src"
        overlay = Overlay(repository=state.url, replaces=frozenset({"library"}))
        root = (await self.resolver.buildroots(self.snapshot, self.target, ["user"], overlay))["user"]
        assert isinstance(root, Buildroot), root
        assert any(package.nevra.release == f"{spec.release}.rd{commit}" for package in root.packages)
        return root.digest


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    sandbox = SandboxWorld(tmp_path / "sandbox")
    sources = write_repository(tmp_path / "sources", [Srpm(name="user", requires=("answer >= 1.0-1.rd",))])
    repositories = (*sandbox.target.repositories, Repository(url=sources))
    target = replace(sandbox.target, repositories=repositories, buildroot=("host-base",))
    resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=0, allow_file=True))
    try:
        yield Place(sandbox, resolver, target, (await resolver.snapshot(target)).id)
    finally:
        await resolver.close()


async def test_the_same_program_of_another_commit_makes_the_same_root(place: Place) -> None:
    first = await place.root("a1b2c3d", library())

    assert await place.root("9f8e7d6", library(release="2")) == first
    assert await place.root("1234567", library(value=2)) != first
