"""What a configuration file comes to, and what is answered to one that is no configuration."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.adapters.config_file import Offer, load
from bot.adapters.config_file.check import schema
from bot.adapters.config_file.load import MAX_PROBLEMS
from bot.adapters.config_file.packages import PLACEHOLDERS
from bot.adapters.config_file.tree import MAX_BYTES
from bot.domain.config import (
    BaselinePolicy,
    CommentPolicy,
    Config,
    Depth,
    Draft,
    Mode,
    PackageConfig,
    ReverseDependencyConfig,
    SourceMethod,
)
from bot.domain.target import KojiTag, Repository, RepositoryKind, Target
from tests.fakes.configured import EXAMPLES, MINIMAL, OFFER, RAWHIDE, ROOT, config, problems, with_lines


@pytest.mark.parametrize("written", ["koji", "koji:fedora"])
def test_a_backend_goes_by_its_full_name_and_by_its_short_one(written: str) -> None:
    offer = replace(OFFER, backends=("sandbox", "koji:fedora"), short_backends={"koji": "koji:fedora"})
    (target,) = config(f"{MINIMAL}    backend: {written}\n", offer=offer).targets
    assert target.backend == "koji:fedora"


def test_a_target_may_have_a_second_backend():
    (target,) = config(f"{MINIMAL}    backend: koji\n    fallback: sandbox\n").targets
    assert (target.backend, target.fallback) == ("koji", "sandbox")
    (problem,) = problems(f"{MINIMAL}    fallback: kojj\n")
    assert "this service has no backend `kojj`" in problem


def test_three_lines_are_a_working_configuration():
    assert config(MINIMAL) == Config(
        packages=(PackageConfig(spec="libfoo.spec"),),
        targets=(
            Target(
                name="default",
                arch="aarch64",
                backend="koji",
                repositories=(Repository(url="https://example.org/repo"),),
            ),
        ),
    )


def test_every_key_reaches_the_configuration():
    assert config((ROOT / "config-schema/examples/full.yaml").read_text()) == Config(
        packages=(PackageConfig(spec="libfoo.spec"),),
        targets=(
            Target(
                name="rawhide-x86_64",
                arch="x86_64",
                backend="sandbox",
                repositories=(
                    Repository(
                        url="https://repositories.example.org/rawhide/x86_64/",
                        priority=50,
                        excludes=("libfoo-compat*",),
                        gpgkey="https://repositories.example.org/RPM-GPG-KEY",
                    ),
                    Repository(
                        url="https://mirrors.example.org/metalink?repo=rawhide-source", kind=RepositoryKind.METALINK
                    ),
                    Repository(url="https://repositories.example.org/hotfixes/x86_64/", module_hotfixes=True),
                ),
                buildroot=("@buildsys-build", "rpm-build"),
                modules=("nodejs:18",),
            ),
            Target(
                name="f42",
                arch="aarch64",
                backend="koji",
                repositories=(
                    Repository(
                        url="https://files.example.org/repos/f42-build/latest/aarch64",
                        koji=KojiTag(
                            hub="https://koji.example.org/kojihub", topurl="https://files.example.org", tag="f42-build"
                        ),
                    ),
                    Repository(url="https://copr.example.org/results/octocat/libfoo/fedora-42-x86_64/"),
                ),
            ),
            Target(
                name="rawhide-aarch64",
                arch="aarch64",
                backend="copr",
                repositories=(Repository(url="https://repositories.example.org/rawhide/aarch64/"),),
                chroot="fedora-rawhide-aarch64",
            ),
        ),
        reverse_dependencies=ReverseDependencyConfig(
            depth=Depth(levels=2),
            include=("foo-important",),
            exclude=("foo-*",),
            limit=500,
            boost=(("python-*", 100), ("*-docs", -200)),
        ),
        mode=Mode.CHAINED,
        baseline=BaselinePolicy.ALWAYS,
        min_coverage=95,
        timeout=timedelta(days=1),
        build_timeout=timedelta(hours=3),
        comment=CommentPolicy.OFF,
    )


def test_every_way_to_make_an_srpm_reaches_the_configuration():
    found = config((ROOT / "config-schema/examples/monorepo.yaml").read_text(), specs=("*.spec",)).packages
    assert [package.method for package in found] == [
        SourceMethod.URLS,
        SourceMethod.RPMAUTOSPEC,
        SourceMethod.COMMAND,
        SourceMethod.SPEC,
    ]
    checksum = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert found[0].checksums == (("libfoo-1.9.tar.gz", checksum),)
    assert found[2].command == 'make -C foo-data srpm outdir="$RESULTDIR"'
    assert found[2].paths == ("foo-data/", "shared/*.json")


def test_upstream_and_dist_git_projects_reach_the_configuration():
    upstream = config((ROOT / "config-schema/examples/upstream.yaml").read_text(), specs=("*.spec",))
    assert (upstream.packages[0].method, upstream.packages[0].name) == (SourceMethod.ARCHIVE, "libfoo")
    assert (upstream.labels, upstream.drafts, upstream.comment) == (("abi",), Draft.SKIP, CommentPolicy.ALWAYS)
    dist_git = config((ROOT / "config-schema/examples/dist-git.yaml").read_text())
    assert dist_git.packages[0].lookaside is not None
    assert dist_git.reverse_dependencies.depth == Depth(levels=1)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid(example):
    assert isinstance(load(example.read_bytes(), str(example), ("*.spec",), OFFER), Config)


def test_the_schema_is_valid_and_describes_every_key():
    Draft202012Validator.check_schema(schema())
    parts = [schema(), *schema()["$defs"].values()]
    for properties in [part["properties"] for part in parts if "properties" in part]:
        for key, value in properties.items():
            described = value if "$ref" not in value else {**schema()["$defs"][value["$ref"].split("/")[-1]], **value}
            assert described.get("description"), key
            assert described.get("title"), key


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("mode", "auto"),
        ("baseline", "on-failure"),
        ("comment", "on-failure"),
        ("drafts", "run"),
        ("min-coverage", 90),
    ],
)
def test_the_defaults_that_editors_show_are_those_that_hold(key, default):
    value = getattr(config(MINIMAL), key.replace("-", "_"))
    assert schema()["properties"][key]["default"] == default == getattr(value, "value", value)


def test_a_target_of_the_operators_is_named_or_completed():
    named, completed = config("version: 1\ntargets: [rawhide, {name: other, repositories: [file:///srv]}]").targets
    assert named == RAWHIDE
    assert (completed.name, completed.backend) == ("other", "koji")
    (changed,) = config("version: 1\ntargets:\n  - name: rawhide\n    buildroot: [gcc]\n    arch: x86_64").targets
    assert (changed.buildroot, changed.arch, changed.repositories) == (("gcc",), "x86_64", RAWHIDE.repositories)


def test_names_are_taken_on_trust_where_the_service_is_not_known():
    (target,) = config("version: 1\ntargets: [anything]", offer=Offer(presets=None)).targets
    assert (target.name, target.backend) == ("anything", "sandbox")


def test_words_that_older_yaml_takes_for_truth_values_stay_words():
    assert config(with_lines("comment: off", "baseline: off")).comment is CommentPolicy.OFF


def test_an_anchor_may_be_used_again():
    text = "version: 1\ntargets:\n  - repositories: &r [https://a.example]\n  - {name: b, repositories: *r}\n"
    first, second = config(text).targets
    assert first.repositories == second.repositories


def test_a_build_has_no_longer_than_its_run():
    assert config(with_lines("timeout: 90m")).build_timeout == timedelta(minutes=90)


def repositories(text, **offer):
    """Return the repositories of a target that is described so."""
    text = f"version: 1\ntargets:\n  - {{arch: aarch64, repositories: [{text}]}}\n"
    return config(text, offer=replace(OFFER, **offer)).targets[0].repositories


@pytest.mark.parametrize("hub", ["hub: fedora, ", ""])
def test_a_koji_tag_is_a_repository_of_the_hubs(hub):
    (found,) = repositories(f"{{koji: {{{hub}tag: f42-build}}, priority: 10}}")
    assert found == Repository(
        url="https://files.example.org/repos/f42-build/latest/aarch64",
        priority=10,
        koji=KojiTag(hub="https://koji.example.org/kojihub", topurl="https://files.example.org", tag="f42-build"),
    )


def test_a_copr_project_is_a_repository_among_the_results():
    copr = "{copr: {instance: other, project: '@python/python3.14', chroot: fedora-42-aarch64}}"
    (found,) = repositories(copr)
    assert found.url == "https://other.example.org/results/@python/python3.14/fedora-42-aarch64/"


def test_where_hubs_and_coprs_are_not_known_names_are_taken_on_trust():
    both = "{koji: {hub: any, tag: t}}, {copr: {project: a/b, chroot: c}}"
    assert [found.url for found in repositories(both, koji_hubs=None, coprs=None)] == ["koji:t", "copr:a/b/c"]


def test_a_service_without_hubs_says_so():
    offer = replace(OFFER, koji_hubs={})
    text = "version: 1\ntargets:\n  - repositories: [{koji: {tag: t}}]\n"
    assert problems(text, offer=offer) == ["3:27 the key `hub` is missing, and this service knows none."]


def test_a_hub_is_on_an_allowed_host_like_any_repository():
    offer = replace(OFFER, allowed_hosts=("files.example.org",))
    text = "version: 1\ntargets:\n  - repositories: [{koji: {tag: t}}]\n"
    (found,) = problems(text, offer=offer)
    assert found.startswith("3:27 host `koji.example.org` is not among those")


def test_a_host_that_the_operator_does_not_allow_is_refused():
    offer = Offer(allowed_hosts=("good.example",), allow_file=False)
    text = "version: 1\ntargets:\n  - repositories: [https://good.example/, http://169.254.169.254/, file:///etc]\n"
    first, second = problems(text, offer=offer)
    assert first.startswith("3:43 host `169.254.169.254` is not among those that this service's operator allows;")
    assert second == "3:68 this service takes no repositories from its own disk; use an https: address"


def test_a_key_may_not_come_from_everywhere_either():
    offer = Offer(allowed_hosts=("good.example",), allow_file=False)
    text = "version: 1\ntargets:\n  - repositories: [{url: https://good.example/, gpgkey: file:///etc/key}]\n"
    assert problems(text, offer=offer) == [
        "3:57 this service takes no repositories from its own disk; use an https: address"
    ]


def test_names_and_specs_are_used_once():
    packages = "packages:\n  - name: a\n  - {name: a, spec: b.spec}\n  - spec: b.spec\n"
    text = "version: 1\ntargets: [rawhide, rawhide]\n" + packages
    found = problems(text, specs=("libfoo.spec", "sub/b.spec", "b.spec"))
    assert "2:20 two targets are called `rawhide` (the first is in line 2); give each a `name:` of its own" in found
    assert "5:5 the name `a` belongs to a package already, in line 4" in found
    assert "6:5 the spec `b.spec` belongs to a package already, in line 5" in found


def test_a_path_is_brought_into_its_shortest_form():
    assert config(with_lines("packages: [{spec: ./libfoo.spec}]")).packages[0].spec == "libfoo.spec"


def test_a_repository_without_a_spec_or_with_several_says_what_to_write():
    assert problems(MINIMAL, specs=())[0].startswith("1:1 there is no spec file in the repository")
    several = problems(MINIMAL, specs=tuple(f"{n}.spec" for n in range(7)))
    assert several == [
        "1:1 there is more than one spec file, so each package has to name its own with `spec:`. "
        "There are: `0.spec`, `1.spec`, `2.spec`, `3.spec`, `4.spec` and 2 more."
    ]


def test_all_problems_are_told_at_once_in_the_order_of_lines():
    found = problems("version: 2\npackages:\n  - spec: ../a.spec\nmode: x\ntargets: [nowhere]\ntimeout: soon\n")
    assert [each.split()[0] for each in found] == ["1:10", "3:11", "4:7", "5:11", "6:10"]


def test_a_flood_of_problems_is_cut():
    found = problems("".join(f"key-{n}: 1\n" for n in range(99)))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].endswith("and 51 more problems; mend these first")


@pytest.mark.parametrize("content", ["", "# nothing\n", "null\n", "\ufeff"])
def test_an_empty_file_is_told_what_the_least_is(content):
    assert problems(content)[0].startswith("1:1 the file is empty; the least that works is")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("- a", "1:1 expected keys and values, such as `version: 1`; found a list"),
        ("text", "1:1 expected keys and values, such as `version: 1`; found `text`"),
        (b"a: b\nc: \xe4", "2:4 byte 0xe4 is not UTF-8. Save the file as UTF-8."),
        (b"\xff\xfea\x00", "1:1 byte 0xff is not UTF-8. Save the file as UTF-8."),
        (b"#" * (MAX_BYTES + 1), "1:1 the file has 262,145 bytes; at most 262,144 are read. Shorten it, globs help."),
        ("[" * 50_000, "1:21 lists and mappings are nested more than 20 deep"),
        ("{a: " * 50_000, "1:81 lists and mappings are nested more than 20 deep"),
        ("a: &a [*a]", "1:8 the alias `*a` stands inside of what it stands for"),
        ("a: [" + "1," * 50_000 + "]", "1:19999 the file holds more than 10,000 values, with its aliases written out"),
    ],
)  # fmt: skip
def test_a_hostile_file_gets_one_clear_answer(content, problem):
    assert problems(content) == [problem]


def test_aliases_that_explode_are_counted_before_they_are_written_out():
    layers = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 10,000 values" in problems("\n".join(layers))[-1]


def test_aliases_cannot_nest_deeper_than_the_bound():
    layers = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 30)]
    assert "nested more than 20 deep" in problems("\n".join(layers))[-1]


def test_a_list_of_a_number_too_long_for_python_is_no_traceback():
    assert problems(with_lines("min-coverage: " + "9" * 5000))


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(content):
    assert isinstance(load(content, "x", ()), Config | tuple)


PIECES = [
    *schema()["properties"],
    *schema()["$defs"]["package"]["properties"],
    "url",
    "x",
    "1",
    "off",
    "null",
    "*",
    "&a",
    "*a",
]
PIECES += [
    ": ",
    "\n",
    "\n  ",
    "\n  - ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    '"',
    "#",
    "|",
    "!!",
    "\t",
    "spec",
    "https://a.example/",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_anything_that_looks_like_a_configuration_is_answered(text):
    loaded = load(text.encode(), "x", ("libfoo.spec",), OFFER)
    assert isinstance(loaded, Config) or all(problem.line >= 1 and problem.column >= 1 for problem in loaded)


def test_the_placeholders_are_those_that_the_schema_describes():
    description = schema()["$defs"]["package"]["properties"]["lookaside"]["description"]
    assert all(f"{{{name}}}" in description for name in PLACEHOLDERS)
