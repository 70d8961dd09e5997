"""Real bare git repositories: commits made without a work tree, diffs, merges, and files at a commit.

Commits go through `git fast-import`, one process for any number of files. Objects can be fetched by any SHA and with
filters, as github.com allows.
"""

import asyncio
import functools
import os
import re
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

Answer = TypeVar("Answer")
Files = Mapping[str, str | bytes | None]
"""Contents by path, over what is there; None removes the file."""

ZERO = "0" * 40
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "PATH": os.environ.get("PATH", os.defpath),
}


class GitError(Exception):
    """git would not; the text is its standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommit:
    """`files` as a mapping goes over the parent's tree; a directory is the whole tree."""

    branch: str
    parent: str | None
    files: Files | Path
    message: str
    author: str
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    path: str
    status: str
    previous: str | None
    additions: int
    deletions: int
    blob: str


_SHA = re.compile("[0-9a-f]{40}")
_REMEMBERED = 10_000


def _once(ask: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Ask git once for what is about commits alone: an object never changes, and a process costs milliseconds."""
    known: dict[tuple[object, ...], Answer] = {}

    @functools.wraps(ask)
    async def asked(where: Path, *names: str) -> Answer:
        if (where, *names) in known:
            return known[where, *names]
        answer = await ask(where, *names)
        if answer is not None and all(_SHA.fullmatch(name) for name in names):
            if len(known) >= _REMEMBERED:
                known.clear()
            known[where, *names] = answer
        return answer

    return asked


async def git(where: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git in a bare repository and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        "git", f"--git-dir={where}", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )  # fmt: skip
    out, err = await process.communicate(stdin)
    if process.returncode:
        raise GitError(f"git {' '.join(arguments)}: {err.decode(errors='replace').strip()}")
    return out


def environment() -> dict[str, str]:
    """An environment in which nobody's own git settings count."""
    return dict(_ENVIRONMENT)


async def init(where: Path, default_branch: str) -> None:
    """Make an empty repository that serves as github.com does."""
    await git(where, "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}")
    _configure(where)


def _configure(where: Path) -> None:
    with (where / "config").open("a") as file:
        file.write("[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n")
        file.write("[http]\n\treceivepack = true\n[gc]\n\tauto = 0\n")


@_once
async def resolve(where: Path, name: str) -> str | None:
    """The commit that a branch, tag, ref or SHA means."""
    for candidate in (name, f"refs/heads/{name}", f"refs/tags/{name}"):
        try:
            out = await git(where, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
        except GitError:
            continue
        return out.decode().strip()
    return None


async def commit(where: Path, new: NewCommit) -> str:
    """Make a commit and move the branch to it, wherever it stood; return its SHA."""
    stream = [
        f"commit refs/heads/{new.branch}\n".encode(),
        f"committer {new.author} <{new.author}@users.noreply.example> {int(new.when.timestamp())} +0000\n".encode(),
        _data(new.message.encode()),
    ]
    if new.parent:
        stream.append(f"from {new.parent}\n".encode())
    stream += _tree(new.files) if isinstance(new.files, Path) else _changes(new.files)
    await git(where, "fast-import", "--quiet", "--force", stdin=b"".join(stream) + b"\n")
    return (await git(where, "rev-parse", f"refs/heads/{new.branch}")).decode().strip()


async def reset(where: Path, branch: str, sha: str) -> str:
    """Let a branch stand at a commit that there is, wherever it stood; return the commit."""
    await git(where, "update-ref", f"refs/heads/{branch}", sha)
    return sha


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _changes(files: Files) -> Sequence[bytes]:
    parts = []
    for path, content in files.items():
        if content is None:
            parts.append(f"D {path}\n".encode())
        else:
            raw = content.encode() if isinstance(content, str) else content
            parts += [f"M 100644 inline {path}\n".encode(), _data(raw)]
    return parts


def _tree(directory: Path) -> Sequence[bytes]:
    parts = [b"deleteall\n"]
    for file in sorted(directory.rglob("*")):
        name = file.relative_to(directory).as_posix()
        if name.split("/")[0] == ".git":
            continue
        if file.is_symlink():
            parts += [f"M 120000 inline {name}\n".encode(), _data(os.fsencode(file.readlink()))]
        elif file.is_file():
            mode = "100755" if file.stat().st_mode & stat.S_IXUSR else "100644"
            parts += [f"M {mode} inline {name}\n".encode(), _data(file.read_bytes())]
    return parts


async def merge(where: Path, base: str, head: str, message: str, author: str) -> str | None:
    """Merge two commits and return the merge commit, None where they conflict."""
    try:
        tree = (await git(where, "merge-tree", "--write-tree", base, head)).decode().split("\n")[0]
    except GitError:
        return None
    identity = ["-c", f"user.name={author}", "-c", f"user.email={author}@users.noreply.example"]
    out = await git(where, *identity, "commit-tree", tree, "-p", base, "-p", head, "-m", message)
    return out.decode().strip()


@_once
async def merge_base(where: Path, one: str, other: str) -> str:
    """The best common ancestor; the first commit itself where there is none."""
    try:
        return (await git(where, "merge-base", one, other)).decode().strip()
    except GitError:
        return one


@_once
async def count(where: Path, old: str, new: str) -> int:
    """How many commits the newer one has that the older one has not."""
    return int(await git(where, "rev-list", "--count", f"{old}..{new}"))


@_once
async def changes(where: Path, old: str, new: str) -> list[FileChange]:
    """The files that differ, with renames, by path."""
    raw = (await git(where, "diff", "-M", "--raw", "-z", "--no-abbrev", old, new)).decode().split("\0")
    counts = await _numstat(where, old, new)
    names = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
    found, index = [], 0
    while index < len(raw) - 1:
        fields = raw[index].split()
        letter, renamed = fields[4][0], fields[4][0] in "RC"
        path = raw[index + 2] if renamed else raw[index + 1]
        added, deleted = counts.get(path, (0, 0))
        blob = fields[2] if letter == "D" else fields[3]
        found.append(
            FileChange(
                path=path, status=names[letter], previous=raw[index + 1] if renamed else None,
                additions=added, deletions=deleted, blob=blob,
            )
        )  # fmt: skip
        index += 3 if renamed else 2
    return sorted(found, key=lambda change: change.path)


async def _numstat(where: Path, old: str, new: str) -> dict[str, tuple[int, int]]:
    parts = (await git(where, "diff", "-M", "--numstat", "-z", old, new)).decode().split("\0")
    counts, index = {}, 0
    while index < len(parts) - 1:
        added, deleted, path = parts[index].split("\t", 2)
        if not path:
            path = parts[index + 2]
            index += 2
        counts[path] = (0, 0) if added == "-" else (int(added), int(deleted))
        index += 1
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or folder at a commit: kind is blob, tree or commit (a submodule)."""

    mode: str
    kind: str
    sha: str
    size: int
    path: str


async def entries(where: Path, sha: str, path: str) -> list[Entry]:
    """What stands at `path` (a file's own entry, or a folder's children with a trailing slash)."""
    arguments = ["ls-tree", "-z", "-l", sha, *(["--", path] if path else [])]
    found = []
    for line in (await git(where, *arguments)).decode().split("\0")[:-1]:
        meta, name = line.split("\t", 1)
        mode, kind, blob, size = meta.split()
        found.append(Entry(mode=mode, kind=kind, sha=blob, size=0 if size == "-" else int(size), path=name))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    when: str
    message: str


async def commits(where: Path, revision_range: str, limit: int = 20) -> list[CommitFacts]:
    """The commits of a range, oldest first, the newest `limit` of them."""
    layout = "%H%x00%T%x00%P%x00%cn%x00%cI%x00%B%x01"
    out = (await git(where, "log", f"-{limit}", f"--format={layout}", "--end-of-options", revision_range)).decode()
    found = []
    for record in out.split("\x01")[:-1]:
        sha, tree, parents, author, when, message = record.strip("\n").split("\0")
        found.append(
            CommitFacts(
                sha=sha, tree=tree, parents=tuple(parents.split()), author=author, when=when, message=message.strip()
            )
        )
    return found[::-1]
