"""The contract proves its worth on Forgejo: each way of getting the adapter wrong is caught by a test of it."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapters.forgejo.client import ForgejoClient, Query
from bot.adapters.forgejo.forge import ForgejoForge
from bot.adapters.forgejo.settings import ForgejoSettings
from bot.domain.permission import Permission
from bot.domain.publication import Check, CheckStatus, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Gone, RevdepsError
from tests.contract import test_forge as contract
from tests.fakes.forgejo_stage import ForgejoStage

CAUGHT = (AssertionError, RevdepsError, pytest.fail.Exception)


class WithClient(ForgejoForge):
    """An adapter whose client is wrong."""

    client: type[ForgejoClient]

    def __init__(self, settings: ForgejoSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        super().__init__(settings, session, clock)
        self._client = self.client(settings, session, clock)


class FirstPage(ForgejoClient):
    async def pages(self, path: str, query: Query | None = None) -> list[Any]:
        return list(await self.get(path, {**(query or {}), "limit": 50}))


class ReadsOnePage(WithClient):
    client = FirstPage


class Credulous(ForgejoClient):
    def wrote(self, user: Mapping[str, Any] | None) -> bool:
        return user is not None


class TakesAnybodysComment(WithClient):
    client = Credulous


class Unescaped(ForgejoClient):
    async def raw(self, path: str, query: Query) -> bytes:
        return await super().raw(path.replace("%", ""), query)


class SpoilsNames(WithClient):
    client = Unescaped


class DefaultBranch(ForgejoClient):
    async def raw(self, path: str, query: Query) -> bytes:
        return await super().raw(path, {})


class ReadsTheDefaultBranch(WithClient):
    client = DefaultBranch


class EveryState(ForgejoClient):
    async def pages(self, path: str, query: Query | None = None) -> list[Any]:
        return await super().pages(path, {**(query or {}), "state": "all"} if path.endswith("/pulls") else query)


class ListsClosedOnes(WithClient):
    client = EveryState


class Generous(ForgejoClient):
    async def pages(self, path: str, query: Query | None = None) -> list[Any]:
        everything = await super().pages(path, query)
        return [one | {"permissions": {"push": True}} for one in everything] if path == "/user/repos" else everything


class ListsWhatItMayOnlyRead(WithClient):
    client = Generous


class Stubborn(ForgejoClient):
    async def post(self, path: str, data: Mapping[str, str]) -> Any:
        return await super().post(path, {**data, "state": "pending"} if "/statuses/" in path else data)


class NeverEnds(WithClient):
    client = Stubborn


class BelievesWhatItKnows(ForgejoForge):
    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        return known or await super().change(ref)


class ReadsAgain(ForgejoForge):
    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        return replace(await super().change(ref, known))


class SeesNoDrafts(ForgejoForge):
    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        return replace(await super().change(ref, known), draft=False)


class ForgetsTheLink(ForgejoForge):
    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        return await super().publish_check(repo, replace(check, details_url=""), known)


class KeepsTheFirstState(ForgejoForge):
    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        return known or await super().publish_check(repo, check, None)


class NeverBeginsAgain(ForgejoForge):
    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        if known is not None and check.status is not CheckStatus.COMPLETED:
            return known
        return await super().publish_check(repo, check, known)


class WritesAgain(ForgejoForge):
    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        return await super().comment(ref, body, marker)


class CutsWhatIsTooLong(ForgejoForge):
    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        return await super().upsert_comment(ref, body[:60_000], marker, known)


class FoldsNothing(ForgejoForge):
    async def minimise(self, ref: ChangeRef, comment: str) -> None:
        pass


class KeepsQuietAboutWhatIsGone(ForgejoForge):
    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        try:
            await super().react(ref, comment, reaction)
        except Gone:
            return


class TrustsEverybody(ForgejoForge):
    async def permission(self, repo: RepoRef, user: str) -> Permission:
        return max(Permission.WRITE, await super().permission(repo, user))


class ChecksOutTheHead(ForgejoForge):
    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        head = (await self.change(ref)).head_sha if sha != contract.UNKNOWN else sha
        await super().clone_source(ref, head, directory)


MUTANTS: Sequence[tuple[type[ForgejoForge], Callable[..., Awaitable[None]]]] = [
    (ReadsOnePage, contract.test_changed_files_are_named),
    (TakesAnybodysComment, contract.test_a_strangers_comment_with_our_marker_is_left_alone),
    (SpoilsNames, contract.test_any_bytes_come_through_at_any_path),
    (ReadsTheDefaultBranch, contract.test_files_are_read_at_a_branch_and_at_a_commit),
    (ListsClosedOnes, contract.test_open_pull_requests_are_listed),
    (ListsWhatItMayOnlyRead, contract.test_our_repositories_are_listed),
    (NeverEnds, contract.test_a_check_appears_and_is_brought_up_to_date),
    (BelievesWhatItKnows, contract.test_a_push_moves_the_head),
    (ReadsAgain, contract.test_what_has_not_changed_is_not_read_again),
    (SeesNoDrafts, contract.test_labels_and_drafts_show),
    (ForgetsTheLink, contract.test_a_check_appears_and_is_brought_up_to_date),
    (KeepsTheFirstState, contract.test_a_check_that_the_forge_lost_is_made_anew),
    (NeverBeginsAgain, contract.test_a_completed_check_can_begin_again),
    (WritesAgain, contract.test_our_comment_is_written_once_and_edited_in_place),
    (CutsWhatIsTooLong, contract.test_a_comment_that_is_too_long_is_refused),
    (FoldsNothing, contract.test_an_old_comment_is_folded_away),
    (KeepsQuietAboutWhatIsGone, contract.test_a_comment_that_is_gone_can_be_neither_folded_nor_reacted_to),
    (TrustsEverybody, contract.test_a_stranger_may_read_at_most),
    (ChecksOutTheHead, contract.test_the_source_is_that_of_the_commit_not_of_the_head),
]


@pytest.mark.parametrize(("mutant", "test"), MUTANTS, ids=[mutant.__name__ for mutant, _ in MUTANTS])
async def test_a_wrong_adapter_is_caught(
    mutant: type[ForgejoForge], test: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    async with ForgejoStage(tmp_path, mutant) as stage:
        stage.strict = False
        needed = inspect.signature(test).parameters
        given: dict[str, Any] = {"stage": stage}
        if "ref" in needed:
            files = {"foo.spec": "Name: foo\nVersion: 2\n"}
            given["ref"] = await stage.open(files, title="Update foo", author="hubot-friend")
        if "tmp_path" in needed:
            given["tmp_path"] = tmp_path
        with pytest.raises(CAUGHT):
            await test(**given)
