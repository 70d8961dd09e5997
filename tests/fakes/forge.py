"""A forge in memory, for engine tests. Held to tests/contract/test_forge.py like the real ones.

The test plays the people: `open_change`, `push`, `close`, `grant`, `write`. What the bot published stands in `checks`
and `comments`, each with its history. It is as strict as GitHub is known to be (platform facts: 65,536 characters in a
comment, 65,535 in a check's texts, three buttons, a conclusion where a check is completed): a body that is too long is
`Rejected` here as well.
"""

import hashlib
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.domain.intents import Commented
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check, CheckStatus, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.errors import Gone, Rejected
from bot.ports.forge import Delivery
from tests.fakes.faults import Faults

REPO = RepoRef(forge="github", owner="octocat", name="libfoo")
"""A repository for tests that need just one."""

BOT = "revdeps[bot]"


@dataclass(slots=True)
class FakeCheck:
    """A check run; `history` holds every version that was published, the newest last."""

    id: str
    repo: RepoRef
    history: list[Check] = field(default_factory=list)

    @property
    def now(self) -> Check:
        """As it stands."""
        return self.history[-1]


@dataclass(slots=True)
class FakeComment:
    """A comment; `history` holds every version of its text, the newest last."""

    id: str
    change: ChangeRef
    author: str
    history: list[str] = field(default_factory=list)
    minimised: bool = False
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def body(self) -> str:
        """As it stands."""
        return self.history[-1]


def sha_of(text: str) -> str:
    """A commit id that a test can name by a word."""
    return hashlib.sha1(text.encode()).hexdigest()


