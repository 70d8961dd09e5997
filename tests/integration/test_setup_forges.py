"""`revdeps setup gitlab` and `forgejo`, and what `revdeps doctor` sees of them."""

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bot.adapters.gitlab.examine import EVENTS as GITLAB_EVENTS
from bot.app.connecting import FORGES_FILE, Connection, connect
from bot.app.doctor import examine, patient
from bot.app.settings import Settings
from bot.cli.main import main
from bot.cli.setup import setup
from bot.ports.diagnosis import Diagnosis, State
from bot.ports.errors import Misconfigured, Transient
from handlers.gitlab.translate import GitLabTranslator
from tests.fakes import forgejo_stage, gitlab_stage
from tests.fakes.forgejo_stage import ForgejoStage
from tests.fakes.gitlab.model import DEVELOPER
from tests.fakes.gitlab_stage import GitLabStage

PUBLIC = "https://revdeps.test"


@pytest.fixture(params=["forgejo", "gitlab"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ForgejoStage | GitLabStage]:
    made: ForgejoStage | GitLabStage = (ForgejoStage if request.param == "forgejo" else GitLabStage)(tmp_path)
    async with made:
        yield made


def wish(stage: ForgejoStage | GitLabStage, tmp_path: Path, **changes: object) -> Connection:
    token = stage.token if isinstance(stage, GitLabStage) else stage.token.value
    (tmp_path / "token").write_text(f"{token}\n")
    plain = Connection(
        kind=stage.repo.forge,
        name=stage.repo.forge,
        url=stage.server.url,
        token_file=tmp_path / "token",
        public_url=PUBLIC,
        directory=tmp_path / "etc",
        user=forgejo_stage.BOT if isinstance(stage, ForgejoStage) else "",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


async def connected(wanted: Connection) -> list[Diagnosis]:
    return [found async for found in connect(wanted)]


def hooks(stage: ForgejoStage | GitLabStage) -> list[tuple[str, str]]:
    """Where webhooks go, with their secrets."""
    if isinstance(stage, GitLabStage):
        return [(hook.url, hook.token) for hook in stage.server.project(str(stage.repo)).hooks]
    return [(hook.url, hook.secret) for hook in stage.server.world.hooks]


async def test_one_command_connects_and_a_second_finds_nothing_to_do(
    stage: ForgejoStage | GitLabStage, tmp_path: Path
) -> None:
    wanted = wish(stage, tmp_path)
    found = await connected(wanted)
    assert {each.state for each in found} == {State.OK}, found
    assert "mended" in found[-1].what

    kept = tmp_path / "etc" / f"{stage.repo.forge}-webhook.secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert hooks(stage) == [(f"{PUBLIC}/webhook/{stage.repo.forge}", kept.read_text())]

    again = await connected(wanted)
    assert {each.state for each in again} == {State.OK}
    assert "mended" not in again[-1].what
    assert len(hooks(stage)) == 1


async def test_doctor_looks_and_changes_nothing(stage: ForgejoStage | GitLabStage, tmp_path: Path) -> None:
    await connected(wish(stage, tmp_path))
    if isinstance(stage, GitLabStage):
        stage.server.project(str(stage.repo)).hooks[0].events = ("Push Hook",)
    else:
        stage.server.world.hooks[0].events = ("push",)
    settings = Settings(
        state_dir=tmp_path / "state", public_url=PUBLIC, forges_file=tmp_path / "etc" / FORGES_FILE, sandbox_slots=1
    )
    looked = [each async for each in examine(patient(settings, (), trying=False))]
    found = [each for each in looked if each.about.startswith(stage.repo.forge)]
    assert [each.state for each in found] == [State.OK, State.DOUBTFUL]
    assert "does not tell of" in found[1].what
    assert "revdeps setup" in found[1].mend


async def test_what_stands_in_the_file_already_stays(stage: ForgejoStage | GitLabStage, tmp_path: Path) -> None:
    path = tmp_path / "etc" / FORGES_FILE
    path.parent.mkdir()
    path.write_text("# mine\nother: {kind: gitlab}\n")
    wanted = wish(stage, tmp_path)
    with pytest.raises(Misconfigured, match="other"):
        await connected(wanted)
    assert path.read_text().startswith("# mine\nother: {kind: gitlab}\n")
    path.write_text(yaml.safe_dump({stage.repo.forge: {"kind": "gitlab", "url": "https://elsewhere.test"}}))
    with pytest.raises(Misconfigured, match="other values"):
        await connected(wanted)
    assert hooks(stage) == []


async def test_a_token_that_is_worth_nothing_is_told_with_what_to_do(
    stage: ForgejoStage | GitLabStage, tmp_path: Path
) -> None:
    wanted = wish(stage, tmp_path)
    wanted.token_file.write_text("s3cr3t")
    with pytest.raises(Misconfigured) as refusal:
        await connected(wanted)
    assert refusal.value.mend
    assert "s3cr3t" not in str(refusal.value.what)


async def test_after_a_mistake_the_command_can_be_given_again_with_other_values(
    stage: ForgejoStage | GitLabStage, tmp_path: Path
) -> None:
    wanted = wish(stage, tmp_path)
    with pytest.raises(Transient):
        await connected(replace(wanted, url="http://127.0.0.1:9"))
    assert not (tmp_path / "etc" / FORGES_FILE).exists()
    found = await connected(wanted)
    assert {each.state for each in found} == {State.OK}, found
    assert list(yaml.safe_load((tmp_path / "etc" / FORGES_FILE).read_text())) == [stage.repo.forge]


@pytest.mark.parametrize("option", ["--url", "--public-url"])
def test_what_is_no_address_is_refused_before_anything_is_written(tmp_path: Path, option: str) -> None:
    (tmp_path / "token").write_text("t")
    given = {"--url": "https://forge.test", "--public-url": PUBLIC, option: "forge.test"}
    options = [part for pair in given.items() for part in pair]
    directory = ["--token-file", str(tmp_path / "token"), "--directory", str(tmp_path / "etc")]
    done = CliRunner().invoke(setup, ["gitlab", *options, *directory])
    assert done.exit_code == 2
    assert "is not an address" in done.output
    assert not (tmp_path / "etc").exists()


async def test_a_repository_in_which_the_bot_is_nobody_is_named(
    stage: ForgejoStage | GitLabStage, tmp_path: Path
) -> None:
    found = await connected(wish(stage, tmp_path, repositories=("stranger/elsewhere",)))
    assert found[-1].state is State.WRONG
    assert "stranger/elsewhere" in found[-1].about
    assert found[-1].mend


async def test_less_than_a_maintainer_works_but_sees_no_webhooks(tmp_path: Path) -> None:
    async with GitLabStage(tmp_path) as stage:
        stage.server.add_member(str(stage.repo), gitlab_stage.BOT, DEVELOPER)
        found = await connected(wish(stage, tmp_path))
    assert found[-1].state is State.DOUBTFUL
    assert "by hand" in found[-1].mend


async def test_a_gitlab_token_that_ends_soon_is_told(tmp_path: Path) -> None:
    async with GitLabStage(tmp_path) as stage:
        [token] = [one for one in stage.server.world.tokens.values() if one.value == stage.token]
        token.expires_at = stage.now() + timedelta(days=3)
        found = await connected(wish(stage, tmp_path))
    assert found[0].state is State.DOUBTFUL
    assert "Rotate" in found[0].mend


async def test_somebody_elses_forgejo_token_is_noticed(tmp_path: Path) -> None:
    async with ForgejoStage(tmp_path) as stage:
        found = await connected(wish(stage, tmp_path, user="somebody-else"))
    assert [each.state for each in found] == [State.WRONG]
    assert f"user: {forgejo_stage.BOT}" in found[0].mend


def test_an_error_is_one_line_also_where_it_was_told_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FORGES_FILE).write_text("x: [")
    monkeypatch.setenv("REVDEPS_FORGES_FILE", str(tmp_path / FORGES_FILE))
    monkeypatch.setenv("REVDEPS_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["revdeps", "doctor"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("revdeps: REVDEPS_FORGES_FILE: ")


def test_a_gitlab_webhook_is_sent_what_has_a_handler() -> None:
    names = {"Merge Request Hook": "merge_requests_events", "Note Hook": "note_events", "Push Hook": "push_events"}
    names["Pipeline Hook"] = "pipeline_events"
    assert {names[event] for event in GitLabTranslator("gitlab").events} == set(GITLAB_EVENTS)
