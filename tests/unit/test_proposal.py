"""What `config init` proposes, from what stands beside a spec."""

from typing import Any

import pytest

from bot.adapters.config_file import Offer, load
from bot.domain.config import Config, SourceMethod
from bot.domain.proposal import FEDORA_LOOKASIDE, SpecSeen, propose, render

TARBALL = "https://example.org/libfoo-1.9.tar.gz"


def seen(path: str = "libfoo.spec", **facts: Any) -> SpecSeen:
    plain: dict[str, Any] = {
        "text": "Release: 1\n",
        "sources": (TARBALL,),
        "beside": frozenset({path.rpartition("/")[2]}),
    }
    if "beside" in facts:
        facts["beside"] = frozenset(facts["beside"]) | plain["beside"]
    return SpecSeen(path=path, **{**plain, **facts})


@pytest.mark.parametrize(
    ("spec", "method", "to_fill_in"),
    [
        (seen(beside={"libfoo-1.9.tar.gz"}), SourceMethod.SPEC, ()),
        (seen(beside={"libfoo-1.9.tar.gz"}, text="Release: %autorelease\n"), SourceMethod.RPMAUTOSPEC, ()),
        (seen(beside={"sources"}, text="Release: %{autorelease}\n"), SourceMethod.LOOKASIDE, ()),
        (seen(), SourceMethod.URLS, ("libfoo-1.9.tar.gz",)),
        (seen(beside={"README.md", ".gitignore"}), SourceMethod.URLS, ("libfoo-1.9.tar.gz",)),
        (seen(beside={"meson.build", "libfoo.c"}), SourceMethod.ARCHIVE, ()),
        (seen("packaging/libfoo.spec"), SourceMethod.ARCHIVE, ()),
        (seen("libfoo/libfoo.spec"), SourceMethod.URLS, ("libfoo-1.9.tar.gz",)),
        (seen(sources=("a.patch",)), SourceMethod.SPEC, ()),
        (seen(sources=()), SourceMethod.SPEC, ()),
        (seen(sources=(), parsed=False, beside={"meson.build"}), SourceMethod.SPEC, ()),
    ],
    ids=lambda value: value.path if isinstance(value, SpecSeen) else "",
)
def test_how_a_source_package_is_made_follows_from_the_files(
    spec: SpecSeen, method: SourceMethod, to_fill_in: tuple[str, ...]
) -> None:
    [package] = propose([spec], ()).packages
    assert (package.method, package.to_fill_in) == (method, to_fill_in)


def test_a_source_that_nobody_can_get_is_told() -> None:
    [package] = propose([seen(sources=(TARBALL, "lost.patch"))], ()).packages
    assert package.method is SourceMethod.URLS
    assert package.remark == "lost.patch: in the spec, but not beside it. Commit it."


def test_the_only_spec_made_in_the_plain_way_needs_no_words() -> None:
    proposal = propose([seen(beside={"libfoo-1.9.tar.gz"}), seen("tests/other.spec")], ("rawhide", "f42"))
    assert render(proposal) == "version: 1\n\ntargets: [rawhide, f42]\n"


def test_the_schema_stands_in_the_first_line_where_editors_look() -> None:
    text = render(propose([seen(parsed=False)], ("42", "on")), "https://revdeps.example/schema/revdeps.schema.json")
    assert text == (
        "# yaml-language-server: $schema=https://revdeps.example/schema/revdeps.schema.json\n"
        "version: 1\n"
        "\n"
        "packages:\n"
        "  # This spec does not parse by itself, so how its source package is made is a guess.\n"
        "  - spec: libfoo.spec\n"
        "\n"
        'targets: ["42", "on"]\n'
    )


@pytest.mark.parametrize(
    "specs",
    [
        [seen()],
        [seen(beside={"sources"})],
        [seen("a/a.spec"), seen("b b/#b.spec", beside={"sources"}), seen("packaging/c.spec")],
        [seen(sources=("https://example.org/odd:1#.tar",))],
    ],
)
def test_whatever_is_proposed_is_a_configuration(specs: list[SpecSeen]) -> None:
    text = render(propose(specs, ()))
    found = load(text.encode(), ".revdeps.yaml", [spec.path for spec in specs], Offer())
    assert isinstance(found, Config), found
    assert [package.spec for package in found.packages] == [spec.path for spec in specs]


def test_the_lookaside_cache_has_a_place_for_every_file() -> None:
    assert "{hash}" in FEDORA_LOOKASIDE
    assert "{filename}" in FEDORA_LOOKASIDE
