"""What `.revdeps.yaml` can ask for where a Copr builds, and what it is told where something else does."""

from dataclasses import replace

import pytest

from bot.adapters.config_file import Offer, load
from bot.domain.config import NEED_A_COPR, Config, SourceMethod
from bot.domain.target import DistGit, DistGitInstance, KojiHub, Target

FEDORA = "https://src.example.org/rpms/{name}"
OFFER = Offer(
    presets={"rawhide": Target(name="rawhide", arch="x86_64", backend="copr:fedora", repositories=())},
    backends=("sandbox", "koji", "copr:fedora"),
    short_backends={"copr": "copr:fedora"},
    koji_hubs={"fedora": KojiHub(hub="https://koji.example.org/kojihub", topurl="https://files.example.org")},
    dist_gits={"copr:fedora": {"fedora": DistGitInstance(url=FEDORA)}},
)
NAMESPACED = DistGitInstance(url="https://git.example.org/{namespace}/rpms/{name}")
SEVERAL = replace(
    OFFER,
    dist_gits={
        "copr:fedora": {
            "fedora": DistGitInstance(url=FEDORA),
            "stream": DistGitInstance(url="https://git.example.org/s/{name}.git"),
            "many": NAMESPACED,
            "forks": replace(NAMESPACED, namespace=""),
            "ours": replace(NAMESPACED, namespace="ours"),
        }
    },
)
KOJI = "repositories: [{koji: {tag: f42-build}}]"
PLAIN = "repositories: [https://example.org/r]"


def loaded(target: str, package: str = "", offer: Offer = OFFER) -> Config | list[str]:
    text = f"version: 1\ntargets:\n  - {target}\n" + (f"packages:\n  - {package}\n" if package else "")
    found = load(text.encode(), ".revdeps.yaml", ("libfoo.spec",), offer)
    return found if isinstance(found, Config) else [f"{each.line}:{each.column} {each.message}" for each in found]


def dist_git(target: str, offer: Offer = OFFER) -> DistGit | None:
    found = loaded(target, offer=offer)
    assert isinstance(found, Config), found
    return found.targets[0].dist_git


def test_dependents_come_from_a_dist_git_that_the_copr_knows() -> None:
    found = dist_git(f"{{backend: copr, {PLAIN}, dist-git: {{branch: rawhide}}}}")

    assert found == DistGit(url=FEDORA, branch="rawhide")
    assert found.repository("gtk+") == "https://src.example.org/rpms/gtk+"
    assert dist_git("rawhide") is None


def test_of_several_dist_gits_one_is_named() -> None:
    target = f"{{backend: copr, {PLAIN}, dist-git: {{branch: c10s, instance: stream}}}}"

    assert dist_git(target, SEVERAL) == DistGit(url="https://git.example.org/s/{name}.git", branch="c10s")
    assert loaded(target.replace(", instance: stream", ""), offer=SEVERAL) == [
        "3:70 the key `instance` is missing, and this service knows several. It has: `fedora`, `forks`, `many`, "
        "`ours`, `stream`."
    ]
    assert loaded(target) == ["3:95 this service knows no instance `stream`. It has: `fedora`."]


def of(instance: str, namespace: str = "") -> str:
    given = f", namespace: '{namespace}'" if namespace else ""
    return f"{{backend: copr, {PLAIN}, dist-git: {{branch: x, instance: {instance}{given}}}}}"


@pytest.mark.parametrize(
    ("instance", "namespace", "url"),
    [
        ("many", "@octocat/tools", "https://git.example.org/@octocat/tools/rpms/{name}"),
        ("forks", "", "https://git.example.org/rpms/{name}"),
        ("forks", "forks/octocat", "https://git.example.org/forks/octocat/rpms/{name}"),
        ("ours", "", "https://git.example.org/ours/rpms/{name}"),
    ],
)
def test_packages_are_in_a_namespace_of_a_dist_git_that_has_any(instance: str, namespace: str, url: str) -> None:
    assert dist_git(of(instance, namespace), SEVERAL) == DistGit(url=url, branch="x")


def test_a_namespace_is_named_where_one_has_to_be_and_there_are_any() -> None:
    assert loaded(of("many"), offer=SEVERAL) == [
        "3:70 the key `namespace` is missing: packages are at `https://git.example.org/{namespace}/rpms/{name}`"
    ]
    assert loaded(of("stream", "octocat"), offer=SEVERAL) == [
        "3:111 the dist-git at `https://git.example.org/s/{name}.git` has no namespaces"
    ]


def test_a_fallback_knows_the_dist_git_as_well() -> None:
    offer = replace(
        SEVERAL,
        backends=(*SEVERAL.backends, "copr:other"),
        dist_gits={**(SEVERAL.dist_gits or {}), "copr:other": {"theirs": NAMESPACED}},
    )
    places = ("many", "octocat"), ("ours", ""), ("stream", "")
    fallback = "backend: 'copr:fedora', fallback: 'copr:other',"
    named, meant, none = (of(*each).replace("backend: copr,", fallback) for each in places)

    assert dist_git(named, offer) == DistGit(url="https://git.example.org/octocat/rpms/{name}", branch="x")
    assert dist_git(meant, offer) == DistGit(url="https://git.example.org/ours/rpms/{name}", branch="x")
    assert loaded(none, offer=offer) == [
        "3:103 `copr:other`, the `fallback`, knows no dist-git at `https://git.example.org/s/{name}.git`"
    ]


