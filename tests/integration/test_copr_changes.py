"""How the source package of a change, and that of a dependent, come to a Copr."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.copr import DIST_GITS, CoprBuilder
from bot.domain.build import Succeeded, TreeSource
from bot.domain.config import PackageConfig, SourceMethod
from bot.domain.ids import BuildKey
from bot.domain.target import DistGitInstance
from bot.ports.errors import Misconfigured, Rejected
from tests.fakes.copr.dist_gits import DistGit
from tests.fakes.copr.place import Place, ended, place, prepare, srpm
from tests.fakes.copr.worker import Scripted


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def here(tmp_path: Path, script: Scripted) -> Iterator[Place]:
    with place(tmp_path, script) as found:
        yield found


async def test_the_change_is_made_by_a_script_on_the_coprs_own_builder(here: Place) -> None:
    builder = here.builder()
    tree = TreeSource(
        directory="/nowhere",
        package=PackageConfig(spec="rpm/foo.spec", name="foo"),
        release_suffix=".rd1",
        forge="github",
        repository="octocat/foo",
        commit="c" * 40,
    )
    request = replace(srpm(await prepare(builder)), source=tree)
    ref = await builder.submit(BuildKey("subject"), request)

    build = here.build(ref)

    assert build.kind == "custom"
    assert "url=https://example.org/octocat/foo.git" in build.source["script"]
    assert f"commit={'c' * 40}" in build.source["script"]
    assert build.source["chroot"] == "fedora-latest-x86_64"


@pytest.mark.parametrize(
    ("method", "release", "tools"),
    [
        (SourceMethod.SPEC, "1", set()),
        (SourceMethod.SPEC, "%autorelease", {"rpmautospec"}),
        (SourceMethod.LOOKASIDE, "%{autorelease -b 3}", {"curl", "rpmautospec"}),
        (SourceMethod.RPMAUTOSPEC, "1", {"rpmautospec"}),
        (SourceMethod.PACKIT, "%autorelease", {"packit"}),
        (SourceMethod.COMMAND, "%autorelease", {"make", "packit"}),
    ],
)
async def test_the_builder_gets_the_tools_that_the_script_needs(
    here: Place, tmp_path: Path, method: SourceMethod, release: str, tools: set[str]
) -> None:
    (tmp_path / "foo.spec").write_text(f"Name: foo\nRelease: {release}\n")
    builder = here.builder()
    package = PackageConfig(spec="foo.spec", name="foo", method=method, command="make srpm")
    tree = TreeSource(directory=str(tmp_path), package=package, forge="github", commit="c" * 40)
    ref = await builder.submit(BuildKey("subject"), replace(srpm(await prepare(builder)), source=tree))

    assert set(here.build(ref).source["builddeps"].split()) == {"git-core", "rpm-build"} | tools


async def test_a_change_that_the_copr_cannot_fetch_is_refused_unless_it_may_be_uploaded(here: Place) -> None:
    builder = here.builder(clone_urls={})
    tree = TreeSource(directory="/nowhere", package=PackageConfig(spec="foo.spec"), forge="forge", commit="c" * 40)
    request = replace(srpm(await prepare(builder)), source=tree)

    with pytest.raises(Misconfigured, match="clone-urls"):
        await builder.submit(BuildKey("subject"), request)


async def test_a_source_package_is_made_here_and_uploaded_where_that_is_allowed(here: Place, tmp_path: Path) -> None:
    async def make_source(tree: TreeSource) -> Path:
        file = tmp_path / "foo-2-1.rd1.src.rpm"
        file.write_bytes(b"a source package")
        return file

    tree = TreeSource(directory="/nowhere", package=PackageConfig(spec="foo.spec"), forge="private", commit="c" * 40)
    builder = CoprBuilder(replace(here.settings, upload=True), make_source)
    here.builders.append(builder)
    request = replace(srpm(await prepare(builder)), source=tree)
    ref = await builder.submit(BuildKey("subject"), request)

    assert (await ended(builder, ref)).outcome == Succeeded()
    assert (await builder.artifacts(ref)).source == "foo-2-1.rd1.src"
    assert await builder.submit(BuildKey("subject"), request) == ref
    assert here.server.calls["build/create/upload"] == 1


async def test_a_dependent_is_built_from_a_dist_git_at_a_commit(here: Place) -> None:
    here.server.builds.dist_gits.known += [
        DistGit("ours", "https://git.example.org", "s/{pkgname}.git", priority=1),
        DistGit("many", "https://many.example.org", "{namespace}/{pkgname}", priority=1),
    ]
    ours = DistGitInstance(url="https://git.example.org/s/{name}.git")
    many = DistGitInstance(url="https://many.example.org/{namespace}/{name}")
    builder = here.builder(dist_gits={**DIST_GITS, "ours": ours, "many": many})
    workspace = await prepare(builder)
    found = []
    for number, url in enumerate(
        (
            "https://src.fedoraproject.org/rpms/gtk+",
            "https://git.example.org/s/foo",
            "https://git.example.org/s/foo.git",
            "https://src.fedoraproject.org/forks/octocat/rpms/foo",
            "https://many.example.org/@octocat/tools/foo",
        )
    ):
        location = f"git+{url}#{'a' * 40}"
        ref = await builder.submit(BuildKey(f"k{number}"), srpm(workspace, location=location))
        found.append(here.build(ref))

    assert [build.source for build in found] == [
        {"clone_url": "https://src.fedoraproject.org/rpms/gtk+", "distgit": "fedora", "committish": "a" * 40},
        *[{"clone_url": "https://git.example.org/s/foo.git", "distgit": "ours", "committish": "a" * 40}] * 2,
        {
            "clone_url": "https://src.fedoraproject.org/forks/octocat/rpms/foo",
            "distgit": "fedora",
            "namespace": "forks/octocat",
            "committish": "a" * 40,
        },
        {
            "clone_url": "https://many.example.org/@octocat/tools/foo",
            "distgit": "many",
            "namespace": "@octocat/tools",
            "committish": "a" * 40,
        },
    ]


@pytest.mark.parametrize("url", ["https://src.fedoraproject.org/modules/foo", "https://src.fedoraproject.org/rpms/a/b"])
async def test_a_dist_git_that_the_copr_does_not_know_is_the_operators_to_mend(here: Place, url: str) -> None:
    builder = here.builder()

    with pytest.raises(Misconfigured, match="dist_gits"):
        await builder.submit(BuildKey("k"), srpm(await prepare(builder), location=f"git+{url}#{'a' * 40}"))


@pytest.mark.parametrize(
    ("method", "spec", "asked"),
    [
        (SourceMethod.RPKG, "foo.spec", ("rpkg", "", "foo.spec")),
        (SourceMethod.RPKG, "rpm/foo.spec", ("rpkg", "rpm", "foo.spec")),
        (SourceMethod.TITO, "rpm/foo.spec", ("tito_test", "rpm", "foo.spec")),
        (SourceMethod.MAKE_SRPM, "rpm/foo.spec", ("make_srpm", "", "rpm/foo.spec")),
    ],
)
@pytest.mark.parametrize("head", ["hubot/fork", ""])
async def test_a_method_of_the_coprs_own_makes_the_change_where_a_clone_has_it(
    here: Place, method: SourceMethod, spec: str, asked: tuple[str, ...], head: str
) -> None:
    builder = here.builder()
    tree = TreeSource(
        directory="/nowhere",
        package=PackageConfig(spec=spec, name="foo", method=method),
        forge="github",
        repository="octocat/foo",
        head_repository=head,
        commit="c" * 40,
    )
    ref = await builder.submit(BuildKey("subject"), replace(srpm(await prepare(builder)), source=tree))

    build = here.build(ref)

    assert build.kind == "scm"
    assert tuple(build.source[key] for key in ("srpm_build_method", "subdirectory", "spec")) == asked
    assert (build.source["type"], build.source["committish"]) == ("git", "c" * 40)
    assert build.source["clone_url"] == f"https://example.org/{head or 'octocat/foo'}.git"


@pytest.mark.parametrize("location", ["file:///srv/foo-1-1.src.rpm", "rsync://example.org/foo-1-1.src.rpm"])
async def test_a_source_package_that_no_copr_can_fetch_is_refused(here: Place, location: str) -> None:
    builder = here.builder()

    with pytest.raises(Rejected, match="cannot fetch"):
        await builder.submit(BuildKey("k"), srpm(await prepare(builder), location=location))
