import pytest

from bot.domain.config import NEED_A_COPR, Config, PackageConfig, SourceMethod
from bot.domain.selection import default_specs, touched


def names(files, *packages):
    return [package.spec for package in touched(Config(packages=packages, targets=()), files)]


def package(spec, **more):
    return PackageConfig(spec=spec, **more)


@pytest.mark.parametrize(
    ("files", "hit"),
    [
        (["a.spec"], True),
        (["sources"], True),
        (["patches/fix.patch"], True),
        ([".revdeps.yaml"], False),
        ([".revdeps.yaml", "fix.patch"], True),
        ([], False),
    ],
)
def test_a_package_at_the_top_is_touched_by_everything_but_the_configuration(files, hit):
    assert names(files, package("a.spec")) == (["a.spec"] if hit else [])
    assert names(files, package("*.spec")) == (["*.spec"] if hit else [])


@pytest.mark.parametrize(
    ("file", "hit"),
    [
        ("a/a.spec", ["a/a.spec"]),
        ("a/deep/fix.patch", ["a/a.spec"]),
        ("b/c/x", ["b/c/c.spec"]),
        ("b/x", ["b/b.spec"]),
        ("README.md", []),
        ("ab/x", []),
    ],
)
def test_a_file_touches_the_package_of_the_innermost_directory(file, hit):
    assert names([file], package("a/a.spec"), package("b/b.spec"), package("b/c/c.spec")) == hit


def test_two_specs_in_one_directory_are_touched_together():
    assert names(["a/fix.patch"], package("a/a.spec"), package("a/b.spec")) == ["a/a.spec", "a/b.spec"]


@pytest.mark.parametrize(
    ("file", "hit"),
    [
        ("packaging/a.spec", True),
        ("packaging/README", False),
        ("src/deep/a.c", True),
        ("data/icons/a.svg", True),
        ("docs/a.md", False),
    ],
)
def test_paths_say_what_belongs_to_a_package(file, hit):
    one = package("packaging/a.spec", paths=("src/*.c", "data/"))
    assert bool(names([file], one)) is hit


@pytest.mark.parametrize(
    "method", [SourceMethod.ARCHIVE, SourceMethod.COMMAND, *sorted(NEED_A_COPR, key=lambda each: each.value)]
)
def test_a_package_made_of_the_repository_is_touched_by_every_file(method):
    one = package("packaging/a.spec", method=method)
    assert names(["src/a.c"], one) == ["packaging/a.spec"]
    assert names([".revdeps.yaml"], one) == []


@pytest.mark.parametrize(
    ("specs", "candidates"),
    [
        (["a.spec", "tests/b.spec"], ("a.spec",)),
        (["packaging/a.spec"], ("packaging/a.spec",)),
        (["a.spec", "b.spec"], ("a.spec", "b.spec")),
        ([], ()),
    ],
)
def test_a_spec_at_the_top_comes_before_those_below(specs, candidates):
    assert default_specs(specs) == candidates
