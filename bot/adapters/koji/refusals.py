"""What a hub does not allow: it says so when a task begins, not when the build is asked for."""

import re
from dataclasses import replace

import koji

from bot.domain.build import Failed
from bot.domain.failure import infrastructure

_POLICY = re.compile(r"policy violation \((?P<policy>\w+)\)")
_SCM = re.compile(r"(?m)^SCM: \S+ is not allowed|^\S+ is not in the list of allowed SCMs")
_TAKEN = re.compile(r"(?m)^Target build already exists: ")


def refusal(code: int, text: str) -> Failed | None:
    """Return the failure of a task that the hub's policies, or what it has already, forbid; None for any other.

    `code` and `text` are the fault's. A policy that lets an SCM through is `build_from_scm`, together with the
    builders' own `allowed_scms` (koji/daemon.py, SCM.assert_allowed, Koji 1.35).
    """
    found = _POLICY.search(text)
    if found or code == koji.ActionNotAllowed.faultCode:
        policy = f"its policy {found['policy']}" if found else "one of its policies"
        return _refused(f"the Koji hub does not allow it, by {policy}: {_last_line(text)}")
    if _SCM.search(text):
        return _refused(f"the Koji hub does not allow it, by its policy build_from_scm: {_last_line(text)}")
    if _TAKEN.search(text):
        return _refused(f"the Koji hub has a build of that name: {_last_line(text)}")
    return None


def _refused(cause: str) -> Failed:
    return replace(infrastructure(cause), refused=True)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it does not say why"
