"""What `revdeps doctor` says of every connection, against the fake hub and the fake GitHub."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.copr.examine import examine as examine_copr
from bot.adapters.github.examine import examine as examine_github
from bot.adapters.koji import Certificate, SourceOrigin
from bot.adapters.koji.examine import examine as examine_koji
from bot.app.doctor import examine, guarded, patient
from bot.app.settings import Settings
from bot.ports.diagnosis import Diagnosis, State
from bot.ports.errors import Misconfigured, login_refused
from tests.fakes.copr.place import place as copr_place
from tests.fakes.copr.worker import Scripted as CoprWorker
from tests.fakes.github_stage import GitHubStage
from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.policies import DEFAULTS, for_user
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted

HOOK = "https://revdeps.example/webhook/github"


async def listed(found: AsyncGenerator[Diagnosis, None]) -> list[Diagnosis]:
    return [each async for each in found]


def troubles(found: list[Diagnosis]) -> list[Diagnosis]:
    return [each for each in found if each.state is not State.OK]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["lib"]) as made:
        yield made
        assert made.hub.violations == []


@pytest.fixture
def ready(here: Place) -> Place:
    """A hub whose base tag has a repository, as one has that is built from."""
    world = here.hub.world
    world.add_task("newRepo", [TAG], here.hub.admin, "createrepo")
    return here


async def test_a_hub_that_allows_all_is_well_and_nothing_stays(ready: Place) -> None:
    found = await listed(examine_koji(ready.settings, [TAG], trying=True))

    assert troubles(found) == []
    told = "\n".join(f"{each.about}: {each.what}" for each in found)
    for part in ("logged in as bot", "Koji 1.35.3", "1 builders", "a side tag may be made", "drafts may be built"):
        assert part in told
    assert not [tag for tag in ready.hub.world.tags_by_name if "side" in tag]
    assert all(task.finished for task in ready.hub.world.tasks.values())


async def test_nothing_is_made_unless_it_is_asked_for(ready: Place) -> None:
    (doubt,) = troubles(await listed(examine_koji(ready.settings, [TAG], trying=False)))

    assert doubt.state is State.DOUBTFUL
    assert "--try" in doubt.mend
    assert (ready.hub.calls["createSideTag"], ready.hub.calls["build"]) == (0, 0)


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("sidetag", "no side tag may be made"),
        (
            "build_from_srpm",
            "no draft may be built from source packages: the Koji hub does not allow it, by its policy build_from_srpm",
        ),
    ],
)
async def test_what_policy_forbids_is_said_and_what_to_ask_for(ready: Place, policy: str, told: str) -> None:
    ready.hub.policies.set(policy, DEFAULTS[policy])

    (trouble,) = troubles(await listed(examine_koji(ready.settings, [TAG], trying=True)))

    assert trouble.state is State.WRONG
    assert told in trouble.what
    assert "koji-policy.example" in trouble.mend


@pytest.fixture
def from_scm(ready: Place) -> Place:
    """A hub that is to check changes out itself."""
    clone_urls = {"github": "https://github.example/{repository}.git"}
    ready.settings = replace(ready.settings, source=SourceOrigin.SCM, clone_urls=clone_urls)
    return ready


async def test_a_hub_that_checks_out_is_asked_to(from_scm: Place) -> None:
    repositories = {"github": "octocat/lib"}
    found = await listed(examine_koji(from_scm.settings, [TAG], trying=True, repositories=repositories))

    assert troubles(found) == []
    assert found[-1].what == "drafts may be built from commits of octocat/lib"
    sources = [task.request[0] for task in from_scm.hub.world.tasks.values() if task.method == "build"]
    assert sources[-1] == f"git+https://github.example/octocat/lib.git#{'0' * 40}"


async def test_a_hub_that_does_not_check_out_there_says_so(from_scm: Place) -> None:
    from_scm.hub.policies.set("build_from_scm", "match scm_repository /hubot/* :: allow none\nall :: deny not there")
    repositories = {"github": "octocat/lib"}
    (trouble,) = troubles(await listed(examine_koji(from_scm.settings, [TAG], trying=True, repositories=repositories)))

    assert (trouble.about, trouble.state) == (f"koji:test {TAG} github", State.WRONG)
    assert "by its policy build_from_scm" in trouble.what


async def test_without_a_repository_checking_out_is_not_tried(from_scm: Place) -> None:
    (doubt,) = troubles(await listed(examine_koji(from_scm.settings, [TAG], trying=True)))

    assert (doubt.state, "--repository" in doubt.mend) == (State.DOUBTFUL, True)


async def test_a_hub_where_all_side_tags_are_in_use_is_not_wrong(ready: Place) -> None:
    world, base = ready.hub.world, ready.hub.world.tags_by_name[TAG]
    (bot,) = [user for user in world.users.values() if user.name == "bot"]
    world.add_tag("in-use", "x86_64", base, sidetag=True, sidetag_user="bot", sidetag_user_id=bot.id)
    ready.hub.policies.set("sidetag", for_user("bot", 1)["sidetag"])

    (doubt,) = troubles(await listed(examine_koji(ready.settings, [TAG], trying=True)))

    assert doubt.state is State.DOUBTFUL
    assert "may have no more for now" in doubt.what


async def test_a_hub_without_a_builder_takes_no_build(ready: Place) -> None:
    for host in ready.hub.world.hosts.values():
        host.ready = False
    settings = replace(ready.settings)
    found = troubles(await listed(examine_koji(settings, [], trying=True)))
    assert "no builder is ready" in found[0].what


async def test_a_hub_that_is_too_old_is_named(tmp_path: Path, ready: Place) -> None:
    ready.hub.gate.methods["getKojiVersion"] = lambda: "1.33.1"
    found = troubles(await listed(examine_koji(ready.settings, [TAG], trying=False)))
    assert found[0].what == "the hub is Koji 1.33.1"


async def test_the_first_hub_with_drafts_is_not_too_old(ready: Place) -> None:
    ready.hub.gate.methods["getKojiVersion"] = lambda: "1.34.0"
    assert State.WRONG not in {each.state for each in await listed(examine_koji(ready.settings, [TAG], trying=False))}


@pytest.mark.parametrize(("tag", "told"), [("typo", "there is no such tag"), (TAG, "the tag has no repository")])
async def test_a_tag_that_is_not_built_from_is_named(here: Place, tag: str, told: str) -> None:
    found = troubles(await listed(examine_koji(here.settings, [tag], trying=True)))
    assert [(each.about, each.what) for each in found] == [(f"koji:test {tag}", told)]


async def test_a_certificate_that_is_worth_nothing_is_said_to_be_so(ready: Place, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert isinstance(ready.settings.credentials, Certificate)
    strange = replace(ready.settings.credentials, file=Certificates(tmp_path / "other").user("bot"))
    with pytest.raises(Misconfigured, match="does not log us in"):
        await listed(examine_koji(replace(ready.settings, credentials=strange), [], trying=False))


async def test_an_app_that_is_set_up_as_documented_is_well(tmp_path: Path) -> None:
    async with GitHubStage(tmp_path) as stage:
        app = next(iter(stage.server.world.apps.values()))
        app.webhook_url = HOOK
        found = await listed(examine_github(stage.settings, stage.session, stage.clock, app.events, HOOK))
    assert troubles(found) == []
    assert any("installed" in each.what for each in found)


async def test_what_an_app_lacks_is_said_with_where_to_mend_it(tmp_path: Path) -> None:
    async with GitHubStage(tmp_path) as stage:
        app = next(iter(stage.server.world.apps.values()))
        app.webhook_url = "https://old.example/webhook/github"
        app.permissions = {**app.permissions, "checks": "read"}
        (installation,) = stage.server.world.installations.values()
        installation.permissions = {**app.permissions}
        found = troubles(
            await listed(examine_github(stage.settings, stage.session, stage.clock, {*app.events, "status"}, HOOK))
        )
    assert [each.what for each in found] == [
        "the App has not asked for checks: write",
        "the App is not subscribed to status",
        "the App's webhooks go to https://old.example/webhook/github",
        "the installation has not granted checks: write",
    ]
    assert {each.state for each in found} == {State.WRONG}


async def test_an_app_without_a_webhook_and_installations_is_told_so(tmp_path: Path) -> None:
    async with GitHubStage(tmp_path) as stage:
        app = next(iter(stage.server.world.apps.values()))
        app.webhook_url = None
        stage.server.world.installations.clear()
        found = troubles(await listed(examine_github(stage.settings, stage.session, stage.clock, (), "")))
    assert [each.what for each in found] == ["the App has no webhook URL", "the App is installed nowhere"]


async def test_a_wrong_number_or_key_is_told_as_that(tmp_path: Path) -> None:
    async with GitHubStage(tmp_path) as stage:
        stage.strict = False
        other = replace(stage.settings, app_id=stage.settings.app_id + 1)
        (trouble,) = await listed(examine_github(other, stage.session, stage.clock, (), HOOK))
        assert "REVDEPS_GITHUB_APP_ID" in trouble.mend
        broken = replace(stage.settings, private_key="no key")
        with pytest.raises(Misconfigured):
            await listed(examine_github(broken, stage.session, stage.clock, (), HOOK))


@pytest.mark.parametrize(("until", "state"), [("2026-06-01", State.OK), ("2026-01-05", State.DOUBTFUL)])
async def test_a_coprs_token_is_tried_and_its_end_is_told(tmp_path: Path, until: str, state: State) -> None:
    (tmp_path / "login").write_text(f"[copr-cli]\n# expiration date: {until}\n")
    with copr_place(tmp_path / "copr", CoprWorker()) as copr:
        settings = replace(copr.settings, credentials=tmp_path / "login")
        found = await listed(examine_copr(settings, date(2026, 1, 1)))
        with pytest.raises(Misconfigured, match="turns the login away"):
            await listed(examine_copr(replace(settings, token="old"), date(2026, 1, 1)))
    assert [(each.state, each.what) for each in found] == [
        (State.OK, "logged in as bot, whose projects belong to bot"),
        (state, f"the token is good until {until}"),
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")


@pytest.mark.rpm
async def test_a_fresh_machine_is_well_and_github_is_not_served(settings: Settings) -> None:
    found = await listed(examine(patient(settings, (), trying=False)))

    assert {each.about for each in found if each.state is State.OK} >= {"database", "sandbox"}
    assert any(each.about == "github" and each.state is State.DOUBTFUL for each in found)


async def test_every_kind_of_trouble_is_a_line_and_the_next_check_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systems, targets = tmp_path / "systems.yaml", tmp_path / "targets.yaml"
    systems.write_text(
        "koji:\n"
        "  read: {hub: 'http://127.0.0.1:9/kojihub', topurl: 'http://127.0.0.1:9/files'}\n"
        f"  lost: {{hub: 'http://127.0.0.1:9/kojihub', topurl: 'http://127.0.0.1:9/files',"
        f" login: {{certificate: {tmp_path}/gone.pem}}}}\n"
        f"copr: {{read: 'http://127.0.0.1:9', lost: {{results: 'http://127.0.0.1:9/r', login: {tmp_path}/gone}}}}\n"
        "mock: {}\n"
    )
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    async with TestServer(web.Application()) as server:
        there = str(server.make_url("/repository"))
        targets.write_text(
            f"here: {{repositories: ['{there}', 'http://127.0.0.1:9/r', 'https://elsewhere.example/r']}}\n"
        )
        settings = Settings(
            state_dir=tmp_path / "state",
            database_url="mysql://localhost/revdeps",
            build_systems_file=systems,
            targets_file=targets,
            allowed_hosts=("127.0.0.1",),
            sandbox_base_root=tmp_path / "no-such-root",
            github_app_id=1,
        )
        found = await listed(examine(patient(settings, (), trying=False)))

    states = {each.about: each.state for each in found}
    assert states["database"] is State.WRONG
    assert states["sandbox"] is State.WRONG
    assert states["github"] is State.WRONG
    assert states["koji:read"] is State.DOUBTFUL
    assert states["koji:lost"] is State.WRONG
    assert (states["copr:read"], states["copr:lost"]) == (State.DOUBTFUL, State.WRONG)
    assert next(each.mend for each in found if each.about == "mock") == "Install the package mock."
    here = [each.state for each in found if each.about == "target here"]
    assert here == [State.WRONG, State.SILENT, State.WRONG]
    assert all(each.mend for each in found if each.state in (State.WRONG, State.SILENT))


async def test_what_is_wrong_with_a_log_in_is_told_to_the_operator_alone() -> None:
    async def refused() -> AsyncGenerator[Diagnosis, None]:
        raise login_refused("koji", "it does not log us in", "Look at the keytab.")
        yield

    found = await listed(guarded("koji:test", refused()))
    assert [(each.state, each.mend) for each in found] == [(State.WRONG, "Look at the keytab.")]


async def test_a_certificate_that_nobody_here_trusts_has_to_be_mended(ready: Place) -> None:
    assert isinstance(ready.settings.credentials, Certificate)
    strange = replace(ready.settings, credentials=replace(ready.settings.credentials, authority=None))
    found = await listed(guarded("koji:test", examine_koji(strange, [], trying=False)))
    assert [each.state for each in found] == [State.WRONG]
    assert "`authority`" in found[0].mend
