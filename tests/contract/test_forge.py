"""The meaning of `bot.ports.forge.Forge`: the same for the fake that engine tests use and for the adapters, each of
which speaks HTTP to a server that behaves like its forge.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.ids import RunId
from bot.domain.permission import Permission
from bot.domain.publication import Annotation, Button, Check, CheckStatus, Reaction
from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.ports.errors import Gone, Rejected
from tests.fakes.forge_stages import MemoryStage, Stage
from tests.fakes.forgejo_stage import ForgejoStage
from tests.fakes.github_stage import GitHubStage
from tests.fakes.gitlab_stage import GitLabStage

MARKER = "<!-- revdeps:v1 -->"
UNKNOWN = "0123456789" * 4


STAGES: Mapping[str, Callable[[Path], Stage]] = {
    "memory": lambda _: MemoryStage(),
    "github": GitHubStage,
    "forgejo": ForgejoStage,
    "gitlab": GitLabStage,
}


@pytest.fixture(params=STAGES)
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    async with STAGES[request.param](tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: Stage) -> ChangeRef:
    return await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"}, title="Update foo", author="hubot-friend")


def check(sha: str, **more: object) -> Check:
    queued = Check(
        name="revdeps",
        run=RunId("r1"),
        head_sha=sha,
        status=CheckStatus.QUEUED,
        title="Waiting",
        summary="It has just begun.",
    )
    return replace(queued, **more)  # type: ignore[arg-type]


def body(text: str, marker: str = MARKER) -> str:
    return f"{marker}\n{text}"


# Pull requests.


async def test_a_pull_request_is_described(stage: Stage, ref: ChangeRef) -> None:
    state = await stage.forge.change(ref)
    assert (state.ref, state.title, state.author) == (ref, "Update foo", "hubot-friend")
    assert (state.open, state.draft, state.labels, state.base_branch) == (True, False, (), "main")
    assert state.head_repo == str(ref.repo)
    assert len(state.head_sha) == len(state.base_sha) == 40
    assert state.head_sha != state.base_sha
    assert state.url.endswith(f"/{ref.number}")


async def test_what_has_not_changed_is_not_read_again(stage: Stage, ref: ChangeRef) -> None:
    known = await stage.forge.change(ref)
    assert await stage.forge.change(ref, known) is known


async def test_a_push_moves_the_head(stage: Stage, ref: ChangeRef) -> None:
    known = await stage.forge.change(ref)
    sha = await stage.push(ref, {"foo.spec": "Name: foo\nVersion: 3\n"})
    moved = await stage.forge.change(ref, known)
    assert moved.head_sha == sha != known.head_sha
    assert moved.base_sha == known.base_sha


async def test_closing_shows(stage: Stage, ref: ChangeRef) -> None:
    known = await stage.forge.change(ref)
    await stage.close(ref)
    assert not (await stage.forge.change(ref, known)).open


async def test_labels_and_drafts_show(stage: Stage) -> None:
    ref = await stage.open({"a": "b"}, draft=True, labels=("skip-revdeps", "bug"))
    state = await stage.forge.change(ref)
    assert state.draft
    assert set(state.labels) == {"skip-revdeps", "bug"}


async def test_a_pull_request_that_does_not_exist_is_gone(stage: Stage, ref: ChangeRef) -> None:
    with pytest.raises(Gone):
        await stage.forge.change(ChangeRef(repo=ref.repo, number=9999))


async def test_open_pull_requests_are_listed(stage: Stage, ref: ChangeRef) -> None:
    other = await stage.open({"b": "c"})
    closed = await stage.open({"c": "d"})
    await stage.close(closed)
    states = await stage.forge.open_changes(ref.repo)
    assert {state.ref for state in states} == {ref, other}
    [listed] = [state for state in states if state.ref == ref]
    read = await stage.forge.change(ref)
    assert replace(listed, etag="", base_sha=listed.base_sha or read.base_sha) == replace(read, etag="")


async def test_our_repositories_are_listed(stage: Stage) -> None:
    assert list(await stage.forge.repositories()) == [stage.repo]


async def test_where_we_are_not_installed_there_is_nothing_to_see(stage: Stage) -> None:
    with pytest.raises(Gone):
        await stage.forge.open_changes(RepoRef(forge=stage.repo.forge, owner="stranger", name="elsewhere"))


# Files.


async def test_files_are_read_at_a_branch_and_at_a_commit(stage: Stage, ref: ChangeRef) -> None:
    head = (await stage.forge.change(ref)).head_sha
    assert await stage.forge.read_file(ref.repo, "foo.spec", "main") == b"Name: foo\nVersion: 1\n"
    assert await stage.forge.read_file(ref.repo, "foo.spec", head) == b"Name: foo\nVersion: 2\n"


async def test_any_bytes_come_through_at_any_path(stage: Stage) -> None:
    content = bytes(range(256)) * 8
    ref = await stage.open({"a dir/ü%20#?.bin": content})
    head = (await stage.forge.change(ref)).head_sha
    assert await stage.forge.read_file(ref.repo, "a dir/ü%20#?.bin", head) == content


async def test_a_large_file_is_read_whole(stage: Stage) -> None:
    content = b"0123456789abcdef" * 100_000
    ref = await stage.open({"large": content})
    head = (await stage.forge.change(ref)).head_sha
    assert await stage.forge.read_file(ref.repo, "large", head) == content


@pytest.mark.parametrize("path", ["nowhere", "foo.spec/nowhere", "../foo.spec", ""])
async def test_a_file_that_is_not_there_is_none(stage: Stage, ref: ChangeRef, path: str) -> None:
    assert await stage.forge.read_file(ref.repo, path, "main") is None


async def test_at_an_unknown_commit_there_is_no_file(stage: Stage, ref: ChangeRef) -> None:
    assert await stage.forge.read_file(ref.repo, "foo.spec", UNKNOWN) is None


async def test_changed_files_are_named(stage: Stage) -> None:
    ref = await stage.open({f"patches/{number:03}.patch": f"{number}\n" for number in range(120)})
    assert sorted(await stage.forge.changed_files(ref)) == [f"patches/{number:03}.patch" for number in range(120)]


async def test_the_source_is_checked_out(stage: Stage, ref: ChangeRef, tmp_path: Path) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    directory = tmp_path / "run" / "checkout"
    await stage.forge.clone_source(ref, sha, str(directory))
    assert (directory / "foo.spec").read_text() == "Name: foo\nVersion: 2\n"


async def test_the_source_is_that_of_the_commit_not_of_the_head(stage: Stage, ref: ChangeRef, tmp_path: Path) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    await stage.push(ref, {"foo.spec": "Name: foo\nVersion: 3\n"})
    await stage.forge.clone_source(ref, sha, str(tmp_path / "checkout"))
    assert (tmp_path / "checkout" / "foo.spec").read_text() == "Name: foo\nVersion: 2\n"


async def test_checking_out_again_is_no_error(stage: Stage, ref: ChangeRef, tmp_path: Path) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    for _ in range(2):
        await stage.forge.clone_source(ref, sha, str(tmp_path / "checkout"))


async def test_a_commit_that_does_not_exist_is_gone(stage: Stage, ref: ChangeRef, tmp_path: Path) -> None:
    with pytest.raises(Gone):
        await stage.forge.clone_source(ref, UNKNOWN, str(tmp_path / "checkout"))
    assert not (tmp_path / "checkout").exists()


# People.


@pytest.mark.parametrize("permission", list(Permission)[1:])
async def test_a_persons_permission_is_asked_of_the_forge(stage: Stage, permission: Permission) -> None:
    granted = max(level for level in stage.levels if level <= permission)
    await stage.grant("hubot-friend", granted)
    assert await stage.forge.permission(stage.repo, "hubot-friend") is granted


async def test_a_stranger_may_read_at_most(stage: Stage) -> None:
    assert await stage.forge.permission(stage.repo, "passer-by") <= Permission.READ


# Checks.


async def test_a_check_appears_and_is_brought_up_to_date(stage: Stage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    identifier = await stage.forge.publish_check(stage.repo, check(sha), None)
    can = stage.forge.capabilities
    button = Button(label="Retry failed", description="Build again what failed", identifier="retry-failed")
    done = check(
        sha,
        status=CheckStatus.COMPLETED,
        conclusion=Conclusion.FAILURE,
        title="1 regressed",
        text="**bar** broke",
        details_url="https://revdeps.example/runs/r1",
        buttons=(button,) if can.buttons else (),
    )
    assert await stage.forge.publish_check(stage.repo, done, identifier) == identifier
    [seen] = stage.checks(sha)
    assert (seen.status, seen.conclusion, seen.title) == ("completed", "failure", "1 regressed")
    assert seen.url == "https://revdeps.example/runs/r1"
    if can.rich_checks:
        assert (seen.external_id, seen.text) == ("r1/revdeps", "**bar** broke")
    assert seen.buttons == (("retry-failed",) if can.buttons else ())


async def test_a_check_whose_id_was_lost_is_found_again(stage: Stage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    first = await stage.forge.publish_check(stage.repo, check(sha), None)
    building = check(sha, title="Building", status=CheckStatus.IN_PROGRESS)
    again = await stage.forge.publish_check(stage.repo, building, None)
    assert first == again
    assert [seen.title for seen in stage.checks(sha)] == ["Building"]


async def test_another_run_of_the_same_commit_has_a_check_of_its_own(stage: Stage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    first = await stage.forge.publish_check(stage.repo, check(sha), None)
    again = check(sha, run=RunId("r2"), title="Again", status=CheckStatus.IN_PROGRESS)
    second = await stage.forge.publish_check(stage.repo, again, None)
    if stage.forge.capabilities.rich_checks:
        assert first != second
        assert [seen.external_id for seen in stage.checks(sha)] == ["r1/revdeps", "r2/revdeps"]
    else:
        assert [seen.title for seen in stage.checks(sha)] == ["Again"]


async def test_a_check_that_the_forge_lost_is_made_anew(stage: Stage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    identifier = await stage.forge.publish_check(stage.repo, check(sha), "4711")
    assert identifier != "4711"
    assert len(stage.checks(sha)) == 1


async def test_a_completed_check_can_begin_again(stage: Stage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    done = check(sha, status=CheckStatus.COMPLETED, conclusion=Conclusion.FAILURE)
    identifier = await stage.forge.publish_check(stage.repo, done, None)
    await stage.forge.publish_check(stage.repo, check(sha), identifier)
    [seen] = stage.checks(sha)
    assert (seen.status, seen.conclusion) == ("queued", None)


async def test_every_annotation_stands_there_once(stage: Stage, ref: ChangeRef) -> None:
    if not stage.forge.capabilities.annotations:
        return
    sha = (await stage.forge.change(ref)).head_sha
    annotations = tuple(Annotation(path="foo.spec", line=line, message="wrong") for line in range(1, 121))
    identifier = await stage.forge.publish_check(stage.repo, check(sha, annotations=annotations[:60]), None)
    await stage.forge.publish_check(stage.repo, check(sha, annotations=annotations), identifier)
    await stage.forge.publish_check(stage.repo, check(sha, annotations=annotations), identifier)
    [seen] = stage.checks(sha)
    assert seen.annotations == 120


async def test_a_check_that_is_too_long_is_refused(stage: Stage, ref: ChangeRef) -> None:
    if not stage.forge.capabilities.rich_checks:
        return
    sha = (await stage.forge.change(ref)).head_sha
    limit = stage.forge.capabilities.text_limit
    with pytest.raises(Rejected):
        await stage.forge.publish_check(stage.repo, check(sha, text="x" * (limit + 1)), None)
    await stage.forge.publish_check(stage.repo, check(sha, text="x" * limit, summary="y" * limit), None)


# Comments.


async def test_our_comment_is_written_once_and_edited_in_place(stage: Stage, ref: ChangeRef) -> None:
    first = await stage.forge.upsert_comment(ref, body("one"), MARKER, None)
    assert await stage.forge.upsert_comment(ref, body("two"), MARKER, first) == first
    assert await stage.forge.upsert_comment(ref, body("three"), MARKER, None) == first
    [seen] = stage.comments(ref)
    assert seen.body == body("three")


async def test_a_comment_that_somebody_deleted_is_written_anew(stage: Stage, ref: ChangeRef) -> None:
    identifier = await stage.forge.upsert_comment(ref, body("one"), MARKER, "4711")
    assert identifier != "4711"
    assert [seen.body for seen in stage.comments(ref)] == [body("one")]


async def test_a_strangers_comment_with_our_marker_is_left_alone(stage: Stage, ref: ChangeRef) -> None:
    theirs = await stage.write(ref, body("not ours"), "hubot-friend")
    assert await stage.forge.upsert_comment(ref, body("ours"), MARKER, None) != theirs
    assert await stage.forge.comment(ref, body("ours too", "<!-- x -->"), "<!-- x -->") != theirs
    assert len(stage.comments(ref)) == 3


async def test_ours_is_found_among_many(stage: Stage, ref: ChangeRef) -> None:
    for number in range(110):
        await stage.write(ref, f"talk {number}", "hubot-friend")
    first = await stage.forge.upsert_comment(ref, body("one"), MARKER, None)
    assert await stage.forge.upsert_comment(ref, body("two"), MARKER, None) == first


async def test_an_answer_is_written_once_for_each_marker(stage: Stage, ref: ChangeRef) -> None:
    first = await stage.forge.comment(ref, body("answer", "<!-- to 1 -->"), "<!-- to 1 -->")
    assert await stage.forge.comment(ref, body("answer", "<!-- to 1 -->"), "<!-- to 1 -->") == first
    assert await stage.forge.comment(ref, body("answer", "<!-- to 2 -->"), "<!-- to 2 -->") != first
    assert len(stage.comments(ref)) == 2


async def test_a_comment_that_is_too_long_is_refused(stage: Stage, ref: ChangeRef) -> None:
    limit = stage.forge.capabilities.comment_limit
    with pytest.raises(Rejected):
        await stage.forge.upsert_comment(ref, MARKER.ljust(limit + 1, "x"), MARKER, None)
    await stage.forge.upsert_comment(ref, MARKER.ljust(limit, "x"), MARKER, None)


async def test_an_old_comment_is_folded_away(stage: Stage, ref: ChangeRef) -> None:
    identifier = await stage.forge.comment(ref, body("old"), MARKER)
    for _ in range(2):
        await stage.forge.minimise(ref, identifier)
    [seen] = stage.comments(ref)
    assert seen.minimised


async def test_a_command_is_answered_with_reactions_each_once(stage: Stage, ref: ChangeRef) -> None:
    comment = await stage.write(ref, "/revdeps help", "hubot-friend")
    for reaction in (Reaction.SEEN, Reaction.SEEN, Reaction.DONE, Reaction.REFUSED):
        await stage.forge.react(ref, comment, reaction)
    [seen] = stage.comments(ref)
    assert sorted(seen.reactions) == ["confused", "eyes", "rocket"]


async def test_a_comment_that_is_gone_can_be_neither_folded_nor_reacted_to(stage: Stage, ref: ChangeRef) -> None:
    with pytest.raises(Gone):
        await stage.forge.minimise(ref, "4711")
    with pytest.raises(Gone):
        await stage.forge.react(ref, "4711", Reaction.SEEN)


# Deliveries.


async def test_deliveries_that_never_arrived_are_known_and_can_be_asked_for_again(stage: Stage) -> None:
    begun = stage.now()
    if not stage.keeps_deliveries:
        assert await stage.forge.missed_deliveries(begun - timedelta(hours=1)) == ()
        return
    await stage.deliver("arrived", (True,))
    await stage.deliver("missed", (False, False))
    await stage.deliver("missed-later", (False,))
    await stage.deliver("arrived-at-last", (False, True))
    missed = await stage.forge.missed_deliveries(begun - timedelta(hours=1))
    assert [delivery.guid for delivery in missed] == ["missed", "missed-later"]
    await stage.forge.redeliver(missed[0])
    assert await stage.redelivered() == ["missed"]


async def test_what_was_missed_before_is_not_mentioned(stage: Stage) -> None:
    if stage.keeps_deliveries:
        await stage.deliver("missed", (False,))
    assert await stage.forge.missed_deliveries(stage.now() + timedelta(hours=1)) == ()
