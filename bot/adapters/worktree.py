"""A git checkout on somebody's own machine as a forge: the working tree is the change, and its owner is trusted.

The working tree is put into a commit that no branch knows (git's own plumbing, with an index of our own), so that the
checkout, its index and its branches stay as they are, and what is tested cannot change while it is tested.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.domain.intents import Commented
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.errors import Gone, Rejected
from bot.ports.forge import Delivery

NAME = "worktree"
"""What this forge is called in references."""

_IDENTITY = {
    "GIT_AUTHOR_NAME": "revdeps",
    "GIT_AUTHOR_EMAIL": "revdeps@localhost",
    "GIT_COMMITTER_NAME": "revdeps",
    "GIT_COMMITTER_EMAIL": "revdeps@localhost",
}
_UPLOAD_PACK = "git -c uploadpack.allowAnySHA1InWant=true upload-pack"


@dataclass(slots=True)
class WorktreeForge:
    """Implements `bot.ports.forge.Forge` over the checkout at `top`; `state` is made by `open_worktree`."""

    top: Path
    state: ChangeState
    config: bytes | None = None
    """Stands for the configuration file, whatever the repository has."""
    config_path: str = ".revdeps.yaml"
    checks: list[Check] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        """A terminal shows everything but buttons."""
        return Capabilities(buttons=False, annotations=True, comment_limit=10**6, text_limit=10**6)

    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        """Return the working tree as it was when the check began; raise Gone for that of an earlier check."""
        if ref != self.state.ref:
            raise Gone("an earlier check of a working tree, which was stopped")
        return self.state

    async def repositories(self) -> Sequence[RepoRef]:
        """Return nothing: there is nothing to watch."""
        return ()

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        """Return the one change."""
        return (self.state,)

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        """Return nothing: there are no webhooks."""
        return ()

    async def redeliver(self, delivery: Delivery) -> None:
        """Do nothing."""

    async def unheard_comments(self, repo: RepoRef, since: datetime) -> Sequence[Commented]:
        """Return nothing: nobody comments on a working tree."""
        return ()

    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        """Check the commit out into a directory of its own."""
        await git(self.top, "init", "--quiet", directory)
        target = Path(directory)
        await git(
            target, "-c", "protocol.file.allow=always", "fetch", "--quiet", "--no-tags",
            "--upload-pack", _UPLOAD_PACK, str(self.top), sha,
        )  # fmt: skip
        await git(target, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", sha)

    async def read_file(self, repo: RepoRef, path: str, ref: str) -> bytes | None:
        """Return a file at a commit or branch."""
        if path == self.config_path and self.config is not None:
            return self.config
        try:
            return await git(self.top, "cat-file", "blob", f"{ref}:{path}")
        except Rejected:
            return None

    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        """Return what differs between base and working tree."""
        names = await git(
            self.top, "diff", "--name-only", "--no-renames", "-z", self.state.base_sha, self.state.head_sha
        )
        return [name for name in names.decode(errors="surrogateescape").split("\0") if name]

    async def permission(self, repo: RepoRef, user: str) -> Permission:
        """It is their machine."""
        return Permission.ADMIN

    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        """Keep the check for whoever shows it."""
        self.checks.append(check)
        return "check"

    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        """Do nothing: the report is written to a file in the end."""
        return "comment"

    async def comment(self, ref: ChangeRef, body: str, marker: str) -> str:
        """Do nothing."""
        return "comment"

    async def minimise(self, ref: ChangeRef, comment: str) -> None:
        """Do nothing."""

    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        """Do nothing."""


async def open_worktree(directory: Path, base: str | None, number: int) -> WorktreeForge:
    """Return the checkout around `directory` as a forge with one change; raise Rejected where there is none.

    `base` is what the working tree is compared with: by default the point where the branch left the remote's default
    branch, or the last commit where there is no remote. `number` tells this check from earlier ones.
    """
    top = Path((await git(directory, "rev-parse", "--show-toplevel")).decode().strip())
    base_name = base or await _default_base(top)
    base_sha = (await git(top, "merge-base", base_name, "HEAD")).decode().strip()
    head = await _commit_of_the_working_tree(top)
    branch = (await git(top, "rev-parse", "--abbrev-ref", "HEAD")).decode().strip()
    repo = RepoRef(forge=NAME, owner="local", name=top.name)
    state = ChangeState(
        ref=ChangeRef(repo=repo, number=number),
        title=f"Working tree of {branch}",
        author=os.environ.get("USER", "you"),
        head_sha=head,
        base_sha=base_sha,
        base_branch=base_name,
        head_repo=str(repo),
    )
    return WorktreeForge(top=top, state=state)


async def _default_base(top: Path) -> str:
    try:
        return (await git(top, "rev-parse", "--abbrev-ref", "origin/HEAD")).decode().strip()
    except Rejected:
        return "HEAD"


async def _commit_of_the_working_tree(top: Path) -> str:
    """Return a commit of everything that is there and not ignored, child of HEAD; nothing in the checkout changes."""
    with tempfile.TemporaryDirectory(prefix="revdeps-index-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        await git(top, "read-tree", "HEAD", environment=index)
        await git(top, "add", "--all", ".", environment=index)
        tree = (await git(top, "write-tree", environment=index)).decode().strip()
    if tree == (await git(top, "rev-parse", "HEAD^{tree}")).decode().strip():
        return (await git(top, "rev-parse", "HEAD")).decode().strip()
    made = await git(top, "commit-tree", "-p", "HEAD", "-m", "Working tree", tree, environment=_IDENTITY)
    return made.decode().strip()


async def git(directory: Path, *arguments: str, environment: dict[str, str] | None = None) -> bytes:
    """Run git there and return what it prints; raise Rejected with its own message, Gone without git."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            "-C",
            str(directory),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError:
        raise Gone("git is not installed") from None
    out, err = await process.communicate()
    if process.returncode:
        message = err.decode(errors="replace").strip().removeprefix("fatal: ")
        raise Rejected(f"git {arguments[0]}: {message}")
    return out
