"""The forge's contract proves its worth: each way of getting it wrong is caught by a test of it."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from bot.domain.permission import Permission
from bot.domain.publication import Check, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.forge import Delivery
from tests.contract import test_forge as contract
from tests.fakes.forge import FakeForge
from tests.fakes.forge_stages import MemoryStage

_numbers = itertools.count()


class ReadsAgain(FakeForge):
    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        return replace(await super().change(ref))


class BelievesWhatItKnows(FakeForge):
    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        return known or await super().change(ref)


class ListsClosedOnes(FakeForge):
    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        return tuple(self.changes.values())


class ForgetsChecks(FakeForge):
    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        if known is None:
            self.checks = {f"lost {next(_numbers)}": old for old in self.checks.values()}
            for old in self.checks.values():
                old.repo = RepoRef(forge="x", owner="x", name="x")
        return await super().publish_check(repo, check, known)


class ForgetsComments(FakeForge):
    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        return known if known in self.comments else self.write(ref, body, "revdeps[bot]").id


class AnswersTwice(FakeForge):
    async def comment(self, ref: ChangeRef, body: str, marker: str) -> str:
        return self.write(ref, body, "revdeps[bot]").id


class ReactsTwice(FakeForge):
    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        self.comments[comment].reactions.append(reaction)


class TrustsEverybody(FakeForge):
    async def permission(self, repo: RepoRef, user: str) -> Permission:
        return Permission.ADMIN


class ForgetsThatTheyArrived(FakeForge):
    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        return [delivery for delivery in self.deliveries if not delivery.succeeded]


class ChecksOutTheHead(FakeForge):
    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        await super().clone_source(ref, self.changes[ref].head_sha, directory)


class MissesSomeFiles(FakeForge):
    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        return (await super().changed_files(ref))[:100]


def needs_change(test: Callable[..., Awaitable[None]]) -> bool:
    return "ref" in test.__code__.co_varnames[: test.__code__.co_argcount]


@pytest.mark.parametrize(
    ("mutant", "test"),
    [
        (ReadsAgain, contract.test_what_has_not_changed_is_not_read_again),
        (BelievesWhatItKnows, contract.test_a_push_moves_the_head),
        (BelievesWhatItKnows, contract.test_closing_shows),
        (ListsClosedOnes, contract.test_open_pull_requests_are_listed),
        (ForgetsChecks, contract.test_a_check_whose_id_was_lost_is_found_again),
        (ForgetsComments, contract.test_our_comment_is_written_once_and_edited_in_place),
        (AnswersTwice, contract.test_an_answer_is_written_once_for_each_marker),
        (ReactsTwice, contract.test_a_command_is_answered_with_reactions_each_once),
        (TrustsEverybody, contract.test_a_stranger_may_read_at_most),
        (ForgetsThatTheyArrived, contract.test_deliveries_that_never_arrived_are_known_and_can_be_asked_for_again),
        (MissesSomeFiles, contract.test_changed_files_are_named),
    ],
)
async def test_a_wrong_forge_is_caught(mutant: type[FakeForge], test: Callable[..., Awaitable[None]]) -> None:
    stage = MemoryStage(mutant())
    wanted = [await stage.open({"foo.spec": "x"})] if needs_change(test) else []
    with pytest.raises((AssertionError, KeyError)):
        await test(stage, *wanted)


async def test_a_forge_that_checks_out_the_wrong_commit_is_caught(tmp_path: object) -> None:
    stage = MemoryStage(ChecksOutTheHead())
    ref = await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"})
    with pytest.raises(AssertionError):
        await contract.test_the_source_is_that_of_the_commit_not_of_the_head(stage, ref, tmp_path)  # type: ignore[arg-type]
