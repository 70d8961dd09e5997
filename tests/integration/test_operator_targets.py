"""The operator's targets are held against what there is, when the service starts."""

from pathlib import Path

import pytest

from bot.app.build_systems import BuildSystems, build_systems
from bot.app.compose import world
from bot.app.settings import Settings
from bot.app.targets import operator_targets
from bot.domain.target import DistGit, KojiTag, Repository
from bot.ports.errors import Misconfigured

DOCS = Path(__file__).parents[2] / "docs/operating.md"
REPOSITORIES = "repositories: ['https://example.org/os']"


def examples() -> dict[str, str]:
    """Return the YAML files that the documentation shows, by their first word."""
    parts = (part.split("```")[0] for part in DOCS.read_text().split("```yaml\n")[1:])
    return {part.partition(":")[0]: part for part in reversed(list(parts))}


def wrong(directory: Path, text: str) -> str:
    file = directory / "targets.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        operator_targets(file, BuildSystems(), ("sandbox",))
    return caught.value.what.replace(f"{file}:", "")


async def test_what_is_wrong_keeps_the_service_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text(f"rawhide: {{{REPOSITORIES}, backend: copr}}\n")
    with pytest.raises(Misconfigured, match=r"this service has no backend `copr`\. It has: `sandbox`\."):
        async with world(Settings(state_dir=tmp_path / "state", targets_file=file), forges={}):
            pass


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "1:1: expected targets by name, such as `rawhide:` with the target's keys below it; found a list"),
        ("rawhide: 3", "1:10: expected a target with its repositories; found `3`"),
        ("rawhide: {}", "1:10: the key `repositories` is missing: a list of repositories is expected"),
        ("a b: {repositories: [x]}", "1:1: expected a target's name; found `a b`"),
        (f"rawhide: {{{REPOSITORIES}, buildrot: [bash]}}", "unknown key `buildrot`. Did you mean `buildroot`?"),
        (f"rawhide: {{{REPOSITORIES}, name: x}}", "unknown key `name`."),
        (f"rawhide: {{{REPOSITORIES}, backend: x}}", "this service has no backend `x`. It has: `sandbox`."),
        (f"rawhide: {{{REPOSITORIES}, dist-git: {{branch: main}}}}", "`dist-git`"),
        ("rawhide: {repositories: [htps://example.org]}", "1:26: an address that starts with https:"),
        (
            "rawhide: {repositories: [{koji: {tag: f42-build}}]}",
            "the key `hub` is missing, and this service knows none.",
        ),
        ("{", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_told_of_with_line_and_column(text: str, told: str, tmp_path: Path) -> None:
    assert told in wrong(tmp_path, text)


@pytest.mark.parametrize("text", ["", "# none yet\n", "{}"])
def test_an_empty_file_has_no_targets(text: str, tmp_path: Path) -> None:
    (tmp_path / "targets.yaml").write_text(text)
    assert operator_targets(tmp_path / "targets.yaml", BuildSystems(), ("sandbox",)) == {}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="gone: No such file or directory"):
        operator_targets(tmp_path / "gone", BuildSystems(), ("sandbox",))


def test_the_example_in_the_documentation_is_read_with_those_of_the_build_systems(tmp_path: Path) -> None:
    shown = examples()
    (tmp_path / "systems.yaml").write_text(shown["koji"])
    (tmp_path / "targets.yaml").write_text(shown["rawhide"])
    systems = build_systems(tmp_path / "systems.yaml")
    found = operator_targets(tmp_path / "targets.yaml", systems, ("sandbox", "koji:fedora", "copr:fedora"))
    assert found["rawhide"].repositories[0] == Repository(url="https://example.org/rawhide/os")
    assert found["f42"].backend == "koji:fedora"
    tag = found["f42"].repositories[0].koji
    assert tag == KojiTag(
        hub="https://koji.example.org/kojihub", topurl="https://kojipkgs.example.org", tag="f42-build"
    )


def test_a_dist_git_is_one_that_the_copr_knows(tmp_path: Path) -> None:
    (tmp_path / "login").touch()
    (tmp_path / "systems.yaml").write_text(
        f"copr: {{fedora: {{results: 'https://copr.example.org/results', login: {tmp_path}/login,"
        " dist_gits: {ours: 'https://git.example.org/rpms/{name}'}}}\n"
    )
    (tmp_path / "targets.yaml").write_text(
        f"rawhide: {{{REPOSITORIES}, backend: copr, dist-git: {{instance: ours, branch: rawhide}}}}\n"
    )
    systems = build_systems(tmp_path / "systems.yaml")
    found = operator_targets(tmp_path / "targets.yaml", systems, systems.backends)
    assert found["rawhide"].dist_git == DistGit(url="https://git.example.org/rpms/{name}", branch="rawhide")
