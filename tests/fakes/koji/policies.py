"""The hub's policies, evaluated by Koji's own rule engine (`koji.policy`) with the tests in `policy_tests`.

The defaults are those of the hub where it has one (kojihub/kojixmlrpc.py, _default_policies, Koji 1.35.3): sources are
for admins. A policy `sidetag` it has not, and what it has not it allows (MissingPolicyOk); real hubs with side tags
have one, so here it denies until a test gives another.
"""

from collections.abc import Mapping
from typing import Any

import koji
import koji.policy
from tests.fakes.koji import policy_tests
from tests.fakes.koji.world import World

_ADMIN_ONLY = "has_perm admin :: allow\nall :: deny Only admin can do this via default policy"
DEFAULTS: Mapping[str, str] = {
    "build_rpm": "all :: allow",
    "build_from_srpm": _ADMIN_ONLY,
    "build_from_repo_id": _ADMIN_ONLY,
    "build_from_scm": _ADMIN_ONLY,
    "channel": "has req_channel :: req\nis_child_task :: parent\nall :: use default",
    "draft_promotion": "has_perm draft-promoter :: allow\nall :: deny",
    "sidetag": "all :: deny side tags are not allowed here",
    "tag": "all :: allow",
}
FOR_US = {
    "build_from_srpm": "user {user} && is_draft :: allow\nhas_perm admin :: allow\nall :: deny not for everybody",
    "build_from_scm": "user {user} :: allow\nhas_perm admin :: allow\nall :: deny not for everybody",
    "sidetag": "compare number_of_tags >= {most} :: deny too many side tags\nuser {user} :: allow\nall :: deny",
}
"""What an operator has to allow: the service's own account, and at most so many side tags."""


def for_user(user: str, most: int = 100) -> dict[str, str]:
    """The policies under which an account may do all that the bot does."""
    return {name: rules.format(user=user, most=most) for name, rules in FOR_US.items()}


class Policies:
    """The policies of one hub."""

    def __init__(self, world: World, rules: Mapping[str, str]) -> None:
        self._world = world
        self._tests = koji.policy.findSimpleTests([vars(koji.policy), vars(policy_tests)])
        self._rules: dict[str, Any] = {}
        for name, text in (dict(DEFAULTS) | dict(rules)).items():
            self.set(name, text)

    def set(self, name: str, text: str) -> None:
        """Put a policy in place of the former one."""
        self._rules[name] = koji.policy.SimpleRuleSet(text.splitlines(), self._tests)

    def evaluate(self, name: str, data: dict[str, Any]) -> str | None:
        """Return the action. Read in kojihub/kojihub.py, eval_policy (Koji 1.35.3)."""
        if name not in self._rules:
            raise koji.GenericError(f"no such policy: {name}")
        return self._rules[name].apply(data | {policy_tests.WORLD: self._world})  # type: ignore[no-any-return]

    def demand(self, name: str, data: dict[str, Any]) -> None:
        """Raise ActionNotAllowed unless allowed. Read in kojihub/kojihub.py, check_policy (Koji 1.35.3)."""
        action, _, reason = (self.evaluate(name, data) or "deny not covered by policy").partition(" ")
        if action.lower() == "allow":
            return
        told = reason if action.lower() == "deny" else "error in policy"
        raise koji.ActionNotAllowed(f"policy violation ({name})" + (f": {told}" if told else ""))
