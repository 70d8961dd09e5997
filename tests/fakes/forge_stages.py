"""Stages on which the forge's contract is played: the people's side of a forge, in memory and behind HTTP."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

from bot.domain.permission import Permission
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.forge import Delivery, Forge
from tests.fakes.forge import REPO, FakeForge, sha_of

BASE = {"foo.spec": "Name: foo\nVersion: 1\n"}
"""What stands on the branch `main` of every stage's repository."""

Files = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCheck:
    """A check as a person sees it."""

    external_id: str
    status: str
    conclusion: str | None
    title: str
    text: str
    url: str
    annotations: int
    buttons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenComment:
    """A comment as a person sees it."""

    body: str
    minimised: bool
    reactions: tuple[str, ...]


class Stage(Protocol):
    """A forge with one repository, in which the bot is installed, and people who do things there."""

    @property
    def forge(self) -> Forge: ...
    @property
    def repo(self) -> RepoRef: ...
    @property
    def levels(self) -> Collection[Permission]:
        """The permissions that people can have here; a forge that knows fewer has the next lower one instead."""
        ...

    @property
    def keeps_deliveries(self) -> bool:
        """Whether the forge can tell of deliveries that never arrived."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...
    def now(self) -> datetime: ...
    async def open(
        self,
        files: Files,
        *,
        title: str = "Update",
        author: str = "octocat",
        draft: bool = False,
        labels: Sequence[str] = (),
    ) -> ChangeRef: ...
    async def push(self, ref: ChangeRef, files: Files) -> str: ...
    async def close(self, ref: ChangeRef) -> None: ...
    async def grant(self, user: str, permission: Permission) -> None: ...
    async def write(self, ref: ChangeRef, body: str, author: str) -> str: ...
    def checks(self, sha: str) -> Sequence[SeenCheck]: ...
    def comments(self, ref: ChangeRef) -> Sequence[SeenComment]: ...
    async def deliver(self, guid: str, attempts: Sequence[bool]) -> None:
        """Have a `push` delivered under this GUID, with these attempts failing or arriving, a minute apart."""
        ...

    async def redelivered(self) -> Sequence[str]:
        """GUIDs of what we asked for again."""
        ...


class MemoryStage:
    """The fake that engine tests use."""

    levels: Collection[Permission] = tuple(Permission)
    keeps_deliveries = True

    def __init__(self, forge: FakeForge | None = None) -> None:
        self.forge = forge or FakeForge()
        self.repo = self.forge.install(REPO)
        self.forge.put_files("main", BASE)
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def now(self) -> datetime:
        return self._now

    async def open(self, files: Files, **state: Any) -> ChangeRef:
        state["labels"] = tuple(state.get("labels", ()))
        opened = self.forge.open_change(self.repo, **state)
        self.forge.put_files(opened.head_sha, {**BASE, **files})
        self.forge.touch(opened.ref, files)
        return opened.ref

    async def push(self, ref: ChangeRef, files: Files) -> str:
        before = self.forge.changes[ref].head_sha
        sha = self.forge.push(ref, sha_of(f"{before} and {sorted(files)}")).head_sha
        self.forge.put_files(sha, {**self.forge.files[self.repo, before], **files})
        return sha

    async def close(self, ref: ChangeRef) -> None:
        self.forge.close(ref)

    async def grant(self, user: str, permission: Permission) -> None:
        self.forge.grant(user, permission)

    async def write(self, ref: ChangeRef, body: str, author: str) -> str:
        return self.forge.write(ref, body, author).id

    def checks(self, sha: str) -> Sequence[SeenCheck]:
        return [
            SeenCheck(
                external_id=check.external_id,
                status=check.status.value,
                conclusion=check.conclusion.value if check.conclusion else None,
                title=check.title,
                text=check.text,
                url=check.details_url,
                annotations=len(check.annotations),
                buttons=tuple(button.identifier for button in check.buttons),
            )
            for check in (found.now for found in self.forge.checks_on(sha))
        ]

    def comments(self, ref: ChangeRef) -> Sequence[SeenComment]:
        return [
            SeenComment(
                body=comment.body,
                minimised=comment.minimised,
                reactions=tuple(reaction.value for reaction in comment.reactions),
            )
            for comment in self.forge.comments.values()
            if comment.change == ref
        ]

    async def deliver(self, guid: str, attempts: Sequence[bool]) -> None:
        for arrived in attempts:
            self._now += timedelta(minutes=1)
            ref = str(len(self.forge.deliveries) + 1)
            self.forge.deliveries.append(Delivery(guid=guid, delivered_at=self._now, succeeded=arrived, ref=ref))

    async def redelivered(self) -> Sequence[str]:
        return self.forge.redelivered


async def check_unheard(stage: Stage, ref: ChangeRef, since: datetime, authors: Mapping[str, str]) -> None:
    """Check that these comments, and no others, are told as commands that no webhook told of, until we react."""
    found = await stage.forge.unheard_comments(stage.repo, since)
    assert [(one.comment, one.author, one.change) for one in found] == [(*each, ref) for each in authors.items()]
    assert found[0].body == "/revdeps retry"
    assert since <= found[0].written_at <= stage.now()
    first, *others = authors
    await stage.forge.react(ref, first, Reaction.SEEN)
    assert [one.comment for one in await stage.forge.unheard_comments(stage.repo, since)] == others
