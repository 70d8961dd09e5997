"""Modular packages: what is there and what is hidden, as dnf has it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Universe
from bot.ports.errors import Misconfigured
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

OLD, NEW = "1.module_el8+1", "1.module_el8+2"
PACKAGES: tuple[Package, ...] = (
    Rpm(name="nodejs", version="10", release=OLD),
    Srpm(name="nodejs", version="10", release=OLD),
    Rpm(name="nodejs", version="18", release=NEW),
    Rpm(name="npm", version="18", release=NEW, source="nodejs"),
    Srpm(name="nodejs", version="18", release=NEW),
    Rpm(name="plain"),
)
OUTSIDE: tuple[Package, ...] = (Rpm(name="nodejs", version="99"), Srpm(name="nodejs", version="99"))
"""Of the same name and newer, but of no module."""
RELEASE = Rpm(name="system-release", provides=("base-module(platform:el8)",))


def stream(name: str, artifacts: Sequence[str], *, module: str = "nodejs", requires: str = "platform: [el8]") -> str:
    return f"""---
document: modulemd
version: 2
data:
  name: {module}
  stream: "{name}"
  version: 820200101000000
  context: 9edba152
  arch: x86_64
  summary: A module
  description: A module.
  license: {{module: [MIT]}}
  dependencies:
  - buildrequires: {{platform: [el8]}}
    requires: {{{requires}}}
  artifacts:
    rpms: {list(artifacts)!r}
...
"""


def default(name: str) -> str:
    return f"""---
document: modulemd-defaults
version: 1
data:
  module: nodejs
  stream: "{name}"
...
"""


STREAM_10 = stream("10", [f"nodejs-0:10-{OLD}.x86_64", f"nodejs-0:10-{OLD}.src"])
STREAM_18 = stream("18", [f"nodejs-0:18-{NEW}.x86_64", f"npm-0:18-{NEW}.x86_64", f"nodejs-0:18-{NEW}.src"])
MODULES = STREAM_10 + STREAM_18 + default("10")


def layer(
    directory: Path, packages: Sequence[Package], modules: str = "", *, hotfixes: bool = False, name: str = "repo"
) -> Layer:
    url = write_repository(directory / name, packages, more={"modules": modules} if modules else None)
    digest = fetch_metadata(url, HawkeySettings(cache=directory / "cache", allow_file=True))
    return Layer(url=url, digest=digest, module_hotfixes=hotfixes)


def there(directory: Path, *base: Layer, modules: tuple[str, ...] = (), change: tuple[Layer, ...] = ()) -> list[str]:
    spec = UniverseSpec(cache=directory / "cache", arch="x86_64", base=base, modules=modules, change=change)
    found = [str(package) for package in Universe(spec).packages.values()]
    return sorted(name for name in found if not name.startswith(("plain", "system-release")))


TEN = [f"nodejs-10-{OLD}.src", f"nodejs-10-{OLD}.x86_64"]
EIGHTEEN = [f"nodejs-18-{NEW}.src", f"nodejs-18-{NEW}.x86_64", f"npm-18-{NEW}.x86_64"]


@pytest.mark.parametrize("release", [(), (RELEASE,)])
def test_the_default_stream_is_there_and_no_other(tmp_path: Path, release: tuple[Package, ...]) -> None:
    assert there(tmp_path, layer(tmp_path, [*PACKAGES, *OUTSIDE, *release], MODULES)) == TEN


@pytest.mark.parametrize("release", [(), (RELEASE,)])
def test_a_stream_can_be_enabled_instead_of_the_default_one(tmp_path: Path, release: tuple[Package, ...]) -> None:
    base = layer(tmp_path, [*PACKAGES, *OUTSIDE, *release], MODULES)
    assert there(tmp_path, base, modules=("nodejs:18",)) == EIGHTEEN


def test_without_a_default_stream_only_packages_outside_of_the_module_are_there(tmp_path: Path) -> None:
    base = layer(tmp_path, [*PACKAGES, *OUTSIDE], STREAM_10 + STREAM_18)
    assert there(tmp_path, base) == ["nodejs-99-1.src", "nodejs-99-1.x86_64"]


def test_without_module_metadata_all_are_there(tmp_path: Path) -> None:
    assert there(tmp_path, layer(tmp_path, [*PACKAGES, *OUTSIDE])) == sorted(
        [*TEN, *EIGHTEEN, "nodejs-99-1.src", "nodejs-99-1.x86_64"]
    )


def test_a_repository_with_hotfixes_is_not_filtered(tmp_path: Path) -> None:
    base = layer(tmp_path, PACKAGES, MODULES)
    fixes = layer(tmp_path, OUTSIDE, hotfixes=True, name="fixes")
    assert there(tmp_path, base, fixes) == sorted([*TEN, "nodejs-99-1.src", "nodejs-99-1.x86_64"])


def test_modules_hide_packages_of_other_repositories(tmp_path: Path) -> None:
    assert there(tmp_path, layer(tmp_path, PACKAGES, MODULES), layer(tmp_path, OUTSIDE, name="other")) == TEN


def test_a_change_of_a_modular_package_is_there(tmp_path: Path) -> None:
    base, change = layer(tmp_path, PACKAGES, MODULES), layer(tmp_path, [Rpm(name="nodejs", version="11")], name="new")
    assert "nodejs-11-1.x86_64" in there(tmp_path, base, change=(change,))


@pytest.mark.parametrize(
    ("modules", "problem"),
    [
        (("nodejs:1x8",), "there is no module stream `nodejs:1x8` .* Did you mean `nodejs:18`"),
        (("nodejs:10", "nodejs:18"), "two streams of the module `nodejs` are enabled"),
        (("broken:1",), r"`broken:1` cannot be enabled \(.*module\(missing\)"),
    ],
)
def test_streams_that_cannot_be_enabled_are_for_the_owner(
    tmp_path: Path, modules: tuple[str, ...], problem: str
) -> None:
    broken = stream("1", [], module="broken", requires="platform: [el8], missing: []")
    base = layer(tmp_path, [*PACKAGES, RELEASE], MODULES + broken)
    with pytest.raises(Misconfigured, match=problem):
        there(tmp_path, base, modules=modules)


def test_streams_need_repositories_with_modules(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no module stream"):
        there(tmp_path, layer(tmp_path, PACKAGES), modules=("nodejs:18",))


def test_a_default_stream_that_needs_what_is_missing_is_not_there(tmp_path: Path) -> None:
    ten = stream("10", [f"nodejs-0:10-{OLD}.x86_64"], requires="platform: [el8], missing: []")
    assert f"nodejs-10-{OLD}.x86_64" not in there(tmp_path, layer(tmp_path, PACKAGES, ten + default("10")))


def test_module_metadata_that_cannot_be_read_are_for_the_operator(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        there(tmp_path, layer(tmp_path, PACKAGES, "document: [modulemd"))
