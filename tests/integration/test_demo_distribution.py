"""The demo's distribution, as far as it can be checked without building it: the demo itself builds it."""

import re
import subprocess
from pathlib import Path

import pytest

from bot.adapters.config_file import load
from bot.domain.config import Config
from demo.backends import BACKENDS
from demo.distribution import metadata_backend
from demo.distro import FAILING, PACKAGES, Distribution, package_files, package_names, repository_files
from demo.pull_requests import STORY, changed_files
from demo.sources import LISTS, pinned

CHANGES = Path(__file__).parents[2] / "demo/pull_requests"
SPECS = [*sorted(PACKAGES.glob("*/*.spec")), *sorted(CHANGES.glob("*/*.spec"))]


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Files with the names, and not the contents, of the released source distributions."""
    for source in (source for name in LISTS for source in pinned(name)):
        (tmp_path / source.file_name).write_bytes(b"a release")
    return tmp_path


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_every_spec_parses_and_is_named_after_its_package(spec: Path) -> None:
    command = ["rpmspec", "--query", "--srpm", "--queryformat", "%{name}", str(spec)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == spec.parent.name == spec.stem


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_every_source_is_in_the_package_or_pinned(spec: Path, released: Path) -> None:
    files = package_files(spec.parent, released)
    assert len(files) == 1 + sum(line.startswith("Source") for line in spec.read_text().splitlines())


def test_every_pinned_release_is_used(released: Path) -> None:
    used = {name for spec in SPECS for name in package_files(spec.parent, released)}
    assert {path.name for path in released.iterdir()} <= used


def test_every_release_is_pinned_by_digest() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{64}", source.sha256) for name in LISTS for source in pinned(name))


def test_what_is_deselected_has_a_reason() -> None:
    for spec in SPECS:
        check = spec.read_text().partition("%check\n")[2].partition("%files")[0]
        if re.search(r"--(deselect|ignore|noconftest)|(?<= )-k ", check):
            assert check.startswith("#"), spec


def test_the_story_tells_of_packages_that_exist() -> None:
    told = {name for story in STORY for name in (story.package, *story.verdicts, *story.roots)}
    assert told <= set(package_names())
    assert set(package_names()) >= FAILING


@pytest.mark.parametrize("story", STORY, ids=lambda story: story.package)
def test_a_pull_request_changes_the_version(story, released: Path) -> None:  # type: ignore[no-untyped-def]
    distribution = Distribution(binary_repo=released, source_repo=released, sources=released, packages=())
    before, after = repository_files(story.package, distribution, ""), changed_files(story.package, released)
    spec = f"{story.package}.spec"
    versions = [re.findall(rb"^Version: +(\S+)", files[spec], re.MULTILINE) for files in (before, after)]
    assert versions[0] != versions[1]


async def test_the_configuration_names_the_two_repositories(tmp_path: Path) -> None:
    distribution = Distribution(
        binary_repo=tmp_path / "binary", source_repo=tmp_path / "source", sources=tmp_path, packages=()
    )
    async with BACKENDS["sandbox"](tmp_path / "state", distribution) as backend:
        files = repository_files("libgreet", distribution, backend.configuration)
    loaded = load(files[".revdeps.yaml"], ".revdeps.yaml", ["libgreet.spec"])
    assert isinstance(loaded, Config)
    (target,) = loaded.targets
    assert (target.backend, [repository.url for repository in target.repositories]) == (
        "sandbox",
        [distribution.binary_repo.as_uri(), distribution.source_repo.as_uri()],
    )


@pytest.mark.parametrize(("program", "compiles"), [("greeter", True), ("oldgreet", False)])
def test_one_program_compiles_with_the_new_library_and_one_does_not(program: str, compiles: bool) -> None:
    command = ["gcc", "-fsyntax-only", "-Werror=implicit-function-declaration"]
    source = PACKAGES / program / f"{program}.c"
    before = subprocess.run([*command, f"-I{PACKAGES / 'libgreet'}", source], capture_output=True, check=False)
    after = subprocess.run([*command, f"-I{CHANGES / 'libgreet'}", source], capture_output=True, check=False)
    assert before.returncode == 0
    assert (after.returncode == 0) is compiles


def test_pip_gets_the_metadata_that_the_release_carries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: some-project\nVersion: 1.0\n\nText.\n")
    monkeypatch.chdir(tmp_path)
    name = metadata_backend.prepare_metadata_for_build_wheel(str(tmp_path))
    assert name == "some_project-1.0.dist-info"
    assert (tmp_path / name / "METADATA").read_text() == (tmp_path / "PKG-INFO").read_text()
