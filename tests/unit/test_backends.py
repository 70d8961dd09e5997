"""Which backends the operator's build systems file makes, and what is said about a file that is wrong."""

import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.adapters.koji import Certificate, Keytab, SourceOrigin
from bot.adapters.sandbox import SandboxSettings, SandboxSourceMaker
from bot.app.backends import Site, copr_settings, koji_settings, open_backends, short_names
from bot.app.build_systems import BuildSystems, CoprSystem, DistGitSystem, KojiLogin, KojiSystem, build_systems
from bot.domain.target import DistGitInstance
from bot.ports.errors import Misconfigured

HUB = "hub: https://koji.example.org/kojihub, topurl: https://files.example.org"


def read(tmp_path: Path, text: str):
    file = tmp_path / "systems.yaml"
    file.write_text(text)
    return build_systems(file)


async def opened(state: Path, systems: BuildSystems) -> list[str]:
    """Open the backends that there are with these build systems, and return their names."""
    sandbox = SandboxSettings(state=state)
    async with AsyncExitStack() as stack:
        site = Site(
            systems=systems,
            state=state,
            sandbox=sandbox,
            supervisor=("true",),
            make_source=SandboxSourceMaker(sandbox),
            stack=stack,
        )
        return list(open_backends(site))


async def test_a_hub_without_a_login_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "bot.pem").write_text("key")
    systems = read(tmp_path, f"koji: {{read: {{{HUB}}}, built: {{{HUB}, login: {{certificate: {tmp_path}/bot.pem}}}}}}")
    assert await opened(tmp_path, systems) == list(systems.backends) == ["sandbox", "koji:built"]


def test_a_kinds_name_alone_is_enough_where_it_has_one_backend() -> None:
    assert short_names(["sandbox", "koji:fedora", "copr:a", "copr:b"]) == {"koji": "koji:fedora"}


def test_the_settings_of_a_hub_reach_the_adapter(tmp_path: Path) -> None:
    login = f"{{keytab: {tmp_path}/bot.keytab, principal: bot@EXAMPLE.ORG}}"
    (tmp_path / "bot.keytab").write_text("key")
    system = read(
        tmp_path, f"koji: {{fedora: {{{HUB}, login: {login}, max_running: 7, busy: 0.25, priority: 9, source: scm}}}}"
    ).koji["fedora"]
    assert system.login is not None
    found = koji_settings("fedora", system, system.login, tmp_path, {"github": "https://g.example/{repository}"})

    assert found.credentials == Keytab(principal="bot@EXAMPLE.ORG", file=tmp_path / "bot.keytab")
    assert (found.max_running, found.busy, found.priority) == (7, 0.25, 9)
    assert (found.hub, found.topurl) == ("https://koji.example.org/kojihub", "https://files.example.org")
    assert found.state == tmp_path / "koji/fedora"
    assert (found.source, found.clone_urls) == (SourceOrigin.SCM, {"github": "https://g.example/{repository}"})


def test_who_vouches_for_the_hub_may_come_with_either_log_in(tmp_path: Path) -> None:
    pem = tmp_path / "bot.pem"
    pem.write_text("key")
    system = KojiSystem(hub="https://a.example", topurl="https://a.example/f")
    found = koji_settings("a", system, KojiLogin(certificate=pem, authority=pem), tmp_path, {})
    assert found.credentials == Certificate(file=pem, authority=pem)
    found = koji_settings("a", system, KojiLogin(keytab=pem, principal="bot@A", authority=pem), tmp_path, {})
    assert found.credentials == Keytab(principal="bot@A", file=pem, authority=pem)
    assert found.authority == str(pem)


def test_a_login_whose_file_cannot_be_read_is_named(tmp_path: Path) -> None:
    system = KojiSystem(hub="https://a.example", topurl="https://a.example/f")
    with pytest.raises(Misconfigured, match=r"koji\.a\.login: .*gone\.pem cannot be read"):
        koji_settings("a", system, KojiLogin(certificate=tmp_path / "gone.pem"), tmp_path, {})


COPR_LOGIN = """\
[copr-cli]
login = bot-login
username = bot
token = secret-token
copr_url = https://copr.example.org
"""


async def test_a_copr_with_a_login_is_built_in(tmp_path: Path) -> None:
    (tmp_path / "copr").write_text(COPR_LOGIN)
    systems = read(
        tmp_path,
        "copr: {read: 'https://r.example.org', built: {results: 'https://r.example.org/results', "
        f"login: {tmp_path}/copr}}}}",
    )
    assert await opened(tmp_path, systems) == ["sandbox", "copr:built"]
    assert systems.copr_results == {"read": "https://r.example.org", "built": "https://r.example.org/results"}


