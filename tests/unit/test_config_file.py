from dataclasses import replace
from datetime import timedelta
from pathlib import Path

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
from bot.domain.target import KojiHub, KojiTag, Repository, RepositoryKind, Target

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config-schema/examples").glob("*.yaml"))
MINIMAL = "version: 1\ntargets:\n  - repositories: [https://example.org/repo]\n"
RAWHIDE = Target(
    name="rawhide",
    arch="s390x",
    backend="koji",
    repositories=(Repository(url="https://internal.example.org/rawhide"),),
    buildroot=("bash",),
)
OFFER = Offer(
    presets={"rawhide": RAWHIDE},
    backends=("koji", "sandbox", "copr"),
    koji_hubs={"fedora": KojiHub(hub="https://koji.example.org/kojihub", topurl="https://files.example.org/")},
    coprs={"fedora": "https://copr.example.org/results", "other": "https://other.example.org/results/"},
    dist_gits={"copr": {"fedora": "https://src.example.org/rpms/{name}"}},
    arch="aarch64",
)


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


SCANNING = " while scanning for the next token (which starts in line 4)"


def config(text, specs=("libfoo.spec",), offer=OFFER):
    loaded = load(text.encode(), ".revdeps.yaml", specs, offer)
    assert isinstance(loaded, Config), "\n".join(map(str, loaded))
    return loaded


def problems(content, specs=("libfoo.spec",), offer=OFFER):
    """Return `line:column message` of each problem."""
    loaded = load(content if isinstance(content, bytes) else content.encode(), ".revdeps.yaml", specs, offer)
    assert isinstance(loaded, tuple)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in loaded]