class FakeForge:
    """Implements `bot.ports.forge.Forge`. `calls` counts the calls of every method."""

    def __init__(self, *, buttons: bool = True, annotations: bool = True) -> None:
        self.limits = Capabilities(buttons=buttons, annotations=annotations, comment_limit=65_536, text_limit=65_535)
        self.installed: list[RepoRef] = []
        self.changes: dict[ChangeRef, ChangeState] = {}
        self.files: dict[tuple[RepoRef, str], dict[str, bytes]] = defaultdict(dict)
        self.touched: dict[ChangeRef, tuple[str, ...]] = {}
        self.permissions: dict[tuple[RepoRef, str], Permission] = {}
        self.checks: dict[str, FakeCheck] = {}
        self.comments: dict[str, FakeComment] = {}
        self.deliveries: list[Delivery] = []
        self.redelivered: list[str] = []
        self.unheard: list[Commented] = []
        self.clones: list[tuple[ChangeRef, str, str]] = []
        self._faults = Faults()
        self.calls = self._faults.calls
        self._next_id = 0

    # What tests say.

    def fail_next(self, method: str, error: Exception, *, after: bool = False, times: int = 1) -> None:
        """Let the next calls of `method` raise; with `after`, once they have done their work."""
        assert hasattr(self, method), f"no such method of a forge: {method}"
        self._faults.plan(method, error, after=after, times=times)

    def heal(self) -> None:
        """Forget all failures that have not happened yet."""
        self._faults.forget()

    def install(self, repo: RepoRef = REPO) -> RepoRef:
        """Install the bot in a repository."""
        if repo not in self.installed:
            self.installed.append(repo)
        return repo

    def open_change(self, repo: RepoRef = REPO, *, author: str = "octocat", **state: Any) -> ChangeState:
        """Open a pull request; `state` overrides fields of `ChangeState`, and `number` is the next one."""
        self.install(repo)
        number = state.pop("number", None) or 1 + max(
            (ref.number for ref in self.changes if ref.repo == repo), default=0
        )
        ref = ChangeRef(repo=repo, number=number)
        standard: dict[str, Any] = {
            "title": f"Update {repo.name}",
            "head_sha": sha_of(f"{ref} head 1"),
            "base_sha": sha_of(f"{repo} main"),
            "base_branch": "main",
            "head_repo": str(repo),
            "url": f"https://forge.example/{repo}/pull/{number}",
        }
        return self._store(ChangeState(ref=ref, author=author, **(standard | state)))

    def push(self, ref: ChangeRef, head_sha: str | None = None) -> ChangeState:
        """Move the head of a pull request."""
        before = self.changes[ref]
        return self._store(replace(before, head_sha=head_sha or sha_of(f"{before.head_sha} and more")))

    def alter(self, ref: ChangeRef, **state: Any) -> ChangeState:
        """Change any fields of a pull request: its labels, its base, whether it is a draft."""
        return self._store(replace(self.changes[ref], **state))

    def close(self, ref: ChangeRef) -> ChangeState:
        """Close a pull request."""
        return self.alter(ref, open=False)

    def reopen(self, ref: ChangeRef) -> ChangeState:
        """Open a closed pull request again."""
        return self.alter(ref, open=True)

    def put_files(self, ref: str, files: Mapping[str, bytes | str], repo: RepoRef = REPO) -> None:
        """Say what stands in a repository at a commit or branch."""
        for path, content in files.items():
            self.files[repo, ref][path] = content.encode() if isinstance(content, str) else content

    def touch(self, ref: ChangeRef, paths: Iterable[str]) -> None:
        """Say which files a pull request changes."""
        self.touched[ref] = tuple(paths)

    def grant(self, user: str, permission: Permission, repo: RepoRef = REPO) -> None:
        """Give a person rights in a repository."""
        self.permissions[repo, user] = permission

    def write(self, ref: ChangeRef, body: str, author: str = "octocat") -> FakeComment:
        """Write a comment as somebody."""
        comment = FakeComment(id=self._id(), change=ref, author=author, history=[body])
        self.comments[comment.id] = comment
        return comment

    # What tests ask.

    def checks_on(self, sha: str, name: str | None = None) -> list[FakeCheck]:
        """Return the check runs of a commit, oldest first."""
        return [check for check in self.checks.values() if check.now.head_sha == sha and name in {None, check.now.name}]

    def latest_check(self, sha: str, name: str = "revdeps") -> Check:
        """Return the check that counts on a commit: the newest one of its name."""
        return self.checks_on(sha, name)[-1].now

    def comments_on(self, ref: ChangeRef, author: str = BOT) -> list[FakeComment]:
        """Return somebody's comments on a pull request, oldest first; ours by default."""
        return [comment for comment in self.comments.values() if comment.change == ref and comment.author == author]

    # The port.

    @property
    def capabilities(self) -> Capabilities:
        return self.limits

    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        self._faults.enter("change")
        state = self._change(ref)
        self._faults.leave("change")
        return known if known is not None and known.etag == state.etag else state

    async def repositories(self) -> Sequence[RepoRef]:
        self._faults.enter("repositories")
        return tuple(self.installed)

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        self._faults.enter("open_changes")
        if repo not in self.installed:
            raise Gone(f"{repo}: we are not installed there")
        return tuple(state for ref, state in self.changes.items() if ref.repo == repo and state.open)

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        self._faults.enter("missed_deliveries")
        arrived = {delivery.guid for delivery in self.deliveries if delivery.succeeded}
        newest = {delivery.guid: delivery for delivery in self.deliveries if delivery.delivered_at >= since}
        missed = (delivery for guid, delivery in newest.items() if guid not in arrived)
        return tuple(sorted(missed, key=lambda delivery: delivery.delivered_at))

    async def redeliver(self, delivery: Delivery) -> None:
        self._faults.enter("redeliver")
        self.redelivered.append(delivery.guid)
        self._faults.leave("redeliver")

    async def unheard_comments(self, repo: RepoRef, since: datetime) -> Sequence[Commented]:
        self._faults.enter("unheard_comments")
        return tuple(one for one in self.unheard if one.change.repo == repo and one.written_at >= since)

    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        self._faults.enter("clone_source")
        self._change(ref)
        if (ref.repo, sha) not in self.files:
            raise Gone(f"{ref}: there is no commit {sha}")
        for path, content in self.files[ref.repo, sha].items():
            file = Path(directory) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self.clones.append((ref, sha, directory))
        self._faults.leave("clone_source")

    async def read_file(self, repo: RepoRef, path: str, ref: str) -> bytes | None:
        self._faults.enter("read_file")
        return self.files[repo, ref].get(path) if (repo, ref) in self.files else None

    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        self._faults.enter("changed_files")
        self._change(ref)
        return self.touched.get(ref, ())

    async def permission(self, repo: RepoRef, user: str) -> Permission:
        self._faults.enter("permission")
        return self.permissions.get((repo, user), Permission.READ)

    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        self._faults.enter("publish_check")
        if repo not in self.installed:
            raise Gone(f"{repo}: we are not installed there")
        self._examine(check)
        found = self.checks.get(known or "")
        if found is None and not check.new:
            found = self._check_by_external_id(repo, check)
        if found is None:
            found = FakeCheck(id=self._id(), repo=repo)
            self.checks[found.id] = found
        found.history.append(check)
        self._faults.leave("publish_check")
        return found.id

    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        self._faults.enter("upsert_comment")
        self._examine_body(body, marker)
        found = self.comments.get(known or "") or self._comment_by_marker(ref, marker)
        if found is None:
            found = self.write(ref, body, BOT)
        elif found.body != body:
            found.history.append(body)
        self._faults.leave("upsert_comment")
        return found.id

    async def comment(self, ref: ChangeRef, body: str, marker: str) -> str:
        self._faults.enter("comment")
        self._examine_body(body, marker)
        found = self._comment_by_marker(ref, marker) or self.write(ref, body, BOT)
        self._faults.leave("comment")
        return found.id

    async def minimise(self, ref: ChangeRef, comment: str) -> None:
        self._faults.enter("minimise")
        self._comment(ref, comment).minimised = True
        self._faults.leave("minimise")

    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        self._faults.enter("react")
        reactions = self._comment(ref, comment).reactions
        if reaction not in reactions:
            reactions.append(reaction)
        self._faults.leave("react")

    # Inside.

    def _id(self) -> str:
        self._next_id += 1
        return str(self._next_id)

    def _store(self, state: ChangeState) -> ChangeState:
        etag = hashlib.sha256(repr(replace(state, etag="")).encode()).hexdigest()[:16]
        self.changes[state.ref] = replace(state, etag=f'W/"{etag}"')
        return self.changes[state.ref]

    def _change(self, ref: ChangeRef) -> ChangeState:
        if ref not in self.changes:
            raise Gone(f"{ref}: there is no such pull request")
        return self.changes[ref]

    def _comment(self, ref: ChangeRef, comment: str) -> FakeComment:
        found = self.comments.get(comment)
        if found is None or found.change != ref:
            raise Gone(f"{ref}: there is no comment {comment}")
        return found

    def _comment_by_marker(self, ref: ChangeRef, marker: str) -> FakeComment | None:
        return next((comment for comment in self.comments_on(ref) if marker in comment.body), None)

    def _check_by_external_id(self, repo: RepoRef, check: Check) -> FakeCheck | None:
        same = [
            known
            for known in self.checks.values()
            if known.repo == repo
            and known.now.external_id == check.external_id
            and known.now.head_sha == check.head_sha
        ]
        return same[0] if same else None

    def _examine(self, check: Check) -> None:
        if max(len(check.summary), len(check.text)) > self.limits.text_limit:
            raise Rejected(f"Invalid request. Only {self.limits.text_limit} characters are allowed.")
        assert check.title, f"{check.external_id}: a check needs a title"
        assert check.summary, f"{check.external_id}: a check needs a summary"
        assert (check.status is CheckStatus.COMPLETED) == (check.conclusion is not None), (
            f"{check.external_id}: {check.status} with the conclusion {check.conclusion}"
        )
        assert len(check.buttons) <= 3, f"{check.external_id}: {len(check.buttons)} buttons, GitHub takes three"
        for button in check.buttons:
            assert len(button.label) <= 20, f"label too long: {button.label}"
            assert len(button.description) <= 40, f"description too long: {button.description}"
            assert len(button.identifier) <= 20, f"identifier too long: {button.identifier}"
        for annotation in check.annotations:
            assert annotation.line >= 1, f"lines count from 1: {annotation}"
            assert not posixpath.isabs(annotation.path), f"a path in the repository: {annotation}"

    def _examine_body(self, body: str, marker: str) -> None:
        assert marker in body, "the marker must stand in the comment, or it is never found again"
        if len(body) > self.limits.comment_limit:
            raise Rejected("Validation Failed: body is too long (maximum is 65536 characters)")