def test_the_settings_of_a_copr_reach_the_adapter(tmp_path: Path) -> None:
    (tmp_path / "copr").write_text(COPR_LOGIN)
    system = CoprSystem(
        results="https://r.example.org", login=tmp_path / "copr", owner="@packagers", max_running=7, delete_after_days=3
    )
    found = copr_settings("fedora", system, {"github": "https://github.com/{repository}.git"})

    assert (found.url, found.login, found.token) == ("https://copr.example.org", "bot-login", "secret-token")
    assert (found.owner, found.max_running, found.delete_after.days) == ("@packagers", 7, 3)
    assert found.clone_urls == {"github": "https://github.com/{repository}.git"}
    assert "secret-token" not in repr(found)
    assert copr_settings("fedora", CoprSystem(results="r", login=tmp_path / "copr"), {}).owner == "bot"


def test_the_dist_gits_that_a_copr_knows_are_offered_and_reach_the_adapter(tmp_path: Path) -> None:
    (tmp_path / "copr").write_text(COPR_LOGIN)
    ours = "https://git.example.org/rpms/{name}.git"
    many = "https://git.example.org/{namespace}/rpms/{name}"
    systems = read(
        tmp_path,
        f"copr: {{read: 'https://r.example.org', built: {{results: 'https://r.example.org', login: {tmp_path}/copr, "
        f"dist_gits: {{ours: '{ours}', many: {{url: '{many}', namespace: 'a/b'}}, forks: '{many}'}}}}}}",
    )
    system = systems.copr["built"]
    assert isinstance(system, CoprSystem)
    known = {
        "fedora": DistGitInstance(url="https://src.fedoraproject.org/{namespace}/rpms/{name}", namespace=""),
        "ours": DistGitInstance(url=ours),
        "many": DistGitSystem(url=many, namespace="a/b"),
        "forks": DistGitInstance(url=many),
    }

    assert systems.dist_gits == {"copr:built": known}
    assert copr_settings("built", system, {}).dist_gits == known


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example.org/rpms",
        "https://{name}.example.org/",
        "ssh://git.example.org/rpms/{name}",
        "https://git.example.org/{name}/{name}",
        "https://git.example.org/rpms/{package}",
        "https://git.example.org/{name}/{namespace}/x",
        "https://git.example.org/x{namespace}/{name}",
        "https://git.example.org/{namespace}/{namespace}/{name}",
        {"url": "https://git.example.org/rpms/{name}", "namespace": "a"},
        {"url": "https://git.example.org/{namespace}/{name}", "namespace": "../a"},
        {"url": "https://git.example.org/{namespace}/{name}"},
    ],
)
def test_a_dist_git_has_an_address_with_the_packages_name_at_its_end(tmp_path: Path, address: object) -> None:
    text = (
        f"copr: {{built: {{results: 'https://r.example.org', login: /l, dist_gits: {{ours: {json.dumps(address)}}}}}}}"
    )
    with pytest.raises(Misconfigured, match=r"dist_gits\.ours"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("nonsense", "cannot be read"),
        ("[copr-cli]\nlogin = a\ncopr_url = b\n", "lacks token"),
    ],
)
def test_a_login_of_a_copr_that_is_no_good_is_named(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "copr").write_text(content)
    with pytest.raises(Misconfigured, match=rf"copr\.fedora\.login: .* {told}"):
        copr_settings("fedora", CoprSystem(results="r", login=tmp_path / "copr"), {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"koji: {{a: {{{HUB}, login: {{}}}}}}", "koji.a.login: give either a keytab or a certificate"),
        (f"koji: {{a: {{{HUB}, login: {{keytab: /k}}}}}}", "koji.a.login: a keytab and a principal go together"),
        (f"koji: {{a: {{{HUB}, max_running: 0}}}}", "koji.a.max_running: Input should be greater than or equal to 1"),
        (f"koji: {{a: {{{HUB}, speed: 3}}}}", "koji.a.speed: there is no such key"),
        (
            "koji: {a: {hub: koji.example.org, topurl: https://f.example}}",
            "koji.a.hub: 'koji.example.org' is not an http: or https: address",
        ),
        (f"koji: {{'a b': {{{HUB}}}}}", "koji.a b.[key]: 'a b' is not a name of letters"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(tmp_path, text)
    assert told in str(caught.value)