def with_lines(*lines):
    return MINIMAL + "\n".join(lines) + "\n"


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


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("mode: Auto", "4:7 expected isolated, chained or auto; found `Auto`. Did you mean `auto`?"),
        ("comment: no", "4:10 expected off, on-failure or always; found `no`"),
        ("drafts: true", "4:9 expected run or skip; found `true`"),
        ("drafts:", "4:8 expected run or skip; found nothing"),
        ("min-coverage: 101", "4:15 expected a percentage from 0 to 100; found `101`"),
        ("min-coverage: 90%", "4:15 expected a percentage from 0 to 100; found `90%`"),
        ("min-coverage: 9.5", "4:15 expected a percentage from 0 to 100; found `9.5`"),
        ("timeout: 12", "4:10 expected a duration such as 90m, 12h or 2d; found `12`"),
        ("labels: abi", "4:9 expected a list of labels; found `abi`"),
        ("labels: [1]", "4:10 expected a label; found `1`; write it in quotes"),
        ("labels: [abi, abi]", "4:15 `abi` stands twice in this list"),
        ("labels: {}", "4:9 expected a list of labels; found keys and values"),
        ("packages: []", "4:11 expected a list of packages; it is empty"),
        ("packages: [libfoo.spec]", "4:12 expected a package; found `libfoo.spec`"),
        ("packages: [{spec: libfoo}]", "4:19 expected the path of a spec file; found `libfoo`"),
        ("packages: [{name: a b}]", "4:19 expected a name of letters, digits and . _ + -; found `a b`"),
        ("modes: auto", "4:1 unknown key `modes`. Did you mean `mode`?"),
        ("min_coverage: 9", "4:1 unknown key `min_coverage`. Did you mean `min-coverage`?"),
        ("version: 1", "4:1 the key `version` stands twice in one mapping; the first is in line 1"),
        ("reverse-dependencies: {depth: drect}",
         "4:31 expected direct, transitive or a number from 1 to 99; found `drect`. "
         "Did you mean `direct`?"),
        ("reverse-dependencies: {limit: many}", "4:31 expected a number from 1 to 100000; found `many`"),
        ("reverse-dependencies: {include: [a b]}", "4:34 expected a package's name or a glob; found `a b`"),
        ("reverse-dependencies: {exclude: [*a]}",
         "4:34 there is no anchor for the alias `*a`; a glob has to be quoted"),
        ("reverse-dependencies: {exclude: [*]}", "4:35 a value that starts with `*` is an alias; put a glob in quotes"),
        ("build-timeout: 1d", "4:16 `build-timeout` is longer than `timeout` (12 hours), which ends the whole run; "
         "lengthen that too"),
        ("[a]: b", "4:1 a key has to be a word, not a list or a mapping"),
        ("mode: !!python/name:os.system",
         "4:7 the tag `tag:yaml.org,2002:python/name:os.system` is not understood; remove it"),
        ("\tmode: auto", "4:1 a tab cannot stand here; YAML is indented with spaces"),
        ("mode: a: b",
         "4:8 not valid YAML: a second `: ` in one value; put the value in quotes, or check the indentation"),
        ("mode: [", "5:1 not valid YAML: expected the node content, but found '<stream end>' while parsing a flow node "
         "(which starts in line 5)"),
        ("mode: @", "4:7 not valid YAML: found character '@' that cannot start any token"),
        ("null: 1",
         "4:1 unknown key `null`. Known here: version, packages, targets, reverse-dependencies, mode, baseline, "
         "min-coverage, timeout, build-timeout, comment, drafts, labels."),
        (f"labels: [{'x' * 101}]", "4:10 expected a label; this is too long, at most 100 are taken"),
        ("---", "4:1 a second document starts here; the file holds one"),
        ("mode: \x01", "4:7 character U+0001 may not stand in YAML"),
    ],
)  # fmt: skip
def test_a_problem_says_where_it_is_and_what_was_expected(line, problem):
    found = problems(with_lines(line))
    assert problem.removesuffix(" (which starts in line 4)") in [
        each.removesuffix(" (which starts in line 4)") for each in found
    ]


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ("spec: /etc/a.spec", "5:11 `/etc/a.spec` has to stay inside the repository"),
        ("spec: a/../../b.spec", "5:11 `a/../../b.spec` has to stay inside the repository"),
        ("spec: libfo.spec", "5:11 there is no file `libfo.spec` in the repository. Did you mean `libfoo.spec`?"),
        ("spec: '*.spec'", "5:11 expected the path of a spec file; found `*.spec`"),
        ("paths: [../secret]", "5:13 `../secret` has to stay inside the repository"),
        ("source: lookaside", "5:13 `source: lookaside` needs the key `lookaside` beside it"),
        ("source: urls", "5:13 `source: urls` needs the key `checksums` beside it"),
        ("source: command", "5:13 `source: command` needs the key `command` beside it"),
        ("command: make", "5:5 `command` has a meaning only with `source: command`"),
        ("source: url",
         "5:13 expected spec, lookaside, urls, archive, rpmautospec, command, packit, rpkg, tito or make-srpm; "
         "found `url`. Did you mean `urls`?"),
        ("checksums: {a: md5:00}",
         "5:20 expected sha256: and 64, or sha512: and 128 hexadecimal digits; found `md5:00`"),
        ("checksums: {a/b: x}", "5:17 expected a file name without directories; found `a/b`"),
        ("lookaside: https://a.example/{file}",
         "5:16 `{file}` has no meaning in this address; known: `{name}`, `{filename}`, "
         "`{hashtype}`, `{hash}`"),
        ("lookaside: https://a.example/",
         "5:16 expected an address with `{hash}` or `{filename}` in it: one for every file"),
        ("lookaside: 'https://{name}.example/{hash}'", "5:16 the host of the address has to stand there in full"),
        ("lookaside: ftp://a.example/{hash}", "5:16 expected an address with {hash} or {filename} in it; found"),
    ],
)  # fmt: skip
def test_a_problem_of_a_package_says_where_it_is(package, problem):
    found = problems(with_lines("packages:", f"  - {package}"))
    assert any(each.startswith(problem) for each in found), found


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("rawhid", "3:5 there is no target `rawhid` on this service. Did you mean `rawhide`?"),
        ("stable-9", "3:5 there is no target `stable-9` on this service. It has: `rawhide`."),
        ("{name: a}", "3:5 the key `repositories` is missing: a target needs at least one repository"),
        ("{backend: koij, name: rawhide}", "3:15 this service has no backend `koij`. Did you mean `koji`?"),
        ("{backend: x, name: rawhide}", "3:15 this service has no backend `x`. It has: `koji`, `sandbox`, `copr`."),
        ("{arch: x86-64, name: rawhide}", "3:12 expected an architecture; found `x86-64`. Did you mean `x86_64`?"),
        ("{repositories: [ftp://a]}", "3:21 an address that starts with https:, http: or file: was expected"),
        ("{repositories: [{url: https://me:key@a.example}]}",
         "3:27 an address must not carry a user name or a password"),
        ("{repositories: [{priority: 1}]}",
         "3:21 one of the keys `url`, `koji` and `copr` is missing: where the repository is"),
        ("{repositories: [{url: 'https://a.example', koji: {tag: f42-build}}]}",
         "3:21 only one of `url` and `koji` can be named: where the repository is"),
        ("{repositories: [{koji: {tag: f42-build}, kind: metalink}]}",
         "3:52 `kind` says what is at a `url`, and there is none here"),
        ("{repositories: [{koji: {hub: fedroa, tag: f42-build}}]}",
         "3:34 this service knows no hub `fedroa`. Did you mean `fedora`?"),
        ("{repositories: [{koji: {hub: x, tag: f42-build}}]}", "3:34 this service knows no hub `x`. It has: `fedora`."),
        ("{repositories: [{koji: {hub: fedora}}]}", "3:28 the key `tag` is missing: a tag's name is expected"),
        ("{repositories: [{copr: {project: octocat/a, chroot: f-1-x86_64}}]}",
         "3:28 the key `instance` is missing, and this service knows several. It has: `fedora`, `other`."),
        ("{repositories: [{copr: {project: octocat, chroot: f-1-x86_64}}]}",
         "3:38 expected an owner and a project with / between them; found `octocat`"),
        ("{repositories: ['']}",
         "3:21 expected a repository's address, or a repository with its url, koji or copr; found nothing"),
        ("{name: rawhide, modules: [nodejs]}", "3:31 expected a module stream such as nodejs:18; found `nodejs`"),
        ("7", "3:5 expected a target's name, or a target with its repositories; found `7`; write it in quotes"),
    ],
)  # fmt: skip
def test_a_problem_of_a_target_says_where_it_is(target, problem):
    assert problem in problems(f"version: 1\ntargets:\n  - {target}\n")


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
