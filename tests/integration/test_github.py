"""GitHub's adapter where GitHub is not well, and the credentials that it takes there."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.github.forge import GitHubForge
from bot.adapters.github.settings import GitHubSettings
from bot.domain.ids import RunId
from bot.domain.publication import Check, CheckStatus, Reaction
from bot.domain.run import ChangeRef
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient
from tests.fakes.github import trees
from tests.fakes.github.keys import fresh_key, public_half
from tests.fakes.github_stage import GitHubStage

TOKENS = ("POST", "/app/installations/{installation_id}/access_tokens")
PULL = ("GET", "/repos/{owner}/{repo}/pulls/{pull_number}")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GitHubStage]:
    async with GitHubStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: GitHubStage) -> ChangeRef:
    return await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"})


def another(stage: GitHubStage, **settings: object) -> GitHubForge:
    changed = replace(stage.settings, **settings)  # type: ignore[arg-type]
    return GitHubForge(changed, stage.session, stage.clock)


# Credentials.


async def test_a_token_is_made_once_and_used_until_five_minutes_before_its_end(
    stage: GitHubStage, ref: ChangeRef
) -> None:
    await asyncio.gather(*(stage.forge.change(ref) for _ in range(5)))
    assert stage.server.calls[TOKENS] == 1
    stage.clock.shift += timedelta(minutes=54)
    await stage.forge.change(ref)
    assert stage.server.calls[TOKENS] == 1
    stage.clock.shift += timedelta(minutes=2)
    await stage.forge.change(ref)
    assert stage.server.calls[TOKENS] == 2


async def test_a_revoked_token_is_replaced_without_anybody_noticing(stage: GitHubStage, ref: ChangeRef) -> None:
    await stage.forge.change(ref)
    stage.server.world.tokens.clear()
    assert (await stage.forge.change(ref)).open
    assert stage.server.calls[TOKENS] == 2


async def test_a_token_that_is_refused_twice_is_a_matter_for_the_operator(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=401, times=None)
    with pytest.raises(Misconfigured, match="Bad credentials"):
        await stage.forge.change(ref)
    assert stage.server.calls[TOKENS] == 2


@pytest.mark.parametrize("key", ["no key", "", public_half(fresh_key()).decode()], ids=["other", "empty", "public"])
async def test_a_key_that_is_none_is_named(stage: GitHubStage, ref: ChangeRef, key: str) -> None:
    with pytest.raises(Misconfigured, match="REVDEPS_GITHUB_PRIVATE_KEY_FILE"):
        await another(stage, private_key=key).change(ref)


async def test_a_wrong_app_id_is_named(stage: GitHubStage, ref: ChangeRef) -> None:
    with pytest.raises((Misconfigured, Gone)):
        await another(stage, app_id=99).change(ref)


@pytest.mark.parametrize("minutes", [-2, 2])
async def test_a_clock_that_is_two_minutes_wrong_does_no_harm(
    stage: GitHubStage, ref: ChangeRef, minutes: float
) -> None:
    class Wrong:
        def now(self) -> object:
            return stage.clock.now() + timedelta(minutes=minutes)

    forge = GitHubForge(stage.settings, stage.session, Wrong())  # type: ignore[arg-type]
    assert (await forge.change(ref)).open
    stage.clock.shift += timedelta(minutes=58)
    assert (await forge.change(ref)).open


async def test_neither_key_nor_token_shows_when_settings_are_printed(stage: GitHubStage) -> None:
    assert "PRIVATE KEY" not in repr(stage.settings)


async def test_an_installation_that_was_made_anew_is_found(stage: GitHubStage, ref: ChangeRef) -> None:
    await stage.forge.change(ref)
    [old] = stage.server.world.installations.values()
    await stage.server.uninstall(old)
    with pytest.raises(Gone):
        await stage.forge.change(ref)
    await stage.server.install(stage.repo.owner)
    assert (await stage.forge.change(ref)).open


# More than GitHub names.


async def test_files_beyond_those_that_github_names_are_found_in_the_trees(stage: GitHubStage) -> None:
    files: dict[str, str | bytes | None] = {f"patches/{number:04}.patch": "x\n" for number in range(3_001)}
    opened = await stage.server.open_pull_request(
        str(stage.repo), "many", "Many", files=files | {"foo.spec": None, "new.spec": "Name: foo\nVersion: 1\n"}
    )
    # The base goes on meanwhile: what was changed there is no part of the pull request.
    await stage.server.push(str(stage.repo), "main", {"elsewhere": "x\n"})
    named = await stage.forge.changed_files(ChangeRef(repo=stage.repo, number=opened.number))
    assert set(named) == {*files, "foo.spec", "new.spec"}


async def test_a_tree_that_is_cut_off_is_said_to_be_too_large(
    stage: GitHubStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "ENTRIES", 2_000)
    files = {f"patches/{number:04}.patch": "x\n" for number in range(3_001)}
    opened = await stage.server.open_pull_request(str(stage.repo), "many", "Many", files=files)
    with pytest.raises(Rejected, match="split it"):
        await stage.forge.changed_files(ChangeRef(repo=stage.repo, number=opened.number))


# Refusals and failures.


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"status": 500}, Transient),
        ({"status": 502}, Transient),
        ({"status": 503}, Transient),
        ({"drop": True}, Transient),
        ({"status": 404}, Gone),
        ({"status": 422}, Rejected),
        ({"status": 403}, Misconfigured),
        ({"status": 403, "secondary": True}, Transient),
        ({"status": 429}, Transient),
    ],
)
async def test_every_trouble_becomes_an_error_that_the_engine_knows(
    stage: GitHubStage, ref: ChangeRef, failure: dict[str, object], kind: type[RevdepsError]
) -> None:
    stage.server.fail(path="/pulls/", times=None, **failure)
    with pytest.raises(kind):
        await stage.forge.change(ref)


async def test_a_forge_that_never_answers_is_not_waited_for(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/installation", delay=5, status=0)
    with pytest.raises(Transient, match="did not answer"):
        await another(stage, request_seconds=0.05).change(ref)


async def test_a_forge_that_is_not_there_is_named(stage: GitHubStage, ref: ChangeRef) -> None:
    with pytest.raises(Transient, match="cannot be reached"):
        await another(stage, api_url="http://127.0.0.1:1").change(ref)


@pytest.mark.parametrize("status", [403, 429])
async def test_while_github_wants_to_be_left_alone_nothing_is_sent(
    stage: GitHubStage, ref: ChangeRef, status: int
) -> None:
    stage.server.fail(path="/pulls/", status=status, retry_after=90)
    with pytest.raises(Transient) as refused:
        await stage.forge.change(ref)
    assert refused.value.retry_after == timedelta(seconds=90)
    asked = stage.server.calls[PULL]
    stage.clock.shift += timedelta(seconds=30)
    with pytest.raises(Transient) as held:
        await stage.forge.change(ref)
    assert held.value.retry_after is not None
    assert timedelta(seconds=50) < held.value.retry_after <= timedelta(seconds=60)
    assert stage.server.calls[PULL] == asked
    stage.clock.shift += timedelta(seconds=61)
    assert (await stage.forge.change(ref)).open


async def test_an_exhausted_hour_is_waited_out(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=403, exhausted=True)
    with pytest.raises(Transient) as refused:
        await stage.forge.change(ref)
    assert refused.value.retry_after is not None
    assert timedelta(minutes=50) < refused.value.retry_after <= timedelta(hours=1)


async def test_a_check_whose_answer_was_lost_is_not_made_twice(stage: GitHubStage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    check = Check(
        name="revdeps", run=RunId("r1"), head_sha=sha, status=CheckStatus.QUEUED, title="Waiting", summary="Soon."
    )
    stage.server.fail(method="POST", path="/check-runs", lose_answer=True, status=0)
    with pytest.raises(Transient):
        await stage.forge.publish_check(stage.repo, check, None)
    await stage.forge.publish_check(stage.repo, check, None)
    assert len(stage.checks(sha)) == 1


async def test_a_comment_whose_answer_was_lost_is_not_written_twice(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.fail(method="POST", path="/comments", lose_answer=True, status=0)
    with pytest.raises(Transient):
        await stage.forge.upsert_comment(ref, "<!-- m --> text", "<!-- m -->", None)
    await stage.forge.upsert_comment(ref, "<!-- m --> text", "<!-- m -->", None)
    assert len(stage.comments(ref)) == 1


async def test_a_missing_permission_is_named(stage: GitHubStage, ref: ChangeRef) -> None:
    [installation] = stage.server.world.installations.values()
    installation.permissions = {"metadata": "read", "pull_requests": "read"}
    comment = await stage.write(ref, "/revdeps help", "octocat")
    with pytest.raises(Misconfigured, match="issues=write"):
        await stage.forge.react(ref, comment, Reaction.SEEN)


async def test_a_suspended_installation_lists_nothing(stage: GitHubStage) -> None:
    [installation] = stage.server.world.installations.values()
    installation.suspended_at = stage.clock.now()
    assert list(await stage.forge.repositories()) == []


@pytest.mark.parametrize(("status", "code"), [("pending", 0), ("Bad Request", 400)])
async def test_what_is_under_way_or_refused_for_good_is_not_asked_for_again(
    stage: GitHubStage, status: str, code: int
) -> None:
    await stage.deliver("one", (False, False))
    newest = stage.server.deliveries[-1]
    newest.status, newest.status_code = status, code
    assert await stage.forge.missed_deliveries(stage.now() - timedelta(hours=1)) == ()


async def test_something_else_than_github_is_told_apart(stage: GitHubStage, ref: ChangeRef) -> None:
    with pytest.raises((Transient, Gone)):
        await another(stage, api_url=f"{stage.server.url}/nowhere").change(ref)
    stage.strict = False


@pytest.mark.parametrize(
    ("api", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.example/api/v3", "https://ghe.example/api/graphql"),
        ("https://ghe.example/api/v3/", "https://ghe.example/api/graphql"),
    ],
)
def test_graphql_lies_beside_the_rest(api: str, graphql: str) -> None:
    assert GitHubSettings(app_id=1, private_key="", api_url=api).graphql_url == graphql


# The pull request's source.


async def clone(stage: GitHubStage, ref: ChangeRef, directory: Path, sha: str | None = None) -> None:
    await stage.forge.clone_source(ref, sha or (await stage.forge.change(ref)).head_sha, str(directory))


async def git(directory: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_the_checkout_has_its_history_and_no_credentials(
    stage: GitHubStage, ref: ChangeRef, tmp_path: Path
) -> None:
    await clone(stage, ref, tmp_path / "checkout")
    assert (await git(tmp_path / "checkout", "rev-list", "--count", "HEAD")).strip() == "2"
    assert await git(tmp_path / "checkout", "status", "--porcelain") == ""
    secrets = [value.encode() for value in stage.server.world.tokens]
    for file in (tmp_path / "checkout").rglob("*"):
        assert not (file.is_file() and any(secret in file.read_bytes() for secret in secrets)), file
    assert not (tmp_path / "checkout.unfinished").exists()


async def test_no_credential_is_an_argument_of_git(
    stage: GitHubStage, ref: ChangeRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    spy = tools / "git"
    spy.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\nPATH=${{PATH#*:}} exec git "$@"\n')
    spy.chmod(spy.stat().st_mode | stat.S_IXUSR)
    sha = (await stage.forge.change(ref)).head_sha
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tools), prepend=":")
        await clone(stage, ref, tmp_path / "checkout", sha)
    seen = (tmp_path / "arguments").read_text()
    assert "fetch" in seen
    assert "Authorization" not in seen
    assert not any(token in seen for token in stage.server.world.tokens)


async def test_links_that_lead_out_become_text(stage: GitHubStage, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "foo.spec").write_text("Name: foo\n")
    for name, target in {
        "out": "/etc/passwd",
        "up": "../../../../etc/passwd",
        "sub/dir": "/etc",
        "round": "round",
        "git": ".git/config",
        "inside": "foo.spec",
        "sub/inside": "../foo.spec",
        "nowhere": "not-there",
    }.items():
        (tree / name).symlink_to(target)
    opened = await stage.server.open_pull_request(str(stage.repo), "links", "Links", files=tree)
    where = tmp_path / "checkout"
    await clone(stage, ChangeRef(repo=stage.repo, number=opened.number), where)
    links = {path.relative_to(where).as_posix() for path in where.rglob("*") if path.is_symlink()}
    assert links == {"git", "inside", "sub/inside", "nowhere"}
    assert (where / "out").read_text() == "/etc/passwd"
    assert (where / "sub/dir").read_text() == "/etc"


async def test_a_forks_pull_request_is_checked_out(stage: GitHubStage, tmp_path: Path) -> None:
    opened = await stage.server.open_pull_request(
        str(stage.repo), "change", "From outside", "passer-by", files={"a": "b"}, from_fork=True
    )
    ref = ChangeRef(repo=stage.repo, number=opened.number)
    assert (await stage.forge.change(ref)).head_repo == "passer-by/libfoo"
    await clone(stage, ref, tmp_path / "checkout")
    assert (tmp_path / "checkout" / "a").read_text() == "b"


async def test_a_commit_that_was_pushed_away_can_still_be_had(
    stage: GitHubStage, ref: ChangeRef, tmp_path: Path
) -> None:
    state = await stage.forge.change(ref)
    branch = stage.server.pull(str(stage.repo), ref.number).head_ref
    await stage.server.push(str(stage.repo), branch, {"foo.spec": "other"}, parent=state.base_sha)
    await clone(stage, ref, tmp_path / "checkout", state.head_sha)
    assert (tmp_path / "checkout" / "foo.spec").read_text() == "Name: foo\nVersion: 2\n"


async def test_git_gets_a_new_token_where_its_own_was_revoked(
    stage: GitHubStage, ref: ChangeRef, tmp_path: Path
) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    stage.server.world.tokens.clear()
    await clone(stage, ref, tmp_path / "checkout", sha)
    assert (tmp_path / "checkout" / "foo.spec").exists()


@pytest.mark.parametrize("failure", [{"status": 500}, {"status": 403}, {"drop": True}])
async def test_a_checkout_that_fails_leaves_nothing_behind(
    stage: GitHubStage, ref: ChangeRef, tmp_path: Path, failure: dict[str, object]
) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    stage.server.fail(path=r"\.git/", times=None, **failure)
    with pytest.raises(Transient):
        await clone(stage, ref, tmp_path / "checkouts" / "one", sha)
    assert list((tmp_path / "checkouts").iterdir()) == []


async def test_a_checkout_takes_no_longer_than_it_may(stage: GitHubStage, ref: ChangeRef, tmp_path: Path) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    stage.server.fail(path=r"\.git/", delay=5, status=0)
    with pytest.raises(Transient, match="was not done within"):
        await another(stage, clone_seconds=0.05).clone_source(ref, sha, str(tmp_path / "checkout"))
    assert not (tmp_path / "checkout").exists()


async def test_a_directory_with_something_else_in_it_is_left_alone(
    stage: GitHubStage, ref: ChangeRef, tmp_path: Path
) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "precious").write_text("mine")
    with pytest.raises(Transient, match="cannot be stored"):
        await clone(stage, ref, tmp_path / "checkout")
    assert (tmp_path / "checkout" / "precious").read_text() == "mine"
