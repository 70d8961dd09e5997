"""Where a problem of a configuration is, and what was expected there."""

import pytest

from tests.fakes.configured import MINIMAL, problems, with_lines


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
        ('min-coverage: "90"', "4:15 expected a percentage from 0 to 100; found `90`; write it without quotes"),
        ('min-coverage: "900"', "4:15 expected a percentage from 0 to 100; found `900`"),
        ("labels: abi", "4:9 expected a list of labels; found `abi`. Did you mean `[abi]`?"),
        ("packages: libfoo.spec", "4:11 expected a list of packages; found `libfoo.spec`"),
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


def test_a_version_in_quotes_is_told_to_lose_them():
    assert problems(MINIMAL.replace("1", '"1"', 1)) == [
        "1:10 expected the number 1; found `1`; write it without quotes"
    ]


def test_packages_without_a_usable_spec_are_not_told_to_be_one_package():
    found = problems(with_lines("packages:", "  - spec: /a.spec", "  - spec: /b.spec"))
    assert [each.split(" has")[0] for each in found] == ["5:11 `/a.spec`", "6:11 `/b.spec`"]