@pytest.mark.parametrize(
    "namespace", ["..", "/octocat", "octocat/", "forks/../x", "forks//x", "a b", "{name}", "x" * 201]
)
def test_a_namespace_is_no_way_to_elsewhere(namespace: str) -> None:
    (problem,) = loaded(of("many", namespace), offer=SEVERAL)

    assert "expected names of letters, digits and . _ + - @" in str(problem)


@pytest.mark.parametrize("offer", [OFFER, replace(OFFER, koji_hubs=None)])
def test_where_koji_tells_of_commits_no_branch_is_needed(offer: Offer) -> None:
    assert dist_git(f"{{backend: copr, {KOJI}, dist-git: {{}}}}", offer) == DistGit(url=FEDORA)
    assert loaded(f"{{backend: copr, {PLAIN}, dist-git: {{}}}}", offer=offer) == [
        "3:70 the key `branch` is missing: no Koji among the repositories tells of commits"
    ]


@pytest.mark.parametrize("branch", ["-x", "a b", "''", "7"])
def test_a_branch_is_called_as_git_calls_branches(branch: str) -> None:
    (problem,) = loaded(f"{{backend: copr, {PLAIN}, dist-git: {{branch: {branch}}}}}")

    assert str(problem).startswith("3:79 expected a branch of the dist-git; found ")


@pytest.mark.parametrize(
    ("target", "backend"),
    [
        (f"{{backend: koji, {PLAIN}, dist-git: {{branch: x}}}}", "koji"),
        (f"{{{PLAIN}, dist-git: {{branch: x}}}}", "sandbox"),
        (f"{{backend: copr, fallback: koji, {PLAIN}, dist-git: {{branch: x}}}}", "koji"),
    ],
)
def test_a_dist_git_is_for_coprs_alone(target: str, backend: str) -> None:
    place = target.index("dist-git") + 5
    assert loaded(target) == [
        f"3:{place} `dist-git` has a meaning only with a Copr, and `{backend}` is none: it rebuilds the source "
        "packages of the repositories"
    ]


def test_the_operators_target_keeps_its_dist_git_unless_something_else_is_to_build() -> None:
    preset = replace(OFFER.presets["rawhide"], dist_git=DistGit(url=FEDORA, branch="f42")) if OFFER.presets else None
    assert preset is not None
    offer = replace(OFFER, presets={"rawhide": preset})

    assert dist_git("rawhide", offer) == DistGit(url=FEDORA, branch="f42")
    assert dist_git("{name: rawhide, dist-git: {branch: f43}}", offer) == DistGit(url=FEDORA, branch="f43")
    (problem,) = loaded("{name: rawhide, backend: koji}", offer=offer)
    assert str(problem).startswith("3:5 `dist-git` has a meaning only with a Copr, and `koji` is none")


def test_its_host_is_one_that_the_operator_allows() -> None:
    offer = replace(OFFER, allowed_hosts=("example.org",))

    (problem,) = loaded(f"{{backend: copr, {PLAIN}, dist-git: {{branch: x}}}}", offer=offer)

    assert str(problem).startswith("3:70 host `src.example.org` is not among those")


def test_without_a_service_names_are_taken_on_trust() -> None:
    assert dist_git(f"{{{PLAIN}, dist-git: {{branch: x, instance: any}}}}", Offer()) == DistGit(
        url="dist-git:{name}", branch="x"
    )
    assert isinstance(loaded(f"{{{PLAIN}}}", "source: packit", Offer()), Config)
    assert isinstance(loaded(f"{{backend: copr, {PLAIN}}}", "source: packit", Offer()), Config)
    assert loaded(f"{{backend: mock, {PLAIN}}}", "source: packit", Offer()) != []


@pytest.mark.parametrize("method", sorted(NEED_A_COPR, key=lambda each: each.value))
def test_what_only_a_copr_can_make_needs_one(method: SourceMethod) -> None:
    found = loaded(f"{{backend: copr, {PLAIN}}}", f"source: {method.value}")
    told = loaded(f"{{name: a, {PLAIN}}}", f"source: {method.value}")
    fallback = loaded(f"{{name: a, backend: copr, fallback: koji, {PLAIN}}}", f"source: {method.value}")

    assert isinstance(found, Config)
    assert found.packages[0].method is method
    assert told == [
        f"5:13 `source: {method.value}` needs a Copr, and target `a` may be built by `sandbox`; name a Copr as its "
        "`backend`, or let a `command` make the SRPM"
    ]
    assert isinstance(fallback, list)
    assert "may be built by `koji`" in fallback[0]
