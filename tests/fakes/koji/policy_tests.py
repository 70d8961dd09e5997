"""The tests that a hub adds to Koji's own for its policies. Read in kojihub/kojihub.py, class …Test (Koji 1.35.3).

The real ones ask a database; these find the hub's world in what they are given.
"""

from collections.abc import Mapping
from typing import Any

import koji.policy
from tests.fakes.koji.model import Tag, User

WORLD = "_world"
"""Under which a test finds the hub's `World`."""


def _user(data: Mapping[str, Any]) -> User:
    found: User = data[WORLD].users[data["user_id"]]
    return found


def _tag(data: Mapping[str, Any], key: str = "tag") -> Tag | None:
    found: Tag | None = data[WORLD].tag(data[key], strict=False) if data.get(key) else None
    return found


class HasPermTest(koji.policy.BaseSimpleTest):  # type: ignore[misc]
    name = "has_perm"

    def run(self, data: Mapping[str, Any]) -> bool:
        return bool(_user(data).perms & set(self.str.split()[1:]))


class UserTest(koji.policy.MatchTest):  # type: ignore[misc]
    name = "user"
    field = "_username"

    def run(self, data: Mapping[str, Any]) -> bool:
        return bool(super().run(dict(data) | {self.field: _user(data).name}))


class IsDraftTest(koji.policy.BaseSimpleTest):  # type: ignore[misc]
    name = "is_draft"

    def run(self, data: Mapping[str, Any]) -> bool:
        return bool(data.get("draft"))


class SourceTest(koji.policy.MatchTest):  # type: ignore[misc]
    name = "source"
    field = "source"


class TagTest(koji.policy.MatchTest):  # type: ignore[misc]
    name = "tag"
    field = "_tagname"

    def run(self, data: Mapping[str, Any]) -> bool:
        found = _tag(data)
        return bool(found and super().run(dict(data) | {self.field: found.name}))


class IsSidetagTest(koji.policy.BaseSimpleTest):  # type: ignore[misc]
    name = "is_sidetag"

    def run(self, data: Mapping[str, Any]) -> bool:
        found = _tag(data)
        return bool(found and found.extra.get("sidetag"))


class SidetagOwnerTest(koji.policy.BaseSimpleTest):  # type: ignore[misc]
    """Read in plugins/hub/sidetag_hub.py (Koji 1.35.3), for one tag alone."""

    name = "is_sidetag_owner"

    def run(self, data: Mapping[str, Any]) -> bool:
        found = _tag(data, (self.str.split()[1:] or ["tag"])[0])
        return bool(found and found.extra.get("sidetag_user_id") == _user(data).id)


class OperationTest(koji.policy.MatchTest):  # type: ignore[misc]
    name = "operation"
    field = "operation"


class ChildTaskTest(koji.policy.BoolTest):  # type: ignore[misc]
    name = "is_child_task"
    field = "parent"
