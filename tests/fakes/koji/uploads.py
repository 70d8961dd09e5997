# ruff: noqa: N802 - the names are Koji's
"""Uploads: chunk by chunk over plain POST, or as base64 in a call; they lie under `work/` and belong to who began."""

import base64
import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import koji
from tests.fakes.koji.auth import Sessions
from tests.fakes.koji.world import World


class UploadExports:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def _path(self, directory: str, name: str) -> Path:
        """Where an upload goes. Read in kojihub/kojihub.py, get_upload_path (Koji 1.35.3)."""
        if "/" in name or name.startswith("."):
            raise koji.GenericError(f"Invalid upload filename: {name}")
        base = (self._world.topdir / "work").resolve()
        target = (base / directory).resolve()
        if not target.is_relative_to(base) or target == base:
            raise koji.GenericError(f"Invalid upload directory: {directory}")
        if target.relative_to(base).parts[0] == "tasks":
            raise koji.ActionNotAllowed("only the host running this task may write here")
        return target / name

    def _mine(self, path: Path, directory: str) -> None:
        user = self._sessions.user()
        path.parent.mkdir(parents=True, exist_ok=True)
        owner = path.parent / ".user"
        if not owner.exists():
            owner.write_text(str(user.id))
        elif int(owner.read_text()) != user.id:
            raise koji.GenericError(f"Invalid upload directory, not owner: {directory}")

    def raw(self, query: Mapping[str, str], chunk: bytes) -> dict[str, Any]:
        """Take a chunk. Read in kojihub/kojihub.py, handle_upload (Koji 1.35.3)."""
        if self._sessions.current is None:
            raise koji.ActionNotAllowed("you must be logged-in to upload a file")
        directory, offset = query.get("filepath", ""), int(query.get("offset", "0"))
        verify, overwrite = query.get("fileverify", ""), bool(query.get("overwrite"))
        path = self._path(directory, query["filename"])
        self._mine(path, directory)
        if path.exists() and offset == 0 and not overwrite:
            raise koji.GenericError(f"upload path exists: {path}")
        with path.open("r+b" if path.exists() else "w+b") as file:
            if overwrite:
                file.truncate(offset)
            file.seek(offset)
            file.write(chunk)
            length = file.seek(0, 2)
        if not overwrite and length != offset + len(chunk):
            raise koji.GenericError(
                f"Incorrect upload length for {path} - Expected {offset + len(chunk)}, actual {length}"
            )
        answer = {"size": len(chunk), "fileverify": verify, "offset": offset}
        return answer | ({"hexdigest": _digest(verify, chunk)} if verify else {})

    def checkUpload(
        self, path: str, name: str, verify: str | None = None, tail: int | None = None, volume: str | None = None
    ) -> dict[str, Any] | None:
        """Say what has arrived of a file. Read in kojihub/kojihub.py, RootExports.checkUpload (Koji 1.35.3)."""
        assert volume is None, "volumes are not modelled"
        file = self._path(path, name)
        if not file.is_file():
            return None
        content = file.read_bytes()
        answer: dict[str, Any] = {"size": len(content), "mtime": file.stat().st_mtime}
        if verify:
            content = content if tail is None else content[-tail:]
            answer |= {"sumlength": len(content), "hexdigest": _digest(verify, content)}
        return answer

    def uploadFile(
        self, path: str, name: str, size: Any, md5sum: Any, offset: Any, data: str, volume: str | None = None,
        checksum: Any = None,
    ) -> bool:  # fmt: skip
        """Take a chunk in a call. Read in kojihub/kojihub.py, RootExports.uploadFile (Koji 1.35.3)."""
        assert volume is None, "volumes are not modelled"
        self._sessions.user()
        content, start = base64.b64decode(data), int(offset)
        verify, digest = ("md5", md5sum) if isinstance(md5sum, str) else checksum or md5sum
        if start != -1 and (int(size) != len(content) or digest != _digest(verify, content)):
            return False
        file = self._path(path, name)
        self._mine(file, path)
        if file.exists() and start == 0:
            raise koji.GenericError(f"file already exists: {file}")
        with file.open("r+b" if file.exists() else "w+b") as opened:
            opened.seek(0, 2) if start == -1 else opened.seek(start)
            opened.write(content)
        if start == -1:
            return bool(file.stat().st_size == int(size) and _digest(verify, file.read_bytes()) == digest)
        return True


def _digest(kind: str, content: bytes) -> str:
    """Read in kojihub/kojihub.py, get_verify_class (Koji 1.35.3)."""
    if kind == "adler32":
        return f"{zlib.adler32(content) & 0xFFFFFFFF:08x}"
    if kind not in ("md5", "sha256"):
        raise koji.GenericError(f"Unsupported verify type: {kind}")
    return hashlib.new(kind, content).hexdigest()
