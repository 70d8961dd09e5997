"""Side tags of a Koji hub are handed out by one process of the service at a time."""

import fcntl
from pathlib import Path
from typing import Any

from bot.adapters.koji.settings import Certificate, KojiSettings
from bot.adapters.koji.workspaces import Workspaces, prepare
from bot.domain.ids import RunId, SnapshotId
from bot.domain.target import KojiTag, Repository, Target
from bot.ports.builder import WorkspaceSpec

HUB, TOP = "https://koji.example.org/kojihub", "https://files.example.org"


class Session:
    """A hub on which another process would find the records held, or free."""

    def __init__(self, records: Path) -> None:
        self._records = records
        self.tags: list[str] = []
        self.held: list[bool] = []

    def listSideTags(self, **_: Any) -> list[dict[str, Any]]:  # noqa: N802 - the hub's own name
        self.held.append(is_held(self._records))
        return [{"name": name} for name in self.tags]

    def createSideTag(self, base: str, *, suffix: str | None) -> dict[str, Any]:  # noqa: N802 - as above
        assert suffix is None
        self.held.append(is_held(self._records))
        self.tags.append(f"{base}-side-{len(self.tags)}")
        return {"name": self.tags[-1]}


def is_held(records: Path) -> bool:
    with (records / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_no_other_process_takes_a_side_tag_before_it_is_written_down(tmp_path: Path) -> None:
    records = tmp_path / "records"
    tag = KojiTag(hub=HUB, topurl=TOP, tag="f42-build")
    target = Target(name="t", arch="x86_64", backend="koji", repositories=(Repository(url=TOP, koji=tag),))
    credentials = Certificate(file=tmp_path / "certificate")
    settings = KojiSettings(name="test", hub=HUB, topurl=TOP, state=records, credentials=credentials)
    session = Session(records)
    specs = [WorkspaceSpec(run=RunId(run), target=target, snapshot=SnapshotId("0" * 40)) for run in ("a", "b", "a")]

    found = [prepare(session, 1, Workspaces(records), spec, settings) for spec in specs]

    assert found == ["f42-build-side-0", "f42-build-side-1", "f42-build-side-0"]
    assert session.held == [True] * 5
    assert not is_held(records)
